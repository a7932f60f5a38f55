"""A split that the market's facts tell of is booked once the broker holds what it makes of our shares, and not before.

For brokers that say that a split happened and not which: shares, stops and planned levels follow the stored ratio.
Until the broker's quantity agrees the symbol is SPLIT_SUSPECTED: nothing is entered, and a person may look.
"""

from execution_v2.actions import book_event
from execution_v2.broker.port import Fills, Positions
from execution_v2.desk import Desk
from execution_v2.position_sync import is_split
from execution_v2.reconcile import held, quantities, unbooked, waiting
from market.feed import Seen
from schemas.ids import content_id
from schemas.market import ActionKind
from schemas.observations import CorporateEvent


def book_known(desk: Desk, positions: Positions, fills: Fills) -> None:
    """Book each split that waits and that the broker's quantity proves; a read that failed proves nothing.

    The session's own fills are on the new basis and in the broker's quantity already: they are taken out of it.
    """
    shown = quantities(positions)
    if shown is None or not isinstance(fills, Seen):
        return
    desk.import_fills(earlier_only=True)  # on the old basis
    ours, since = held(desk), unbooked(desk, fills)
    for symbol, ratio in sorted(waiting(desk).items()):
        if symbol in shown and is_split(ours[symbol], shown[symbol] - since.get(symbol, 0), *ratio):
            book_event(desk, _event(desk, symbol, ratio))


def _event(desk: Desk, symbol: str, ratio: tuple[int, int]) -> CorporateEvent:
    inputs = desk.inputs
    return CorporateEvent(
        event_id=content_id("facts_", inputs.book_id, inputs.session_date, symbol, *ratio),
        kind=ActionKind.SPLIT,
        symbol=symbol,
        ratio_num=ratio[0],
        ratio_den=ratio[1],
        cash=0,
        at=desk.at,
        session_date=inputs.session_date,
    )
