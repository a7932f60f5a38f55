"""What a book is doing now, from its files alone: no store, no broker; the calendar only to date a lock's end."""

from datetime import date
from typing import TYPE_CHECKING, Any

from execution_v2.protections import WINDOW_MAX, locks
from execution_v2.reduce import fold_records
from flows import failed, posture, recent, standing
from flows.house import House
from flows.settings import book_of, opens
from ledger import layout
from ledger.artifacts import Loaded, read
from ledger.journal import parse_chain
from ledger.seal import sessions_of
from schemas.book import Book, BookState, Leg
from schemas.errors import Denied, UsageFault
from schemas.reasons.edge import EdgeCode
from schemas.reasons.gates import RepetitionCode

if TYPE_CHECKING:
    from market.calendar import Calendar


def latest_state(house: House, book_id: str) -> tuple[date, BookState, bool]:
    """(session, state, whether it is sealed) of the newest session of a book that has a journal.

    Errors: ``UsageFault`` if there is none.
    """
    for session in reversed(
        sessions_of(house.disk, book_id) if house.root.joinpath(book_id).is_dir() else ()
    ):
        state = _folded(house, book_id, session)
        if state is not None:
            return session, state, house.disk.exists(layout.manifest(book_id, session))
    raise UsageFault(
        EdgeCode.SESSION_NOT_OPEN,
        f"{book_id} has no session yet below {house.root}",
        safe="nothing was changed",
        next=f"{opens(book_id, 'YYYY-MM-DD')}, or name another --home",
    )


def state_of(house: House, book_id: str, session: date) -> BookState:
    """The state after the last record of *session*'s journal. Errors: ``UsageFault`` if it was never opened."""
    state = _folded(house, book_id, session)
    if state is None:
        raise UsageFault(
            EdgeCode.SESSION_NOT_OPEN,
            f"{book_id} has no open session of {session} below {house.root}",
            safe="nothing was changed",
            next=f"{opens(book_id, session)}, or name another --home",
        )
    return state


def _folded(house: House, book_id: str, session: date) -> BookState | None:
    path = f"{layout.day(book_id, session)}/observations/book.json"
    opened = read(house.disk, path, Book, book_id, session, known_inputs=_trusting(house, path))
    journal = layout.journal(book_id, session)
    if not isinstance(opened, Loaded) or not house.disk.exists(journal):
        return None
    records = parse_chain(house.disk.read(journal), journal).records
    return fold_records(opened.artifact.state, list(records)[1:])


def _trusting(house: House, path: str) -> dict[str, str]:
    """Status shows what is there; whether its inputs still hold is for ``avwap verify``."""
    from ledger.canonical import parse_canonical

    if not house.disk.exists(path):
        return {}
    return {ref["path"]: ref["sha256"] for ref in parse_canonical(house.disk.read(path))["inputs"]}


