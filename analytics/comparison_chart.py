"""Equity, drawdown and exposure of two runs stand side by side on equal scales, over bands of the regime.

The same runs give the same bytes.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from analytics.comparison import Comparison, Session, dates_of, label_of
from analytics.drawing import INK, STYLE, blank, saved
from analytics.regime_chart import COLOURS, NOTHING, spans

INCHES: Final = (12.0, 8.0)
TITLES: Final = ("without risk modulation", "with risk modulation")
LINE: Final = "#1f4e79"
OTHER: Final = "#8a8a8a"
Value = Callable[[Session], Any]


def _number(value: Any) -> float:
    return NOTHING if value is None else float(value)


PANELS: Final[Sequence[tuple[str, Value]]] = (
    ("equity, USD", lambda each: each.snapshot.equity),
    ("drawdown", lambda each: each.snapshot.drawdown),
    ("gross exposure", lambda each: each.snapshot.exposure.gross_fraction),
)


def draw(compared: Comparison, kind: str) -> bytes:
    """The drawing as bytes of *kind*, svg or png."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        figure = blank(figsize=INCHES, layout="constrained")
        grid = figure.subplots(len(PANELS), 2, sharex=True, sharey="row", height_ratios=(2, 1, 1))
        runs = (compared.plain, compared.modulated)
        for row, (name, value) in enumerate(PANELS):
            for column, run in enumerate(runs):
                _panel(grid[row][column], run, runs[1 - column], value)
            grid[row][0].set_ylabel(name)
            _numbers(grid[row][0], as_percent=row > 0)
        grid[1][0].invert_yaxis()
        for column, title in enumerate(TITLES):
            grid[0][column].set_title(title, loc="left")
            _dates(grid[-1][column], compared.plain)
        _legend(figure, compared.plain)
        figure.align_ylabels(grid[:, 0])
        return saved(figure, kind)


def _panel(axes: Any, run: Sequence[Session], other: Sequence[Session], value: Value) -> None:
    """One measure of one run, the other run's thin and grey behind it."""
    days = dates_of(run)
    for start, until, label in spans(days, [label_of(each) for each in run]):
        axes.axvspan(start, until, color=COLOURS[label], linewidth=0, alpha=0.55)
    axes.plot(days, [_number(value(each)) for each in other], color=OTHER, linewidth=0.8)
    axes.plot(days, [_number(value(each)) for each in run], color=LINE, linewidth=1.4)


def _legend(figure: Any, run: Sequence[Session]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    labels = [label_of(each) for each in run]
    handles: list[Any] = [
        Line2D([], [], color=LINE, linewidth=1.4, label="this run"),
        Line2D([], [], color=OTHER, linewidth=0.8, label="the other run"),
    ]
    for name in COLOURS:
        if name in labels:
            share = labels.count(name) / len(labels)
            patch = Patch(
                facecolor=COLOURS[name], edgecolor="#777777", alpha=0.55, label=f"{name}  {share:.0%}"
            )
            handles.append(patch)
    figure.legend(
        handles=handles, ncols=len(handles), frameon=False, loc="outside lower center", labelcolor=INK
    )


def _numbers(axes: Any, *, as_percent: bool) -> None:
    from matplotlib import ticker

    drawn: Any = ticker
    axes.yaxis.set_major_locator(drawn.MaxNLocator(5))
    thousands = drawn.StrMethodFormatter("{x:,.0f}")
    axes.yaxis.set_major_formatter(drawn.PercentFormatter(1.0) if as_percent else thousands)


def _dates(axes: Any, run: Sequence[Session]) -> None:
    from matplotlib import dates

    drawn: Any = dates
    locator = drawn.AutoDateLocator(minticks=4, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(drawn.ConciseDateFormatter(locator))
    days = dates_of(run)
    axes.set_xlim(days[0], days[-1] + timedelta(days=1))
