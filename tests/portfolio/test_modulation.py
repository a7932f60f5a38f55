"""Each label moves the limits as its row says, what is unknown opens nothing, and no quantity is ever raised."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portfolio.decide import run
from portfolio.limits import portfolio_config
from portfolio.modulation import POLICY, effective, modulate, modulation_of, throttle
from schemas.base import SessionDate
from schemas.decisions import Decisions, Modulation, Verdict
from schemas.reasons.ledger import ReadFaultCode
from schemas.regime import Regime, RegimeLabel, RegimeMeasures, RegimeStatus
from tests.portfolio.books import (
    D,
    P,
    batches,
    book,
    config_with,
    decision_inputs,
    intent,
    position,
    snapshot,
    usd,
)

SIM = portfolio_config("SIM")
LIMITS = SIM.limits


def regime(label: str | None, confidence: float | None = 0.9, of: SessionDate = P) -> Regime:
    """``regime.json`` with this label."""
    return Regime(
        status=RegimeStatus.SKIPPED if label is None else RegimeStatus.MEASURED,
        label=None if label is None else RegimeLabel(label),
        confidence=confidence,
        benchmark="SPY",
        data_session=of,
        resolved_session=of,
        measures=RegimeMeasures(),
        reasons=(),
    )


def made(label: str | None = "RISK_ON", confidence: float | None = 0.9, **over: Any) -> Modulation:
    """The modulation under that label; *over*: guarded, limits."""
    guarded = over.pop("guarded", False)
    return modulation_of(regime(label, confidence), P, over.pop("limits", LIMITS), guarded=guarded)


def names(found: Any) -> list[str]:
    return [finding.code for finding in found]


def decided(asked: Regime | ReadFaultCode | None, *intents: Any, **over: Any) -> Decisions:
    return run(decision_inputs(*(intents or (intent("AAA"),)), regime=asked, **over), SIM)


# --- the table ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "confidence", "risk", "positions", "codes"),
    [
        ("RISK_ON", 0.9, "1", "1", []),
        ("NEUTRAL", 0.4, "0.6", "0.7", []),
        ("RISK_OFF", 0.6, "0.2", "0.3", []),
        ("STRESSED", 0.8, "0", "0", ["STRESSED_REGIME"]),
        (None, None, "0", "0", ["MISSING_REGIME"]),
        ("BULLISH", 0.9, "0", "0", ["UNKNOWN_REGIME"]),
        ("RISK_ON", 0.59, "0.5", "0.5", ["LOW_CONFIDENCE_HAIRCUT"]),
        ("RISK_ON", 0.60, "1", "1", []),
        ("RISK_OFF", 0.59, "0.1", "0.15", ["LOW_CONFIDENCE_HAIRCUT"]),
        ("STRESSED", 0.59, "0", "0", ["STRESSED_REGIME", "LOW_CONFIDENCE_HAIRCUT"]),
        ("NEUTRAL", 0.10, "0.6", "0.7", []),
        ("RISK_ON", None, "0.5", "0.5", ["LOW_CONFIDENCE_HAIRCUT"]),
    ],
)
def test_a_label_and_its_confidence_give_these_multipliers(
    label: str | None, confidence: float | None, risk: str, positions: str, codes: list[str]
) -> None:
    found = throttle(label, confidence)
    assert (usd(risk), usd(positions), codes) == (found[0], found[1], names(found[2]))


@pytest.mark.parametrize(
    ("label", "confidence", "positions", "entries", "gross", "usd_max", "symbol"),
    [
        # SIM: 10 positions, 5 entries, 1.00 and 100,000 gross, 0.20 a symbol.
        ("RISK_ON", 0.9, 10, 5, "1", "100000", "0.20"),
        ("NEUTRAL", 0.4, 7, 3, "0.60", "60000", "0.12"),
        ("RISK_OFF", 0.7, 3, 1, "0.20", "20000", "0.04"),
        ("RISK_OFF", 0.5, 1, 0, "0.10", "10000", "0.02"),
        ("STRESSED", 1.0, 0, 0, "0", "0", "0"),
        (None, None, 0, 0, "0", "0", "0"),
    ],
)
def test_counts_go_by_the_second_multiplier_and_money_by_the_first(
    label: str | None,
    confidence: float | None,
    positions: int,
    entries: int,
    gross: str,
    usd_max: str,
    symbol: str,
) -> None:
    found = made(label, confidence)
    assert (10, 5, usd("1"), usd("100000"), usd("0.20")) == tuple(dict(found.base).values())
    expected = (positions, entries, usd(gross), usd(usd_max), usd(symbol))
    assert expected == tuple(dict(found.modulated).values())
    assert POLICY == found.policy


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (ReadFaultCode.MISSING, "MISSING_REGIME"),
        (ReadFaultCode.DATE_MISMATCH, "MISSING_REGIME"),
        (ReadFaultCode.BOOK_MISMATCH, "MISSING_REGIME"),
        (ReadFaultCode.STALE_INPUT, "MISSING_REGIME"),
        (ReadFaultCode.CORRUPT, "UNKNOWN_REGIME"),
        (ReadFaultCode.SCHEMA_INVALID, "UNKNOWN_REGIME"),
        (ReadFaultCode.VERSION_UNSUPPORTED, "UNKNOWN_REGIME"),
        (ReadFaultCode.DIGEST_MISMATCH, "UNKNOWN_REGIME"),
    ],
)
def test_a_regime_that_cannot_be_read_opens_nothing(fault: ReadFaultCode, code: str) -> None:
    found = modulation_of(fault, P, LIMITS, guarded=False)
    assert (0, 0, [code]) == (found.risk, found.new_positions, names(found.reasons))
    row = decided(fault).verdicts[0]
    assert (Verdict.BLOCK, 0) == (row.verdict, row.q2)
    assert code in names(row.reasons)


def test_every_read_fault_is_taken_for_the_worst() -> None:
    assert {0} == {modulation_of(fault, P, LIMITS, guarded=False).risk for fault in ReadFaultCode}


def test_the_regime_of_another_close_is_none() -> None:
    found = modulation_of(regime("RISK_ON", of=D), P, LIMITS, guarded=False)
    assert (0, ["MISSING_REGIME"], None) == (found.risk, names(found.reasons), found.label)


def test_the_guard_and_the_multiplier_meet_in_the_stricter_one() -> None:
    free, guarded = made("RISK_OFF", 0.7), made("RISK_OFF", 0.7, guarded=True)
    assert (usd("0.2"), usd("0.2"), usd("1")) == (free.risk, free.risk_multiplier, free.drawdown_guard)
    assert (0, 0, usd("0.2")) == (guarded.risk, guarded.new_positions, guarded.risk_multiplier)
    assert ["DRAWDOWN_GUARDRAIL"] == names(guarded.reasons)


def test_the_guard_applies_where_the_drawdown_throttle_blocks_whichever_sign_it_has() -> None:
    for fallen in ("0.2", "-0.2", "0.35"):
        found = decided(regime("RISK_ON"), snapshot=snapshot(drawdown=fallen))
        assert found.modulation is not None
        assert (0, ["DRAWDOWN_GUARDRAIL"]) == (found.modulation.risk, names(found.modulation.reasons))
        assert "LIMIT_DRAWDOWN_THROTTLE" in found.batch.codes
    found = decided(regime("RISK_ON"), snapshot=snapshot(drawdown="0.199999"))
    assert found.modulation is not None
    assert 1 == found.modulation.risk


# --- one quantity -------------------------------------------------------------------------------------


def lower(quantity: int, modulation: Modulation, **over: Any) -> tuple[int, list[str]]:
    """(left, codes) of *quantity* shares at 50 USD of a book with equity 100,000 and nothing held."""
    at = {"price": usd("50"), "equity": usd("100000"), "gross": usd("0")} | over
    left, found = modulate(quantity, modulation, symbol="AAA", **at)
    return left, names(found)


def test_the_multiplier_floors_what_is_left() -> None:
    # 0.6 * 157 = 94.2 and 0.2 * 157 = 31.4
    assert (94, ["RISK_MULTIPLIER"]) == lower(157, made("NEUTRAL", 0.4))
    assert (31, ["RISK_MULTIPLIER"]) == lower(157, made("RISK_OFF", 0.7))
    assert (157, []) == lower(157, made("RISK_ON"))


def test_a_low_confidence_is_named_with_what_it_lowered() -> None:
    assert (78, ["LOW_CONFIDENCE_HAIRCUT", "RISK_MULTIPLIER"]) == lower(157, made("RISK_ON", 0.5))


def test_nothing_is_left_of_a_multiplier_of_zero_and_the_label_says_why() -> None:
    assert (0, ["STRESSED_REGIME", "RISK_MULTIPLIER"]) == lower(157, made("STRESSED", 0.9))
    assert (0, []) == lower(0, made("STRESSED", 0.9)), "what the caps had taken is not taken twice"


def test_the_position_cap_is_modulated_too() -> None:
    # RISK_OFF: 0.2 * 0.20 * 100,000 = 4,000 USD a position: 80 shares at 50. 0.2 * 500 = 100.
    assert (80, ["RISK_MULTIPLIER", "PER_POSITION_CAP"]) == lower(500, made("RISK_OFF", 0.7))


def test_the_gross_cap_is_what_is_left_after_what_is_held_and_binds_first_in_dollars() -> None:
    # NEUTRAL: min(0.6 * 100,000, 60,000) = 60,000; held 58,020: 1,980 USD are 39 shares.
    assert (39, ["RISK_MULTIPLIER", "MAX_GROSS_EXPOSURE"]) == lower(100, made("NEUTRAL"), gross=usd("58020"))
    assert (0, ["RISK_MULTIPLIER", "MAX_GROSS_EXPOSURE"]) == lower(100, made("NEUTRAL"), gross=usd("60001"))
    assert (0, ["RISK_MULTIPLIER", "MAX_GROSS_EXPOSURE"]) == lower(100, made("NEUTRAL"), gross=None)


# --- a batch ------------------------------------------------------------------------------------------


def test_while_e2_is_off_no_decision_knows_of_a_regime() -> None:
    found = decided(None)
    assert found.modulation is None
    assert (Verdict.ALLOW, 156) == (found.verdicts[0].verdict, found.verdicts[0].q2)


def test_risk_on_changes_no_verdict() -> None:
    off, on = decided(None), decided(regime("RISK_ON"))
    assert on.modulation is not None
    assert off == on.model_copy(update={"modulation": None})


def test_a_neutral_market_resizes_and_keeps_target_and_caps_as_they_were() -> None:
    row = decided(regime("NEUTRAL", 0.4)).verdicts[0]
    assert (Verdict.RESIZE, 156, 156, 93) == (row.verdict, row.q0, row.q1, row.q2)
    assert ["RISK_MULTIPLIER"] == names(row.reasons)


def test_what_falls_below_the_minimum_becomes_nothing() -> None:
    # RISK_OFF at half: 0.1 * 156 = 15 shares of 50 USD are 750, and SIM takes nothing below 1,000.
    row = decided(regime("RISK_OFF", 0.5)).verdicts[0]
    assert (Verdict.BLOCK, 156, 0) == (row.verdict, row.q1, row.q2)
    assert "BELOW_MIN_NOTIONAL" in names(row.reasons)


def test_counts_bind_as_modulated_and_the_limits_in_use_say_so() -> None:
    rows = [intent(f"S{rank:02d}", rank) for rank in range(1, 6)]
    found = decided(regime("RISK_OFF", 0.7), *rows)
    assert ["S01"] == [row.symbol for row in found.verdicts if row.q2 > 0]
    assert "LIMIT_MAX_NEW_ENTRIES_PER_DAY" in names(found.verdicts[1].reasons)
    assert found.limits_before is not None
    use = found.limits_before
    assert (3, 1, 20000) == (use.positions_max, use.entries_max, use.gross_max)


def test_positions_above_the_modulated_count_stay_and_nothing_is_added() -> None:
    held = [position(f"H{n}", 10) for n in range(3)]
    marks = {row.symbol: usd("50") for row in held} | {"AAA": usd("50")}
    found = decided(regime("RISK_OFF", 0.7), book=book(held), marks=marks)
    assert "LIMIT_MAX_OPEN_POSITIONS" in names(found.verdicts[0].reasons)
    assert found.limits_after is not None
    assert 3 == found.limits_after.positions


def test_without_a_modulation_the_limits_are_the_books_own() -> None:
    assert SIM is effective(SIM, None)
    assert SIM == effective(SIM, made("RISK_ON"))


# --- for every input ----------------------------------------------------------------------------------

labels = st.sampled_from([None, *RegimeLabel])
confidences = st.integers(0, 100).map(lambda n: n / 100)
amounts = st.integers(-10_000_000, 500_000_000_000_000).map(lambda n: Decimal(n).scaleb(-6))


@given(
    quantity=st.integers(0, 10**7),
    label=labels,
    confidence=confidences,
    guarded=st.booleans(),
    price=st.integers(1, 10**8).map(lambda n: Decimal(n).scaleb(-4)),
    equity=amounts,
    gross=st.none() | amounts,
)
@example(1, RegimeLabel.RISK_ON, 0.9, False, usd("0.0001"), usd("-1"), usd("0"))
def test_no_modulation_raises_a_quantity_or_breaks_a_modulated_cap(
    quantity: int,
    label: Any,
    confidence: float,
    guarded: bool,
    price: Decimal,
    equity: Decimal,
    gross: Decimal | None,
) -> None:
    found = made(label, confidence, guarded=guarded)
    left, reasons = modulate(quantity, found, symbol="AAA", price=price, equity=equity, gross=gross)
    assert 0 <= left <= quantity
    assert left <= quantity * found.risk
    assert (left < quantity) is bool(reasons)
    if left > 0:
        assert gross is not None
        caps = found.modulated
        assert left * price <= equity * caps.symbol_pct_max
        assert gross + left * price <= min(equity * caps.gross_pct_max, caps.gross_abs_max_usd)


@given(label=labels, confidence=confidences, guarded=st.booleans())
def test_no_limit_is_ever_raised(label: Any, confidence: float, guarded: bool) -> None:
    found = made(label, confidence, guarded=guarded)
    for name, base in dict(found.base).items():
        assert 0 <= getattr(found.modulated, name) <= base


@given(rows=batches(), label=labels, confidence=confidences, at_most=st.integers(0, 12))
def test_a_modulated_batch_keeps_its_caps_and_gives_its_first_intent_no_more(
    rows: Any, label: Any, confidence: float, at_most: int
) -> None:
    config = config_with(positions_max=at_most)
    off = run(decision_inputs(*rows), config)
    on = run(decision_inputs(*rows, regime=regime(label, confidence)), config)
    assert [row.intent_id for row in off.verdicts] == [row.intent_id for row in on.verdicts]
    # Cumulative: what the first leaves unused a later one may take, so only the first is held against its like.
    assert all(a.q2 >= b.q2 for a, b in list(zip(off.verdicts, on.verdicts, strict=True))[:1])
    assert on.modulation is not None
    caps = on.modulation.modulated
    taken = [row for row in on.verdicts if row.q2 > 0]
    assert len(taken) <= min(caps.positions_max, caps.entries_per_day_max)
    assert sum(row.notional for row in taken) <= caps.gross_abs_max_usd
    assert all(row.notional <= 100_000 * caps.symbol_pct_max for row in taken)


# --- to the letter ------------------------------------------------------------------------------------


def told(found: Any) -> list[tuple[Any, ...]]:
    return [(f.code, f.subject, f.observed, f.threshold, f.detail) for f in found]


def test_a_finding_says_what_was_seen_and_what_was_asked() -> None:
    assert [("MISSING_REGIME", "market", None, None, "no label")] == told(throttle(None, None)[2])
    assert [("UNKNOWN_REGIME", "market", "BULLISH", None, "")] == told(throttle("BULLISH", 0.9)[2])
    assert [("LOW_CONFIDENCE_HAIRCUT", "market", 0.5, 0.6, "")] == told(throttle("RISK_ON", 0.5)[2])
    unread = modulation_of(ReadFaultCode.MISSING, P, LIMITS, guarded=True)
    assert [
        ("MISSING_REGIME", "regime.json", "MISSING", None, ""),
        ("DRAWDOWN_GUARDRAIL", "book", None, "0.200000", ""),
    ] == told(unread.reasons)
    other = modulation_of(regime("RISK_ON", of=D), P, LIMITS, guarded=False)
    assert [("MISSING_REGIME", "regime.json", "2016-06-02", "2016-06-01", "")] == told(other.reasons)


def test_each_bound_says_what_it_left_of_what_it_found() -> None:
    # RISK_OFF, 500 shares at 50: a fifth is 100; 4,000 USD a position are 80; 20,000 less 17,525 are 49.
    _, found = modulate(
        500, made("RISK_OFF", 0.7), symbol="AAA", price=usd("50"), equity=usd("100000"), gross=usd("17525")
    )
    assert [
        ("RISK_MULTIPLIER", "AAA", "0.200000", "1", "100 of 500 shares"),
        ("PER_POSITION_CAP", "AAA", "4000.000000", "5000", "80 of 100 shares"),
        ("MAX_GROSS_EXPOSURE", "AAA", "2475.000000", "4000", "49 of 80 shares"),
    ] == told(found)
    _, found = modulate(
        7, made("STRESSED", 0.9), symbol="AAA", price=usd("50"), equity=usd("1"), gross=usd("0")
    )
    assert ("RISK_MULTIPLIER", "AAA", "0.000000", "1", "0 of 7 shares") == told(found)[-1]


def test_a_limit_that_does_not_divide_is_floored_at_its_scale() -> None:
    limits = config_with(
        symbol_pct_max="0.333333", gross_pct_max="0.999999", gross_abs_max_usd="1.000001"
    ).limits
    found = made("NEUTRAL", limits=limits).modulated
    # 0.1999998, 0.5999994 and 0.6000006
    expected = (usd("0.199999"), usd("0.599999"), usd("0.600000"))
    assert expected == (found.symbol_pct_max, found.gross_pct_max, found.gross_abs_max_usd)
