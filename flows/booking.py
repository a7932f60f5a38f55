"""Cash that no record explains is booked by a person as a flow of the book: nobody's result, and towards the broker's.

The account is asked first. What the next cycle would book by itself (executions, dividends) is left to it, and an
amount that would not bring the book's cash nearer to the account's is refused.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from flows.house import House
from flows.reconciling import now_at
from flows.stages.opening import PENDING
from flows.switch import journal_now
from ledger import layout
from schemas.base import Fact
from schemas.errors import Denied
from schemas.events import AccountFunded, OperatorAct
from schemas.reasons.edge import EdgeCode
from schemas.reasons.sync import SyncStatus

BOOK_CASH: Final = "book-cash"
"""The verb of a person who books cash."""
FUNDED: Final = "account.funded"
_AGREED: Final = (SyncStatus.IN_SYNC, SyncStatus.RESIDUAL_FRACTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cash:
    """What a person books. amount: USD, positive for what came to the account. force: against the comparison."""

    amount: Decimal
    operator: str
    reason: str
    force: bool = False


def book_cash(house: House, book_id: str, said: Cash) -> list[str]:
    """Journal the flow, and who said so; returns what was written, one line each.

    Errors: ``Denied`` CASH_NOT_EXPLAINED unless *said* is forced; ``UsageFault`` for a book that cannot be reached.
    """
    told = now_at(house, book_id)
    why = _objection(house, book_id, told, said.amount)
    if why and not said.force:
        raise Denied(
            EdgeCode.CASH_NOT_EXPLAINED,
            why,
            safe="nothing was changed; a difference of cash blocks no order",
            next=f"avwap reconcile --book {book_id} shows both sides; --force books it all the same",
        )
    drift = told["cash"]["drift"]
    flow = AccountFunded(amount=said.amount, genesis=False)
    act = OperatorAct(
        verb=BOOK_CASH,
        operator=said.operator,
        reason=said.reason,
        subject=book_id,
        detail=f"{said.amount:f}, the account being {'unread' if not drift else f'{drift} ahead'}"
        + (f"; forced: {why}" if why else ""),
    )
    rows: list[tuple[str, Fact]] = [(FUNDED, flow), ("operator.acted", act)]
    wrote = journal_now(house, book_id, rows, datetime.now(UTC), "avwap operator book-cash")
    lines = [wrote, f"booked   {said.amount:,.2f} USD as a flow: equity moves by it, and no result does"]
    if drift:
        lines.append(
            f"left     {Decimal(drift) - said.amount:,.2f} USD by which the account is ahead of the book"
        )
    return lines


def _objection(house: House, book_id: str, told: dict[str, Any], amount: Decimal) -> str:
    """Why *amount* should not be booked now; empty if nothing speaks against it."""
    pending = layout.control(book_id, PENDING)
    if house.disk.exists(pending) and f'"{FUNDED}"'.encode() in house.disk.read(pending):
        return "cash that was booked before waits for the next session, and is not in this comparison yet"
    if told["unread"]:
        names = ", ".join(sorted(told["unread"]))
        return f"{names} could not be read, so nobody knows what there is to explain"
    differing = [row["symbol"] for row in told["rows"] if row["status"] not in _AGREED]
    if differing:
        return (
            f"the shares of {', '.join(differing)} differ too, and what settles them may bring its own cash"
        )
    if told["due"]:
        return f"the next cycle books {'; '.join(told['due'])} by itself"
    drift = Decimal(told["cash"]["drift"])
    if abs(drift - amount) >= abs(drift):
        return (
            f"the account is {drift:f} USD ahead of the book; with {amount:f} more in the book "
            f"it would be {drift - amount:f}, which is no nearer"
        )
    return ""
