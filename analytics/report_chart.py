"""Equity and the fall from its peak share their sessions, one above the other: two panels, never two axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.snapshot import Snapshot

WIDTH: Final = 1000
EQUITY_TOP: Final = 24
EQUITY_BOTTOM: Final = 170
FALL_TOP: Final = 206
FALL_BOTTOM: Final = 270
MARGIN: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Ready numbers of the drawing. lines: (y, text) of the labelled rules; last: the last close's point."""

    width: int
    height: int
    equity: str
    fall: str
    last: tuple[float, float]
    lines: Sequence[tuple[float, str]]
    label: str


def equity_chart(history: Sequence[Snapshot]) -> Chart | None:
    """The chart of all closes with a known equity, oldest first; None if there are fewer than two."""
    known = [
        (shot.closed_session, float(shot.equity), float(shot.drawdown))
        for shot in history
        if shot.equity is not None and shot.drawdown is not None
    ]
    if len(known) < 2:
        return None
    equities, falls = [row[1] for row in known], [row[2] for row in known]
    low, high, deepest = min(equities), max(equities), max(falls)
    step = (WIDTH - 2 * MARGIN) / (len(known) - 1)
    across = [round(MARGIN + step * i, 1) for i in range(len(known))]
    line = [_between(e, low, high, EQUITY_BOTTOM, EQUITY_TOP) for e in equities]
    area = [_between(f, 0.0, deepest, FALL_TOP, FALL_BOTTOM) for f in falls]
    corners = [(across[0], float(FALL_TOP)), *zip(across, area, strict=True), (across[-1], float(FALL_TOP))]
    first, last = known[0][0].isoformat(), known[-1][0].isoformat()
    return Chart(
        width=WIDTH,
        height=FALL_BOTTOM + 12,
        equity=_points(zip(across, line, strict=True)),
        fall=_points(corners),
        last=(across[-1], line[-1]),
        lines=[
            (EQUITY_TOP, f"{high:,.0f}"),
            (EQUITY_BOTTOM, f"{low:,.0f}"),
            (FALL_TOP, "drawdown 0"),
            (FALL_BOTTOM, f"{deepest:.2%}"),
        ],
        label=f"Equity in USD (line) and drawdown (area), closes of {first} to {last}",
    )


def _between(value: float, least: float, most: float, at_least: float, at_most: float) -> float:
    """*value* on a straight scale; a flat series lies at its least."""
    share = (value - least) / (most - least) if most > least else 0.0
    return round(at_least + (at_most - at_least) * share, 1)


def _points(pairs: "Sequence[tuple[float, float]] | zip[tuple[float, float]]") -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)
