"""What is wished and what stands decide together, by the first row that fits; the same facts give the same answer.

The table of execution.md 6 as one pure function. Rows 5, 8, 13 and 16 are asked of an INCREASE alone, so that no
row but a bound of shares ever stands between a position and its exit.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

from execution_v2.transitions import IN_FLIGHT, UNKNOWN
from schemas.base import down, up
from schemas.book import Leg, Order, OrderState, OrderType, RiskClass, Side, TimeInForce
from schemas.reasons.execution import RouteCode


class Route(StrEnum):
    """What is to be done."""

    NOOP = "NOOP"
    PLACE = "PLACE"
    REPLACE = "REPLACE"
    CANCEL = "CANCEL"
    CANCEL_THEN_PLACE = "CANCEL_THEN_PLACE"
    BLOCK = "BLOCK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """The order that should stand. *quantity* is its total, filled shares included; prices USD, any scale."""

    leg: Leg
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit: Decimal | None = None
    stop: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteInputs:
    """The facts of one decision.

    Attributes:
        desired, existing: the wish and the order of the same leg that may work; None: none.
        risk: what the wish does to exposure.
        is_authorised: whether every gate let it pass in this cycle.
        bound: shares that may still be sold, what *existing* claims not counted (I13); None: not a sale.
        has_quote: a price no older than the limit, not crossed.
        is_halted: the symbol does not trade.
        renews: the standing stop is to be issued again as it is (its age, another host, another basis of prices).
        fits_envelope: W after the wish is within its cap.
        is_ready: the venue shows *existing* open, so that it can be replaced.
        has_budget, has_reserve: whether the window of replaces has room; whether its reserve has.
    """

    desired: Desired | None
    existing: Order | None = None
    risk: RiskClass = RiskClass.REDUCE
    is_authorised: bool = False
    bound: Decimal | None = None
    has_quote: bool = True
    is_halted: bool = False
    renews: bool = False
    fits_envelope: bool = True
    is_ready: bool = True
    has_budget: bool = True
    has_reserve: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do, why, and the wish as it may be carried out: at the tick, in whole shares, within the bound.

    *also* names rows that changed the wish on the way: CUT_TO_BOUND, WOULD_LOOSEN.
    """

    route: Route
    reason: RouteCode
    desired: Desired | None = None
    also: tuple[RouteCode, ...] = ()


_AMBIGUOUS = UNKNOWN | frozenset(IN_FLIGHT) | {OrderState.CREATED}


def route(inputs: RouteInputs) -> Decision:
    """The first row of execution.md 6 that fits."""
    existing = inputs.existing
    if existing is not None and existing.state in _AMBIGUOUS:
        return Decision(route=Route.NOOP, reason=RouteCode.EXISTING_AMBIGUOUS, desired=inputs.desired)
    if inputs.desired is None:
        if existing is None:
            return Decision(route=Route.NOOP, reason=RouteCode.NOTHING_TO_DO)
        return Decision(route=Route.CANCEL, reason=RouteCode.EXPLICIT_CANCEL)
    refused = _refused(inputs, inputs.desired)
    if refused is not None:
        return refused
    wish = _rounded(inputs.desired)
    also: tuple[RouteCode, ...] = ()
    if wish.quantity < 1:
        is_sale = inputs.risk is RiskClass.REDUCE
        reason = RouteCode.NOTHING_TO_REDUCE if is_sale else RouteCode.QTY_BELOW_ONE
        return Decision(route=Route.BLOCK, reason=reason, desired=wish)
    if inputs.risk is RiskClass.REDUCE and inputs.bound is not None and wish.quantity > inputs.bound:
        wish, also = replace(wish, quantity=inputs.bound), (RouteCode.CUT_TO_BOUND,)
        if wish.quantity < 1:
            return Decision(route=Route.BLOCK, reason=RouteCode.NOTHING_TO_REDUCE, desired=wish, also=also)
    return _against(inputs, wish, also)


