"""Measured costs, typed by hand; what is left out, and what is too little to be believed."""

from decimal import Decimal

from analytics.calibration import Bucket, SessionFills, adv_usd20, run
from schemas.calibration import CalibratedBucket, Calibration
from schemas.trades import Fill
from tests.analytics.journal_of import DAYS, bar
from tests.analytics.journal_of import fill as filled

MON, TUE = DAYS[:2]
TABLE = (
    Bucket(adv_usd_min=Decimal(50_000_000), slippage_bps=Decimal(3), half_spread_bps=Decimal("1.5")),
    Bucket(adv_usd_min=Decimal(0), slippage_bps=Decimal(12), half_spread_bps=Decimal(8)),
)


def fill(
    side: str,
    price: str,
    arrival: str | None = "100.00",
    *,
    quantity: int = 10,
    symbol: str = "ABC",
    reason: str | None = None,
) -> Fill:
    told = filled(MON, side, quantity, price, arrival=arrival, symbol=symbol, reason=reason)
    kept = {
        name: value
        for name, value in told
        if name in Fill.model_fields and name not in ("order_id", "source")
    }
    return Fill(**kept, order_id=told.ord_id, source="sim")


def measured(*fills: Fill, least: int = 2) -> Calibration:
    adv = {"ABC": Decimal(60_000_000), "THIN": Decimal(1_000_000)}
    return run("SIM", [SessionFills(session=MON, fills=fills, adv_usd20=adv)], TABLE, least)


def costs(row: CalibratedBucket) -> tuple[str, str, bool]:
    return f"{row.slippage_bps.normalize():f}", f"{row.half_spread_bps.normalize():f}", row.calibrated


def test_a_bucket_costs_the_mean_by_notional_and_the_spread_is_the_tables() -> None:
    # A buy of 30 at +10 bps and a sale of 10 at +2 bps: (30*10 + 10*2)/40 = 8 bps, of which 1.5 is the spread.
    found = measured(fill("buy", "100.10", quantity=30), fill("sell", "99.98"))
    liquid, thin = found.buckets
    assert ("6.5", "1.5", True) == costs(liquid)
    assert (8.0, 2.4, 6.0, 9.6) == (
        liquid.measured.mean_bps,
        liquid.measured.p05_bps,
        liquid.measured.p50_bps,
        liquid.measured.p95_bps,
    )
    assert ("12", "8", False) == costs(thin)
    assert (0, None) == (thin.measured.fills, thin.measured.mean_bps)


def test_too_few_fills_are_told_and_leave_the_costs_as_they_were() -> None:
    row = measured(fill("buy", "101.00")).buckets[0]
    assert ("3", "1.5", False) == costs(row)
    assert (1, 100.0) == (row.measured.fills, row.measured.mean_bps)


def test_fills_better_than_the_arrival_cost_nothing_and_never_pay_us() -> None:
    row = measured(fill("buy", "99.90"), fill("sell", "100.10")).buckets[0]
    assert ("0", "0", True) == costs(row)
    assert -10.0 == row.measured.mean_bps


def test_targets_and_fills_without_an_arrival_price_are_counted_and_left_out() -> None:
    found = measured(
        fill("sell", "110.00", reason="TRIM_R1"), fill("buy", "100.10", None), fill("buy", "100.10")
    )
    assert (1, 1, 1) == (found.fills_at_their_limit, found.fills_without_arrival, found.fills_used)


def test_a_symbol_of_unknown_turnover_counts_where_it_would_pay() -> None:
    found = measured(fill("buy", "100.10", symbol="NEW"), fill("buy", "100.10", symbol="THIN"))
    assert [0, 2] == [row.measured.fills for row in found.buckets]


def test_turnover_is_the_mean_of_20_bars_and_unknown_of_19() -> None:
    bars = [bar(MON, "10", "10", "10", "10", volume=1_000 * n) for n in range(21)]
    assert Decimal("105000") == adv_usd20(bars)  # 10 * 1000 * (1 + ... + 20)/20
    assert adv_usd20(bars[:19]) is None
