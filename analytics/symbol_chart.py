"""One symbol as a scan saw it: candles, volume, each line from its anchor, and the plan's prices, all named once.

matplotlib draws without a screen. The same picture gives the same bytes: text is drawn as outlines of the bundled
font, no date, version or random id goes into a file. Up and down are told apart by fill, lines by hue and dash, so
that no meaning rests on hue alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Final

from analytics import drawing
from analytics.drawing import DOTS, FAINT, INK, blank, saved
from analytics.label_layout import GAP_PIXELS, in_rows, spread

STYLE: Final[Any] = drawing.STYLE | {"svg.fonttype": "path", "lines.scale_dashes": False}
"""Letters as paths: where a label ends is measured, and must not depend on who looks at it."""
INCHES: Final = (12.0, 7.6)
LEFT, RIGHT, BOTTOM, TOP = 0.066, 0.832, 0.055, 0.92
UNDER: Final = 0.0215
"""Height of a line below the title, as a share of the figure."""
LABEL_PIXELS: Final = 13.5
"""Height that one label at the right edge takes."""
SESSIONS_MIN: Final = 20
"""Sessions that the width stands for at least: the only bar of a symbol is a candle, no barn door."""
LEVEL_BARS: Final = 0.22
"""Share of the width over which a price of the plan is drawn, from the right edge."""

SOLID: Final = (0, ())
ANCHORS: Final[dict[str, tuple[str, Any]]] = {
    "YTD": ("#0072b2", SOLID),
    "EARNINGS": ("#cc79a7", (0, (6, 2))),
    "GAP": ("#d55e00", (0, (8, 2))),
    "VOLUME_BREAKOUT": ("#b07d00", (0, (5, 1.5, 1, 1.5))),
    "MTD": ("#3a9bd9", (0, (4, 2))),
    "HIGH_52W": ("#008a63", (0, (7, 2, 1, 2))),
    "LOW_52W": ("#7f4f24", (0, (3, 1.5))),
    "SWING_LOW": ("#5b3a8c", (0, (2, 1.5))),
    "SWING_HIGH": ("#666666", (0, (1, 1.5))),
}
AVERAGES: Final = {"sma20": "#7d7d7d", "sma50": "#4a4a4a"}
LEVELS: Final = {"stop": "#a01818", "entry": "#111111", "level": "#4a4a4a", "r1": "#1d6b35", "r2": "#1d6b35"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One session, USD and shares. at: its place on the axis, in sessions, so that a missing one leaves a gap."""

    at: int
    on: date
    open: float
    high: float
    low: float
    close: float
    volume: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A value, USD or ``None``, for each candle. anchor: where it begins, ``None`` for a mean.

    weight: 2 for the line that carries the plan, 1 for one that might have, 0 for any other.
    """

    name: str
    values: tuple[float | None, ...]
    anchor: date | None = None
    weight: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is drawn. candles: at least one, oldest first. levels: (name, USD), names of ``LEVELS``."""

    title: str
    under: tuple[str, ...]
    candles: tuple[Candle, ...]
    lines: tuple[Line, ...]
    levels: tuple[tuple[str, float], ...]


def draw(picture: Picture, kind: str) -> bytes:
    """*picture* as bytes of *kind*, svg or png."""
    assert kind in ("svg", "png"), f"{kind} is no kind of drawing"
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        return saved(figure(picture), kind)


def figure(picture: Picture) -> Any:
    """*picture* laid out, as a matplotlib figure of ``INCHES`` at ``DOTS``."""
    assert picture.candles, "nothing to draw"
    made = blank(figsize=INCHES, dpi=DOTS)
    price, volume = made.subplots(2, 1, sharex=True, height_ratios=(5.2, 1))
    made.subplots_adjust(
        left=LEFT, right=RIGHT, bottom=BOTTOM, top=TOP - UNDER * len(picture.under), hspace=0.05
    )
    _title(made, picture)
    first, last = picture.candles[0].at, picture.candles[-1].at
    price.set_xlim(min(first - 1, last - SESSIONS_MIN), last + max(1, round((last - first) * 0.01)))
    _candles(price, picture.candles)
    for line in picture.lines:
        _line(price, picture.candles, line)
    _prices(price, picture)
    _anchors(price, picture)
    _levels(price, picture.levels)
    _named(price, picture)
    _volume(volume, picture.candles)
    _dates(volume, picture.candles)
    return made


