"""One forward pass over int64 bars gives every feature, anchor and level, for one session or for all.

The daily scan asks for each symbol's last row, a backtest for every row from some session on: the same
code, with the same warm-up, so the two agree bit for bit. What decides is an integer: prices in 1e-4 USD
(e4), measures as q_k = value * 10**k rounded half-even by exact integer division. Binary floats appear in
ADX and trend_score alone, left to right as strategy.md writes them, and are rounded at once. No fastmath,
no parallel reduction; symbols do not know each other, so threads may share them. One symbol after the other is
carried forward (``carried``), its rows are gathered beside those of others (``gather``), and every full chunk of
rows is derived at once (``derive``).

Bounds, checked bar by bar: 0 < price < 4e10 e4, volume < 2**45, (H+L+C)*V < 2**54. No sum reaches back over
more than REACH bars, so each stays below 2**63. A row gets no measure at all (all NULL), and so fails every
gate, if its panel holds a high, low or close outside the bounds or its last REACH bars hold anything outside.

numba keys its cache on disk by the file of the function called, and would miss an edit in a helper's file:
``HELPERS_SHA256`` makes every such edit an edit of this file too, and a test holds it right.
"""

from typing import Final

import numpy as np

from strategies.ahead import ahead
from strategies.carried import earnings, latest, ranges, sums
from strategies.derive import derive
from strategies.gather import gather
from strategies.gather_last import gather_last
from strategies.layout import (
    CHUNK,
    HIGH_52W,
    LANES,
    LOW_52W,
    REACH,
    SWING_HIGH,
    SWING_LOW,
    Bars,
    Dividends,
    Events,
    Ints,
    Sessions,
    Working,
)
from strategies.ticks import compiled, compiled_once
from strategies.wilder import adx, enter, settle
from strategies.windows import extreme, medians

HELPERS: Final = (
    "ahead.py", "carried.py", "derive.py", "exact.py", "gather.py", "gather_last.py", "layout.py", "ticks.py",
    "wilder.py", "windows.py",
)  # fmt: skip
HELPERS_SHA256: Final = "33ad5a096b486d46596d22a77809950b8321c59ab53d8ef4ded1cfda6295b226"
"""sha256 of ``HELPERS``, joined in this order."""


@compiled_once
def scan_rows(
    lo: Ints,
    hi: Ints,
    bars: Bars,
    sessions: Sessions,
    dividends: Dividends,
    events: Events,
    emit_from: Ints,
    out_from: int,
    parameters: Ints,
    features: Ints,
    anchors: Ints,
    room: Working,
) -> None:
    """Fill *features* (FEATURES, rows) and *anchors* (ANCHORS, ANCHOR_COLUMNS, rows) for the rows asked for.

    Symbol s owns rows ``lo[s]:hi[s]`` of *bars*, by ascending session; its rows from ``emit_from[s]`` on
    are written, symbol after symbol, from *out_from* on. Nothing after a row influences it, nor does anything
    before its P0. *room* is there to be written over.
    """
    w, x = room.columns, room.gathered
    gathered = waiting = 0
    out = out_from
    last = len(lo) - 1
    while last >= 0 and emit_from[last] >= hi[last]:
        last -= 1
    for s in range(last + 1):
        if emit_from[s] >= hi[s]:
            continue
        end = hi[s]
        oldest = sessions.panel_from[bars.session[emit_from[s]]]
        start = lo[s] + np.searchsorted(bars.session[lo[s] : end], oldest)
        prices = (bars.open[start:end], bars.high[start:end], bars.low[start:end], bars.close[start:end])
        own = Bars(bars.session[start:end], *prices, bars.volume[start:end])
        t = emit_from[s] - start
        begin, beyond = (lo[s + 1], hi[s + 1]) if s < last else (end, end)
        _carry(own, sessions, dividends, events, s, t, parameters, room, bars, begin, beyond)
        is_one = t + 1 == end - start
        if not is_one or waiting == LANES:
            settle(bars, room.wilder, waiting, x)
            waiting = 0
        if is_one:
            enter(own, sessions, start, room.wilder, waiting, gathered)
            waiting += 1
        else:
            adx(own, sessions, t, room.wilder, w)
        while t < end - start:
            m = min(CHUNK - gathered, end - start - t)
            if is_one:
                gather_last(own, sessions, w, x, gathered)
            else:
                gather(own, sessions, t, m, w, x, gathered)
            t += m
            gathered += m
            if gathered == CHUNK or (s == last and t == end - start):
                settle(bars, room.wilder, waiting, x)
                waiting = 0
                if gathered == CHUNK:
                    derive(x, parameters, features, anchors, out)
                else:  # a whole chunk would be written over what is there
                    derive(x, parameters, room.features, room.anchors, 0)
                    _put(room, gathered, features, anchors, out)
                out += gathered
                gathered = 0


@compiled
def _carry(
    own: Bars,
    sessions: Sessions,
    dividends: Dividends,
    events: Events,
    s: int,
    t: int,
    p: Ints,
    room: Working,
    bars: Bars,
    begin: int,
    beyond: int,
) -> None:
    """All columns of one symbol that go forward, and between them rows *begin* to *beyond*, the next one's, ahead."""
    w, recent = room.columns, max(begin, beyond - REACH)
    ahead(bars.high, begin, beyond)
    sums(own, sessions, t, w)
    ahead(bars.low, begin, beyond)
    latest(own, dividends, s, t, p, w)
    earnings(own, sessions, events, s, t, w)
    extreme(own.high, 1, 252, t, HIGH_52W, w)
    ahead(bars.close, begin, beyond)
    extreme(own.low, -1, 252, t, LOW_52W, w)
    extreme(own.low, -1, 20, t, SWING_LOW, w)
    extreme(own.high, 1, 20, t, SWING_HIGH, w)
    ahead(bars.volume, recent, beyond)
    ranges(own, t, w)
    ahead(bars.open, recent, beyond)
    ahead(bars.session, recent, beyond)
    medians(t, len(own.close), w, room.ordered, room.short, room.column)


@compiled
def _put(room: Working, rows: int, features: Ints, anchors: Ints, out: int) -> None:
    """The first *rows* derived rows, which are those of this turn, to where they belong."""
    for column in range(len(features)):
        _copy(room.features[column], features[column], rows, out)
    for k in range(len(anchors)):
        for column in range(anchors.shape[1]):
            _copy(room.anchors[k, column], anchors[k, column], rows, out)


@compiled
def _copy(source: Ints, into: Ints, rows: int, at: int) -> None:
    for i in range(rows):
        into[at + i] = source[i]
