"""A person takes the broker's quantity for ours: the difference becomes a record, and stops follow the quantity."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from execution_v2.adjusted import ACCEPT, external_position_id
from flows.house import House
from flows.settings import book_of
from flows.status import latest_state
from flows.switch import journal_now, open_session
from schemas.base import Fact, SessionDate, instant
from schemas.book import BookState, Position
from schemas.errors import UsageFault
from schemas.events import OperatorAct, PositionAdjusted
from schemas.ids import content_id
from schemas.reasons.edge import EdgeCode
from schemas.reasons.sync import AdjustCode
from schemas.strategy_registry import EXTERNAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What a person accepts: so many shares of *symbol* in all. price: of shares of which we hold none."""

    symbol: str
    quantity: Decimal
    price: Decimal | None
    strategy_id: str | None
    operator: str
    reason: str


def accept(house: House, book_id: str, said: Accepted) -> list[str]:
    """Journal what *said* changes, and lift the quarantine; returns what was written, one line each.

    Errors: ``UsageFault`` NOTHING_TO_ACCEPT if the symbol is not in quarantine, USAGE for what cannot be meant.
    """
    book_of(book_id)
    latest, state, _ = latest_state(house, book_id)
    if said.symbol not in {row.symbol for row in state.quarantined}:
        raise UsageFault(
            EdgeCode.NOTHING_TO_ACCEPT,
            f"no comparison of {book_id} with its broker has found a difference in {said.symbol}",
            safe="nothing was changed",
            next=f"avwap status --book {book_id} lists what waits, and why",
        )
    session = open_session(house, book_id) or house.calendar.next(SessionDate(latest))
    now = datetime.now(UTC)
    held = [p for p in state.positions if p.symbol == said.symbol]
    before = sum((p.quantity for p in held), Decimal(0))
    rows: list[tuple[str, Fact]] = []
    if said.quantity != before:
        adjusted = _adjusted(state, book_id, SessionDate(session), said, now)
        rows.append(("position.adjusted", adjusted))
    act = OperatorAct(
        verb=ACCEPT,
        operator=said.operator,
        reason=said.reason,
        subject=said.symbol,
        detail=f"{before:f} -> {said.quantity:f}",
    )
    rows.append(("operator.acted", act))
    wrote = journal_now(house, book_id, rows, now, "avwap operator accept")
    return [wrote, f"was      {before:f} {said.symbol}; it is {said.quantity:f} from here on"]


def _adjusted(
    state: BookState, book_id: str, session: SessionDate, said: Accepted, now: datetime
) -> PositionAdjusted:
    """The record of the difference, on the one position that takes it."""
    held = [p for p in state.positions if p.symbol == said.symbol]
    position = _position(held, said)
    before = Decimal(0) if position is None else Decimal(position.quantity)
    after = said.quantity - sum((p.quantity for p in held), Decimal(0)) + before
    if after < 0:
        raise _wrong(f"{said.strategy_id} holds {before:f} and cannot take the whole difference")
    if position is None and said.price is None:
        raise _wrong(f"the book holds no {said.symbol}: give --price, what its shares are worth to it")
    name = external_position_id(book_id, said.symbol, session) if position is None else position.position_id
    return PositionAdjusted(
        event_id=content_id("adj_", book_id, session, name, ACCEPT, instant(now)),
        kind=AdjustCode.EXTERNAL_ADJUST,
        position_id=name,
        strategy_id=EXTERNAL if position is None else position.strategy_id,
        sleeve_id=EXTERNAL if position is None else position.sleeve_id,
        symbol=said.symbol,
        quantity_before=before,
        quantity_after=after,
        average_price=said.price if position is None else None,
        operator=said.operator,
        reason=said.reason,
        at=now,
    )


def _position(held: list[Position], said: Accepted) -> Position | None:
    """The position that takes the difference; None: there is none yet."""
    if said.strategy_id is not None:
        found = next((p for p in held if p.strategy_id == said.strategy_id), None)
        if found is None:
            raise _wrong(f"{said.strategy_id} holds no {said.symbol}")
        return found
    if len(held) > 1:
        names = ", ".join(p.strategy_id for p in held)
        raise _wrong(f"{names} hold {said.symbol}: give --strategy, whose shares they are")
    return held[0] if held else None


def _wrong(why: str) -> UsageFault:
    return UsageFault(
        EdgeCode.USAGE,
        why,
        safe="nothing was changed",
        next="avwap operator accept --help shows what it takes",
    )