def _title(made: Any, picture: Picture) -> None:
    made.text(LEFT, 0.975, picture.title, fontsize=12.5, fontweight="bold", color=INK, va="top")
    for number, text in enumerate(picture.under):
        made.text(LEFT, 0.945 - UNDER * number, text, fontsize=8.5, color=FAINT, va="top")


def _candles(axes: Any, candles: Sequence[Candle]) -> None:
    """Hollow up, filled down; a session that opened where it closed is a dash."""
    from matplotlib.collections import LineCollection, PolyCollection

    wicks = [((c.at, c.low), (c.at, min(c.open, c.close))) for c in candles]
    wicks += [((c.at, max(c.open, c.close)), (c.at, c.high)) for c in candles]
    axes.add_collection(LineCollection(wicks, colors=INK, linewidths=0.7, zorder=2))
    boxes = [_box(c, min(c.open, c.close), max(c.open, c.close)) for c in candles]
    fills = [_fill(c) for c in candles]
    axes.add_collection(PolyCollection(boxes, facecolors=fills, edgecolors=INK, linewidths=0.7, zorder=2.1))


def _box(candle: Candle, low: float, high: float) -> tuple[tuple[float, float], ...]:
    left, right = candle.at - 0.34, candle.at + 0.34
    return (left, low), (right, low), (right, high), (left, high)


def _fill(candle: Candle) -> str:
    return "#ffffff" if candle.close >= candle.open else "#44546a"


def _line(axes: Any, candles: Sequence[Candle], line: Line) -> None:
    colour, dash, width = _look(line)
    values = [float("nan") if v is None else v for v in line.values]
    axes.plot([c.at for c in candles], values, color=colour, linestyle=dash, linewidth=width, zorder=3)


def _look(line: Line) -> tuple[str, Any, float]:
    if line.anchor is None:
        return AVERAGES[line.name], SOLID, 0.8
    colour, dash = ANCHORS[line.name]
    return colour, dash, (0.9, 1.3, 2.4)[line.weight]


