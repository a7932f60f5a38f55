"""A session opens with what the book carries over, proved by its hash, and with what the broker shows.

The state at the end of a session is the fold of its ``book.json`` and its journal, both under its seal, so that a
fresh process needs one day's folder, not the book's whole history.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from analytics import snapshot as snapshots
from execution_v2 import book as books
from execution_v2.broker.port import ReadFailed
from execution_v2.gates.live import LIVE_BOOK, token_fault
from execution_v2.reduce import empty_state, fold_records
from flows.day import Day, StageRefused
from flows.settings import opens
from flows.stages import metrics
from flows.stages.looking import look, once
from flows.stages.premarket import (
    ACCOUNT,
    BOOK,
    CLOCK,
    CONTROL,
    ORDERS,
    POSITIONS,
    SLEEVE_PNL,
)
from flows.world import World
from ledger import layout
from ledger.artifacts import Loaded, ReadFault, Written, read
from ledger.canonical import digest, parse_canonical_line
from ledger.journal import Journal, JournalCorrupt, parse_chain
from ledger.seal import last_sealed, listing, read_manifest, seal, sessions_of
from schemas.base import Fact, SessionDate
from schemas.book import Book, BookState
from schemas.errors import Corrupt, Denied, UsageFault
from schemas.header import Artifact, Finding, InputRef
from schemas.journal import ZEROS
from schemas.observations import (
    AccountFacts,
    AccountObservation,
    ClockObservation,
    ControlObservation,
    OrdersObservation,
    PositionsObservation,
    SleevePnlObservation,
)
from schemas.reasons.edge import EdgeCode
from schemas.reasons.gates import LiveCode
from schemas.reasons.ledger import LedgerCode

Guard = Callable[[], None]
LIVE_TOKEN: Final = "live_confirm_token.txt"
"""Under ``control/``: the half of the token that a person types into a file."""
PENDING: Final = "pending.jsonl"
"""Under ``control/``: operator records made while no session was open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a session takes over: the state, the hash that its journal continues from, and whence."""

    state: BookState
    tail: str
    session: SessionDate | None
    fault: Finding | None = None
    """Why that session's files cannot be trusted, although its journal can."""


def carried_into(day: Day) -> Carried:
    """The state at the end of the last sealed session before D; an empty book before its first.

    A damaged ``book.json`` or seal does not stop exits: the journals alone then give the same state (ADR 3), and
    ``fault`` says why nothing new may be entered. Errors: ``Corrupt`` if the journal itself is not what was sealed.
    """
    disk = day.house.disk
    sealed = last_sealed(disk, day.book_id, day.session)
    if sealed is None:
        return Carried(state=empty_state(), tail=ZEROS, session=None)
    before = day.sibling(sealed.session_date)
    manifest = read_manifest(disk, day.book_id, before.session)
    listed = (
        None if isinstance(manifest, ReadFault) else listing(day.book_id, before.session, manifest.artifact)
    )
    journal = open_journal(before, guard=None, genesis=None)
    if listed is not None and listed.get(journal.path) != _digest(day, journal.path):
        raise Corrupt(
            LedgerCode.SEAL_BROKEN,
            f"{journal.path} is not what the seal of {before.session} lists",
            safe="nothing was written; stops at the broker stand; every byte is kept",
            next=f"avwap verify --book {day.book_id} names the line",
        )
    opened = read(disk, before.path(BOOK), Book, day.book_id, before.session, sealed=listed)
    if isinstance(manifest, ReadFault) or isinstance(opened, ReadFault):
        fault = manifest if isinstance(manifest, ReadFault) else opened
        assert isinstance(fault, ReadFault)
        state = _from_journals(day, before.session)
        return Carried(state=state, tail=journal.tail, session=before.session, fault=fault.finding)
    # The first record is already in book.json's state.
    state = fold_records(opened.artifact.state, list(journal.records)[1:])
    return Carried(state=state, tail=journal.tail, session=before.session)


def _from_journals(day: Day, last: SessionDate) -> BookState:
    """The fold of every sealed session's journal up to *last*: slower than from book.json, and needs no other file."""
    disk, state = day.house.disk, empty_state()
    for session in sessions_of(disk, day.book_id):
        if session <= last and disk.exists(layout.manifest(day.book_id, session)):
            path = layout.journal(day.book_id, session)
            state = fold_records(state, parse_chain(disk.read(path), path).records)
    return state


def _digest(day: Day, path: str) -> str:
    return digest(day.house.disk.read(path))


