"""What was known and what that cost, in one drawing: bands of posture and lifecycle, debt, causes, entries held back.

Closed hours are left out: sessions stand side by side, a thin gap between two. The same history gives the same bytes.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from analytics.drawing import FAINT, INK, STYLE, blank, saved
from analytics.posture_history import History
from schemas.lifecycle import Lifecycle
from schemas.tick import Posture

INCHES: Final = 12.0
"""Across."""
HEAD: Final = 0.6
BETWEEN: Final = 0.32
FOOT: Final = 0.45
"""Inches above, between and below the panels."""
GAP_HOURS: Final = 0.3
CAUSES_MAX: Final = 10
"""Rows of causes; the longest ones."""
LABELS_MAX: Final = 12
HOURLY_MAX: Final = 2
"""Sessions up to which hours are labelled too."""
# Told apart by lightness as well as by hue, so that they survive a grey print.
POSTURES: Final[Mapping[str, str]] = {
    Posture.GREEN: "#cfe8cf",
    Posture.YELLOW: "#f6dc6c",
    Posture.ORANGE: "#ee8f3a",
    Posture.RED: "#a5281b",
}
STATES: Final[Mapping[str, str]] = {
    Lifecycle.ACTIVE: "#cfe8cf",
    Lifecycle.INIT: "#e4e4e4",
    Lifecycle.READY: "#c4c9d1",
    Lifecycle.THROTTLED: "#f6dc6c",
    Lifecycle.PAUSED: "#8fb3d9",
    Lifecycle.DEGRADED: "#ee8f3a",
    Lifecycle.EMERGENCY: "#a5281b",
}
TERMS: Final[Mapping[str, str]] = {
    "confidence": "#4c78a8",
    "sources": "#9ecae9",
    "severity": "#b2341f",
    "streak": "#ef8a73",
    "unknown": "#6a51a3",
    "ambiguous": "#b6a6d6",
    "mismatch": "#54852f",
    "gap": "#b8d48a",
    "breaches": "#8a6d3b",
    "gave_up": "#d8b365",
    "divergence": "#333333",
}
"""Every term of the debt, in its order."""
REFUSED: Final = "#a5281b"
SMALLER: Final = "#d9a400"


@dataclass(frozen=True, slots=True)
class Axis:
    """Places sessions side by side. starts: hours from the left of each session's open."""

    opens: tuple[datetime, ...]
    closes: tuple[datetime, ...]
    starts: tuple[float, ...]

    @classmethod
    def of(cls, history: History) -> "Axis":
        """The axis of *history*."""
        starts, x = [], 0.0
        for log in history.sessions:
            starts.append(x)
            x += _hours(log.close_at - log.open_at) + GAP_HOURS
        opens = tuple(log.open_at for log in history.sessions)
        return cls(opens, tuple(log.close_at for log in history.sessions), tuple(starts))

    @property
    def width(self) -> float:
        """Hours from the first open to the last close, as drawn."""
        return self.starts[-1] + _hours(self.closes[-1] - self.opens[-1])

    def x(self, at: datetime) -> float:
        """Where *at* is drawn; closed hours lie on the open that follows, after the last close on that close."""
        n = max(bisect_right(self.opens, at) - 1, 0)
        if at > self.closes[n] and n + 1 < len(self.opens):
            return self.starts[n + 1]
        return self.starts[n] + min(
            max(_hours(at - self.opens[n]), 0.0), _hours(self.closes[n] - self.opens[n])
        )

    def pieces(self, start: datetime, end: datetime) -> list[tuple[float, float]]:
        """(left, width) of what lies in open hours between two moments, session by session."""
        found = []
        for opened, closed, left in zip(self.opens, self.closes, self.starts, strict=True):
            a, b = max(start, opened), min(end, closed)
            if a < b:
                found.append((left + _hours(a - opened), _hours(b - a)))
        return found


