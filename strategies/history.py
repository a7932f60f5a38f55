"""Every day of every symbol in one pass of the daily scan's own kernel, bit for bit what each day would measure.

A symbol whose bars and facts were each told once and on time has, up to D, the same bars on every later day,
but for a split: that puts older bars on another basis. So its sessions fall into stretches between ex-dates,
and each is one run of the kernel, over the bars from the stretch's first P0 on: O(bars + 520 * splits). The
few symbols whose past was told anew, or whose name changed hands, are measured day by day from the panel of
each day, which is right and slower.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from queue import SimpleQueue
from typing import Any, Final, NamedTuple

import numpy as np

from market.actions import ADJUSTING, factors
from market.calendar import EPOCH, Calendar
from market.panel import first_session, load_panel, put_on_basis
from market.rows import FIELDS
from market.sidecar import SYMBOL_SHIFT, Sidecar
from market.store import BarStore
from schemas.market import ActionKind, CorporateAction, EarningsTime
from strategies import layout
from strategies.config import ScanConfig
from strategies.kernel import scan_rows
from strategies.layout import Bars, Dividends, Events, Ints, Working
from strategies.measures import (
    empty_rows,
    events_of,
    measure,
    of_symbols,
    owned_columns,
    parameters,
    read_only,
    sessions_table,
    working,
)
from strategies.retold import groups, only, retold_symbols

BLOCK_ROWS: Final = 7_001
"""Rows of one block: 6.4 MB of measures. Measured on two idle cores: smaller blocks change hands too often, larger ones
leave the cache. Odd: equal distances between columns would fall on equal places of that cache."""
THREADS: Final = 2
_E4: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Measures of some symbols: ``symbols[k]`` owns rows ``at[k]:at[k + 1]``, one for each bar, oldest first.

    features (rows, FEATURES), anchors (rows, ANCHORS, ANCHOR_COLUMNS): as ``measures.measure`` says them for
    D, the session after the row's own; sessions in them are numbers of the calendar. Both are views of
    buffers that the next block overwrites.
    """

    symbols: tuple[str, ...]
    at: Ints
    features: Ints
    anchors: Ints


def history(
    held: Sidecar,
    calendar: Calendar,
    config: ScanConfig,
    first: date,
    last: date,
    *,
    block_rows: int = BLOCK_ROWS,
) -> Iterator[Block]:
    """Measures of every symbol at every session P from *first* to *last* on which it has a bar.

    No byte of a row depends on *block_rows*, on threads, or on the range asked for. Symbols come in no order.
    Errors: ``UsageFault(CALENDAR_OUT_OF_RANGE)`` if a panel would begin before the calendar;
    AssertionError if *first* or *last* is no session.
    """
    lowest, highest = calendar.index(first), calendar.index(last)
    assert lowest is not None, "the history begins at a session"
    assert highest is not None, "the history ends at a session"
    yield from _Pass(held, calendar, config, lowest, highest).blocks(block_rows)


def with_calendar_sessions(features: Ints, anchors: Ints, offset: int) -> tuple[Ints, Ints]:
    """Copies in which sessions counted from a panel's P0, the session *offset*, are numbers of the calendar."""
    features, anchors = features.copy(), anchors.copy()
    for column in (
        features[:, layout.SESSION],
        features[:, layout.FRACTAL_LOW],
        anchors[:, :, layout.A_SESSION],
    ):
        column[column >= 0] += offset
    return features, anchors


class _Room(NamedTuple):
    """Where one block is made."""

    features: Ints
    anchors: Ints
    working: Working


class _Lane(NamedTuple):
    """Between a thread and who looks at its blocks: rooms to be written over, and blocks made. ``None``: no more."""

    free: SimpleQueue[_Room | None]
    made: SimpleQueue[tuple[Block, _Room] | None]


_Run = Callable[[Ints, Ints, _Room], None]
_Job = tuple[_Run, Ints, Ints]


