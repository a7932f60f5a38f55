"""The router's table, row by row, and the order of its rows."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_v2.router import Desired, Route, RouteInputs, route
from schemas.book import Leg, Order, OrderState, OrderType, RiskClass, Side, TimeInForce
from schemas.reasons.execution import RouteCode
from tests.portfolio.books import order, usd

R, C = Route, RouteCode


def stop_wish(**over: Any) -> Desired:
    base: dict[str, Any] = {
        "leg": Leg.STOP,
        "side": Side.SELL,
        "order_type": OrderType.STOP,
        "time_in_force": TimeInForce.GTC,
        "quantity": Decimal(40),
        "stop": usd("47.00"),
    }
    return Desired(**(base | over))


def stop(**over: Any) -> Order:
    base: dict[str, Any] = {
        "leg": Leg.STOP,
        "side": Side.SELL,
        "order_type": OrderType.STOP,
        "time_in_force": TimeInForce.GTC,
        "risk_class": RiskClass.REDUCE,
        "state": OrderState.LIVE,
        "limit": None,
        "stop": usd("47.00"),
        "filled": Decimal(0),
    }
    return order("AAA", 40).model_copy(update=base | over)


def entry_wish(**over: Any) -> Desired:
    base: dict[str, Any] = {
        "leg": Leg.ENTRY,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.DAY,
        "quantity": Decimal(40),
        "limit": usd("50.00"),
    }
    return Desired(**(base | over))


def exit_wish(**over: Any) -> Desired:
    return stop_wish(
        **(
            {"leg": Leg.EXIT, "order_type": OrderType.MARKET, "time_in_force": TimeInForce.DAY, "stop": None}
            | over
        )
    )


def entry(**over: Any) -> Order:
    base: dict[str, Any] = {"state": OrderState.LIVE, "limit": usd("50.00"), "filled": Decimal(0)}
    return order("AAA", 40).model_copy(update=base | over)


def increase(**over: Any) -> RouteInputs:
    base: dict[str, Any] = {"desired": entry_wish(), "risk": RiskClass.INCREASE, "is_authorised": True}
    return RouteInputs(**(base | over))


def reduce(**over: Any) -> RouteInputs:
    base: dict[str, Any] = {"desired": stop_wish()}
    return RouteInputs(**(base | over))


ROWS: list[tuple[str, RouteInputs, Route, RouteCode]] = [
    ("1", reduce(existing=stop(state=OrderState.REPLACE_UNKNOWN)), R.NOOP, C.EXISTING_AMBIGUOUS),
    ("1", reduce(existing=stop(state=OrderState.SUBMITTING)), R.NOOP, C.EXISTING_AMBIGUOUS),
    ("1", reduce(existing=stop(state=OrderState.FROZEN)), R.NOOP, C.EXISTING_AMBIGUOUS),
    ("2", reduce(desired=None), R.NOOP, C.NOTHING_TO_DO),
    ("3", reduce(desired=None, existing=stop()), R.CANCEL, C.EXPLICIT_CANCEL),
    ("4", reduce(desired=stop_wish(quantity=Decimal(0))), R.BLOCK, C.ORDER_INVALID),
    ("4", reduce(desired=stop_wish(stop=Decimal("NaN"))), R.BLOCK, C.ORDER_INVALID),
    ("5", increase(is_authorised=False), R.BLOCK, C.NOT_AUTHORISED),
    ("6", increase(desired=entry_wish(quantity=usd("0.9"))), R.BLOCK, C.QTY_BELOW_ONE),
    ("6", reduce(desired=stop_wish(quantity=usd("0.9"))), R.BLOCK, C.NOTHING_TO_REDUCE),
    ("7", reduce(bound=Decimal(0)), R.BLOCK, C.NOTHING_TO_REDUCE),
    ("8", increase(has_quote=False), R.BLOCK, C.QUOTE_STALE),
    ("9", reduce(desired=exit_wish(), is_halted=True), R.NOOP, C.HALT_STOP_KEPT),
    ("9", reduce(is_halted=True), R.PLACE, C.NO_EXISTING_ORDER),
    (
        "10",
        reduce(existing=stop(state=OrderState.PARTIAL, filled=Decimal(40), quantity=Decimal(60))),
        R.CANCEL,
        C.ALREADY_FILLED_ENOUGH,
    ),
    ("11", reduce(), R.PLACE, C.NO_EXISTING_ORDER),
    ("11", increase(), R.PLACE, C.NO_EXISTING_ORDER),
    ("12", reduce(existing=stop(time_in_force=TimeInForce.DAY)), R.CANCEL_THEN_PLACE, C.IMMUTABLE_FIELD),
    ("13", increase(existing=entry(limit=usd("49.00"))), R.CANCEL, C.ENTRY_NOT_AMENDED),
    ("14", reduce(existing=stop()), R.NOOP, C.NO_CHANGE_BELOW_TICK),
    ("14", reduce(desired=stop_wish(stop=usd("47.009")), existing=stop()), R.NOOP, C.NO_CHANGE_BELOW_TICK),
    ("15", reduce(desired=stop_wish(stop=usd("46.00")), existing=stop()), R.NOOP, C.WOULD_LOOSEN),
    ("16", increase(existing=entry(), fits_envelope=False), R.BLOCK, C.EXPOSURE_ENVELOPE),
    (
        "17",
        reduce(
            desired=stop_wish(stop=usd("48.00")), existing=stop(state=OrderState.PARTIAL, filled=Decimal(4))
        ),
        R.NOOP,
        C.STOP_FIRING,
    ),
    (
        "18",
        reduce(desired=stop_wish(stop=usd("48.00")), existing=stop(), is_ready=False),
        R.NOOP,
        C.REPLACE_NOT_READY,
    ),
    ("19", reduce(desired=stop_wish(stop=usd("48.00")), existing=stop()), R.REPLACE, C.STOP_REPLACE),
    ("19", reduce(existing=stop(), renews=True), R.REPLACE, C.STOP_REPLACE),
    (
        "20",
        reduce(desired=stop_wish(stop=usd("48.00")), existing=stop(), has_budget=False),
        R.NOOP,
        C.BUDGET_SPENT,
    ),
    (
        "20",
        reduce(desired=stop_wish(quantity=Decimal(10)), existing=stop(), has_budget=False),
        R.REPLACE,
        C.RESERVED_BUDGET,
    ),
]


@pytest.mark.parametrize(("row", "inputs", "what", "reason"), ROWS, ids=[f"{r[0]}-{r[3]}" for r in ROWS])
def test_every_row_of_the_table_gives_its_decision(
    row: str, inputs: RouteInputs, what: Route, reason: RouteCode
) -> None:
    decision = route(inputs)
    assert (what, reason) == (decision.route, decision.reason), row


def test_every_reason_of_the_router_has_a_row() -> None:
    told = {row[3] for row in ROWS} | {RouteCode.CUT_TO_BOUND}
    assert set(RouteCode) == told


def test_a_sale_beyond_its_bound_is_cut_to_it_and_goes_on() -> None:
    decision = route(reduce(bound=Decimal(25)))
    assert decision.desired is not None
    assert (R.PLACE, Decimal(25), (C.CUT_TO_BOUND,)) == (
        decision.route,
        decision.desired.quantity,
        decision.also,
    )


def test_a_looser_price_is_not_taken_and_the_quantity_beside_it_is() -> None:
    wish = stop_wish(stop=usd("46.00"), quantity=Decimal(30))
    decision = route(reduce(desired=wish, existing=stop()))
    assert decision.desired is not None
    assert (R.REPLACE, usd("47.00"), Decimal(30)) == (
        decision.route,
        decision.desired.stop,
        decision.desired.quantity,
    )


def test_of_two_rows_that_fit_the_first_decides() -> None:
    # 1 before 3, 4 before 5, 5 before 8, 8 before 11, 17 before 18, 18 before 20.
    unknown = stop(state=OrderState.CANCEL_UNKNOWN)
    firing = stop(state=OrderState.PARTIAL, filled=Decimal(4))
    tighter = stop_wish(stop=usd("48.00"))
    assert [
        C.EXISTING_AMBIGUOUS,
        C.ORDER_INVALID,
        C.NOT_AUTHORISED,
        C.QUOTE_STALE,
        C.STOP_FIRING,
        C.REPLACE_NOT_READY,
    ] == [
        route(reduce(desired=None, existing=unknown)).reason,
        route(increase(desired=entry_wish(quantity=Decimal(-1)), is_authorised=False)).reason,
        route(increase(is_authorised=False, has_quote=False)).reason,
        route(increase(has_quote=False)).reason,
        route(reduce(desired=tighter, existing=firing, is_ready=False)).reason,
        route(reduce(desired=tighter, existing=stop(), is_ready=False, has_budget=False)).reason,
    ]


@given(
    authorised=st.booleans(),
    quote=st.booleans(),
    envelope=st.booleans(),
    price=st.decimals("40", "60", places=4),
    quantity=st.integers(1, 80),
    existing=st.sampled_from([None, stop(), stop(state=OrderState.PARTIAL, filled=Decimal(4))]),
)
def test_no_row_of_entries_ever_meets_a_reduction(
    authorised: bool, quote: bool, envelope: bool, price: Decimal, quantity: int, existing: Order | None
) -> None:
    wish = stop_wish(stop=price, quantity=Decimal(quantity))
    inputs = reduce(
        desired=wish, existing=existing, is_authorised=authorised, has_quote=quote, fits_envelope=envelope
    )
    decision = route(inputs)
    assert route(reduce(desired=wish, existing=existing)) == decision
    assert decision.reason not in (C.NOT_AUTHORISED, C.QUOTE_STALE, C.ENTRY_NOT_AMENDED, C.EXPOSURE_ENVELOPE)


@given(price=st.decimals("40", "60", places=4), quantity=st.integers(1, 80))
def test_a_stop_that_is_replaced_never_stands_lower(price: Decimal, quantity: int) -> None:
    decision = route(reduce(desired=stop_wish(stop=price, quantity=Decimal(quantity)), existing=stop()))
    if decision.route is R.REPLACE:
        assert decision.desired is not None
        assert decision.desired.stop is not None
        assert decision.desired.stop >= usd("47.00")
