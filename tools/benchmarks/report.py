"""The page of a year costs what reading the year's files costs, and twice the sessions twice as much."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

from analytics.report import render_page
from analytics.tear_sheet import SheetFacts, Trade, page_of
from ledger.canonical import artifact_bytes, digest, parse, plain
from schemas.base import SessionDate
from schemas.snapshot import Snapshot
from schemas.trades import Trades
from tests.analytics.test_report import closes
from tools.benchmarks.result import Benchmark, Result, median, result, side_by_side, timed
from tools.benchmarks.workspace import Workspace

YEAR: Final = 252
HELD: Final = 20
CLOSED: Final = 3
AT_MOST: Final = 1.0
GROWTH_MAX: Final = 2.0
"""A session of two years may cost so much more than one of half a year: noise, where a square would give four."""
RUNS: Final = 7


def _files(sessions: int) -> list[tuple[bytes, bytes]]:
    """The snapshot and the trades of each session, as the ledger holds them: 20 positions, 3 trades closed."""
    monday, tuesday = closes()
    position, trip = monday.snapshot.positions[0], tuesday.trades.closed[0]
    made = []
    for n in range(sessions):
        day = SessionDate(date(2015, 1, 1) + timedelta(days=n))
        change = Decimal((n * 37 % 101) - 49).scaleb(-4)  # to and fro, with a drift
        held = tuple(position.model_copy(update={"symbol": f"S{k:02d}"}) for k in range(HELD))
        shot = tuesday.snapshot.model_copy(
            update={
                "closed_session": day,
                "session_return": change.quantize(Decimal("1e-9")),
                "positions": held,
            }
        )
        trades = tuesday.trades.model_copy(update={"closed": (trip,) * CLOSED})
        made.append((artifact_bytes(plain(shot)), artifact_bytes(plain(trades))))
    return made


def _read(files: Sequence[tuple[bytes, bytes]]) -> list[tuple[Snapshot, Trades]]:
    return [
        (Snapshot.model_validate(parse(shot)), Trades.model_validate(parse(trades))) for shot, trades in files
    ]


def _rendered(read: Sequence[tuple[Snapshot, Trades]]) -> bytes:
    days = [shot.closed_session for shot, _ in read]
    trades = [
        Trade(session=day, place=at, trip=trip)
        for day, (_, made) in zip(days, read, strict=True)
        for at, trip in enumerate(made.closed)
    ]
    facts = SheetFacts(
        book_id="SIM", first=days[0], last=days[-1], history=[shot for shot, _ in read], trades=trades
    )
    return render_page(page_of(facts)).encode()


def run(workspace: Workspace) -> Result:
    """The page of a year beside reading its files; and what a session costs in two years over half a one."""
    del workspace
    files = _files(2 * YEAR)
    year = _read(files[:YEAR])
    page = _rendered(year)
    assert page == _rendered(year), "the same year gives the same bytes"
    assert page.count(b"<tr>") >= YEAR * (1 + CLOSED), "a session or a trade is not on the page"
    ours, theirs = side_by_side(partial(_rendered, year), partial(_read, files[:YEAR]), RUNS)
    long, short = (
        timed(partial(_rendered, _read(files)), RUNS),
        timed(partial(_rendered, year[: YEAR // 2]), RUNS),
    )
    growth = min(long) / min(short) / 4
    assert growth < GROWTH_MAX, f"the page is not linear in its sessions: {growth:.2f}"
    return result(
        "report-year",
        ours=ours,
        ratio=median(ours) / median(theirs),
        checksum=digest(page),
        at_most=AT_MOST,
        figures={"growth": growth, "bytes": float(len(page))},
    )


YEAR_PAGE: Final = Benchmark(
    name="report-year",
    what="""\
The tear sheet of 252 sessions with 20 positions and 3 closed trades each: measures, months, falls, charts and tables,
to the bytes of the page. Theirs: parsing and validating the snapshots and trades that it is made of. Ratio: our median
over theirs; growth: what a session costs in 504 sessions over one in 126.""",
    run=run,
    tell=lambda found: f"growth {found.figures['growth']:.2f}",
)