class _Pass:
    """One call of ``history``: what all blocks share. Positions are those in ``Sidecar.symbols``."""

    def __init__(
        self, held: Sidecar, calendar: Calendar, config: ScanConfig, lowest: int, highest: int
    ) -> None:
        self.held, self.calendar, self.config = held, calendar, config
        self.lowest, self.highest = lowest, highest
        self.store = BarStore(held.folder.parents[2])
        days = [date.fromordinal(day + EPOCH) for day in calendar.days]
        panel_from = np.zeros(len(days), np.int64)
        for p in range(lowest, highest + 1):
            panel_from[p] = first_session(calendar, p)
        self.sessions = sessions_table(days, panel_from)
        self.parameters = parameters(config)
        base = np.arange(len(held.symbols), dtype=np.int64) << SYMBOL_SHIFT
        self.lo = np.searchsorted(held.key, base | panel_from[lowest]).astype(np.int64)
        self.emit = np.searchsorted(held.key, base | lowest).astype(np.int64)
        self.hi = np.searchsorted(held.key, base | highest, "right").astype(np.int64)
        self.bars = Bars(read_only(held.session), *(read_only(getattr(held, name)) for name in FIELDS))
        self.actions: dict[str, list[CorporateAction]] = {}
        for _, _, action in held.actions:
            self.actions.setdefault(action.symbol, []).append(action)
        self.events = _events(held, calendar)
        self.dividends = self._dividends()
        self.longest = int((self.hi - self.lo).max(initial=0))

    def blocks(self, block_rows: int) -> Iterator[Block]:
        retold = retold_symbols(self.held, self.calendar)
        split = {name for name, own in self.actions.items() if any(_adjusts(action) for action in own)}
        ways: dict[str, list[int]] = {"straight": [], "split": [], "daily": []}
        for k in np.flatnonzero(self.hi > self.emit).tolist():
            name = self.held.symbols[k]
            ways["daily" if name in retold else "split" if name in split else "straight"].append(k)
        jobs: list[_Job] = [
            (run, places, at)
            for way, run in (("straight", self._straight), ("split", self._split))
            for places, at in _batches(ways[way], self.hi - self.emit, block_rows)
        ]
        yield from self._in_threads(jobs, block_rows)
        for names in groups(self.held, sorted(retold), block_rows):
            yield from self._daily(names)

    def _in_threads(self, jobs: list[_Job], block_rows: int) -> Iterator[Block]:
        """The blocks of *jobs* in their order: each thread makes every THREADS-th, in a room of its own.

        It has its room back once the next block is asked for. One that waits costs nothing while others compute.
        """
        capacity = max(block_rows, int((self.hi - self.emit).max(initial=0)))
        lanes = [_Lane(SimpleQueue(), SimpleQueue()) for _ in range(THREADS)]

        def work(k: int) -> None:
            try:
                for run, places, at in jobs[k::THREADS]:
                    room = lanes[k].free.get()
                    if room is None:
                        return
                    lanes[k].made.put((self._block(run, places, at, room), room))
            finally:
                lanes[k].made.put(None)

        with ThreadPoolExecutor(THREADS) as pool:
            threads = [pool.submit(work, k) for k in range(THREADS)]
            try:
                for lane in lanes:
                    lane.free.put(_Room(*empty_rows(capacity), working(self.longest)))
                for k in range(len(jobs)):
                    made = lanes[k % THREADS].made.get()
                    if made is None:
                        threads[k % THREADS].result()
                        raise AssertionError("a thread ends early by an error alone")
                    block, room = made
                    yield block
                    lanes[k % THREADS].free.put(room)
            finally:
                for lane in lanes:
                    lane.free.put(None)

    def _block(self, run: _Run, places: Ints, at: Ints, room: _Room) -> Block:
        run(places, at, room)
        return Block(
            symbols=tuple(self.held.symbols[k] for k in places.tolist()),
            at=at,
            features=room.features[:, : at[-1]].T,
            anchors=room.anchors[:, :, : at[-1]].transpose(2, 0, 1),
        )

    def _straight(self, places: Ints, at: Ints, room: _Room) -> None:
        beside = (of_symbols(self.dividends, places), of_symbols(self.events, places))
        bars = (self.lo[places], self.hi[places], self.bars, self.sessions)
        emit, out = self.emit[places], int(at[0])
        scan_rows(*bars, *beside, emit, out, self.parameters, room.features, room.anchors, room.working)

    def _split(self, places: Ints, at: Ints, room: _Room) -> None:
        for k, row in zip(places.tolist(), at.tolist()[:-1], strict=True):
            self._stretches(k, row, room)

    def _stretches(self, k: int, row: int, room: _Room) -> None:
        """Run the kernel once for each stretch of sessions whose D see the symbol's bars on one basis."""
        actions = self.actions[self.held.symbols[k]]
        edges = {self._session_from(action.ex_date) for action in actions if _adjusts(action)}
        inside = sorted(edge for edge in edges if self.lowest + 1 < edge <= self.highest + 1)
        session = self.bars.session
        for begin, end in zip([self.lowest + 1, *inside], [*inside, self.highest + 2], strict=True):
            oldest = self.sessions.panel_from[begin - 1]
            # D from begin to end - 1, so P from begin - 1 to end - 2.
            rows = slice(self.lo[k], self.hi[k])
            lo, emit, hi = self.lo[k] + np.searchsorted(session[rows], [oldest, begin - 1, end - 1])
            if emit == hi:
                continue
            ratios = factors(actions, self.calendar.at(begin)).get(self.held.symbols[k], ())
            scan_rows(
                np.array([0]),
                np.array([hi - lo]),
                self._on_basis(slice(lo, hi), ratios),
                self.sessions,
                self._dividends_of(actions, ratios),
                of_symbols(self.events, slice(k, k + 1)),
                np.array([emit - lo]),
                row,
                self.parameters,
                room.features,
                room.anchors,
                room.working,
            )
            row += int(hi - emit)

    def _on_basis(self, rows: slice, ratios: Sequence[tuple[date, Fraction]]) -> Bars:
        session = self.bars.session[rows]
        flat: dict[str, Any] = {name: np.array(getattr(self.held, name)[rows]) for name in FIELDS}
        start = 0
        for step, (ex_date, _) in enumerate(ratios):
            stop = int(np.searchsorted(session, self._session_from(ex_date)))
            factor = Fraction(1)
            for _, ratio in ratios[step:]:
                factor *= ratio
            put_on_basis(flat, slice(start, stop), factor)
            start = max(start, stop)
        return Bars(read_only(session), *(read_only(flat[name]) for name in FIELDS))

    def _session_from(self, day: date) -> int:
        """The number of the first session on or after *day*."""
        return bisect_left(self.calendar.days, day.toordinal() - EPOCH)

    def _dividends(self) -> Dividends:
        found = []
        for name, own in self.actions.items():
            k = bisect_left(self.held.symbols, name)
            if k < len(self.held.symbols) and self.held.symbols[k] == name:
                found += [(k, *paid) for paid in self._paid(own, ())]
        return Dividends(*owned_columns(found, len(self.held.symbols), 2))

    def _dividends_of(
        self, actions: list[CorporateAction], ratios: Sequence[tuple[date, Fraction]]
    ) -> Dividends:
        return Dividends(*owned_columns([(0, *paid) for paid in self._paid(actions, ratios)], 1, 2))

    def _paid(
        self, actions: list[CorporateAction], ratios: Sequence[tuple[date, Fraction]]
    ) -> Iterator[tuple[int, int]]:
        """(session, cash e4) of the cash dividends, on the basis after *ratios*."""
        for action in actions:
            on = self.calendar.index(action.ex_date)
            if action.kind is ActionKind.CASH_DIVIDEND and action.cash_usd is not None and on is not None:
                cash = Fraction(action.cash_usd) * _E4
                for ex_date, ratio in ratios:
                    cash = cash / ratio if ex_date > action.ex_date else cash
                yield on, round(cash)

    def _daily(self, names: Sequence[str]) -> Iterator[Block]:
        """Blocks of *names* and whom they hand their bars to, from each day's own panel."""
        alone = only(self.held, names)
        found: dict[str, list[tuple[Ints, Ints]]] = {}
        for p in range(self.lowest, self.highest + 1):
            panel = load_panel(self.store, self.calendar, self.calendar.at(p + 1), sidecar=alone)
            measures = measure(panel, self.config)
            offset = int(self.sessions.panel_from[p])
            features, anchors = with_calendar_sessions(measures.features, measures.anchors, offset)
            for name, row in zip(panel.symbols, measures.at.tolist(), strict=True):
                if row >= 0:
                    found.setdefault(name, []).append((features[row], anchors[row]))
        for name, rows in found.items():
            yield Block(
                symbols=(name,),
                at=np.array([0, len(rows)]),
                features=np.array([each[0] for each in rows]),
                anchors=np.array([each[1] for each in rows]),
            )


