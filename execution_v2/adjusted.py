"""Shares that came without an order are a position that no intent opened: nobody's plan, and nobody's strategy."""

from typing import Final

from schemas.base import SessionDate
from schemas.book import Position
from schemas.events import PositionAdjusted
from schemas.ids import external_intent, position_id
from schemas.strategy_registry import EXTERNAL

ACCEPT: Final = "accept"
"""The verb of a person who takes the broker's quantity for ours."""


def external_position_id(book_id: str, symbol: str, session: SessionDate) -> str:
    """The id of a position that no intent opened."""
    return position_id(book_id, EXTERNAL, symbol, external_intent(session))


def adjusted_in(data: PositionAdjusted, session: SessionDate | None) -> Position:
    """The position that *data* opens, without a plan: it is counted, and its average price is the broker's."""
    assert session is not None, "a position came before the book's first session"
    return Position(
        position_id=data.position_id,
        strategy_id=data.strategy_id,
        sleeve_id=data.sleeve_id,
        intent_id=external_intent(session),
        symbol=data.symbol,
        quantity=data.quantity_after,
        quantity_opened=data.quantity_after,
        average_entry=data.average_price or 0,
        entered_at=data.at,
        entry_session=session,
        plan=None,
    )
