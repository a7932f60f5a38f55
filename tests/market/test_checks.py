"""The compiled pass says of every series of bars what the slow reading of the rules says."""

from collections.abc import Sequence

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from market.checks import BIT, LEAPS, LIQUID, NOW, REPEATS, Checked, check_bars, thresholds
from market.config import ContractConfig
from schemas.reasons.market import BarCode
from tests.market import reference
from tests.market.reference import Bar

DEFAULTS = ContractConfig()


def checked(
    series: Sequence[Sequence[Bar]],
    last: int,
    ex: Sequence[Sequence[int]] = (),
    config: ContractConfig = DEFAULTS,
) -> Checked:
    flat = [bar for bars in series for bar in bars]
    counts = np.array([len(bars) for bars in series], np.int64)
    columns = [np.array([bar[k] for bar in flat], np.int64) for k in range(6)]
    told = list(ex) or [[] for _ in series]
    hi = np.cumsum(counts)
    return check_bars(
        hi - counts,
        hi,
        columns[0].astype(np.int32),
        (columns[1], columns[2], columns[3], columns[4], columns[5]),
        last,
        np.cumsum([0, *map(len, told)]).astype(np.int64),
        np.array([each for acts in told for each in acts], np.int64),
        thresholds(config),
    )


def codes(bits: int) -> set[BarCode]:
    return {code for code in BarCode if bits >> BIT[code] & 1}


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Bar], int, list[int]]:
    """Bars that wander about one price level, with jumps at and around every threshold, gaps and bad
    prints."""
    count = draw(st.integers(1, 40))
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 1, 1, 1, 2, 4]), min_size=count, max_size=count))
    level = 10_000
    bars: list[Bar] = []
    session = 0
    kinds = st.sampled_from(
        ["quiet"] * 12 + ["flat", "jump", "print", "split", "spike", "bad", "cross", "idle", "burst"]
    )
    for step in steps:
        session += step
        kind = draw(kinds)
        volume = draw(st.integers(900, 1100))
        o, c = level + draw(st.integers(-90, 90)), level + draw(st.integers(-90, 90))
        h, low = max(o, c) + draw(st.integers(0, 50)), min(o, c) - draw(st.integers(0, 50))
        if kind == "flat":
            o = h = low = c = level
        elif kind == "jump":
            c = level * draw(st.sampled_from([59, 60, 61, 139, 140, 141])) // 100
            h, low = max(o, c), min(o, c)
        elif (
            kind == "print"
        ):  # one bar away from the level, and back: how far back, the next bar's wobble says
            level = level * draw(st.sampled_from([90, 91, 100, 109, 110])) // 100
            c = level * draw(st.sampled_from([50, 141, 150])) // 100
            h, low = max(o, c), min(o, c)
        elif kind == "split":
            level = max(100, int(level * draw(st.sampled_from(reference.RATIOS))))
            o = level * draw(st.sampled_from([96, 97, 100, 103, 104])) // 100
            c = level * draw(st.sampled_from([94, 95, 100, 105, 106])) // 100
            h, low = max(o, c), min(o, c)
            volume *= draw(st.sampled_from([1, 4, 6, 30]))
        elif kind == "spike":
            h, low = (
                max(o, c) * 3 // 2 + draw(st.integers(-1, 1)),
                min(o, c) * 2 // 3 + draw(st.integers(-1, 1)),
            )
        elif kind == "bad":
            bad = draw(st.sampled_from([0, -1]))
            o, h, low, c = draw(
                st.sampled_from([(bad, h, low, c), (o, h, bad, c), (o, h, low, bad), (bad,) * 4])
            )
        elif kind == "cross":
            h, low = low, h
        elif kind == "idle":
            volume = 0
        elif kind == "burst":
            volume *= 8
        level = c if c > 0 and kind != "print" else level
        bars.append((session, o, h, low, c, volume))
    last = session + draw(st.sampled_from([0, 0, 0, 1, 6]))
    ex = draw(st.lists(st.sampled_from([bar[0] for bar in bars]), max_size=2))
    return bars, last, ex


@given(histories())
@example(([(0, 1, 1, 1, 1, 1)], 0, []))
@example(([(at, 10_000, 10_000, 10_000, 10_000, 0) for at in range(260)], 259, []))
@example(([(at, 10_000, 10_010, 9_990, 10_000, 5) for at in range(0, 300, 60)], 240, []))
def test_it_agrees_with_the_slow_reading(history: tuple[list[Bar], int, list[int]]) -> None:
    bars, last, ex = history
    made = checked([bars], last, [ex])
    assert reference.judge(bars, last, ex) == (codes(int(made.q[0])), codes(int(made.w[0])))


@given(st.lists(histories(), min_size=2, max_size=4))
def test_a_symbol_is_judged_alike_alone_and_among_others(
    many: list[tuple[list[Bar], int, list[int]]],
) -> None:
    last = max(each[1] for each in many)
    together = checked([each[0] for each in many], last, [each[2] for each in many])
    for at, (bars, _, ex) in enumerate(many):
        alone = checked([bars], last, [ex])
        assert (alone.q[0], alone.w[0], alone.state[0], alone.seen[0], alone.prints[0]) == (
            together.q[at],
            together.w[at],
            together.state[at],
            together.seen[at],
            together.prints[at],
        )


def plain(count: int, price: int = 100_000, volume: int = 1_000_000) -> list[Bar]:
    return [(at, price, price + 100, price - 100, price + at % 3, volume + at) for at in range(count)]


def test_liquid_is_20_bars_at_5_usd_400000_shares_and_10_million_usd() -> None:
    thin = [(at, 100_000, 100_000, 100_000, 100_000, 400_000) for at in range(20)]  # 4 million USD a day
    floor = [(at, 250_000, 250_000, 250_000, 250_000, 400_000) for at in range(20)]  # exactly 10 million
    cheap = [(at, 49_999, 49_999, 49_999, 49_999, 10**7) for at in range(20)]
    dear = [(at, 3 * 10**9, 3 * 10**9, 3 * 10**9, 3 * 10**9, 4 * 10**9) for at in range(20)]  # beyond 63 bits
    series = [plain(20), plain(19), thin, floor, cheap, dear]
    made = [bool(checked([bars], bars[-1][0]).state[0] & LIQUID) for bars in series]
    assert [True, False, False, True, False, True] == made


def test_seen_counts_back_from_p_and_state_looks_at_the_last_two_bars() -> None:
    bars = plain(30)
    repeated = [*bars[:29], (29, *bars[28][1:])]
    leapt = [*bars[:29], (29, 100_000, 121_000, 100_000, 120_100, 5)]
    made = checked([bars, repeated, leapt, bars[:25], [bars[24], bars[26]]], 29)
    assert [0b111111, 0b111111, 0b111111, 0b100000, 0b101000] == made.seen.tolist()
    assert [True, True, True, False, False] == [bool(each & NOW) for each in made.state]
    assert [False, True, False, False, False] == [bool(each & REPEATS) for each in made.state]
    assert [False, False, True, False, False] == [bool(each & LEAPS) for each in made.state]
