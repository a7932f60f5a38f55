"""A range of a book becomes a tear sheet in one pass: each session's files are read once, and one page is written.

It lies in ``<book>/reports/``, outside every seal: a view, that can be made again on any day.
"""

from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise

from analytics import report, tear_sheet
from analytics.report import Page
from analytics.tear_sheet import SheetFacts, Trade
from flows.day import Day
from flows.house import House
from flows.settings import book_of, opens
from ledger import layout
from ledger.artifacts import Written
from ledger.canonical import digest
from ledger.seal import sessions_of
from schemas.base import SessionDate
from schemas.errors import AvwapError, UsageFault
from schemas.reasons.edge import EdgeCode
from schemas.regime import Regime
from schemas.snapshot import Snapshot
from schemas.trades import Trades

Step = Callable[[int, str], None]
BENCHMARK_SESSIONS = 2
"""Fewer bars make no return."""


def silent(done: int, what: str) -> None:
    """Show no progress."""
    del done, what


def sessions(house: House, book_id: str, first: date | None, last: date | None) -> tuple[SessionDate, ...]:
    """The sessions of *book_id* in the range that were closed; the whole book by default.

    Errors: ``UsageFault`` BOOK_UNKNOWN; USAGE where it ends before it begins; SESSION_NOT_OPEN where it is empty.
    """
    book_of(book_id)
    if first is not None and last is not None and last < first:
        raise UsageFault(
            EdgeCode.USAGE,
            f"the range ends on {last}, before it begins on {first}",
            safe="nothing was changed",
            next="give --from the earlier of the two",
        )
    every = sessions_of(house.disk, book_id) if house.root.joinpath(book_id).is_dir() else ()
    found = tuple(
        each for each in every if (first is None or first <= each) and (last is None or each <= last)
    )
    if not found:
        raise UsageFault(
            EdgeCode.SESSION_NOT_OPEN,
            f"{book_id} has no session from {first or 'its first'} to {last or 'its last'} below {house.root}",
            safe="nothing was changed",
            next="name another --home"
            if first is None
            else f"{opens(book_id, first)}, or name another --home",
        )
    return found


def sheet(house: House, book_id: str, chosen: Sequence[SessionDate], step: Step = silent) -> Page:
    """The tear sheet of the sessions *chosen*, oldest first.

    Errors: ``UsageFault`` SESSION_NOT_OPEN where none of them has a snapshot that reads.
    """
    history: list[Snapshot] = []
    trades: list[Trade] = []
    missing: list[date] = []
    labels: dict[date, str] = {}
    for n, session in enumerate(chosen, start=1):
        day = Day(house=house, book_id=book_id, session=session, previous=house.calendar.previous(session))
        shot, made = day.seen("snapshot.json", Snapshot), day.seen("trades.json", Trades)
        regime = day.seen("regime.json", Regime)
        if shot is None:
            missing.append(session)
        else:
            history.append(shot)
        if made is not None:
            trades += [Trade(session=session, place=at, trip=trip) for at, trip in enumerate(made.closed)]
        if regime is not None and regime.label is not None:
            labels[session] = regime.label.value
        step(n, session.isoformat())
    if not history:
        raise UsageFault(
            EdgeCode.SESSION_NOT_OPEN,
            f"no session of {book_id} from {chosen[0]} to {chosen[-1]} has a snapshot that reads",
            safe="nothing was changed",
            next=f"avwap verify --book {book_id} --from {chosen[0]} --to {chosen[-1]} names what is wrong",
        )
    return tear_sheet.page_of(
        SheetFacts(
            book_id=book_id,
            first=chosen[0],
            last=chosen[-1],
            history=history,
            trades=trades,
            missing=missing,
            benchmark_name=house.settings.benchmark,
            benchmark=benchmark(house, chosen[-1]),
            labels=labels,
        )
    )


def benchmark(house: House, last: SessionDate) -> dict[date, float] | None:
    """Returns of the benchmark by session, as the store knew its bars on the evening of *last*; None: no bars."""
    from strategies.lines import bars_of

    try:
        panel = house.panel(house.calendar.next(last))
    except AvwapError:
        return None
    bars = [bar for bar in bars_of(panel, house.settings.benchmark) if bar.is_whole]
    if len(bars) < BENCHMARK_SESSIONS:
        return None
    return {panel.sessions[bar.session]: bar.close / before.close - 1.0 for before, bar in pairwise(bars)}


def write(house: House, book_id: str, page: Page, first: date, last: date) -> Written:
    """Write the sheet over an earlier rendering."""
    path, data = layout.sheet(book_id, first, last), report.render_page(page).encode()
    house.disk.write(path, data)
    return Written(path=path, sha256=digest(data), status="written")
