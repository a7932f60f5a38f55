"""A million fills become round trips and attribution at a small multiple of reading the lines that they stand in."""

import gc
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from analytics import attribution, snapshot, trades
from analytics.config import SnapshotConfig, TradesConfig
from ledger.artifacts import Context, encode
from ledger.canonical import digest
from ledger.journal import Journal, parse_chain
from ledger.memory import MemoryDisk
from schemas.attribution import Attribution
from schemas.base import SessionDate
from schemas.book import BookState
from schemas.events import OrderFilled
from schemas.journal import ZEROS, JournalRecord
from schemas.snapshot import Snapshot
from schemas.trades import Trades
from tests.analytics import books
from tests.analytics.journal_of import BOOK, bar, fill
from tools.benchmarks.result import Benchmark, Result, median, result, side_by_side
from tools.benchmarks.workspace import Workspace

FILLS: Final = 1_000_000
A_SESSION: Final = 10_000
SYMBOLS: Final = 400
LEGS: Final = (
    ("buy", 60, "100.1200"),
    ("buy", 40, "99.8700"),
    ("sell", 30, "101.3300"),
    ("sell", 70, "100.4500"),
)
"""One round trip of each symbol; a session ends in the middle of some, whose lots the next one takes over."""
FEE: Final = "0.350000"
CLOSE: Final = "100.5000"
AT_MOST: Final = 20.0
GROWTH_MAX: Final = 1.5
"""A fill of the last tenth may cost so much more than one of the first: noise, where a square would give ten."""
POSITIONS: Final = 200
CLOSE_AT_MOST: Final = 3.0
RUNS: Final = 9


