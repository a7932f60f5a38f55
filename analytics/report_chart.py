"""Equity and the fall from its peak share their sessions, one above the other: two panels, never two axes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final

from schemas.snapshot import Snapshot

WIDTH: Final = 1000
EQUITY_TOP: Final = 24
EQUITY_BOTTOM: Final = 170
FALL_TOP: Final = 206
FALL_BOTTOM: Final = 270
RIBBON_TOP: Final = 286
RIBBON_BOTTOM: Final = 314
MARGIN: Final = 6
LEVELS: Final = ("RISK_ON", "NEUTRAL", "RISK_OFF", "STRESSED")
"""From calm to not: the higher the bar of the ribbon, the less calm, so that it is read without its colours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Sessions of one label in a row: a bar of the ribbon, in the drawing's units."""

    label: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Ready numbers of the drawing. lines: (y, text) of the labelled rules; bands: the ribbon of the regime.

    It is drawn as wide as the page and as high as it is here, without its proportions: texts stand beside it.
    """

    width: int
    height: int
    line: str
    fall: str
    lines: Sequence[tuple[float, str]]
    label: str
    bands: Sequence[Band] = ()


def equity_chart(history: Sequence[Snapshot], labels: Mapping[date, str] | None = None) -> Chart | None:
    """The chart of all closes with a known equity, oldest first; None if there are fewer than two.

    Args:
        labels: of the regime that governed each session; a session without one has no bar.
    """
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
        height=RIBBON_BOTTOM + 2 if labels else FALL_BOTTOM + 2,
        line=_points(zip(across, line, strict=True)),
        fall=_points(corners),
        lines=[
            (EQUITY_TOP, f"{high:,.0f}"),
            (EQUITY_BOTTOM, f"{low:,.0f}"),
            (FALL_TOP, "drawdown 0"),
            (FALL_BOTTOM, f"{deepest:.2%}"),
        ],
        bands=_bands([row[0] for row in known], labels or {}, step),
        label=f"Equity in USD (line) and drawdown (area), closes of {first} to {last}",
    )


def line_chart(days: Sequence[date], values: Sequence[float | None], what: str) -> Chart | None:
    """One measure, a fraction, over *days*; None if fewer than two are known. Those before the first leave no line."""
    known = [(at, value) for at, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return None
    low, high = min(value for _, value in known), max(value for _, value in known)
    step = (WIDTH - 2 * MARGIN) / (len(values) - 1)
    return Chart(
        width=WIDTH,
        height=EQUITY_BOTTOM + 2,
        line=_points(
            [
                (round(MARGIN + step * at, 1), _between(value, low, high, EQUITY_BOTTOM, EQUITY_TOP))
                for at, value in known
            ]
        ),
        fall="",
        lines=[(EQUITY_TOP, f"{high:.2%}"), (EQUITY_BOTTOM, f"{low:.2%}")],
        label=f"{what}, {days[known[0][0]].isoformat()} to {days[known[-1][0]].isoformat()}",
    )


def _bands(days: Sequence[date], labels: Mapping[date, str], step: float) -> list[Band]:
    found: list[Band] = []
    at = 0
    for label, group in groupby(labels.get(each, "") for each in days):
        count = len(list(group))
        if label in LEVELS:
            height = (RIBBON_BOTTOM - RIBBON_TOP) * (LEVELS.index(label) + 1) / len(LEVELS)
            found.append(
                Band(
                    label=label,
                    x=round(max(0.0, MARGIN + step * (at - 0.5)), 1),
                    y=RIBBON_BOTTOM - height,
                    width=round(step * count, 1),
                    height=height,
                )
            )
        at += count
    return found


def _between(value: float, least: float, most: float, at_least: float, at_most: float) -> float:
    """*value* on a straight scale; a flat series lies at its least."""
    share = (value - least) / (most - least) if most > least else 0.0
    return round(at_least + (at_most - at_least) * share, 1)


def _points(pairs: "Sequence[tuple[float, float]] | zip[tuple[float, float]]") -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)
