"""ADX is a recursion whose divisions wait for each other, so many recursions go forward side by side.

One lane per recursion: of one symbol's years where all days are asked for, of many symbols where one day is. A
lane does the same operations in the same order as if it were alone, and lanes that are divided at once are divided
as exactly. All lanes end at the last step; before its first movement a lane stands at zero.
"""

from typing import Any

import numpy as np

from strategies.carried import row_of
from strategies.layout import (
    LANES,
    NULL,
    R_BARS,
    R_COLUMN,
    R_FIRST,
    R_ROW,
    R_TOLD,
    STEPS,
    TILE,
    W_ADX,
    X_ADX,
    Bars,
    Ints,
    Sessions,
    Wilder,
)
from strategies.ticks import compiled, compiled_inside

LEAST = 28
"""Bars from the seed on before a value is told."""


@compiled
def adx(b: Bars, sessions: Sessions, t0: int, room: Wilder, w: Ints) -> None:
    """ADX of the rows from t0, one recursion per calendar year Y, seeded at the first bar of Y-1."""
    begin = t0
    while begin < len(b.close):
        lanes = 0
        while lanes < LANES and begin < len(b.close):
            begin = _enter(b, sessions, begin, 0, room, lanes)
            lanes += 1
        _forward(b, room, lanes, True, w[W_ADX])


@compiled
def enter(b: Bars, sessions: Sessions, start: int, room: Wilder, lane: int, column: int) -> None:
    """The recursion of the last row of *b* into a lane; ``settle`` tells its value in *column*.

    start: the place of *b*'s first row among all bars, which ``settle`` is given.
    """
    _enter(b, sessions, len(b.close) - 1, start, room, lane)
    room.lanes[R_COLUMN, lane] = column


@compiled
def settle(bars: Bars, room: Wilder, lanes: int, x: Ints) -> None:
    """Run the first *lanes* lanes and tell the last value of each among the gathered columns."""
    if lanes == 0:
        return
    _forward(bars, room, lanes, False, x[X_ADX])
    for lane in range(lanes):
        is_told = room.lanes[R_BARS, lane] >= LEAST
        x[X_ADX, room.lanes[R_COLUMN, lane]] = _told(room.state[2, lane]) if is_told else NULL


@compiled
def _told(value: float) -> Any:
    return np.int64(np.rint(value * 1e4))


@compiled
def _enter(b: Bars, sessions: Sessions, begin: int, start: int, room: Wilder, lane: int) -> int:
    """The movements from the seed of the year of row *begin* to the end of that year; the row after it.

    The seed bar only gives previous prices: its own movement would reach over the new year to an older bar.
    """
    year_from = sessions.year_from[b.session[begin]]
    end = begin + 1
    while end < len(b.close) and sessions.year_from[b.session[end]] == year_from:
        end += 1
    seed = row_of(b, sessions.year_from[max(0, year_from - 1)], begin)
    room.lanes[R_FIRST, lane] = STEPS - (end - seed - 1)
    room.lanes[R_ROW, lane] = start + end - STEPS
    room.lanes[R_BARS, lane] = end - seed
    room.lanes[R_TOLD, lane] = start + begin
    return end


@compiled
def _forward(b: Bars, room: Wilder, lanes: int, is_all: bool, told: Ints) -> None:
    """Smooth movements and DX of all lanes, a tile of steps after the other; *is_all*: tell every row in *told*."""
    assert room.lanes.shape[1] == LANES
    assert room.told.shape[1] == LANES
    assert room.state.shape[1] == LANES
    assert room.high.shape[1] == LANES
    assert room.low.shape[1] == LANES
    begin = STEPS
    for lane in range(lanes):
        room.state[0, lane] = room.state[1, lane] = room.state[2, lane] = 0.0
        begin = min(begin, room.lanes[R_FIRST, lane])
        seed = room.lanes[R_ROW, lane] + room.lanes[R_FIRST, lane] - 1
        room.high[TILE, lane], room.low[TILE, lane] = b.high[seed], b.low[seed]
    for base in range(begin // TILE * TILE, STEPS, TILE):
        for lane in range(lanes):
            _lay(b.high, room.lanes, base, lane, room.high)
            _lay(b.low, room.lanes, base, lane, room.low)
        _smooth(room, base)
        if is_all:
            for lane in range(lanes):
                _tell(room, lane, base, told)


@compiled_inside
def _lay(prices: Ints, lanes: Ints, base: int, lane: int, tile: Ints) -> None:
    """The prices of a lane at the step before a tile and at each of it; none before its seed."""
    tile[0, lane] = tile[TILE, lane]
    first, row = lanes[R_FIRST, lane], lanes[R_ROW, lane] + base
    if base >= first - 1:
        own = prices[row : row + TILE]
        for part in range(TILE // 8):
            for k in range(8):  # so few that a compiler writes them one by one, which here is fastest
                tile[1 + 8 * part + k, lane] = own[8 * part + k]
    else:
        for k in range(TILE):
            tile[1 + k, lane] = prices[row + max(k, first - 1 - base)]


@compiled_inside
def _smooth(room: Wilder, base: int) -> None:
    """A tile of the recursion; what lanes compute that nobody entered, nobody reads.

    The true range by which Wilder divides both movements is the same in DI+ and DI-: it cancels in DX, which is
    taken from the smoothed movements themselves. The first value of each recursion stands for itself, as x/1.
    """
    first, plus, minus, smoothed = room.lanes[R_FIRST], room.state[0], room.state[1], room.state[2]
    for k in range(TILE):
        high, high_before, low, low_before = room.high[k + 1], room.high[k], room.low[k + 1], room.low[k]
        told = room.told[k]
        for lane in range(LANES):
            # At its seed a lane stands still: nothing moves before its first step.
            rise, fall = high[lane] - high_before[lane], low_before[lane] - low[lane]
            up = np.float64(max(rise, 0) if rise > fall else 0)
            down = np.float64(max(fall, 0) if fall > rise else 0)
            by = 14.0 if base + k > first[lane] else 1.0
            rising = plus[lane] + (up - plus[lane]) / by
            falling = minus[lane] + (down - minus[lane]) / by
            total = rising + falling
            dx = 100.0 * abs(rising - falling) / (total if total > 0.0 else 1.0)
            value = smoothed[lane] + ((dx if total > 0.0 else 0.0) - smoothed[lane]) / by
            plus[lane], minus[lane], smoothed[lane] = rising, falling, value
            told[lane] = value


@compiled
def _tell(room: Wilder, lane: int, base: int, told: Ints) -> None:
    row = room.lanes[R_ROW, lane] + base
    least = room.lanes[R_ROW, lane] + room.lanes[R_FIRST, lane] + LEAST - 2
    for k in range(max(0, room.lanes[R_TOLD, lane] - row), TILE):
        told[row + k] = _told(room.told[k, lane]) if row + k >= least else NULL
