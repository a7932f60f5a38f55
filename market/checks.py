"""One compiled pass over a symbol's bars finds everything that the data contract can say from them alone.

The rules are those of strategy.md 1.5, on integers, thresholds by cross-multiplying in basis points. Nothing is
summed in floating point: the one product that could pass 63 bits is compared in binary64, each factor exact.
"""

# mypy: allow-untyped-defs
# The compiler takes the kernels' types from the arrays it is given; annotations on them would only be prose.

from dataclasses import dataclass
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt

from market.config import ContractConfig
from market.rows import Int32, Int64, UInt8
from schemas.reasons.market import BarCode

CODES: Final = tuple(BarCode)
BIT: Final = {code: at for at, code in enumerate(CODES)}
(
    STALE, GAP, GHOST, TWICE, PRICE, OHLC, ZERO, FLAT, RESIDUE, OUTLIER, REVERTED, SPIKE, RESTATED, TWINS, ACTION,
) = range(15)  # fmt: skip
assert len(CODES) == ACTION + 1, "a code without its number in the kernel"

WINDOW: Final = 20
RECENT: Final = 5
YEAR: Final = 252
LIQUID: Final = np.uint8(1)
REPEATS: Final = np.uint8(2)
LEAPS: Final = np.uint8(4)
NOW: Final = np.uint8(8)
"""The last bar is that of P."""

_WHOLE: Final = ((3, 2), *((n, 1) for n in (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100)))
RATIOS: Final = np.array([*_WHOLE, *((den, num) for num, den in _WHOLE)], np.int64)
"""Split ratios that a vendor may forget to tell, as (numerator, denominator) of new price per old."""

BPS: Final = 10_000
(
    GAPS_MAX, ZERO_MAX, FLAT_MAX, OUTLIER_BPS, REVERTED_BPS, SPIKE_BPS, RESIDUE_CLOSE_BPS, RESIDUE_OPEN_BPS,
    RESIDUE_VOLUME_BPS, LEAP_BPS, PRICE_FLOOR, SHARES_FLOOR, USD_FLOOR,
) = range(13)  # fmt: skip


