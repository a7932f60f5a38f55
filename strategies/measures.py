"""A panel becomes integer rows of features and anchors: one row per symbol that has a bar at P.

The bridge between ``market.panel`` and the compiled kernel; whatever the kernel needs of calendar,
dividends and thresholds is laid out here as integers.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

import numpy as np

from market.actions import factors
from market.calendar import EPOCH
from market.panel import Panel
from schemas.market import ActionKind, EarningsTime
from schemas.strategy_registry import EntryModel
from strategies import layout
from strategies.config import ScanConfig
from strategies.kernel import scan_rows
from strategies.layout import Bars, Dividends, Events, Ints, Sessions, Wilder, Working

PARTS: Final = 8
"""Shares of a large panel's symbols, taken by whoever is free. No symbol knows another, so no byte depends on it."""
_Owned = TypeVar("_Owned", Dividends, Events)
SYMBOLS_SHARED_FROM: Final = 512
"""Below that, starting threads costs more than they save."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What the kernel said. ``at[k]`` is the row of ``panel.symbols[k]``, or -1: no bar at P.

    features: (rows, FEATURES); anchors: (rows, ANCHORS, ANCHOR_COLUMNS); columns as in ``strategies.layout``.
    """

    at: Ints
    features: Ints
    anchors: Ints


def measure(panel: Panel, config: ScanConfig) -> Measures:
    """Features, anchors and levels at P of every symbol that has a bar there."""
    last = len(panel.sessions) - 1
    is_live = panel.session[panel.hi - 1] == last
    at = np.where(is_live, np.cumsum(is_live) - 1, -1).astype(np.int64)
    emit_from = np.where(is_live, panel.hi - 1, panel.hi).astype(np.int64)
    rows = int(is_live.sum())
    features, anchors = empty_rows(rows)
    columns = (panel.session, panel.open, panel.high, panel.low, panel.close, panel.volume)
    lo, hi = panel.lo.astype(np.int64), panel.hi.astype(np.int64)
    bars = Bars(*(read_only(column) for column in columns))
    calendar = sessions_table(panel.sessions, np.zeros(last + 1, np.int64))
    paid, told = dividends_table(panel), events_table(panel)
    thresholds = parameters(config)

    longest = int((hi - lo).max(initial=0))

    def share(begin: int, end: int) -> None:
        own = slice(begin, end)
        scan_rows(
            lo[own],
            hi[own],
            bars,
            calendar,
            of_symbols(paid, own),
            of_symbols(told, own),
            emit_from[own],
            int(is_live[:begin].sum()),
            thresholds,
            features,
            anchors,
            working(longest),
        )

    in_parts(len(lo), share)
    return Measures(at=at, features=features.T, anchors=anchors.transpose(2, 0, 1))