def open_journal(day: Day, guard: Guard | None, genesis: str | None, *, is_salvaged: bool = False) -> Journal:
    """The journal of D. *genesis* None: whatever its first record names (a reader's look at a sealed day).

    *is_salvaged*: of one that broke in its middle, what stands before the break, to be read and not added to.
    Errors: ``JournalCorrupt``.
    """
    path = layout.journal(day.book_id, day.session)
    if genesis is None:
        disk = day.house.disk
        if not disk.exists(path):
            raise Corrupt(
                LedgerCode.FILE_MISSING, f"{path} is gone", next=f"avwap verify --book {day.book_id}"
            )
        first = parse_chain(disk.read(path), path).records
        genesis = first[0].prev if first else ZEROS
    try:
        return Journal.open(day.house.disk, path, genesis=genesis, guard=guard)
    except JournalCorrupt as fault:
        if not is_salvaged or not fault.before.records:
            raise
        return Journal.salvaged(day.house.disk, fault, genesis=genesis, guard=guard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session that is open: its journal, and the state that it carried over."""

    journal: Journal
    carried: BookState

    def state(self) -> BookState:
        """Fold of every journal of the book, this session's included as far as it goes."""
        return fold_records(self.carried, self.journal.records)


def resume_session(day: Day, guard: Guard | None, *, is_salvaged: bool = False) -> Session:
    """D as an earlier step opened it. It reads P's sealed folder and the journal, no file of this morning.

    *is_salvaged*: a cycle goes on from what stands before a break of the journal, so that its exits go out (ADR 23).
    """
    carried = carried_into(day)
    journal = open_journal(day, guard, carried.tail, is_salvaged=is_salvaged)
    if not journal.records:
        raise UsageFault(
            EdgeCode.SESSION_NOT_OPEN,
            f"{day.session} of {day.book_id} was never opened",
            safe="nothing was sent",
            next=f"{opens(day.book_id, day.session)} opens it",
        )
    return Session(journal=journal, carried=carried.state)


def open_session(day: Day, world: World, guard: Guard | None) -> Session:
    """Open D: genesis if the book is new, then the journal. Repeating it changes nothing."""
    # The morning's own instant, whatever the machine's: a rerun of it, and its replay, say the same.
    at = day.house.calendar.cut_at(day.session)
    world.clock.step(at)
    if last_sealed(day.house.disk, day.book_id, day.session) is None:
        genesis(day.sibling(day.previous), world, at, guard)
    carried = carried_into(day)
    journal = _opened(day, carried, at, guard, more=metrics.shut(day))
    return Session(journal=journal, carried=carried.state)


def take_pending(day: Day, session: Session) -> None:
    """Journal what a person decided between sessions, before anything else of this one happens."""
    disk, path = day.house.disk, layout.control(day.book_id, PENDING)
    if not disk.exists(path):
        return
    lines = [parse_canonical_line(line + b"\n") for line in disk.read(path).split(b"\n") if line]
    known = {(record.event, record.ts) for record in session.journal.records}
    waiting = [(line["event"], datetime.fromisoformat(line["ts"]), None, line["data"]) for line in lines]
    session.journal.append([each for each in waiting if (each[0], each[1]) not in known])
    if lines:
        disk.write(path, b"")


def book(day: Day) -> Written:
    """Write ``book.json``: what the book holds as the session opens."""
    carried = carried_into(day)
    if carried.fault is not None:
        raise StageRefused("book", day, (carried.fault,))
    journal = open_journal(day, None, carried.tail)
    state = fold_records(carried.state, list(journal.records)[:1])
    return day.write(BOOK, books.run(state), _carried_refs(day, carried))


def _opened(
    day: Day,
    carried: Carried,
    at: datetime,
    guard: Guard | None,
    account: AccountFacts | None = None,
    more: Sequence[tuple[str, Fact]] = (),
) -> Journal:
    """The journal of D with its first records, dated *at*; those that a crash cut off are added."""
    journal = open_journal(day, guard, carried.tail)
    rows = (*books.opening(carried.state, day.book_id, day.session, carried.tail, account), *more)
    journal.append([(event, at, None, data) for event, data in rows[len(journal.records) :]])
    return journal


def _carried_refs(day: Day, carried: Carried) -> Sequence[InputRef]:
    if carried.session is None:
        return ()
    path = layout.manifest(day.book_id, carried.session)
    return (InputRef(path=path, sha256=_digest(day, path)),)


def genesis(day: Day, world: World, at: datetime, guard: Guard | None) -> None:
    """The book's first folder, dated P: the account as observed, its funding, and a snapshot of it, sealed."""
    observed = _account(day, world, must=True)
    account = observed.artifact.account
    assert account is not None, "a book begins with an account that was read"
    _opened(day, Carried(state=empty_state(), tail=ZEROS, session=None), at, guard, account)
    book(day)
    day.write("snapshot.json", snapshots.genesis(account, day.session), (observed.ref,))
    seal(day.house.disk, day.ctx, None)


def observe(day: Day, world: World) -> Written:
    """Record account, positions, orders, clock and switches, each once: a second run uses the first's."""
    look(day, world)
    account = _account(day, world)
    now = world.clock.now()

    def positions() -> Artifact:
        seen = world.broker.positions()
        if isinstance(seen, ReadFailed):
            return PositionsObservation(ok=False, as_of=now, positions=(), cause=seen.cause)
        return PositionsObservation(ok=True, as_of=seen.as_of, positions=seen.value)

    def orders() -> Artifact:
        seen = world.broker.open_orders()
        if isinstance(seen, ReadFailed):
            return OrdersObservation(ok=False, as_of=now, orders=(), cause=seen.cause)
        return OrdersObservation(ok=True, as_of=seen.as_of, orders=seen.value)

    def clock() -> Artifact:
        seen = world.broker.clock()
        if isinstance(seen, ReadFailed):
            return ClockObservation(ok=False, as_of=now, clock=None, cause=seen.cause)
        return ClockObservation(ok=True, as_of=seen.as_of, clock=seen.value)

    once(day, POSITIONS, PositionsObservation, positions)
    once(day, ORDERS, OrdersObservation, orders)
    once(day, CLOCK, ClockObservation, clock)
    once(day, CONTROL, ControlObservation, lambda: control_now(day, world))
    stated = day.house.settings.s2_daily_pnl_json
    if stated:
        once(day, SLEEVE_PNL, SleevePnlObservation, lambda: SleevePnlObservation(as_of=now, text=stated))
    return Written(path=account.ref.path, sha256=account.ref.sha256, status="verified")


def _account(day: Day, world: World, *, must: bool = False) -> Loaded[AccountObservation]:
    """The recorded account, observed now if it was not yet. *must*: a failed read is refused, and not recorded."""
    found = day.read(ACCOUNT, AccountObservation)
    if isinstance(found, ReadFault):
        seen = world.broker.account()
        if must and isinstance(seen, ReadFailed):
            raise Denied(
                EdgeCode.ACCOUNT_UNREAD,
                f"the account could not be read ({seen.cause}), so the book has no beginning",
                safe="nothing was written and no order was sent",
                next="run the same command again once the broker answers",
            )
        now = world.clock.now()
        made = (
            AccountObservation(ok=False, as_of=now, account=None, cause=seen.cause)
            if isinstance(seen, ReadFailed)
            else AccountObservation(ok=True, as_of=seen.as_of, account=seen.value)
        )
        day.write(ACCOUNT, made, ())
        return day.need("opening", ACCOUNT, AccountObservation)
    return found


def control_now(day: Day, world: World) -> ControlObservation:
    """What the switches say at this moment: environment and files. One that cannot be read counts as set."""
    disk, settings = day.house.disk, day.house.settings
    seen: str | None = None
    unreadable: str | None = None
    for path in (layout.control(day.book_id, layout.KILL_SWITCH), layout.KILL_SWITCH):
        try:
            if disk.exists(path):
                seen = seen or path
        except Denied as error:
            unreadable = f"{path}: {error.message}"
    asked = day.book_id == LIVE_BOOK
    fault = _token_fault(day) if asked else None
    return ControlObservation(
        as_of=world.clock.now(),
        kill_env=settings.kill_switch,
        kill_file=seen,
        kill_unreadable=unreadable,
        live_trading=settings.live_trading,
        live_token_ok=fault is None if asked else None,
        live_token_fault=fault,
        live_host_ok=world.host_ok,
        breaker_open=world.breaker_open(),
    )


def _token_fault(day: Day) -> LiveCode | None:
    """Whether both halves of the live token agree. Only the answer leaves this function, and only it is recorded."""
    disk, path = day.house.disk, layout.control(day.book_id, LIVE_TOKEN)
    token = day.house.settings.live_confirm_token
    try:
        held = disk.read(path).decode() if disk.exists(path) else None
    except (Denied, UnicodeDecodeError):
        held = None
    return token_fault(None if token is None else token.get_secret_value(), held)