@dataclass(slots=True)
class _Plain:
    """The book by plain additions: the other road to cash and shares."""

    cash: Decimal = books.CAPITAL
    held: dict[str, int] = field(default_factory=dict)
    number: Iterator[int] = field(default_factory=itertools.count)

    def session(self, day: SessionDate, fills: int) -> list[OrderFilled]:
        """The next *fills* of the stream, booked here at the same time."""
        made = []
        for i in itertools.islice(self.number, fills):
            side, shares, price = LEGS[i // SYMBOLS % len(LEGS)]
            symbol, trip = f"S{i % SYMBOLS:03d}", i // (SYMBOLS * len(LEGS))
            signed = shares if side == "buy" else -shares
            self.cash -= Decimal(price) * signed + Decimal(FEE)
            self.held[symbol] = self.held.get(symbol, 0) + signed
            made.append(
                fill(
                    day,
                    side,
                    shares,
                    price,
                    fee=FEE,
                    minute=i % A_SESSION * 390 // A_SESSION,
                    symbol=symbol,
                    arrival="100.0000",
                    execution=f"x{i:07d}",
                    position=f"pos_{symbol}_{trip}",
                    intent=f"int_{symbol}_{trip}",
                )
            )
        return made

    def state(self, day: SessionDate) -> BookState:
        """What the fold of the journal would say."""
        held = [books.position(s, shares, "100.000000") for s, shares in sorted(self.held.items()) if shares]
        return books.book_state(day, self.cash, held)


@dataclass(slots=True)
class _Sums:
    """Seconds of each session, by program, and a digest of what ours made."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    seen: str = ""


def _journal(fills: Sequence[OrderFilled]) -> bytes:
    disk = MemoryDisk()
    journal = Journal.open(disk, "journal.jsonl", genesis=ZEROS)
    journal.append([("order.filled", each.executed_at, "0935", each) for each in fills])
    return disk.read("journal.jsonl")


def _close(
    day: SessionDate,
    records: Sequence[JournalRecord],
    state: BookState,
    before: tuple[Trades | None, Snapshot],
) -> tuple[Trades, Snapshot, Attribution]:
    """What a close makes of a session's records: trades, snapshot, attribution."""
    marks = {f"S{n:03d}": bar(day, CLOSE, CLOSE, CLOSE, CLOSE, symbol=f"S{n:03d}") for n in range(SYMBOLS)}
    booked = trades.run(
        trades.TradesInputs(book_id=BOOK, session_date=day, records=records, previous=before[0], bars=marks),
        TradesConfig(),
    )
    after = snapshot.run(
        snapshot.SnapshotInputs(
            session_date=day, previous=before[1], state=state, trades=booked, records=records, marks=marks
        ),
        SnapshotConfig(),
    )
    inputs = attribution.AttributionInputs(snapshot=after, previous=before[1], trades=booked)
    return booked, after, attribution.run(inputs, attribution.AttributionConfig())


def run(_: Workspace, fills: int = FILLS, a_session: int = A_SESSION) -> Result:
    """``analytics`` of every session beside ``ledger.journal.parse_chain`` of its journal, by the processor's clock."""
    plain, sums = _Plain(), _Sums()
    before: tuple[Trades | None, Snapshot] = (None, books.genesis())
    gc.disable()
    try:
        for number in range(fills // a_session):
            day = SessionDate(date(2020, 1, 1) + timedelta(days=number))
            data = _journal(plain.session(day, a_session))
            began = time.process_time()
            records = parse_chain(data, "journal.jsonl").records
            read = time.process_time()
            booked, after, told = _close(day, records, plain.state(day), before)
            sums.ours.append(time.process_time() - read)
            sums.theirs.append(read - began)
            assert (a_session, ()) == (len(booked.fills), booked.findings), "every fill is booked once"
            assert after.complete, "equity by both roads is one number"
            assert told.residual == 0, "the rows add up to the change of equity"
            sums.seen = digest(f"{sums.seen}{after.equity}{told.total.net}{len(booked.closed)}".encode())
            before = (booked, after)
            gc.collect()
    finally:
        gc.enable()
    tenth = max(1, len(sums.ours) // 10)
    growth = sum(sums.ours[-tenth:]) / sum(sums.ours[:tenth])
    assert growth <= GROWTH_MAX, f"a fill of the last tenth costs {growth:.2f} times one of the first"
    ours, theirs = sum(sums.ours), sum(sums.theirs)
    figures = {"us_per_fill": ours / fills * 1e6, "growth": growth}
    return result(
        "fills", ours=[ours], ratio=ours / theirs, checksum=sums.seen, at_most=AT_MOST, figures=figures
    )


def run_close(_: Workspace, positions: int = POSITIONS) -> Result:
    """Snapshot and attribution of a close beside the canonical bytes of both."""
    days = [SessionDate(date(2020, 1, 1) + timedelta(days=number)) for number in (0, 1)]
    symbols = [f"S{number:03d}" for number in range(positions)]
    plain = _Plain()
    bought = [fill(days[0], "buy", 10, "50.1200", symbol=each, execution=f"b{each}") for each in symbols]
    plain.held = dict.fromkeys(symbols, 10)
    plain.cash -= positions * Decimal("501.20")
    held = [books.position(each, 10, "50.120000") for each in symbols]
    state = books.book_state(days[0], plain.cash, held)
    first = _close(days[0], parse_chain(_journal(bought), "").records, state, (None, books.genesis()))
    state = books.book_state(days[1], plain.cash, held)
    marks = {each: bar(days[1], *4 * ("51.2500",), symbol=each) for each in symbols}
    booked = trades.run(
        trades.TradesInputs(book_id=BOOK, session_date=days[1], records=(), previous=first[0], bars=marks),
        TradesConfig(),
    )

    def stages() -> tuple[Snapshot, Attribution]:
        after = snapshot.run(
            snapshot.SnapshotInputs(
                session_date=days[1], previous=first[1], state=state, trades=booked, records=(), marks=marks
            ),
            SnapshotConfig(),
        )
        inputs = attribution.AttributionInputs(snapshot=after, previous=first[1], trades=booked)
        return after, attribution.run(inputs, attribution.AttributionConfig())

    made = stages()
    assert (positions, positions) == (len(made[0].positions), len(made[1].rows)), "none is left out"
    assert (True, 0) == (made[0].complete, made[1].residual), made[0].findings
    ctx = Context(book_id=BOOK, session_date=days[1], config_sha256="0" * 64)

    def spelled() -> list[bytes]:
        return [encode(each, ctx, ()) for each in made]

    ours, theirs = side_by_side(stages, spelled, RUNS)
    data = b"".join(spelled())
    return result(
        "close",
        ours=ours,
        ratio=median(ours) / median(theirs),
        checksum=digest(data),
        at_most=CLOSE_AT_MOST,
        figures={"bytes": float(len(data))},
    )


def _told(found: Result) -> str:
    return f"{found.figures['us_per_fill']:,.0f} us a fill; growth {found.figures['growth']:.2f}"


MILLION: Final = Benchmark(
    name="fills",
    what="""\
1,000,000 fills of 400 symbols in 100 sessions, every trip of two buys and two sales, some over a close: trades,
snapshot and attribution of each session. Theirs: `ledger.journal.parse_chain` of the journals that hold the fills,
which is how their bytes are read: parsed, judged, and followed along the chain. Once, by the processor's clock. Equity
by both roads agrees in every session, and attribution leaves nothing over. Ratio: ours over theirs; growth: what a fill
of the last ten sessions costs over one of the first ten.""",
    run=run,
    tell=_told,
)
CLOSE_200: Final = Benchmark(
    name="close",
    what="""\
Snapshot and attribution of a close with 200 positions, by turns with the canonical bytes of both artifacts
(`ledger.artifacts.encode`). Ratio: our median over theirs.""",
    run=run_close,
)