def in_parts(symbols: int, share: Callable[[int, int], None]) -> None:
    """Call *share* on ranges that cover all symbols once, by two threads if there are many: the kernel holds no lock.

    The caller is one of the two. Were both new, a system would start them on one core and leave the other idle for
    as long as the whole scan takes.
    """
    if symbols < SYMBOLS_SHARED_FROM:
        share(0, symbols)
        return
    bounds = [symbols * part // PARTS for part in range(PARTS + 1)]
    waiting = SimpleQueue[int]()
    for part in range(PARTS):
        waiting.put(part)

    def work() -> None:
        with suppress(Empty):
            while True:
                part = waiting.get_nowait()
                share(bounds[part], bounds[part + 1])

    with ThreadPoolExecutor(1) as pool:
        helper = pool.submit(work)
        work()
        helper.result()


def empty_rows(rows: int) -> tuple[Ints, Ints]:
    """Features and anchors of *rows* rows as the kernel fills them, column by column."""
    features = np.empty((layout.FEATURES, rows), np.int64)
    return features, np.empty((layout.ANCHORS, layout.ANCHOR_COLUMNS, rows), np.int64)


def working(longest: int) -> Working:
    """Room for one thread, for symbols of up to *longest* rows."""
    return Working(
        np.zeros((layout.WORKING, longest + 1), np.int64),
        np.zeros((layout.GATHERED, layout.CHUNK), np.int64),
        np.zeros((layout.FEATURES, layout.CHUNK), np.int64),
        np.zeros((layout.ANCHORS, layout.ANCHOR_COLUMNS, layout.CHUNK), np.int64),
        window(np.int64),
        window(np.int32),
        np.zeros(longest + 1, np.int32),
        Wilder(
            np.zeros((layout.TILE + 1, layout.LANES), np.int64),
            np.zeros((layout.TILE + 1, layout.LANES), np.int64),
            np.zeros((layout.TILE, layout.LANES)),
            np.zeros((3, layout.LANES)),
            np.zeros((5, layout.LANES), np.int64),
        ),
    )


def window(kind: type[np.signedinteger[Any]]) -> Any:
    """Room for an ordered window, between the least number and the greatest."""
    room = np.full((2, layout.ORDERED), np.iinfo(kind).max, kind)
    room[:, 0] = np.iinfo(kind).min
    return room


def sessions_table(sessions: Sequence[date], panel_from: Ints) -> Sessions:
    """Calendar columns of *sessions* (consecutive, oldest first); ``panel_from[j]``: index of P0 when j is P.

    Of the first session it is not known whether it opens its year or month: it does not count as such.
    """
    days = np.array([day.toordinal() - EPOCH for day in sessions], np.int64).astype("datetime64[D]")
    year, month = (days.astype(f"datetime64[{unit}]").astype(np.int64) for unit in "YM")
    # 1 January 1970 was a Thursday: ISO weeks begin with the Monday before it.
    week = (days.astype(np.int64) + 3) // 7
    opens = [np.concatenate(([False], key[1:] != key[:-1])) for key in (year, month)]
    year_from, month_from = (np.searchsorted(key, key).astype(np.int64) for key in (year, month))
    return Sessions(year_from, month_from, week, opens[0], opens[1], panel_from)


def dividends_table(panel: Panel) -> Dividends:
    """Cash dividends up to P on the basis of D, e4, in the layout of the kernel."""
    index: dict[date, int] = {day: position for position, day in enumerate(panel.sessions)}
    ratios = factors(panel.actions, panel.session_date)
    found: list[tuple[int, ...]] = []
    for action in panel.actions:
        symbol = panel.position(action.symbol)
        session = index.get(action.ex_date)
        if action.kind is not ActionKind.CASH_DIVIDEND or symbol is None or session is None:
            continue
        if action.cash_usd is not None:
            cash = Decimal(action.cash_usd) * 10_000
            for ex_date, ratio in ratios.get(action.symbol, ()):
                if ex_date > action.ex_date:
                    cash = cash * ratio.denominator / ratio.numerator
            found.append((symbol, session, int(cash.to_integral_value(rounding="ROUND_HALF_EVEN"))))
    return Dividends(*owned_columns(found, len(panel.symbols), 2))


def events_table(panel: Panel) -> Events:
    """Reports of earnings from P0 on, as far as the panel knows them, in the layout of the kernel."""
    found: list[tuple[int, ...]] = []
    for event in panel.earnings:
        symbol = panel.position(event.symbol)
        on = bisect_right(panel.sessions, event.date) - 1
        if symbol is None or on < 0:
            continue
        is_before = event.at is EarningsTime.BEFORE_OPEN and panel.sessions[on] == event.date
        reacts = on if is_before else on + 1
        found.append((symbol, reacts, on, reacts))
    return events_of(found, len(panel.symbols))


def events_of(found: Sequence[tuple[int, ...]], symbols: int) -> Events:
    """The table of (symbol, seen, on, reacts), in any order."""
    lo, hi, seen, on, reacts = owned_columns(found, symbols, 3)
    return Events(lo, hi, on, reacts, seen)


def owned_columns(found: Sequence[tuple[int, ...]], symbols: int, columns: int) -> list[Ints]:
    """Rows (symbol, values …), in any order, as lo and hi of each symbol and the columns of the values."""
    found = sorted(found)
    owner = np.array([row[0] for row in found], np.int64)
    everyone = np.arange(symbols)
    return [
        np.searchsorted(owner, everyone, "left").astype(np.int64),
        np.searchsorted(owner, everyone, "right").astype(np.int64),
        *(np.array([row[k] for row in found], np.int64) for k in range(1, columns + 1)),
    ]


def parameters(config: ScanConfig) -> Ints:
    """The thresholds that the kernel applies, as ppm in the order of ``strategies.layout``."""
    p = np.zeros(layout.PARAMETERS, np.int64)
    for column, fraction in (
        (layout.P_GAP, config.gap_min),
        (layout.P_SLOPE, config.avwap_slope_min),
        (layout.P_DISTANCE, config.distance_max),
        (layout.P_BAND, config.confluence_band),
        (layout.P_STOP, config.stop_distance_min),
        (layout.P_RISK, config.unit_risk_pct_max),
        (layout.P_R1, config.r1_multiple),
        (layout.P_R2, config.r2_multiple),
        (layout.P_DRIFT, config.entry_drift_max),
    ):
        p[column] = ppm(fraction)
    p[layout.P_AT_LEVEL] = config.entry_model is EntryModel.LIMIT_AT_LEVEL
    return p


def ppm(fraction: Decimal) -> int:
    """A fraction of scale 6 as whole millionths."""
    millionths = fraction * layout.PPM
    assert millionths == int(millionths), "a fraction has scale 6"
    return int(millionths)


def of_symbols(table: _Owned, own: Any) -> _Owned:
    """The rows of *table* for the symbols that *own* picks."""
    return table._replace(lo=table.lo[own], hi=table.hi[own])


def read_only(column: Any) -> Any:
    """*column* as the kernel takes it."""
    # One array type for memory-mapped and for built panels, or the kernel would be compiled twice.
    view = np.asarray(column).view()
    view.flags.writeable = False
    return view
