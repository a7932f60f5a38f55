"""The index above, with a band for each label, and below it the four measures that the label was read from.

The same labels give the same bytes: no date, no version and no random id goes into a file.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from analytics.config import RegimeConfig
from analytics.drawing import INK, STYLE, blank, saved
from schemas.regime import RegimeLabel, RegimeMeasures, RegimeRecord

SKIPPED: Final = "SKIPPED"
# Told apart by hue and by lightness, so that they also survive colour blindness and a grey print.
COLOURS: Final = {
    RegimeLabel.RISK_ON.value: "#6baed6",
    RegimeLabel.NEUTRAL.value: "#ececec",
    RegimeLabel.RISK_OFF.value: "#fdb863",
    RegimeLabel.STRESSED.value: "#b2341f",
    SKIPPED: "#ffffff",
}
NOTHING: Final = float("nan")
"""What a line is interrupted by."""
LIMIT: Final = "#8a5a00"
INCHES: Final = (12.0, 8.4)


def draw(records: Sequence[RegimeRecord], config: RegimeConfig, kind: str) -> bytes:
    """The drawing of *records* (at least one, one a session, oldest first) as bytes of *kind*, svg or png."""
    assert records, "nothing to draw"
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        figure = blank(figsize=INCHES, layout="constrained")
        panels = figure.subplots(5, 1, sharex=True, height_ratios=(4, 1.15, 1.15, 1.15, 1.15))
        _index(panels[0], records)
        for axes, (name, values, limits) in zip(panels[1:], _measures(records, config), strict=True):
            _measure(axes, records, name, values, limits)
        _dates(panels[-1], records)
        figure.align_ylabels(panels)
        return saved(figure, kind)


def bands(records: Sequence[RegimeRecord]) -> tuple[tuple[date, date, str], ...]:
    """(from, until, label): each label holds from its close to the next labelled one, the last for a day."""
    labels = [r.regime.label.value if r.regime.label is not None else SKIPPED for r in records]
    return spans([record.regime.data_session for record in records], labels)


def spans(days: Sequence[date], labels: Sequence[str]) -> tuple[tuple[date, date, str], ...]:
    """(from, until, label) of equal labels in a row; the last day's ends on the next."""
    found: list[tuple[date, date, str]] = []
    for day, until, label in zip(days, [*days[1:], days[-1] + timedelta(days=1)], labels, strict=True):
        if found and found[-1][2] == label:
            found[-1] = (found[-1][0], until, label)
        else:
            found.append((day, until, label))
    return tuple(found)


def _index(axes: Any, records: Sequence[RegimeRecord]) -> None:
    """Closes on a logarithmic scale: an equal fall looks equally deep in every year."""
    from matplotlib.patches import Patch

    named = records[0].regime.benchmark
    days = [record.regime.data_session for record in records]
    drawn = bands(records)
    for start, until, label in drawn:
        axes.axvspan(start, until, color=COLOURS[label], linewidth=0)
    closes = [
        float(record.close) if record.close is not None and _is_fresh(record) else NOTHING
        for record in records
    ]
    axes.plot(days, closes, color=INK, linewidth=1.1)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(_ticker().MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(_ticker().FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(_ticker().NullLocator())
    axes.set_ylabel(f"{named}, close, USD")
    axes.set_title(f"{named}: the regime of each close, {days[0]} to {days[-1]}", loc="left")
    total = len(records)
    shown = [name for name in COLOURS if any(label == name for _, _, label in drawn)]
    handles = []
    for name in shown:
        share = sum((r.regime.label or SKIPPED) == name for r in records) / total
        handles.append(Patch(facecolor=COLOURS[name], edgecolor="#777777", label=f"{name}  {share:.0%}"))
    above = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.1}
    axes.legend(handles=handles, ncols=len(handles), frameon=False, columnspacing=1.2, **above)


def _measures(
    records: Sequence[RegimeRecord], config: RegimeConfig
) -> Sequence[tuple[str, list[float | None], Sequence[float]]]:
    """(name, value by record, thresholds in rising order) of each measure."""
    told = [record.regime.measures for record in records]
    fresh = [record.regime.measures if _is_fresh(record) else RegimeMeasures() for record in records]
    return (
        ("vol20", [m.vol20 for m in fresh], (config.vol_elevated, config.vol_high)),
        ("drawdown63", [m.drawdown63 for m in fresh], (config.drawdown_moderate, config.drawdown_deep)),
        ("trend", [m.trend for m in fresh], (config.trend_down, 0.0, config.trend_positive)),
        ("breadth", [m.breadth for m in told], (config.breadth_weak, config.breadth_strong)),
    )


def _is_fresh(record: RegimeRecord) -> bool:
    """Whether the benchmark has a close of the session: an older one, drawn again, would be a line that never was."""
    return record.regime.resolved_session == record.regime.data_session


def _measure(
    axes: Any,
    records: Sequence[RegimeRecord],
    name: str,
    values: Sequence[float | None],
    limits: Sequence[float],
) -> None:
    """One measure with its thresholds as dashed lines, each named at the right edge."""
    days = [record.regime.data_session for record in records]
    axes.plot(days, [NOTHING if v is None else v for v in values], color="#1f4e79", linewidth=1.0)
    sides = ("top", *["center"] * (len(limits) - 2), "bottom")  # so that two near ones stay readable
    for limit, side in zip(limits, sides, strict=True):
        axes.axhline(limit, color=LIMIT, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.annotate(
            f"{limit:g}", (1.0, limit), xycoords=("axes fraction", "data"), xytext=(4, 0),
            textcoords="offset points", va=side, color=LIMIT, fontsize=8,
        )  # fmt: skip
    seen = [*limits, *(v for v in values if v is not None)]
    room = (max(seen) - min(seen)) * 0.1
    axes.set_ylim(min(seen) - room, max(seen) + room)
    axes.yaxis.set_major_locator(_ticker().MaxNLocator(4))
    axes.set_ylabel(name)


def _dates(axes: Any, records: Sequence[RegimeRecord]) -> None:
    from matplotlib import dates

    drawn: Any = dates
    locator = drawn.AutoDateLocator(minticks=5, maxticks=14)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(drawn.ConciseDateFormatter(locator))
    first, last = records[0].regime.data_session, records[-1].regime.data_session
    axes.set_xlim(first, last + timedelta(days=1))


def _ticker() -> Any:
    from matplotlib import ticker

    return ticker
