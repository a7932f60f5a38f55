"""One quarantine of one symbol is let pass for one session by a record that says who and why.

It is taken into the session's own observations when its morning is recorded, so that a replay needs nothing else.
The book's lock is held for it: a morning that is being judged is not changed under the judge.
"""

from datetime import UTC, date, datetime

from flows.day import Day, open_day
from flows.house import House
from flows.settings import book_of
from flows.stages import premarket
from flows.stages.looking import ACKNOWLEDGEMENTS, acknowledged
from ledger import layout
from ledger.canonical import line_bytes, plain
from ledger.lock import BookLock
from schemas.errors import Denied, UsageFault
from schemas.observations import Acknowledgement
from schemas.reasons.edge import EdgeCode
from schemas.reasons.market import BarCode, DayCode


def acknowledge(
    house: House, book_id: str, symbol: str, code: str, on: date, operator: str, reason: str
) -> tuple[str, bool]:
    """Record it. Returns: the path inside the data root, and whether it is new.

    Errors: ``UsageFault`` for a code that no acknowledgement lifts, no session or no words; ``Denied`` for a session
    that was judged, or a symbol that does not carry the code; LOCK_BUSY while a process acts for the book.
    """
    day = open_day(house, book_of(book_id), on)
    lifts = _liftable(code)
    if not operator.strip() or not reason.strip():
        raise UsageFault(
            EdgeCode.USAGE,
            "an acknowledgement is recorded with who looked and why the bars are right",
            safe="nothing was changed",
            next="give --who and --why",
        )
    _check_open(day)
    _check_carried(day, symbol, lifts)
    made = Acknowledgement(
        symbol=symbol,
        code=lifts,
        session_date=day.session,
        operator=operator.strip(),
        reason=reason.strip(),
        at=datetime.now(UTC),
    )
    path = layout.control(book_id, f"{ACKNOWLEDGEMENTS}/{day.session}.{symbol}.{lifts}.json")
    with BookLock(house.root, book_id).acquire(f"avwap data acknowledge {symbol} {code}"):
        _check_open(day)
        if any((each.symbol, each.code) == (symbol, lifts) for each in acknowledged(day)):
            return path, False
        house.disk.write(path, line_bytes(plain(made)))
    return path, True


def _liftable(code: str) -> BarCode:
    if code in tuple(BarCode):
        return BarCode(code)
    why = (
        f"{code} is about the whole day, and only better data lifts it"
        if code in tuple(DayCode)
        else f"{code} is no finding about a symbol; those are {', '.join(BarCode)}"
    )
    raise UsageFault(
        EdgeCode.CODE_NOT_LIFTABLE,
        why,
        safe="nothing was changed",
        next="avwap data check SESSION lists what each symbol carries",
    )


def _check_open(day: Day) -> None:
    """Refuse once the session's bars were judged: its report is written once, and what followed rests on it."""
    sealed = day.house.disk.exists(layout.manifest(day.book_id, day.session))
    if sealed or day.ref(premarket.MARKET) is not None:
        raise Denied(
            EdgeCode.SESSION_ALREADY_JUDGED,
            f"{day.session} of {day.book_id} is sealed"
            if sealed
            else f"{day.path(premarket.MARKET)} is written: the morning of {day.session} was judged",
            safe="nothing was changed",
            next=f"if the finding stands on {day.house.calendar.next(day.session)}, acknowledge it for that session",
        )


def _check_carried(day: Day, symbol: str, code: BarCode) -> None:
    """Refuse what lifts nothing: most likely another symbol, code or session was meant."""
    carried = premarket.judged(day).quarantine.get(symbol, ())
    if code not in carried:
        raise Denied(
            EdgeCode.NOTHING_TO_LIFT,
            f"{symbol} is not quarantined by {code} on the morning of {day.session}; "
            + (f"it is by {', '.join(carried)}" if carried else "it is by nothing"),
            safe="nothing was changed",
            next=f"avwap data check {day.session} lists what each symbol carries",
        )