def _adjusts(action: CorporateAction) -> bool:
    return bool(action.kind in ADJUSTING and action.ratio_num and action.ratio_den)


def _batches(places: list[int], rows: Ints, most: int) -> Iterator[tuple[Ints, Ints]]:
    """*places* in runs of at most *most* rows together, at least one place each, with where each one's rows begin."""
    every = np.array(places, np.int64)
    ends = np.concatenate(([0], np.cumsum(rows[every]))).astype(np.int64)
    begin = 0
    while begin < len(every):
        end = max(begin + 1, int(np.searchsorted(ends, ends[begin] + most, "right")) - 1)
        yield every[begin:end], ends[begin : end + 1] - ends[begin]
        begin = end


def _events(held: Sidecar, calendar: Calendar) -> Events:
    """Every report of earnings; a row counts it from the P on whose D knows it."""
    found: list[tuple[int, ...]] = []
    for arrival, _, event in held.earnings:
        k = bisect_left(held.symbols, event.symbol)
        on = bisect_right(calendar.days, event.date.toordinal() - EPOCH) - 1
        if k == len(held.symbols) or held.symbols[k] != event.symbol or on < 0:
            continue
        is_before = event.at is EarningsTime.BEFORE_OPEN and calendar.at(on) == event.date
        reacts = on if is_before else on + 1
        found.append((k, max(reacts, arrival - 1), on, reacts))
    return events_of(found, len(held.symbols))
