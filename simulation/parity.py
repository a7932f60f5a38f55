"""The day's exits are derived once more, from opening, bars and rules, and laid beside the record.

A second road to the same facts (strategy.md 9.4): it calls the strategies' exit functions by the daily-bar
rules of 10.1, and nothing of the execution plane. Entries count as filled at the open. There is no tolerance;
prices at which shares were sold differ by slippage and are not compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from analytics.exact import divided
from analytics.lots import ZERO
from analytics.trades import exit_reason
from schemas.base import SessionDate, down
from schemas.book import BookState, Leg, Order, Position, Side
from schemas.events import ActionApplied, OrderSubmitting
from schemas.header import Finding
from schemas.journal import JournalRecord
from schemas.observations import BarFacts
from schemas.parity import Parity, ParityRow, ParityStatus
from schemas.reasons.analytics import ParityCode as Code
from schemas.trades import Fill, Trades
from strategies.config import ExitConfig
from strategies.exits import ExitPlanResult, ManagedPosition, MarketView, Phase, StopBasis, manage
from strategies.swings import Bar

_PLAN_PRICES = ("initial_stop", "level", "entry_ref", "limit_cap", "r1", "r2")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityInputs:
    """The recorded day.

    opening: book.json's state, before anything of the session. closing: the fold at its end. trades: its
    fills. bars: the session's bar by symbol. history: completed daily bars up to P by symbol, oldest first,
    on the basis of D. sessions: the calendar's, D last, from before the oldest entry on.
    """

    session_date: SessionDate
    close_at: datetime
    opening: BookState
    closing: BookState
    records: Sequence[JournalRecord]
    trades: Trades
    bars: Mapping[str, BarFacts]
    history: Mapping[str, Sequence[BarFacts]]
    sessions: Sequence[date]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A position as the day's first bar meets it."""

    position: ManagedPosition
    strategy_id: str
    sleeve_id: str
    entry_session: SessionDate


@dataclass(frozen=True, slots=True, kw_only=True)
class _Derived:
    """Shares sold by reason, and the stop that should stand afterwards; None for a closed position."""

    sold: Mapping[str, Decimal]
    stop: tuple[Decimal, str] | None


def run(inputs: ParityInputs, config: ExitConfig) -> Parity:
    """Derive every position of the day and compare it with what was recorded."""
    held = sorted(_held(inputs), key=lambda h: (h.position.symbol, h.strategy_id))
    rows: list[ParityRow] = []
    findings: list[Finding] = []
    agreed = 0
    for one in held:
        bar = inputs.bars.get(one.position.symbol)
        if bar is None:
            symbol = one.position.symbol
            findings.append(Finding(code=Code.BAR_MISSING, subject=symbol, detail="not derived"))
            continue
        derived = _derive(one, bar, inputs, config)
        recorded = _recorded(inputs.trades.fills, one.position.position_id)
        agreed += sum(1 for reason, sold in derived.sold.items() if recorded.get(reason) == sold)
        rows += _compare(one, derived, recorded, inputs.closing)
    order = list(Code)
    rows.sort(key=lambda row: (row.symbol, row.strategy_id, order.index(Code(row.code))))
    status = ParityStatus.DIFFERENT if rows else ParityStatus.EQUAL
    return Parity(
        status=status if held else ParityStatus.NOTHING_HELD,
        positions=len(held) - len(findings),
        exits=agreed,
        rows=tuple(rows),
        findings=tuple(findings),
    )


def _held(inputs: ParityInputs) -> Iterator[_Held]:
    """Positions carried in, on the split basis of D, and those that the day's entries opened."""
    told = (record.data for record in inputs.records if record.event == "action.applied")
    actions = [ActionApplied.model_validate(data) for data in told]
    carried = set()
    for position in inputs.opening.positions:
        carried.add(position.position_id)
        if position.plan is not None and position.quantity > 0:
            managed = _restated(position, actions)
            if managed is not None:
                yield _Held(
                    position=managed,
                    strategy_id=position.strategy_id,
                    sleeve_id=position.sleeve_id,
                    entry_session=position.entry_session,
                )
    for position_id, entries in _entries(inputs).items():
        plan = entries[0][1].plan
        if position_id in carried or plan is None:
            continue
        fills = [fill for fill, _ in entries]
        quantity = sum((fill.quantity for fill in fills), ZERO)
        yield _Held(
            position=ManagedPosition(
                position_id=position_id,
                symbol=fills[0].symbol,
                quantity=quantity,
                average_entry=divided(sum((f.price * f.quantity for f in fills), ZERO), quantity, 6),
                entered_at=fills[0].executed_at,
                plan=plan,
                stop=plan.initial_stop,
            ),
            strategy_id=fills[0].strategy_id,
            sleeve_id=fills[0].sleeve_id,
            entry_session=inputs.session_date,
        )


def _entries(inputs: ParityInputs) -> dict[str, list[tuple[Fill, Order]]]:
    """The day's entry fills, in order of work, each with its order, by position."""
    submitted = (
        OrderSubmitting.model_validate(r.data).order for r in inputs.records if r.event == "order.submitting"
    )
    orders = {order.ord_id: order for order in submitted if order.leg is Leg.ENTRY}
    found: dict[str, list[tuple[Fill, Order]]] = {}
    for fill in inputs.trades.fills:
        if fill.order_id in orders:
            found.setdefault(fill.position_id, []).append((fill, orders[fill.order_id]))
    return found