def of_book(house: House, book_id: str) -> dict[str, Any]:
    """Book, positions, possibly-live orders, what is unknown, budgets, cycles and switches, each as rows of text.

    ``posture`` and ``lifecycle``: as in ``execution.json``, null before the first tick; ``told``: their lines.
    """
    book_of(book_id)
    session, state, is_sealed = latest_state(house, book_id)
    records = standing.records_of(house, book_id, session)
    stops = {order.position_id: order for order in state.orders if order.leg is Leg.STOP}
    gaps = standing.gaps(records)
    positions = []
    for held in state.positions:
        stop, gap = stops.get(held.position_id), gaps.get(held.position_id)
        positions.append(
            {
                "symbol": held.symbol,
                "strategy": held.strategy_id,
                "shares": str(held.quantity),
                "average": f"{held.average_entry:.4f}",
                "stop": "NONE" if stop is None or stop.stop is None else f"{stop.stop}",
                "covered": str(standing.covered(state, held)),
                "gap": "" if gap is None else f"{gap.gap_s:g} s",
                "open since": ""
                if gap is None or gap.open_since is None
                else f"{gap.open_since:%H:%M:%S} UTC",
                "since": held.entry_session.isoformat(),
                "targets": f"{'R1 ' if held.r1_touched else ''}{'R2' if held.r2_touched else ''}".strip(),
            }
        )
    orders = [
        {
            "symbol": o.symbol,
            "leg": o.leg,
            "state": o.state,
            "side": o.side,
            "shares": str(o.quantity - o.filled),
            "price": str(o.limit or o.stop or ""),
            "client id": o.client_order_id,
        }
        for o in state.orders
    ]
    return {
        "book": {
            "book": book_id,
            "session": session.isoformat(),
            "sealed": "yes" if is_sealed else "no: under way, or its close is due",
            "cash": f"{state.cash:,.2f}",
            "positions": str(len(state.positions)),
            "entries today": str(len(state.entry_intents_today)),
            "lock": _lock(house, book_id),
        },
        **posture.of_book(house, book_id, state),
        "positions": positions,
        "orders": orders,
        "unknown": standing.unknown_orders(house, book_id, state),
        "quarantine": standing.quarantined(state),
        "budgets": standing.budgets(house, book_id, state, records),
        "cycles": standing.cycles(house, book_id, session, records, is_sealed=is_sealed),
        "breaker": standing.breaker(house, book_id),
        "switches": switches(house, book_id, state),
        "locks": locked(house, book_id, session, state, is_over=is_sealed),
        "failed": failed.failures(house, book_id),
        "round_trips": recent.round_trips(house, book_id, session),
        "evidence": recent.evidence(house, book_id, session),
    }


def locked(
    house: House, book_id: str, session: date, state: BookState, *, is_over: bool
) -> list[dict[str, str]]:
    """Every protection that holds after *session*'s records so far: whom, what was found, and what ends it.

    *is_over*: the session is sealed, so that what ended with it is no lock any more.
    """
    config, calendar = house.settings.protections[book_id], house.calendar
    known = calendar.sessions(calendar.previous(session, WINDOW_MAX), session)
    found = [
        (
            lock.code,
            _whom(lock.strategy_id, lock.symbol),
            f"{lock.observed} of {lock.threshold}",
            lock.since,
            _after(calendar, session, lock.sessions_left),
        )
        for lock in locks(state, known, config) or ()
    ]
    found += [
        (
            RepetitionCode.COOLDOWN_ACTIVE,
            _whom(out.strategy_id, out.symbol),
            "a stop-out",
            out.session_date,
            calendar.next(out.session_date),
        )
        for out in state.stop_outs
    ]
    return [
        {
            "lock": str(code),
            "holds": whom,
            "found": what,
            "since": "" if since is None else since.isoformat(),
            "ended by": f"avwap resume --book {book_id}" if end is None else f"the end of {end}",
        }
        for code, whom, what, since, end in found
        if end is None or end > session or (end == session and not is_over)
    ]


def _after(calendar: "Calendar", session: date, more: int | None) -> date | None:
    return None if more is None else session if more == 0 else calendar.next(session, more)


def _whom(strategy_id: str | None, symbol: str | None) -> str:
    return " ".join(part for part in (strategy_id, symbol) if part) or "every entry"


def _lock(house: House, book_id: str) -> str:
    from ledger.lock import BookLock

    try:
        holder = BookLock(house.root, book_id).holder()
    except Denied as error:
        return f"unknown: {error.message}"
    return "free" if holder is None else f"held by {holder}"


def switches(house: House, book_id: str, state: BookState) -> list[dict[str, str]]:
    """Every kill switch, whether it is set, and what lifts it."""
    lift = f"avwap kill off --book {book_id}"
    # The record is what ends the EMERGENCY that a switch made, whichever it was.
    files = (
        (layout.control(book_id, layout.KILL_SWITCH), lift),
        (layout.KILL_SWITCH, f"remove the file, then {lift}"),
    )
    rows = [
        {
            "switch": "environment KILL_SWITCH",
            "set": _yes(house.settings.kill_switch),
            "lifted by": f"unset the variable, then {lift}",
        }
    ]
    rows += [{"switch": path, "set": _yes(house.disk.exists(path)), "lifted by": how} for path, how in files]
    rows.append({"switch": "journal", "set": _yes(state.killed), "lifted by": lift})
    return rows


def _yes(is_set: bool) -> str:
    return "yes" if is_set else "no"
