"""Every number that posture obeys has a name here, and none of them is calibrated: all are starting values."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.base import Fact

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Part = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class PostureConfig(Fact):
    """Parameters of execution.md 9, one set for every book. Uncalibrated: chosen by thought, not from a record."""

    rest_warn_s: Seconds = 60
    rest_crit_s: Seconds = 240
    rest_weight: Weight = 0.45
    stream_warn_s: Seconds = 20
    stream_crit_s: Seconds = 90
    stream_weight: Weight = 0.35
    fills_warn_s: Seconds = 90
    fills_crit_s: Seconds = 480
    fills_weight: Weight = 0.20
    """Freshness is 1 up to warn and 0 from crit on; the weight is its part of the confidence."""
    grace_s: Seconds = 30
    """Seconds into a cycle in which a source that was not heard yet counts as heard at its beginning."""
    skew_s: Seconds = 2
    """A stamp further in our future than this is worth nothing."""
    stale_below: Part = 0.5
    """Below this a source is stale: one holds YELLOW, two hold ORANGE ..."""
    thin_below: Part = 0.7
    """... and below this it adds to the debt and keeps GREEN away."""
    severity_c1: Part = 0.25
    severity_c2: Part = 0.6
    severity_c3: Part = 1.0
    severity_cycles: Count = 3
    """Agreeing cycles after which a contradiction is forgotten; each before halves it."""
    conf_severity: Weight = 0.45
    conf_streak: Weight = 0.12
    conf_streak_max: Count = 3
    """What contradiction takes from the confidence."""
    debt_conf: Weight = 0.35
    debt_source: Weight = 0.08
    debt_severity: Weight = 0.5
    debt_streak: Weight = 0.08
    streak_max: Count = 5
    unknown_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 300
    """Age of the oldest unknown order at which its term is whole, 1."""
    debt_ambiguous: Weight = 0.2
    debt_mismatch: Weight = 0.03
    mismatch_max: Count = 20
    debt_gap: Weight = 0.25
    gap_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 90
    gap_max: Weight = 3
    debt_breach: Weight = 0.5
    debt_gave_up: Weight = 0.6
    debt_divergence: Weight = 0.35
    band_yellow: Weight = 0.8
    band_orange: Weight = 1.35
    band_red: Weight = 2.1
    band_ticks: Count = 2
    """Ticks running that YELLOW's and ORANGE's band has to be reached; RED's acts at once."""
    growth_ticks_min: Annotated[int, Field(ge=2)] = 5
    growth_ticks_max: Annotated[int, Field(ge=2)] = 8
    growth_ahead: Weight = 3
    """Ticks for which the fitted growth is carried on; it raises to the band that it reaches, ORANGE at most."""
    blind_red: Count = 2
    """Cycles running without a read of the positions that are RED; one is ORANGE."""
    gap_orange_s: Seconds = 60
    gap_red_s: Seconds = 330
    release: Part = 0.75
    """Part of a band below which the debt has to be before its posture is left."""
    red_cycles: Count = 3
    orange_cycles: Count = 2
    yellow_cycles: Count = 2
    """Healthy cycles that the way out of each posture takes."""
    syncs_min: Count = 2
    """Cycles running whose positions agreed, before RED is left."""
    agreed_ticks: Count = 2
    """Ticks without contradiction, before ORANGE is left: an END and the BEGIN after it are a cycle."""
    yellow_factor: Part = 0.5
    warm_up_first: Annotated[int, Field(ge=0)] = 3
    warm_up_first_factor: Part = 0.25
    warm_up_then: Annotated[int, Field(ge=0)] = 6
    warm_up_then_factor: Part = 0.5
    flap_changes_max: Count = 3
    flap_cycles: Count = 12

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        """Bands ascend, warn comes before crit, a window holds what its fit needs."""
        ascending = (
            ("band_yellow < band_orange < band_red", self.band_yellow < self.band_orange < self.band_red),
            ("0 < band_yellow", self.band_yellow > 0),
            ("rest_warn_s < rest_crit_s", self.rest_warn_s < self.rest_crit_s),
            ("stream_warn_s < stream_crit_s", self.stream_warn_s < self.stream_crit_s),
            ("fills_warn_s < fills_crit_s", self.fills_warn_s < self.fills_crit_s),
            ("growth_ticks_min <= growth_ticks_max", self.growth_ticks_min <= self.growth_ticks_max),
            ("gap_orange_s <= gap_red_s", self.gap_orange_s <= self.gap_red_s),
            ("stale_below <= thin_below", self.stale_below <= self.thin_below),
            ("severity_c1 <= severity_c2 <= severity_c3", self._severities_ascend()),
            ("warm_up_first_factor <= warm_up_then_factor", self._warms_up()),
        )
        broken = [law for law, holds in ascending if not holds]
        if broken:
            raise ValueError("posture parameters out of order: " + "; ".join(broken))
        return self

    def _severities_ascend(self) -> bool:
        return self.severity_c1 <= self.severity_c2 <= self.severity_c3

    def _warms_up(self) -> bool:
        return self.warm_up_first_factor <= self.warm_up_then_factor
