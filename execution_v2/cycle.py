"""A cycle finds out first, protects second, enters last; run again after a crash it ends where it would have.

The order of work is execution.md 1.5. State is the fold of the journal, so a second run of a slot sees what
the first one announced: it looks up what was on the wire, keeps what arrived, and plans the rest under the
same ids.
"""

from collections.abc import Mapping
from decimal import Decimal

from execution_v2 import entries, exits, intraday, protect, rebuild, sync
from execution_v2.actions import import_events
from execution_v2.desk import Desk
from execution_v2.each import each
from execution_v2.leave import cover
from execution_v2.ports import CycleConfig, CycleInputs, CycleResult, Ports
from execution_v2.resolve import find_in_flight, look_after_missing, look_after_reopened
from execution_v2.sight import Sight
from execution_v2.tick import take
from market.feed import Seen
from schemas.cycle import CycleKind
from schemas.events import CycleBegan, CycleEnded
from schemas.observations import BarFacts, QuoteFacts
from schemas.reasons.ledger import ReadFaultCode
from schemas.tick import TickKind


def run_cycle(inputs: CycleInputs, ports: Ports, config: CycleConfig) -> CycleResult:
    """Run one cycle of one book.

    Every effect is journaled before it leaves (I9). Errors: whatever the journal raises (``Denied`` for a
    full disk or a lost fence): nothing more is sent then. No answer of a broker or feed is an error.
    """
    desk = Desk(inputs, ports, config)
    desk.note(*inputs.untold, ("cycle.began", CycleBegan(slot=inputs.slot, kind=inputs.kind)))
    observed = _find_out(desk)
    take(desk, TickKind.BEGIN, observed)
    if desk.passes_time:
        intraday.work(desk, observed)
    else:
        _on_daily_bars(desk, observed)
    take(desk, TickKind.END, observed)
    desk.note(("cycle.ended", CycleEnded(slot=inputs.slot, carried=tuple(desk.carried))))
    return CycleResult(
        records=tuple(desk.records),
        state_before=inputs.state,
        state_after=desk.fold.freeze(),
        carried=tuple(desk.carried),
    )


def _on_daily_bars(desk: Desk, observed: sync.Observed) -> None:
    """One of the three cycles of a session that is known by its open and its finished bar."""
    inputs = desk.inputs
    quotes, bars = _prices(desk)
    lasts = {symbol: Decimal(quote.last) for symbol, quote in quotes.items()}
    entries.finish_left(desk, quotes)
    is_close = inputs.kind is CycleKind.CLOSE
    # At the close the work on each position ends with its stop; until then a shrunken stop is making room.
    each(desk, lambda name: cover(desk, name, _last(desk, name, lasts), only_naked=is_close))
    each(desk, lambda name: exits.work(desk, name, _last(desk, name, lasts), _bar(desk, name, bars)))
    if inputs.kind is CycleKind.ENTRIES:
        entries.run(desk, observed, Sight(quotes=dict(quotes)))
    each(desk, lambda name: cover(desk, name, _last(desk, name, lasts)))
    protect.clear_flat(desk)


def _find_out(desk: Desk) -> sync.Observed:
    """Observe, import, resolve; what cannot be read is said and concludes nothing."""
    if desk.passes_time:
        return rebuild.find_out(desk)
    import_events(desk)  # before any fill of the session: a split comes before the open's prints
    find_in_flight(desk)
    desk.import_fills()
    working = desk.ports.broker.open_orders()
    if isinstance(working, Seen):
        desk.shown = {row.order_id: row for row in working.value}
    if isinstance(working, Seen) and "fills" not in desk.blind:
        look_after_missing(desk, working.value)
        look_after_reopened(desk, working.value)
    return sync.check(desk, desk.ports.broker.account(), desk.ports.broker.positions(), working)


def _prices(desk: Desk) -> tuple[Mapping[str, QuoteFacts], Mapping[str, BarFacts]]:
    """Prices of what is held or may be entered; at the close the day's bars. A failed read is no price."""
    inputs = desk.inputs
    symbols = {position.symbol for position in desk.fold.positions.values()}
    if inputs.kind is CycleKind.ENTRIES and not isinstance(inputs.enforcement, ReadFaultCode):
        symbols |= {row.symbol for row in inputs.enforcement.authorised}
    if not symbols:
        return {}, {}
    names = tuple(sorted(symbols))
    quotes = desk.ports.feed.quotes(names)
    found = {row.symbol: row for row in quotes.value} if isinstance(quotes, Seen) else {}
    if inputs.kind is not CycleKind.CLOSE:
        return found, {}
    bars = desk.ports.feed.day_bars(names, inputs.session_date)
    return found, {row.symbol: row for row in bars.value} if isinstance(bars, Seen) else {}


def _last(desk: Desk, name: str, lasts: Mapping[str, Decimal]) -> Decimal | None:
    position = desk.fold.positions.get(name)
    return None if position is None else lasts.get(position.symbol)


def _bar(desk: Desk, name: str, bars: Mapping[str, BarFacts]) -> BarFacts | None:
    position = desk.fold.positions.get(name)
    return None if position is None else bars.get(position.symbol)
