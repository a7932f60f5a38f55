"""The rules of strategy.md 1.5 for one symbol once more, slow and plain, on exact fractions: another road
to the answer."""

from collections.abc import Sequence
from fractions import Fraction
from statistics import median

from schemas.reasons.market import BarCode

Bar = tuple[int, int, int, int, int, int]
"""Session, open, high, low, close (1e-4 USD), volume."""

RATIOS = [Fraction(3, 2), *map(Fraction, (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100))]
RATIOS += [1 / ratio for ratio in RATIOS]


def judge(bars: Sequence[Bar], last: int, ex_sessions: Sequence[int]) -> tuple[set[BarCode], set[BarCode]]:
    """(codes that quarantine, codes that warn) of a symbol with *bars*, P being session *last*."""
    q: set[BarCode] = set()
    w: set[BarCode] = set()
    have = {bar[0] for bar in bars}
    gaps = [session for session in range(bars[0][0], last + 1) if session not in have]
    if last not in have:
        q.add(BarCode.BARS_STALE)
    if gaps:
        near = [g for g in gaps if g > last - 5]
        year = [g for g in gaps if g > last - 252]
        (q if near or len(year) > 3 else w).add(BarCode.BARS_GAP)
    recent = list(bars[-20:])
    for _, o, h, low, c, _ in bars:
        if min(o, h, low, c) <= 0:
            q.add(BarCode.BARS_PRICE_NOT_POSITIVE)
        elif not low <= min(o, c) <= max(o, c) <= h:
            q.add(BarCode.BARS_OHLC_INCONSISTENT)
    zero = [session for session, *_, v in bars if v == 0]
    if last in zero or sum(bar[5] == 0 for bar in recent) > 2:
        q.add(BarCode.BARS_VOLUME_ZERO)
    elif zero:
        w.add(BarCode.BARS_VOLUME_ZERO)
    good = [bar for bar in recent if min(bar[1:5]) > 0]
    if sum(o == h == low == c for _, o, h, low, c, _ in good) >= 3:
        q.add(BarCode.BARS_FLAT)
    if any(h > Fraction(3, 2) * max(o, c) or low < min(o, c) / Fraction(3, 2) for _, o, h, low, c, _ in good):
        q.add(BarCode.BARS_SPIKE)
    middle = Fraction(median([Fraction(bar[5]) for bar in recent]))
    for at in range(1, len(bars)):
        session, o, _, _, c, v = bars[at]
        was = bars[at - 1][4]
        if session in ex_sessions or min(was, o, c) <= 0:
            continue
        if abs(Fraction(c, was) - 1) > Fraction(2, 5):
            (q if at >= len(bars) - 5 else w).add(BarCode.BARS_OUTLIER)
            after = [bar[4] for bar in bars[at + 1 : at + 2] if bar[0] not in ex_sessions]
            if at >= len(bars) - 20 and any(abs(Fraction(x, was) - 1) <= Fraction(1, 10) for x in after):
                q.add(BarCode.BARS_REVERTED)
        if at < len(bars) - 20:
            continue
        usual = v <= 5 * middle * max(Fraction(1), Fraction(was, c))
        for ratio in RATIOS:
            close_by = abs(c / (ratio * was) - 1) <= Fraction(5, 100) and abs(
                o / (ratio * was) - 1
            ) <= Fraction(3, 100)
            if close_by and usual:
                q.add(BarCode.BARS_SPLIT_RESIDUE)
    return q, w - q
