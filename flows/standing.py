"""How a book stands between two cycles, from its files: what is unknown, which budgets are left, what ran last."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from execution_v2.transitions import UNKNOWN, covers
from flows.day import open_day
from flows.house import House
from flows.settings import SIM
from flows.stages import slots
from ledger import layout
from ledger.journal import parse_chain
from schemas.book import BookState, Leg, OrderState, Position
from schemas.events import CycleEnded, CycleGap, OrderReplacing, RemedyDecided, StopCovered
from schemas.journal import JournalRecord

Row = dict[str, str]


def records_of(house: House, book_id: str, session: date) -> Sequence[JournalRecord]:
    """The journal of *session*."""
    path = layout.journal(book_id, session)
    return parse_chain(house.disk.read(path), path).records


def covered(state: BookState, position: Position) -> Decimal:
    """Shares that stops would sell which the broker confirmed; one of unknown fate covers nothing."""
    stops = [o for o in state.orders if o.leg is Leg.STOP and o.position_id == position.position_id]
    return sum((o.quantity - o.filled for o in stops if covers(o)), Decimal(0))


def gaps(records: Sequence[JournalRecord]) -> dict[str, StopCovered]:
    """By position, how long it lay uncovered in the session so far."""
    told = (StopCovered.model_validate(r.data) for r in records if r.event == "stop.covered")
    return {row.position_id: row for row in told}


def unknown_orders(house: House, book_id: str, state: BookState) -> list[Row]:
    """Orders whose fate nobody knows; each counts as live in full."""
    most = house.settings.execution.carries_max
    return [
        {
            "symbol": o.symbol,
            "leg": o.leg,
            "state": o.state,
            "carried": f"{o.carries} of {most}",
            "shares": str(o.quantity - o.filled),
            "sent in": o.session_date.isoformat(),
            "order": o.ord_id,
            "ended by": f"avwap operator resolve --book {book_id} {o.ord_id}"
            if o.state is OrderState.FROZEN
            else "the next cycle asks the broker",
        }
        for o in state.orders
        if o.state in UNKNOWN
    ]


def quarantined(state: BookState) -> list[Row]:
    """Symbols in which nothing is entered, and why."""
    return [{"symbol": row.symbol, "code": row.code} for row in state.quarantined]


def budgets(house: House, book_id: str, state: BookState, records: Sequence[JournalRecord]) -> list[Row]:
    """What the session may still do, and what the last cycle did of what one cycle may."""
    limits, config = house.settings.books[book_id].limits, house.settings.execution
    last = _last_folder(records)
    mine = [r for r in records if r.cycle == last and last is not None]
    begun = (OrderReplacing.model_validate(r.data) for r in mine if r.event == "order.replacing")
    replaced = Counter(row.successor.symbol for row in begun)
    sent = [RemedyDecided.model_validate(r.data) for r in records if r.event == "remedy.decided"]
    rows = [
        ("entries of the session", len(state.entry_intents_today), limits.entries_per_day_max),
        ("positions", len(state.positions), limits.positions_max),
        (
            "replaces of one symbol in the last cycle",
            max(replaced.values(), default=0),
            config.replaces_per_cycle_symbol_max,
        ),
        (
            "remedies of the session",
            sum(row.code == "REMEDY_SENT" for row in sent),
            config.remedies_session_max,
        ),
    ]
    return [{"budget": what, "used": str(used), "of": str(most)} for what, used, most in rows]


def cycles(
    house: House, book_id: str, session: date, records: Sequence[JournalRecord], *, is_sealed: bool
) -> list[Row]:
    """The cycle that ran last, how it ended, and the one that comes next."""
    rows = []
    last = _last_folder(records)
    if last is not None:
        mine = [r for r in records if r.cycle == last]
        ended = [CycleEnded.model_validate(r.data) for r in mine if r.event == "cycle.ended"]
        rows.append(
            {
                "cycle": "last",
                "slot": last,
                "at": f"{mine[-1].ts:%Y-%m-%d %H:%M:%S} UTC",
                "what": _how(ended[-1])
                if ended
                else "died, or is under way: the next run of the slot resumes it",
            }
        )
    missed = sum(CycleGap.model_validate(r.data).missed for r in records if r.event == "cycle.gap")
    if missed:
        rows.append({"cycle": "missed", "slot": "", "at": "", "what": f"{missed} of the session"})
    if not is_sealed:
        rows.append(_next(house, book_id, session, last))
    return rows


def breaker(house: House, book_id: str) -> list[Row]:
    """Each circuit of the line to the broker that is not closed, as the last process left it."""
    if book_id == SIM:
        return []
    from flows.world import kept_breaker

    now = datetime.now(UTC)
    kept = kept_breaker(house.disk, book_id, now)
    return [
        {
            "operation": name,
            "state": circuit.state(now),
            "failures": str(circuit.failures),
            "open for": f"{circuit.open_s} s",
            "since": "" if circuit.opened_at is None else f"{circuit.opened_at:%Y-%m-%d %H:%M:%S} UTC",
        }
        for name, circuit in (kept.circuits.items() if kept is not None else ())
        if circuit.state(now) != "closed"
    ]


def _last_folder(records: Sequence[JournalRecord]) -> str | None:
    return next((r.cycle for r in reversed(records) if r.cycle is not None), None)


def _how(ended: CycleEnded) -> str:
    return f"ended, carried {len(ended.carried)}: {', '.join(ended.carried)}" if ended.carried else "ended"


def _next(house: House, book_id: str, session: date, last: str | None) -> Row:
    """At a broker the one that its clock brings; at an exchange of ours the one after the last that ran."""
    day = open_day(house, book_id, session)
    if book_id == SIM or house.settings.alpaca.url_override is not None:
        slot = next((each for each in slots.slots(day) if last is None or each.name > last[:4]), None)
    else:
        slot = slots.after(day, datetime.now(UTC))
    if slot is None:
        return {
            "cycle": "next",
            "slot": "",
            "at": "",
            "what": f"avwap close --book {book_id} --date {session}",
        }
    return {
        "cycle": "next",
        "slot": slot.name,
        "at": f"{slot.at:%Y-%m-%d %H:%M:%S} UTC",
        "what": str(slot.kind),
    }
