"""A source that fails keeps its weight and loses its worth; one that is switched off has neither."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from execution_v2.posture.config import PostureConfig
from schemas.base import quantise
from schemas.tick import Sighting, Source, Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one source is worth at a tick.

    Attributes: source, weight, worth (0 to 1, scale 6; None: nobody could say), is_skewed (its stamp lies in our
    future).
    """

    source: Source
    weight: float
    worth: float | None
    is_skewed: bool = False

    @property
    def known_worth(self) -> float:
        """0 where nobody could say."""
        return 0.0 if self.worth is None else self.worth


def heard(tick: Tick, config: PostureConfig) -> tuple[Heard, ...]:
    """Every source that is on, in the order of ``Source``. One without a sighting is on, and its worth unknown."""
    sighted = {row.source: row for row in tick.sightings}
    found = []
    for source, (weight, warn, crit) in _scales(config).items():
        row = sighted.get(source)
        if row is None:
            found.append(Heard(source=source, weight=weight, worth=None))
        elif row.is_on:
            worth, is_skewed = _worth(row, tick.elapsed_s, warn, crit, config)
            found.append(Heard(source=source, weight=weight, worth=worth, is_skewed=is_skewed))
    return tuple(found)


def confidence(sources: tuple[Heard, ...], severity: float, streak: int, config: PostureConfig) -> float:
    """0 to 1, scale 6: weighted worth less what contradiction takes. Anything unknown makes it 0, and so does
    having no source at all."""
    total = sum(row.weight for row in sources)
    if total <= 0 or any(row.worth is None for row in sources):
        return 0.0
    worth = sum(row.weight * row.known_worth for row in sources) / total
    lost = config.conf_severity * severity + config.conf_streak * min(streak, config.conf_streak_max)
    return quantise(min(1.0, max(0.0, worth - lost)), 6) or 0.0


def _scales(config: PostureConfig) -> Mapping[Source, tuple[float, float, float]]:
    return {
        Source.REST: (config.rest_weight, config.rest_warn_s, config.rest_crit_s),
        Source.STREAM: (config.stream_weight, config.stream_warn_s, config.stream_crit_s),
        Source.FILLS: (config.fills_weight, config.fills_warn_s, config.fills_crit_s),
    }


def _worth(
    row: Sighting, elapsed_s: float | None, warn: float, crit: float, config: PostureConfig
) -> tuple[float | None, bool]:
    age = row.age_s
    if age is None:
        if elapsed_s is None or elapsed_s > config.grace_s:
            return 0.0, False
        age = max(0.0, elapsed_s)
    if not (math.isfinite(age) and math.isfinite(row.error_rate)):
        return None, False
    if age < -config.skew_s:
        return 0.0, True
    fresh = min(1.0, max(0.0, (crit - age) / (crit - warn)))
    return quantise(fresh * (1.0 - min(1.0, max(0.0, row.error_rate))), 6), False
