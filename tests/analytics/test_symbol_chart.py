"""A drawing is readable at its size, whatever the prices: no text over another, none outside, and always the same."""

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.text import Text

from analytics.drawing import DOTS
from analytics.symbol_chart import ANCHORS, INCHES, STYLE, Candle, Line, Picture, draw, figure
from flows.chart import CHARS_A_LINE
from schemas.reasons.scan import ScanCode

FIRST = date(2016, 1, 4)


def candles(closes: Sequence[float], *, volume: int = 1_000_000) -> tuple[Candle, ...]:
    return tuple(
        Candle(
            at=7 + k, on=FIRST + timedelta(days=k), open=c * 0.99, high=c * 1.01, low=c * 0.98, close=c,
            volume=volume,
        )
        for k, c in enumerate(closes)
    )  # fmt: skip


def crowded(price: float, n: int = 120) -> Picture:
    """Nine anchors within a few sessions and a few cents, and every level."""
    bars = candles([price * (1 + 0.002 * (k % 7)) for k in range(n)])
    lines = [Line(name=name, values=tuple(price * 1.001 for _ in bars)) for name in ("sma20", "sma50")]
    for k, name in enumerate(ANCHORS):
        begin = max(0, n - 12 + k)
        values = tuple(price * (1 + k / 4000) if at >= begin else None for at in range(n))
        lines.append(Line(name=name, values=values, anchor=bars[begin].on, weight=k % 3))
    long_ago = tuple(price * 3 for _ in bars)
    lines[2] = Line(name="YTD", values=long_ago, anchor=FIRST - timedelta(days=300))
    levels = (
        ("entry", price),
        ("stop", price * 0.97),
        ("r1", price * 1.02),
        ("r2", price * 1.04),
        ("level", price),
    )
    return Picture(
        title="AAA   SIM 2016-06-01   REJECTED, tier A",
        under=("bars up to 2016-05-31 on the basis of 2016-06-01", "A_CODE, " * 18, "ANOTHER_CODE, " * 10),
        candles=bars,
        lines=tuple(lines),
        levels=levels,
    )


def alone(close: float, *, volume: int = 0) -> Picture:
    """One bar that never moved."""
    only = Candle(at=0, on=FIRST, open=close, high=close, low=close, close=close, volume=volume)
    return Picture(title="ONE", under=("no anchor",), candles=(only,), lines=(), levels=())


def split() -> Picture:
    """A fifth of the price from one session to the next, as where a split was never told."""
    return Picture(
        title="CUT",
        under=("BARS_SPLIT_RESIDUE",),
        candles=candles([100.0] * 30 + [20.0] * 30),
        lines=(),
        levels=(),
    )


PICTURES = {
    "crowded": crowded(76.5),
    "crowded pennies": crowded(0.0123),
    "crowded and dear": crowded(612_345.0),
    "two bars": crowded(50.0, 2),
    "one bar": alone(12.5),
    "one bar, dear": alone(999_999.0, volume=3_000_000_000),
    "split": split(),
}


def shown(picture: Picture) -> list[tuple[str, Any]]:
    """Every text of the drawing with its box in pixels."""
    with mpl.rc_context(STYLE):
        made = figure(picture)
        made.canvas.draw()
        renderer = made.canvas.get_renderer()
        ticks = [t for axes in made.axes for t in (*axes.get_xticklabels(), *axes.get_yticklabels())]
        inside = {id(t) for axes, t in ((a, t) for a in made.axes for t in a.get_yticklabels())
                  if not axes.get_ylim()[0] <= t.get_position()[1] <= axes.get_ylim()[1]}  # fmt: skip
        texts = [t for t in made.findobj(Text) if t.get_text() and t.get_visible()]
        hidden = [t for t in ticks if id(t) in inside]
        return [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t not in hidden]


@pytest.mark.parametrize("name", PICTURES)
def test_no_text_lies_over_another_or_leaves_the_picture(name: str) -> None:
    texts = shown(PICTURES[name])
    assert any(PICTURES[name].title in text for text, _ in texts)
    for (one, a), (other, b) in combinations(texts, 2):
        is_apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 + 2 or b.y1 <= a.y0 + 2
        assert is_apart, (one, other)
    for text, box in texts:
        assert box.x0 >= 0, text
        assert box.x1 <= INCHES[0] * DOTS, text
        assert box.y0 >= 0, text
        assert box.y1 <= INCHES[1] * DOTS, text


def test_every_line_and_level_is_named_with_its_price() -> None:
    picture = crowded(76.5)
    told = [text for text, _ in shown(picture)]
    for line in picture.lines:
        assert any(text.startswith(f"{line.name} ") for text in told), line.name
    assert {"entry 76.50", "stop 74.20", "r1 78.03", "r2 79.56", "level 76.50"} <= set(told)


def test_what_lies_outside_says_so_and_flattens_nothing() -> None:
    told = [text for text, _ in shown(crowded(76.5))]
    assert "YTD 229.50 ↑" in told
    assert "← YTD 2015-03-10" in told


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_same_picture_gives_the_same_bytes_and_no_date(kind: str) -> None:
    first, second = draw(crowded(76.5), kind), draw(crowded(76.5), kind)
    assert first == second
    assert b"dc:date" not in first
    assert first.startswith(b"<?xml" if kind == "svg" else b"\x89PNG")


def test_a_session_without_a_bar_leaves_a_gap_of_its_width() -> None:
    whole = candles([10.0, 11.0, 12.0])
    torn = (
        whole[0],
        Candle(at=whole[2].at + 5, on=FIRST + timedelta(days=9), open=9, high=9, low=9, close=9, volume=1),
    )
    with mpl.rc_context(STYLE):
        made = figure(Picture(title="GAP", under=(), candles=torn, lines=(), levels=()))
    boxes = made.axes[1].collections[0].get_paths()
    middles = [path.get_extents().x0 + 0.34 for path in boxes]
    assert [7.0, 14.0] == pytest.approx(middles)


def test_a_full_line_of_codes_fits_the_picture() -> None:
    codes = textwrap.wrap(", ".join(["UNIVERSE_NOT_MEMBER", *ScanCode, "BARS_SPLIT_RESIDUE"]), CHARS_A_LINE)
    boxes = [box for text, box in shown(replace(alone(5.0), under=tuple(codes))) if text in codes]
    assert len(codes) == len(boxes)
    assert max(box.x1 for box in boxes) <= INCHES[0] * DOTS