def _restated(position: Position, actions: Sequence[ActionApplied]) -> ManagedPosition | None:
    """*position* on the basis of D; None if a split left nothing of it, or it has no plan."""
    plan = position.plan
    if plan is None:
        return None
    managed = ManagedPosition(
        position_id=position.position_id,
        symbol=position.symbol,
        quantity=position.quantity,
        average_entry=position.average_entry,
        entered_at=position.entered_at,
        plan=plan,
        stop=plan.initial_stop if position.stop_price is None else position.stop_price,
        stop_basis=StopBasis(position.stop_basis) if position.stop_basis else StopBasis.PLANNED,
        high_water=position.high_water,
        r1_touched=position.r1_touched,
        r2_touched=position.r2_touched,
    )
    for action in actions:
        if action.position_id != position.position_id:
            continue
        if action.ratio_num and action.ratio_den:
            managed = _split(managed, action.ratio_num, action.ratio_den)
        elif action.new_symbol is not None:
            managed = replace(managed, symbol=action.new_symbol)
    return managed if managed.quantity else None


def _split(held: ManagedPosition, num: int, den: int) -> ManagedPosition:
    """Shares floored, prices down to the tick (execution.md 8.5)."""

    def price(before: Decimal) -> Decimal:
        return down(before * den / num)

    assert held.stop is not None, "a restated position has the stop of its plan at least"
    return replace(
        held,
        quantity=Decimal(int(held.quantity) * num // den),
        average_entry=divided(held.average_entry * den, num, 6),
        plan=held.plan.model_copy(update={name: price(getattr(held.plan, name)) for name in _PLAN_PRICES}),
        stop=price(held.stop),
        high_water=None if held.high_water is None else price(held.high_water),
    )


def _derive(held: _Held, bar: BarFacts, inputs: ParityInputs, config: ExitConfig) -> _Derived:
    """One position through one daily bar (strategy.md 10.1): open, stop first, then targets, close."""
    position = held.position
    assert position.stop is not None, "every derived position has a stop in force"
    can_fill = bar.volume > 0
    if can_fill:
        # The stop comes first when a bar touches both: the low is asked before any high. A bar that opens
        # at or below the stop has its low there too, so asking the opening matters to time stops alone.
        at_open = _ask(held, bar.open, (), inputs, config).exits
        exits = at_open or _ask(held, bar.low, (), inputs, config).exits
        if exits:
            return _Derived(sold={str(exits[0].reason): position.quantity}, stop=None)
    result = _ask(held, bar.close, (bar.high,), inputs, config)
    if result.exits:
        # An exit wished for at the close of a bar that filled nothing: the stop stays where it stood.
        sold = {str(result.exits[0].reason): position.quantity} if can_fill else {}
        return _Derived(sold=sold, stop=None if can_fill else (position.stop, str(position.stop_basis)))
    trims = {str(trim.reason): trim.quantity for trim in result.trims} if can_fill else {}
    is_flat = sum(trims.values(), ZERO) == position.quantity
    return _Derived(sold=trims, stop=None if is_flat else (result.stop, str(result.basis)))


def _ask(
    held: _Held,
    last: Decimal,
    highs: tuple[Decimal, ...],
    inputs: ParityInputs,
    config: ExitConfig,
) -> ExitPlanResult:
    """The strategies' answer at one price of the day; structure is seen at the close alone."""
    symbol = held.position.symbol
    days = (*inputs.history.get(symbol, ()), inputs.bars[symbol]) if highs else ()
    view = MarketView(
        now=inputs.close_at,
        phase=Phase.NORMAL,
        last=last,
        highs=highs,
        daily=tuple(Bar(low=day.low, high=day.high) for day in days),
        sessions_held=sum(1 for session in inputs.sessions if session > held.entry_session),
    )
    return manage(held.position, view, config)


def _recorded(fills: Sequence[Fill], position_id: str) -> dict[str, Decimal]:
    """Shares that the record sold out of the position, by reason."""
    sold: dict[str, Decimal] = {}
    for fill in fills:
        if fill.position_id == position_id and fill.side is Side.SELL:
            reason = str(exit_reason(fill))
            sold[reason] = sold.get(reason, ZERO) + fill.quantity
    return sold


def _compare(
    held: _Held, derived: _Derived, recorded: Mapping[str, Decimal], closing: BookState
) -> Iterator[ParityRow]:
    def row(code: Code, wanted: object, found: object, detail: str) -> ParityRow:
        return ParityRow(
            code=code,
            position_id=held.position.position_id,
            strategy_id=held.strategy_id,
            sleeve_id=held.sleeve_id,
            symbol=held.position.symbol,
            derived=None if wanted is None else str(wanted),
            recorded=None if found is None else str(found),
            detail=detail,
        )

    for reason in sorted(derived.sold.keys() | recorded.keys()):
        wanted, found = derived.sold.get(reason), recorded.get(reason)
        if found is None:
            yield row(Code.EXIT_MISSING, wanted, None, reason)
        elif wanted is None:
            yield row(Code.EXIT_EXTRA, None, found, reason)
        elif wanted != found:
            yield row(Code.QUANTITY_DIFFERS, wanted, found, reason)
    left = next((p for p in closing.positions if p.position_id == held.position.position_id), None)
    if derived.stop is None or left is None:
        return  # closed on one side: the exits above say so
    price, basis = derived.stop
    if left.stop_price != price:
        yield row(Code.STOP_PRICE_DIFFERS, price, left.stop_price, "stop in force after the close")
    if (left.stop_basis or StopBasis.PLANNED) != basis:
        yield row(Code.STOP_BASIS_DIFFERS, basis, left.stop_basis, "what that stop rests on")