def draw(history: History, title: str, bands: Mapping[str, float], kind: str) -> bytes:
    """The drawing of *history* as bytes of *kind*, svg or png; 1,200 pixels across.

    bands: debt from which on each posture is reached, by its name.
    """
    import matplotlib as mpl

    rows = causes(history)
    heights = (0.9, 2.6, max(0.26 * len(rows), 0.4) + 0.1, 0.9)
    with mpl.rc_context(STYLE):
        tall = HEAD + sum(heights) + 3 * BETWEEN + FOOT
        # Placed by hand: a layout engine's last digits differ from run to run, and with them the bytes.
        figure = blank(figsize=(INCHES, tall))
        places = {"left": 0.165, "right": 0.945, "top": 1 - HEAD / tall, "bottom": FOOT / tall}
        spaced = {**places, "hspace": BETWEEN / (sum(heights) / len(heights))}
        panels = figure.subplots(4, 1, sharex=True, height_ratios=heights, gridspec_kw=spaced)
        axis = Axis.of(history)
        _bands(panels[0], history, axis, title)
        _debt(panels[1], history, axis, bands)
        _causes(panels[2], history, axis, rows)
        _entries(panels[3], history, axis)
        _dates(panels[3], axis)
        for axes in panels:
            for left in axis.starts[1:]:
                axes.axvspan(left - GAP_HOURS, left, color="white", linewidth=0, zorder=5)
            axes.yaxis.set_label_coords(-0.05, 0.5)
        return saved(figure, kind)


def causes(history: History) -> list[str]:
    """Codes that held a posture down for any time at all, longest first."""
    found: Counter[str] = Counter()
    for start, end, moment in history.spans():
        seconds = history.active(start, end)
        for code in moment.causes:
            found[code] += seconds
    return [code for code, seconds in found.most_common(CAUSES_MAX) if seconds]


def _bands(axes: Any, history: History, axis: Axis, title: str) -> None:
    from matplotlib.patches import Patch

    seen: dict[str, str] = {}
    for row, (colours, name) in enumerate(((POSTURES, "posture"), (STATES, "lifecycle"))):
        for start, end, moment in history.spans():
            what = str(getattr(moment, name))
            pieces = axis.pieces(start, end)
            if pieces:
                seen[what] = colours[what]
                axes.broken_barh(pieces, (0.55 - 0.55 * row, 0.4), facecolors=colours[what], linewidth=0)
    axes.set_ylim(0, 1)
    axes.set_yticks([0.75, 0.2], ["posture", "lifecycle"])
    axes.tick_params(left=False, bottom=False)
    axes.set_title(title, loc="left", pad=24)
    order = [*POSTURES, *STATES]
    shown = sorted(seen, key=order.index)
    handles = [Patch(facecolor=seen[name], edgecolor=FAINT, linewidth=0.5, label=name) for name in shown]
    _legend(axes, handles)


def _debt(axes: Any, history: History, axis: Axis, bands: Mapping[str, float]) -> None:
    """Terms stacked, each held from its tick to the next."""
    shown = [name for name in TERMS if any(moment.terms.get(name) for moment in history.moments)]
    xs, ys = _steps(history, axis, shown)
    if shown:
        axes.stackplot(xs, ys, labels=shown, colors=[TERMS[name] for name in shown], step="post", linewidth=0)
        _legend(axes, axes.get_legend_handles_labels()[0])
    else:
        axes.annotate(
            "no doubts", (0.5, 0.5), xycoords="axes fraction", ha="center", va="center", color=FAINT, zorder=8
        )
    most = max([moment.debt for moment in history.moments], default=0.0)
    top = max(most, min(bands.values(), default=1.0)) * 1.12
    for name, level in bands.items():
        if level <= top:
            axes.axhline(level, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=6)
            axes.annotate(
                name, (1.0, level), xycoords=("axes fraction", "data"), xytext=(4, 0),
                textcoords="offset points", va="center", fontsize=8, color=INK, annotation_clip=False,
            )  # fmt: skip
    axes.set_ylim(0, top)
    axes.set_ylabel("debt")
    axes.tick_params(bottom=False)


