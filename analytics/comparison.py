"""Two runs over the same sessions, with and without risk modulation, are told by the same measures side by side.

A function of both runs' artifacts: it measures what modulation cost and spared, and recommends nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import fmean, pstdev
from typing import Final

from schemas.base import quantise
from schemas.decisions import Decision, Decisions
from schemas.reasons.portfolio import CapCode, DecisionInfo, ModulationCode
from schemas.regime import Regime
from schemas.snapshot import Snapshot

SESSIONS_A_YEAR: Final = 252
SKIPPED: Final = "SKIPPED"
_ONLY_SIZES: Final = frozenset({*map(str, CapCode), *map(str, ModulationCode), *map(str, DecisionInfo)})
"""Codes of an intent that nothing but its size stood against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session of one run. regime: measured that morning at the close before. None: the stage left no file."""

    snapshot: Snapshot
    decisions: Decisions | None
    regime: Regime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both runs, session by session, oldest first and of equal dates.

    alike: file -> sessions in which both runs made the same of it. Nothing before the decisions may differ.
    """

    book_id: str
    plain: Sequence[Session]
    modulated: Sequence[Session]
    alike: Mapping[str, int]

    def __post_init__(self) -> None:
        dates = [[each.snapshot.closed_session for each in run] for run in (self.plain, self.modulated)]
        assert dates[0] == dates[1], "both runs are of the same sessions"
        assert dates[0], "there is a session to compare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """One run in numbers. Fractions are of equity; None: a session's equity could not be proved."""

    equity: Decimal | None
    total_return: float | None
    drawdown_max: float
    volatility: float | None
    """Population standard deviation of the session returns, a year's worth."""
    exposure_mean: float | None
    exposure_max: float | None
    entries: int
    allowed: int
    resized: int
    blocked: int
    realised_net: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """How many intents that nothing but their size stood against the regime made smaller."""

    intents: int
    to_nothing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfLabel:
    """Sessions that one label governed, and what each run (plain, modulated) did in them."""

    label: str
    sessions: int
    returns: tuple[float, float]
    exposures: tuple[float, float]
    entries: tuple[int, int]


def measures(run: Sequence[Session]) -> Measures:
    """The measures of *run*."""
    shots = [each.snapshot for each in run]
    decided = [each.decisions.batch for each in run if each.decisions is not None]
    last = shots[-1]
    gross = [
        float(shot.exposure.gross_fraction) for shot in shots if shot.exposure.gross_fraction is not None
    ]
    returns = returns_of(run)
    whole = len(returns) == len(run)
    return Measures(
        equity=last.equity,
        total_return=quantise(compounded(returns), 6) if whole else None,
        drawdown_max=quantise(float(max(shot.drawdown_max for shot in shots)), 6) or 0.0,
        volatility=quantise(pstdev(returns) * math.sqrt(SESSIONS_A_YEAR), 6) if whole else None,
        exposure_mean=quantise(fmean(gross), 6) if gross else None,
        exposure_max=quantise(max(gross), 6) if gross else None,
        entries=sum(shot.entries_today for shot in shots),
        allowed=sum(each.allowed for each in decided),
        resized=sum(each.resized for each in decided),
        blocked=sum(each.blocked for each in decided),
        realised_net=last.pnl_total.realised_net,
        fees=last.pnl_total.fees,
    )


def lowered(run: Sequence[Session]) -> Lowered:
    """What modulation took in *run*; nothing where E2 was off."""
    rows = [row for each in run if each.decisions is not None for row in each.decisions.verdicts]
    taken = [row for row in rows if _is_lowered(row)]
    return Lowered(intents=len(taken), to_nothing=sum(row.q2 == 0 for row in taken))


def _is_lowered(row: Decision) -> bool:
    codes = {finding.code for finding in row.reasons}
    return bool(codes & set(ModulationCode)) and codes <= _ONLY_SIZES


def of_labels(compared: Comparison) -> tuple[OfLabel, ...]:
    """One row per label, the most frequent first."""
    labels = [label_of(each) for each in compared.plain]
    found = []
    for label in sorted(set(labels), key=lambda name: (-labels.count(name), name)):
        runs = tuple(
            [each for each, governs in zip(run, labels, strict=True) if governs == label]
            for run in (compared.plain, compared.modulated)
        )
        plain, modulated = (measures(run) for run in runs)
        found.append(
            OfLabel(
                label=label,
                sessions=len(runs[0]),
                returns=(compounded(returns_of(runs[0])), compounded(returns_of(runs[1]))),
                exposures=(plain.exposure_mean or 0.0, modulated.exposure_mean or 0.0),
                entries=(plain.entries, modulated.entries),
            )
        )
    return tuple(found)


def label_of(session: Session) -> str:
    """The label that the session's morning had, ``SKIPPED`` without one."""
    regime = session.regime
    return SKIPPED if regime is None or regime.label is None else regime.label.value


def dates_of(run: Sequence[Session]) -> list[date]:
    """The dates of the sessions of *run*."""
    return [each.snapshot.closed_session for each in run]


def returns_of(run: Sequence[Session]) -> list[float]:
    """Session returns, as far as they are known."""
    return [float(each.snapshot.session_return) for each in run if each.snapshot.session_return is not None]


def compounded(returns: Sequence[float]) -> float:
    """What *returns* make one after the other."""
    return math.prod(1 + each for each in returns) - 1