def _refused(inputs: RouteInputs, wish: Desired) -> Decision | None:
    """Rows 4 and 5: what is no order at all, and what nobody authorised."""
    prices = [price for price in (wish.limit, wish.stop) if price is not None]
    if any(not number.is_finite() or number <= 0 for number in (wish.quantity, *prices)):
        return Decision(route=Route.BLOCK, reason=RouteCode.ORDER_INVALID, desired=wish)
    if inputs.risk is RiskClass.INCREASE and not inputs.is_authorised:
        return Decision(route=Route.BLOCK, reason=RouteCode.NOT_AUTHORISED, desired=wish)
    return None


def _against(inputs: RouteInputs, wish: Desired, also: tuple[RouteCode, ...]) -> Decision:
    """Rows 8 to 20: the wish, in whole shares, against the moment and what stands."""
    existing, increases = inputs.existing, inputs.risk is RiskClass.INCREASE

    def decided(what: Route, reason: RouteCode) -> Decision:
        return Decision(route=what, reason=reason, desired=wish, also=also)

    if increases and not inputs.has_quote:
        return decided(Route.BLOCK, RouteCode.QUOTE_STALE)
    if inputs.is_halted and wish.leg in (Leg.EXIT, Leg.TRIM):
        return decided(Route.NOOP, RouteCode.HALT_STOP_KEPT)
    if existing is not None and wish.quantity <= existing.filled:
        return decided(Route.CANCEL, RouteCode.ALREADY_FILLED_ENOUGH)
    if existing is None:
        return decided(Route.PLACE, RouteCode.NO_EXISTING_ORDER)
    fixed = (existing.side, existing.order_type, existing.time_in_force)
    if fixed != (wish.side, wish.order_type, wish.time_in_force):
        return decided(Route.CANCEL_THEN_PLACE, RouteCode.IMMUTABLE_FIELD)
    is_same = (existing.quantity, existing.limit, existing.stop) == (wish.quantity, wish.limit, wish.stop)
    if increases and not is_same:
        return decided(Route.CANCEL, RouteCode.ENTRY_NOT_AMENDED)
    if increases and not inputs.fits_envelope:
        return decided(Route.BLOCK, RouteCode.EXPOSURE_ENVELOPE)
    return _of_stop(inputs, existing, wish, also)


def _of_stop(inputs: RouteInputs, existing: Order, wish: Desired, also: tuple[RouteCode, ...]) -> Decision:
    """Rows 14 to 20. *existing* has the wish's side, type and time in force."""

    def decided(what: Route, reason: RouteCode) -> Decision:
        return Decision(route=what, reason=reason, desired=wish, also=also)

    stands = existing.stop
    if stands is not None and wish.stop is not None and wish.stop < stands:
        if wish.quantity == existing.quantity and not inputs.renews:
            return decided(Route.NOOP, RouteCode.WOULD_LOOSEN)
        wish, also = replace(wish, stop=stands), (*also, RouteCode.WOULD_LOOSEN)
    is_same = (wish.quantity, wish.stop, wish.limit) == (existing.quantity, stands, existing.limit)
    if is_same and not inputs.renews:
        return decided(Route.NOOP, RouteCode.NO_CHANGE_BELOW_TICK)
    if existing.state is OrderState.PARTIAL:
        return decided(Route.NOOP, RouteCode.STOP_FIRING)
    if not inputs.is_ready:
        return decided(Route.NOOP, RouteCode.REPLACE_NOT_READY)
    if inputs.has_budget:
        return decided(Route.REPLACE, RouteCode.STOP_REPLACE)
    # Selling more than is held is worse than any storm of requests: a cut of the quantity takes from the reserve.
    if wish.quantity < existing.quantity and inputs.has_reserve:
        return decided(Route.REPLACE, RouteCode.RESERVED_BUDGET)
    return decided(Route.NOOP, RouteCode.BUDGET_SPENT)


def _rounded(wish: Desired) -> Desired:
    """Whole shares and prices on their tick: a buy's limit and a long's stop down, a sale's limit up."""
    limit = wish.limit
    if limit is not None:
        limit = down(limit) if wish.side is Side.BUY else up(limit)
    stop = None if wish.stop is None else down(wish.stop)
    return replace(
        wish, quantity=wish.quantity.to_integral_value(rounding=ROUND_FLOOR), limit=limit, stop=stop
    )
