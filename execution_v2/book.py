"""A session opens by naming the state that it carries over; ``book.json`` is that state."""

from execution_v2.desk import Event
from execution_v2.reduce import state_digest
from schemas.base import SessionDate
from schemas.book import Book, BookState
from schemas.events import AccountFunded, SessionOpened
from schemas.observations import AccountFacts


def run(state: BookState) -> Book:
    """The artifact of *state*: the fold of every journal before the session."""
    return Book(state=state, state_sha256=state_digest(state))


def opening(
    state: BookState, book_id: str, session_date: SessionDate, prev_tail: str, account: AccountFacts | None
) -> tuple[Event, ...]:
    """The first records of a session's journal.

    Args:
        state: the fold of every journal before; its hash is what the session carries over.
        prev_tail: tail of the journal before, 64 zeros for the first.
        account: as observed; a book without capital takes its genesis funding from it, once.
    """
    opened = SessionOpened(
        prev_tail=prev_tail,
        carried_state_sha256=state_digest(state),
        book_id=book_id,
        session_date=session_date,
    )
    is_genesis = not state.starting_capital and account is not None and account.cash > 0
    if not is_genesis or account is None:
        return (("session.opened", opened),)
    return (
        ("session.opened", opened),
        ("account.funded", AccountFunded(amount=account.cash, genesis=True)),
    )
