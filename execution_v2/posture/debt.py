"""The debt is a sum of terms, each monotone in its input, quantised before it is added and compared after."""

from collections.abc import Sequence
from dataclasses import dataclass

from execution_v2 import divergence
from execution_v2.posture.config import PostureConfig
from execution_v2.posture.contradiction import Agreement
from execution_v2.posture.freshness import Heard
from schemas.base import quantise
from schemas.posture import PostureState
from schemas.tick import Posture, Tick, TickKind


def terms(
    tick: Tick,
    sources: Sequence[Heard],
    conf: float,
    agreement: Agreement,
    open_gravity: float,
    config: PostureConfig,
) -> dict[str, float]:
    """Every term of execution.md 9.3 by its name, scale 6, none below zero, also those that are zero."""
    thin = sum(row.known_worth < config.thin_below for row in sources)
    oldest_s = tick.unknown_oldest_s
    if oldest_s is None and tick.unknown_orders:
        unknown = 1.0  # An order of unknown age is as old as any.
    else:
        unknown = min(max(oldest_s or 0, 0) / config.unknown_s, 1.0)
    raw = {
        "confidence": config.debt_conf * (1.0 - conf),
        "sources": config.debt_source * thin,
        "severity": config.debt_severity * agreement.severity,
        "streak": config.debt_streak * min(agreement.streak, config.streak_max),
        "unknown": unknown,
        "ambiguous": config.debt_ambiguous * tick.ambiguous_symbols,
        "mismatch": config.debt_mismatch * min(agreement.mismatch_streak, config.mismatch_max),
        "gap": config.debt_gap * min(config.gap_max, max(tick.gap_s, 0) / config.gap_s),
        "breaches": config.debt_breach * tick.gap_breaches,
        "gave_up": config.debt_gave_up * tick.gave_up,
        "divergence": config.debt_divergence * open_gravity,
    }
    return {name: quantise(value, 6) or 0.0 for name, value in raw.items()}


def total(addends: dict[str, float]) -> float:
    """Their sum, scale 6: exactly what a reader of the terms comes to."""
    return quantise(sum(addends.values()), 6) or 0.0


def gravity(before: PostureState, tick: Tick) -> float:
    """G of execution.md 11, scale 6. No verdict weighs as a stale one, or as what was open at the last one."""
    if tick.verdict is None:
        stale: float = divergence.ROWS[divergence.C.STALE_VERDICT].severity
        return stale if stale > before.gravity else float(before.gravity)
    return quantise(divergence.gravity(tick.verdict.divergences), 6) or 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """Where the debt stands. ``reached`` and ``growth`` are postures it holds; None: it holds none."""

    debts: tuple[float, ...]
    over_yellow: int
    over_orange: int
    reached: Posture | None
    growth: Posture | None


def bands(before: PostureState, tick: Tick, debt: float, config: PostureConfig) -> Bands:
    """The band that *debt* has reached for long enough, and the one that its growth will reach."""
    counts = tick.kind is not TickKind.SPOT
    window = (*before.debts, debt)[-config.growth_ticks_max :]
    yellow = _running(before.over_yellow, debt >= config.band_yellow, counts, config)
    orange = _running(before.over_orange, debt >= config.band_orange, counts, config)
    reached = None
    if debt >= config.band_red:
        reached = Posture.RED
    elif debt >= config.band_orange and orange >= config.band_ticks:
        reached = Posture.ORANGE
    elif debt >= config.band_yellow and yellow >= config.band_ticks:
        reached = Posture.YELLOW
    return Bands(
        debts=window if counts else before.debts,
        over_yellow=yellow,
        over_orange=orange,
        reached=reached,
        growth=_growth(window, debt, config),
    )


def slope(debts: Sequence[float]) -> float:
    """Debt per tick, least squares over evenly spaced ticks; scale 6. At least two of them."""
    n = len(debts)
    assert n >= 2, "a line needs two points"
    middle = (n - 1) / 2
    spread = n * (n * n - 1) / 12  # The sum of squared distances from the middle of 0, 1 ... n - 1.
    return quantise(sum((i - middle) * debt for i, debt in enumerate(debts)) / spread, 6) or 0.0


def _running(before: int, is_over: bool, counts: bool, config: PostureConfig) -> int:
    if not is_over:
        return 0 if counts else before
    return min(before + counts, config.band_ticks)


def _growth(window: Sequence[float], debt: float, config: PostureConfig) -> Posture | None:
    if len(window) < config.growth_ticks_min:
        return None
    climb = slope(window)
    ahead = quantise(debt + climb * config.growth_ahead, 6) or 0.0
    if climb <= 0 or ahead < config.band_yellow:
        return None
    return Posture.ORANGE if ahead >= config.band_orange else Posture.YELLOW
