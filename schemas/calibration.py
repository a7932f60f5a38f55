"""A calibration is what fills were measured to cost, by turnover, in the form in which the cost model is given.

It is made on request and kept where the operator wants it: every number is a function of sealed files.
"""

from schemas.base import Amount, Fact, Fraction6, Measure4, SessionDate


class MeasuredSlippage(Fact):
    """Cost of the fills of one bucket against the price on arrival, bps, positive against us; null without a fill."""

    fills: int
    notional: Amount
    """At the price on arrival, USD."""
    mean_bps: Measure4 | None
    """Weighted by notional."""
    p05_bps: Measure4 | None
    """This and the next two: linear percentiles over fills, each counted once."""
    p50_bps: Measure4 | None
    p95_bps: Measure4 | None


class CalibratedBucket(Fact):
    """One row of the cost table. Both costs together are the measured mean, never below nothing.

    half_spread_bps: the table's, as far as the mean reaches; a fill does not tell its spread from the rest.
    """

    adv_usd_min: Amount
    slippage_bps: Fraction6
    half_spread_bps: Fraction6
    calibrated: bool
    """False below ``fills_min``: the two costs are then those of the table that was in force."""
    measured: MeasuredSlippage


class Calibration(Fact):
    """A ``slippage_file``: one row per bucket, in the order of the table."""

    book: str
    first: SessionDate
    last: SessionDate
    sessions: int
    """With ``trades.json``."""
    fills_min: int
    fills_used: int
    fills_at_their_limit: int
    """Left out: a target fills at its own price, and pays no slippage."""
    fills_without_arrival: int
    """Left out: nobody recorded the price on arrival."""
    buckets: tuple[CalibratedBucket, ...]
