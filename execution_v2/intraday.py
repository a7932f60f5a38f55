"""On intraday bars a cycle protects what is held three times: as it finds it, at every fill, and at its end.

The order of work of execution.md 1.5. Nothing that stops entries stops any of the rest: a switch, a broken file or
a dead feed leaves stops and exits as they are.
"""

from execution_v2 import coverage, entries, exits, protect
from execution_v2.desk import Desk
from execution_v2.each import each
from execution_v2.hearing import listen
from execution_v2.leave import cover
from execution_v2.resolve import look_after_missing, look_after_reopened
from execution_v2.sight import look
from execution_v2.sync import Observed
from execution_v2.window import named
from market.feed import Seen
from schemas.reasons.ledger import ReadFaultCode


def work(desk: Desk, observed: Observed) -> None:
    """Everything between finding out and the cycle's end."""
    for order in tuple(desk.fold.orders.values()):
        named(desk, order)
    entries.finish_left(desk, {})  # a broker refuses a stop while its buy works
    protect.clear_flat(desk)
    each(desk, lambda name: _cover(desk, name))
    sight = look(desk, _symbols(desk))
    each(desk, lambda name: exits.sell_due(desk, name, sight))
    each(desk, lambda name: _cover(desk, name))
    entries.run(desk, observed, sight)
    each(desk, lambda name: exits.ratchet(desk, name, sight))
    _look_back(desk)
    protect.clear_flat(desk)
    desk.tick()
    coverage.tell(desk)


def _symbols(desk: Desk) -> set[str]:
    """What is held, and what may be entered in this cycle."""
    inputs = desk.inputs
    symbols = {position.symbol for position in desk.fold.positions.values()}
    if not inputs.is_first and not isinstance(inputs.enforcement, ReadFaultCode):
        symbols |= {row.symbol for row in inputs.enforcement.authorised}
    return symbols


def _cover(desk: Desk, name: str) -> None:
    position = desk.fold.positions.get(name)
    if position is not None:
        cover(desk, name, None)


def _look_back(desk: Desk) -> None:
    """Observe again: what was filled or ended meanwhile is booked, and covered."""
    listen(desk)
    desk.import_fills()
    working = desk.ports.broker.open_orders()
    if isinstance(working, Seen) and "fills" not in desk.blind:
        desk.shown = {row.order_id: row for row in working.value}
        look_after_missing(desk, working.value)
        look_after_reopened(desk, working.value)
    each(desk, lambda name: _cover(desk, name))
