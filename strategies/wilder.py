"""ADX is a recursion whose divisions wait for each other, so many recursions go forward side by side.

One lane per recursion: of one symbol's years where all days are asked for, of many symbols where one day is. A
lane does the same operations in the same order as if it were alone, and lanes that are divided at once are divided
as exactly. All lanes end at the last step; before its first movement a lane stands at zero.
"""

from typing import Any

import numpy as np

from strategies.layout import (
    LANES,
    NULL,
    R_BARS,
    R_COLUMN,
    R_FIRST,
    STEPS,
    W_ADX,
    X_ADX,
    Bars,
    Ints,
    Sessions,
    Wilder,
)
from strategies.ticks import compiled

LEAST = 28
"""Bars from the seed on before a value is told."""
ABREAST = 8
"""Lanes that a processor may divide at once; less than that would go one by one."""


@compiled
def adx(b: Bars, sessions: Sessions, t0: int, room: Wilder, w: Ints) -> None:
    """ADX of the rows from t0, one recursion per calendar year Y, seeded at the first bar of Y-1."""
    n = len(b.close)
    begin = t0
    while begin < n:
        fresh = begin
        lanes = 0
        while lanes < LANES and begin < n:
            begin = _enter(b, sessions, begin, room, lanes)
            lanes += 1
        _forward(room, lanes)
        at = fresh
        for lane in range(lanes):
            end = min(n, _row_of_year(b, sessions, sessions.year[b.session[at]] + 1))
            seed = end - room.lanes[R_BARS, lane]
            for i in range(at, end):
                step = STEPS - (end - i)
                w[W_ADX, i] = _told(room.up[step, lane]) if i - seed + 1 >= LEAST else NULL
            at = end


@compiled
def enter(b: Bars, sessions: Sessions, room: Wilder, lane: int, column: int) -> None:
    """The recursion of the last row of *b* into a lane; ``settle`` tells its value in *column*."""
    _enter(b, sessions, len(b.close) - 1, room, lane)
    room.lanes[R_COLUMN, lane] = column


@compiled
def settle(room: Wilder, lanes: int, x: Ints) -> None:
    """Run the first *lanes* lanes and tell the last value of each among the gathered columns."""
    _forward(room, lanes)
    for lane in range(lanes):
        is_told = room.lanes[R_BARS, lane] >= LEAST
        x[X_ADX, room.lanes[R_COLUMN, lane]] = _told(room.up[STEPS - 1, lane]) if is_told else NULL


@compiled
def _told(value: float) -> Any:
    return np.int64(np.rint(value * 1e4))


@compiled
def _row_of_year(b: Bars, sessions: Sessions, year: int) -> Any:
    return np.searchsorted(b.session, np.searchsorted(sessions.year, year))


@compiled
def _enter(b: Bars, sessions: Sessions, begin: int, room: Wilder, lane: int) -> int:
    """Movements from the seed of the year of row *begin* to the end of that year; the row after it.

    The seed bar only gives previous prices: its own movement would reach over the new year to an older bar.
    """
    year = sessions.year[b.session[begin]]
    end: int = min(len(b.close), _row_of_year(b, sessions, year + 1))
    seed = _row_of_year(b, sessions, year - 1)
    step = STEPS - (end - seed - 1)
    room.lanes[R_FIRST, lane] = step
    room.lanes[R_BARS, lane] = end - seed
    high, low = b.high[seed], b.low[seed]
    for i in range(seed + 1, end):
        rise, fall = b.high[i] - high, low - b.low[i]
        high, low = b.high[i], b.low[i]
        room.up[step, lane] = np.float64(max(rise, 0) * (rise > fall))
        room.down[step, lane] = np.float64(max(fall, 0) * (fall > rise))
        step += 1
    return end


@compiled
def _forward(room: Wilder, lanes: int) -> None:
    """Smooth movements and DX of all lanes; ADX takes the place of the upward movements.

    The true range by which Wilder divides both movements is the same in DI+ and DI-: it cancels in DX, which is
    taken from the smoothed movements themselves. The first value of each recursion stands for itself, as x/1.
    """
    width = (lanes + ABREAST - 1) // ABREAST * ABREAST  # what the lanes beyond compute, nobody reads
    first = room.lanes[R_FIRST, :width]
    plus, minus, smoothed = room.state[0, :width], room.state[1, :width], room.state[2, :width]
    begin = STEPS
    for lane in range(lanes):
        plus[lane] = minus[lane] = smoothed[lane] = 0.0
        begin = min(begin, first[lane])
    for lane in range(lanes):
        for step in range(begin, first[lane]):
            room.up[step, lane] = room.down[step, lane] = 0.0
    for step in range(begin, STEPS):
        up, down = room.up[step, :width], room.down[step, :width]
        for lane in range(width):
            by = 14.0 if step > first[lane] else 1.0
            rising = plus[lane] + (up[lane] - plus[lane]) / by
            falling = minus[lane] + (down[lane] - minus[lane]) / by
            total = rising + falling
            dx = 100.0 * abs(rising - falling) / (total if total > 0.0 else 1.0)
            value = smoothed[lane] + ((dx if total > 0.0 else 0.0) - smoothed[lane]) / by
            plus[lane], minus[lane], smoothed[lane] = rising, falling, value
            up[lane] = value