def thresholds(config: ContractConfig) -> Int64:
    """(13,) the kernel's thresholds: counts, fractions in basis points, and the floors of a liquid member: least
    close (1e-4 USD), least sums over 20 bars of volume (shares) and of close times volume (1e-4 USD)."""
    fractions = (
        config.outlier_max, config.reverted_max, config.spike_max, config.residue_close_max,
        config.residue_open_max, config.residue_volume_max, config.leap_max,
    )  # fmt: skip
    floors = (
        int(config.price_min * 10_000),
        WINDOW * config.adv_shares_min,
        WINDOW * config.adv_usd_min * 10_000,
    )
    counts = (config.gaps_year_max, config.zero_volume_max, config.flat_max)
    return np.array([*counts, *(int(each * BPS) for each in fractions), *floors], np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Per symbol (n): bits of codes that quarantine and that warn; per code how often and at which session
    last.

    seen: recent sessions with a bar, bit k for P - k (k = 0..5). state: bits ``LIQUID``, ``REPEATS`` (the
    last two bars are equal), ``LEAPS`` (the last close moved beyond ``leap_max``), ``NOW``. prints: a hash
    of the last 20 bars, 0 under 20 bars.
    """

    q: Int32
    w: Int32
    times: Int32
    when: Int32
    seen: UInt8
    state: UInt8
    prints: npt.NDArray[np.uint64]


def check_bars(
    lo: Int64,
    hi: Int64,
    session: Int32,
    bars: tuple[Int64, Int64, Int64, Int64, Int64],
    last: int,
    action_lo: Int64,
    action_session: Int64,
    limits: Int64,
) -> Checked:
    """Judge every symbol.

    Args:
        lo, hi, session, bars: as in ``Panel``; bars are open, high, low, close, volume. last: position of P.
        action_lo: (n + 1,) where each symbol's ex-sessions begin in *action_session*.
        limits: (13,) as ``thresholds`` makes them.
    """
    n = len(lo)
    made = Checked(
        q=np.zeros(n, np.int32),
        w=np.zeros(n, np.int32),
        times=np.zeros((n, len(CODES)), np.int32),
        when=np.full((n, len(CODES)), -1, np.int32),
        seen=np.zeros(n, np.uint8),
        state=np.zeros(n, np.uint8),
        prints=np.zeros(n, np.uint64),
    )
    _check_all(
        lo, hi, session, *bars, last, action_lo, action_session, RATIOS, limits,
        made.q, made.w, made.times, made.when, made.seen, made.state, made.prints,
    )  # fmt: skip
    return made


_compiled: Any = numba.njit(cache=True)


@_compiled
def _check_all(
    lo, hi, session, o, h, low, c, v, last, action_lo, action_session, ratios, limits,
    q, w, times, when, seen, state, prints,
):  # fmt: skip
    for k in range(len(lo)):
        a, b = lo[k], hi[k]
        acts = action_session[action_lo[k] : action_lo[k + 1]]
        t, at = times[k], when[k]
        quarantine, warn = _presence(session, a, b, last, limits, t, at)
        quarantine |= _values(session, o, h, low, c, a, b, limits, t, at)
        more_q, more_w = _volumes(session, v, a, b, last, limits, t, at)
        quarantine |= more_q
        warn |= more_w
        more_q, more_w = _moves(session, o, c, v, a, b, acts, ratios, limits, t, at)
        quarantine |= more_q
        warn |= more_w
        q[k], w[k] = quarantine, warn & ~quarantine
        for i in range(max(a, b - 6), b):
            if last - session[i] <= 5:
                seen[k] |= np.uint8(1) << np.uint8(last - session[i])
        state[k] = _state(session, o, h, low, c, v, a, b, last, limits)
        if b - a >= WINDOW:
            prints[k] = _print(session, o, h, low, c, v, b)


@_compiled
def _note(code, session, times, when):
    times[code] += 1
    when[code] = session


@_compiled
def _presence(session, a, b, last, limits, times, when):
    """Staleness and gaps: sessions without a bar since the first one in the panel."""
    quarantine, warn = 0, 0
    if session[b - 1] != last:
        _note(STALE, session[b - 1], times, when)
        quarantine |= 1 << STALE
    life = last - session[a] + 1
    missing = life - (b - a)
    if missing > 0:
        in_year, in_recent = 0, 0
        for i in range(a, b):
            in_year += session[i] > last - YEAR
            in_recent += session[i] > last - RECENT
        times[GAP] = missing
        gap, previous = last, last + 1
        for i in range(b - 1, a - 1, -1):
            if previous - session[i] > 1:
                gap = previous - 1
                break
            previous = session[i]
        when[GAP] = gap
        if min(life, RECENT) > in_recent or min(life, YEAR) - in_year > limits[GAPS_MAX]:
            quarantine |= 1 << GAP
        else:
            warn |= 1 << GAP
    return quarantine, warn


@_compiled
def _values(session, o, h, low, c, a, b, limits, times, when):
    """Prices that cannot be, anywhere in the panel; flat bars and spikes among the last 20."""
    quarantine, spike = 0, limits[SPIKE_BPS]
    for i in range(a, b):
        top, bottom = max(o[i], c[i]), min(o[i], c[i])
        if min(bottom, h[i], low[i]) <= 0:
            _note(PRICE, session[i], times, when)
            quarantine |= 1 << PRICE
            continue
        if low[i] > bottom or top > h[i]:
            _note(OHLC, session[i], times, when)
            quarantine |= 1 << OHLC
        if i < b - WINDOW:
            continue
        if h[i] == low[i] and top == bottom and h[i] == top:
            _note(FLAT, session[i], times, when)
        if BPS * h[i] > spike * top or spike * low[i] < BPS * bottom:
            _note(SPIKE, session[i], times, when)
            quarantine |= 1 << SPIKE
    if times[FLAT] > limits[FLAT_MAX]:
        quarantine |= 1 << FLAT
    return quarantine


@_compiled
def _volumes(session, v, a, b, last, limits, times, when):
    recent, now = 0, False
    for i in range(a, b):
        if v[i] == 0:
            _note(ZERO, session[i], times, when)
            recent += i >= b - WINDOW
            now = now or session[i] == last
    if now or recent > limits[ZERO_MAX]:
        return 1 << ZERO, 0
    return 0, (1 << ZERO) if times[ZERO] > 0 else 0


@_compiled
def _moves(session, o, c, v, a, b, acts, ratios, limits, times, when):
    """Outliers, and among the last 20 bars those undone by the next bar or that look like a split nobody told."""
    quarantine, warn = 0, 0
    middle = _median_twice(v, max(a, b - WINDOW), b)
    for i in range(a + 1, b):
        was, now = c[i - 1], c[i]
        if was <= 0 or now <= 0 or o[i] <= 0 or _contains(acts, session[i]):
            continue
        leapt = BPS * abs(now - was) > limits[OUTLIER_BPS] * was
        if leapt:
            _note(OUTLIER, session[i], times, when)
            if i >= b - RECENT:
                quarantine |= 1 << OUTLIER
            else:
                warn |= 1 << OUTLIER
        if i < b - WINDOW:
            continue
        undone = leapt and i + 1 < b and BPS * abs(c[i + 1] - was) <= limits[REVERTED_BPS] * was
        if undone and not _contains(acts, session[i + 1]):
            _note(REVERTED, session[i], times, when)
            quarantine |= 1 << REVERTED
        many = float(limits[RESIDUE_VOLUME_BPS]) * float(middle)
        usual = 2.0 * BPS * float(v[i]) * float(now) <= many * float(max(now, was))
        for r in range(len(ratios)):
            num, den = ratios[r, 0], ratios[r, 1]
            due = num * was
            near = BPS * abs(now * den - due) <= limits[RESIDUE_CLOSE_BPS] * due
            if near and BPS * abs(o[i] * den - due) <= limits[RESIDUE_OPEN_BPS] * due and usual:
                _note(RESIDUE, session[i], times, when)
                quarantine |= 1 << RESIDUE
                break
    return quarantine, warn


@_compiled
def _median_twice(v, a, b):
    """Twice the median of v[a:b], so that it is an integer."""
    ranked = np.sort(v[a:b])
    n = len(ranked)
    return ranked[n // 2] + ranked[(n - 1) // 2]


@_compiled
def _contains(acts, session):
    found = False
    for each in acts:
        found = found or each == session
    return found


@_compiled
def _state(session, o, h, low, c, v, a, b, last, limits):
    price_min, shares_min, usd_min = limits[PRICE_FLOOR], limits[SHARES_FLOOR], limits[USD_FLOOR]
    state = np.uint8(0)
    i = b - 1
    if session[i] == last:
        state |= NOW
        if b - a > 1:
            j = i - 1
            if o[i] == o[j] and h[i] == h[j] and low[i] == low[j] and c[i] == c[j] and v[i] == v[j]:
                state |= REPEATS
            if c[j] > 0 and BPS * abs(c[i] - c[j]) > limits[LEAP_BPS] * c[j]:
                state |= LEAPS
    if b - a < WINDOW or c[i] < price_min:
        return state
    shares, usd = 0, 0
    for i in range(b - WINDOW, b):
        shares += v[i]
        # Past the floor the rest does not matter, and a product beyond it could wrap.
        if usd < usd_min and c[i] > 0 and v[i] > 0:
            usd = usd_min if c[i] > usd_min // v[i] else usd + c[i] * v[i]
    if shares >= shares_min and usd >= usd_min:
        state |= LIQUID
    return state


@_compiled
def _print(session, o, h, low, c, v, b):
    """FNV-1a over the last 20 bars: equal series collide, and whoever collides is compared in full."""
    told = np.uint64(14695981039346656037)
    prime = np.uint64(1099511628211)
    for i in range(b - WINDOW, b):
        for value in (np.int64(session[i]), o[i], h[i], low[i], c[i], v[i]):
            told = (told ^ np.uint64(value)) * prime
    return told