def _prices(axes: Any, picture: Picture) -> None:
    """The axis holds every candle and every price of the plan; a line far outside does not flatten them."""
    from matplotlib import ticker

    low = min([c.low for c in picture.candles] + [price for _, price in picture.levels])
    high = max([c.high for c in picture.candles] + [price for _, price in picture.levels])
    room = (high - low) or max(abs(high) * 0.02, 0.01)
    axes.set_ylim(low - 0.04 * room, high + 0.04 * room)
    axes.yaxis.set_major_locator(ticker.MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", bottom=False, labelbottom=False)


def _anchors(axes: Any, picture: Picture) -> None:
    """A mark on each anchor bar, its name and day in rows below the candles; one before them is named at the left."""
    seen = {c.on: c for c in picture.candles}
    first = picture.candles[0].at
    named = [(seen.get(line.anchor), line) for line in picture.lines if line.anchor is not None]
    if not named:
        return
    named.sort(key=lambda pair: (first - 1 if pair[0] is None else pair[0].at, pair[1].name))
    behind = {"facecolor": "#ffffff", "edgecolor": "none", "pad": 0.6}
    texts = [
        axes.text(0, 0, _since(line, candle), fontsize=7.5, color=_look(line)[0], ha="center", va="center",
                  bbox=behind, zorder=5)
        for candle, line in named
    ]  # fmt: skip
    renderer = axes.figure.canvas.get_renderer()
    box = axes.get_window_extent(renderer)
    widths = [text.get_window_extent(renderer).width for text in texts]
    wanted = [box.x0 if c is None else axes.transData.transform((c.at, 0))[0] for c, _ in named]
    places = in_rows(wanted, widths, (box.x0 + GAP_PIXELS, box.x1))
    rows = 1 + max(row for row, _ in places)
    low, high = axes.get_ylim()
    strip = (rows + 0.6) * LABEL_PIXELS / box.height
    axes.set_ylim(low - (high - low) * strip / (1 - strip), high)
    to_data = axes.transData.inverted()
    for (candle, line), text, (row, middle) in zip(named, texts, places, strict=True):
        pixel = box.y0 + (rows - row - 0.2) * LABEL_PIXELS
        text.set_position(to_data.transform((middle, pixel)))
        if candle is not None:
            colour, foot = _look(line)[0], to_data.transform((0, pixel))[1]
            value = line.values[picture.candles.index(candle)]
            start = candle.close if value is None else value
            axes.plot([candle.at] * 2, [foot, start], color=colour, linewidth=0.5, alpha=0.6, zorder=1)
            axes.plot([candle.at], [start], marker="D", markersize=4, color=colour, zorder=4)


def _since(line: Line, candle: Candle | None) -> str:
    assert line.anchor is not None, "a mean has no anchor"
    return f"← {line.name} {line.anchor}" if candle is None else f"{line.name} {line.anchor:%m-%d}"


def _levels(axes: Any, levels: Sequence[tuple[str, float]]) -> None:
    left, right = axes.get_xlim()
    begin = right - (right - left) * LEVEL_BARS
    for name, price in levels:
        axes.plot(
            [begin, right],
            [price, price],
            color=LEVELS[name],
            linewidth=1.0,
            linestyle=(0, (1, 1)),
            zorder=3.5,
        )


def _named(axes: Any, picture: Picture) -> None:
    """Every line and price named at the right edge, in the order of their heights, tied to its own."""
    named: list[tuple[float, str, str, bool]] = []
    for line in picture.lines:
        if (value := line.values[-1]) is not None:
            named.append((value, f"{line.name} {_usd(value)}", _look(line)[0], line.weight == 2))
    named += [
        (price, f"{name} {_usd(price)}", LEVELS[name], name in ("entry", "stop"))
        for name, price in picture.levels
    ]
    if not named:
        return
    named.sort(key=lambda each: (each[0], each[1]))
    box = axes.get_window_extent(axes.figure.canvas.get_renderer())
    low, high = axes.get_ylim()
    heights = [(value - low) / (high - low) * box.height for value, *_ in named]
    inside = [min(max(height, 0.0), box.height) for height in heights]
    places = spread(inside, LABEL_PIXELS, (LABEL_PIXELS / 2, box.height))
    for (_, text, colour, is_bold), at, height, place in zip(named, inside, heights, places, strict=True):
        beyond = " ↑" if height > box.height else " ↓" if height < 0 else ""
        axes.plot(
            [1.0, 1.012, 1.02], [at / box.height, place / box.height, place / box.height],
            transform=axes.transAxes, color=colour, linewidth=0.6, clip_on=False,
        )  # fmt: skip
        axes.text(
            1.023, place / box.height, text + beyond, transform=axes.transAxes, color=colour,
            fontsize=8, va="center", fontweight="bold" if is_bold else "normal",
        )  # fmt: skip


def _usd(value: float) -> str:
    """As many decimals as a price of its size is traded in."""
    return f"{value:,.{4 if value < 1 else 0 if value >= 10_000 else 2}f}"


def _volume(axes: Any, candles: Sequence[Candle]) -> None:
    from matplotlib import ticker
    from matplotlib.collections import PolyCollection

    boxes = [_box(c, 0.0, float(c.volume)) for c in candles]
    axes.add_collection(
        PolyCollection(boxes, facecolors=[_fill(c) for c in candles], edgecolors=INK, linewidths=0.4)
    )
    axes.set_ylim(0, max(max(c.volume for c in candles) * 1.05, 1))
    axes.yaxis.set_major_locator(ticker.MaxNLocator(3, integer=True))
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: _short(value)))
    axes.set_ylabel("shares")


def _short(value: float) -> str:
    for size, name in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if value >= size:
            return f"{value / size:g}{name}"
    return f"{value:g}"


def _dates(axes: Any, candles: Sequence[Candle]) -> None:
    """A tick where a month begins among the candles, thinned to what fits; the year where it begins."""
    starts = [c for before, c in pairwise(candles) if before.on.month != c.on.month]
    step = 1 + len(starts) // 14
    ticks = [(c.at, _month(c.on)) for c in starts[::step]] or [(candles[0].at, str(candles[0].on))]
    axes.set_xticks([at for at, _ in ticks], [text for _, text in ticks])


def _month(on: date) -> str:
    name = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[on.month - 1]
    return f"{name} {on.year}" if on.month == 1 else name