def _steps(history: History, axis: Axis, shown: Sequence[str]) -> tuple[list[float], list[list[float]]]:
    """Corners of the stack; between two sessions it falls to nothing."""
    xs: list[float] = []
    ys: list[list[float]] = [[] for _ in shown]
    for start, end, moment in history.spans():
        for left, width in axis.pieces(start, end):
            if xs and left > xs[-1]:
                xs.append(xs[-1])
                for row in ys:
                    row.append(0.0)
            xs += [left, left + width]
            for row, name in zip(ys, shown, strict=True):
                row += [moment.terms.get(name, 0.0)] * 2
    return xs, ys


def _causes(axes: Any, history: History, axis: Axis, rows: Sequence[str]) -> None:
    for start, end, moment in history.spans():
        pieces = axis.pieces(start, end)
        for code in moment.causes if pieces else ():
            if code in rows:
                colour = POSTURES[moment.posture]
                axes.broken_barh(pieces, (rows.index(code) - 0.35, 0.7), facecolors=colour, linewidth=0)
    axes.set_ylim(max(len(rows), 1) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.tick_params(left=False, bottom=False)
    if not rows:
        axes.annotate(
            "no causes", (0.5, 0.5), xycoords="axes fraction", ha="center", va="center", color=FAINT
        )


def _entries(axes: Any, history: History, axis: Axis) -> None:
    """Entries that were refused or made smaller, one bar for each cycle."""
    width = max(axis.width / 300, 5 / 60 * 0.7)
    refused: Counter[float] = Counter(axis.x(row.at) for row in history.clamped if row.is_refused)
    smaller: Counter[float] = Counter(axis.x(row.at) for row in history.clamped if not row.is_refused)
    places = sorted(refused | smaller)
    axes.bar(
        places, [refused[x] for x in places], width, color=REFUSED, align="edge", label="entries refused"
    )
    axes.bar(
        places,
        [smaller[x] for x in places],
        width,
        bottom=[refused[x] for x in places],
        color=SMALLER,
        align="edge",
        label="made smaller",
    )
    most = max((refused[x] + smaller[x] for x in places), default=0)
    axes.set_ylim(0, max(most, 1) * 1.25)
    axes.yaxis.set_major_locator(_ticker().MaxNLocator(3, integer=True))
    axes.set_ylabel("entries")
    if places:
        _legend(axes, axes.get_legend_handles_labels()[0])
    else:
        axes.annotate(
            "none held back",
            (0.5, 0.5),
            xycoords="axes fraction",
            ha="center",
            va="center",
            color=FAINT,
            zorder=8,
        )


def _dates(axes: Any, axis: Axis) -> None:
    """The first cycle of a session bears its date; where there are few, the hours too, in UTC as everywhere."""
    every = -(-len(axis.opens) // LABELS_MAX)
    ticks = [(left, f"{at:%d %b %Y}") for left, at in zip(axis.starts, axis.opens, strict=True)][::every]
    if len(axis.opens) <= HOURLY_MAX:
        ticks = [
            (left + _hours(at - opened), f"{at:%H:%M}" if n else f"{at:%H:%M}\n{at:%d %b %Y} UTC")
            for left, opened, closed in zip(axis.starts, axis.opens, axis.closes, strict=True)
            for n, at in enumerate(_halves(opened, closed))
        ]
    axes.set_xticks([x for x, _ in ticks], [text for _, text in ticks], fontsize=8, ha="left")
    axes.set_xlim(0, max(axis.width, 0.1))


def _halves(opened: datetime, closed: datetime) -> list[datetime]:
    """The open, and each full hour after it before the close."""
    hour = opened.replace(minute=0) + timedelta(hours=1)
    found = [opened]
    while hour < closed:
        if hour - opened >= timedelta(minutes=25):
            found.append(hour)
        hour += timedelta(hours=1)
    return found


def _legend(axes: Any, handles: Sequence[Any]) -> None:
    axes.legend(
        handles=handles, ncols=max(len(handles), 1), loc="lower right", bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.1, frameon=False, fontsize=8, columnspacing=1.0, handlelength=1.2,
    )  # fmt: skip


def _hours(span: timedelta) -> float:
    return span.total_seconds() / 3600


def _ticker() -> Any:
    from matplotlib import ticker

    return ticker
