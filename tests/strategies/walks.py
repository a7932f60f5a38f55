"""Bars that look like a market, and worse, from a seed."""

import random
from dataclasses import dataclass, field

from hypothesis import strategies as st


@dataclass(frozen=True)
class Walk:
    """A seeded walk of daily bars over sessions 0..n-1: (session, open, high, low, close, volume), e4."""

    made_by: str
    bars: tuple[tuple[int, int, int, int, int, int], ...] = field(repr=False)


def walk(
    seed: int, n: int, *, start: int, swing: float, gap: float, missing: float, grain: int, drift: float
) -> Walk:
    """A walk from *start* e4; *gap*, *missing*: chances per session; *grain*: prices are its multiples.

    Coarse grains make ties, flat bars and equal extremes; that is what they are for.
    """
    chance = random.Random(seed)
    price, bars = start, []
    for session in range(n):
        jump = chance.choice((-1, 1)) * chance.uniform(0.03, 0.08) if chance.random() < gap else 0.0
        o = _grid(price * (1 + jump + chance.gauss(0, swing / 3)), grain)
        c = _grid(o * (1 + drift + chance.gauss(0, swing)), grain)
        h = max(o, c) + grain * int(abs(chance.gauss(0, swing)) * price / grain)
        low = max(grain, min(o, c) - grain * int(abs(chance.gauss(0, swing)) * price / grain))
        volume = 0 if chance.random() < 0.01 else int(chance.lognormvariate(13, 0.7))
        if session == n - 1 or chance.random() >= missing:
            bars.append((session, o, h, low, c, volume))
        price = c
    made_by = f"walk({seed}, {n}, {start=}, {swing=}, {gap=}, {missing=}, {grain=}, {drift=})"
    return Walk(made_by=made_by, bars=tuple(bars))


def _grid(price: float, grain: int) -> int:
    return max(1, round(price / grain)) * grain


@st.composite
def walks(draw: st.DrawFn, sessions: int = 330) -> Walk:
    """Walks of calm and wild symbols, dense and with holes, long and freshly listed."""
    whole = walk(
        draw(st.integers(0, 2**32)),
        sessions,
        start=draw(st.sampled_from([12_000, 55_000, 500_000, 3_000_000])),
        swing=draw(st.sampled_from([0.0, 0.004, 0.015, 0.05])),
        gap=draw(st.sampled_from([0.0, 0.05])),
        missing=draw(st.sampled_from([0.0, 0.02, 0.3])),
        grain=draw(st.sampled_from([1, 100, 2_500])),
        drift=draw(st.sampled_from([-0.002, 0.0, 0.003])),
    )
    listed = draw(st.sampled_from([0, 0, 0, sessions - 252, sessions - 90, sessions - 25, sessions - 3]))
    bars = tuple(bar for bar in whole.bars if bar[0] >= listed)
    return Walk(made_by=f"{whole.made_by} from session {listed} on", bars=bars)
