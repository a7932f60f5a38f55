"""What was taken off each size adds up by step, by reason, by symbol and over any window, on random mornings."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import rolling
from analytics.risk_events import RiskInputs, events, seen_of
from analytics.risk_summary import TOP, summary
from portfolio.decide import run
from portfolio.limits import PortfolioConfig, portfolio_config
from schemas.base import SessionDate
from schemas.candidates import TradeIntent
from schemas.decisions import Verdict
from schemas.reasons.ledger import ReadFaultCode
from schemas.regime import Regime, RegimeLabel, RegimeMeasures, RegimeStatus
from schemas.risk_attribution import RiskEvent, RiskSummary
from tests.analytics.journal_of import DAYS
from tests.portfolio.books import D, P, batches, config_with, decision_inputs, intent, snapshot, usd

SIM = portfolio_config("SIM")
LABELS = st.sampled_from([None, *RegimeLabel])
CONFIDENCES = st.integers(0, 100).map(lambda n: n / 100)


def regime(label: str | None, confidence: float | None = 0.9) -> Regime:
    return Regime(
        status=RegimeStatus.SKIPPED if label is None else RegimeStatus.MEASURED,
        label=None if label is None else RegimeLabel(label),
        confidence=confidence,
        benchmark="SPY",
        data_session=P,
        resolved_session=P,
        measures=RegimeMeasures(),
        reasons=(),
    )


def morning(
    rows: Sequence[TradeIntent],
    felt: Regime | ReadFaultCode,
    *,
    is_on: bool,
    fallen: str = "0",
    config: PortfolioConfig = SIM,
) -> RiskInputs:
    """A morning with these intents and this regime, decided with E2 on or off; *fallen*: the book's drawdown."""
    before = snapshot(drawdown=fallen)
    asked = decision_inputs(*rows, regime=felt if is_on else None, snapshot=before)
    return RiskInputs(
        session_date=D,
        decisions=run(asked, config),
        regime=felt,
        drawdown=before.drawdown,
        limits=config.limits,
    )


def day_of(inputs: RiskInputs) -> RiskSummary:
    return summary(events(inputs), seen_of(inputs.asked))


@st.composite
def mornings(draw: st.DrawFn) -> RiskInputs:
    felt = draw(st.builds(regime, LABELS, CONFIDENCES) | st.sampled_from(ReadFaultCode))
    config = config_with(
        notional_usd_min=draw(st.sampled_from([Decimal(0), Decimal(500)])),
        symbol_pct_max=draw(st.sampled_from([Decimal("0.05"), Decimal("0.20")])),
    )
    fallen = draw(st.sampled_from(["0", "0.25"]))
    return morning(draw(batches(12)), felt, is_on=draw(st.booleans()), fallen=fallen, config=config)


# --- by hand ------------------------------------------------------------------------------------------


def one(felt: Regime, *, is_on: bool = True, fallen: str = "0") -> RiskEvent:
    config = config_with(notional_usd_min=Decimal(0))
    (event,) = events(morning([intent("AAA")], felt, is_on=is_on, fallen=fallen, config=config))
    return event


def taken(event: Any) -> dict[str, int]:
    return {part.step.value: int(part.quantity) for part in event.components if part.quantity}


def test_a_weak_and_unsure_market_takes_off_by_multiplier_and_then_by_haircut() -> None:
    event = one(regime("RISK_OFF", 0.5))
    base = int(event.baseline.quantity)
    assert base > 100
    # Of q1 0.2 is left by the table, and half of it by the haircut; both floored.
    assert {"multiplier": base * 2 // 10 - base, "haircut": base // 10 - base * 2 // 10} == taken(event)
    assert ("LOW_CONFIDENCE_HAIRCUT", "RISK_MULTIPLIER") == event.reason_codes
    assert ("RISK_OFF", 0.5, "E2@1") == tuple(dict(event.regime).values())
    assert event.hypothetical is None


def test_a_fallen_book_loses_to_the_guard_what_the_regime_had_left() -> None:
    event = one(regime("RISK_ON"), fallen="0.25")
    assert {"drawdown_guard": -int(event.baseline.quantity)} == taken(event)
    assert (True, usd("0.25"), usd("0.20")) == tuple(dict(event.drawdown_guard).values())
    assert ("DRAWDOWN_GUARDRAIL",) == event.reason_codes
    assert -1 == event.delta.notional_fraction


def test_with_e2_off_nothing_is_taken_off_and_what_would_have_been_is_told() -> None:
    off, on = one(regime("NEUTRAL"), is_on=False), one(regime("NEUTRAL"))
    assert (0, {}, ()) == (off.delta.notional, taken(off), off.reason_codes)
    assert off.baseline == off.modulated
    assert off.hypothetical is not None
    assert on.components == off.hypothetical.components
    assert on.delta == off.hypothetical.delta


def test_a_size_of_nothing_has_no_fraction() -> None:
    config = config_with(gross_pct_max=Decimal(0))
    (event,) = events(morning([intent("AAA")], regime("NEUTRAL"), is_on=True, config=config))
    assert (0, None, None) == (
        event.baseline.quantity,
        event.delta.quantity_fraction,
        event.delta.notional_fraction,
    )
    assert {None} == set(dict(summary([event], event.regime).fraction).values())


def test_a_record_that_allows_other_shares_than_the_steps_leave_is_refused() -> None:
    made = morning([intent("AAA")], regime("NEUTRAL"), is_on=True)
    (row,) = made.decisions.verdicts
    forged = made.decisions.model_copy(update={"verdicts": (row.model_copy(update={"q2": row.q2 + 1}),)})
    with pytest.raises(AssertionError, match="were allowed, the steps leave"):
        events(
            RiskInputs(
                session_date=D,
                decisions=forged,
                regime=made.regime,
                drawdown=made.drawdown,
                limits=made.limits,
            )
        )


# --- for every morning --------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(mornings())
def test_the_steps_of_every_event_add_up_to_its_delta_and_end_at_what_was_allowed(made: RiskInputs) -> None:
    found = events(made)
    sized = [row for row in made.decisions.verdicts if row.sizing is not None]
    assert [row.decision_id for row in sized] == [event.decision_id for event in found]
    for row, event in zip(sized, found, strict=True):
        for told in filter(None, (event, event.hypothetical)):
            assert told.delta.quantity == sum(part.quantity for part in told.components)
            assert told.delta.notional == sum(part.notional for part in told.components)
            assert event.baseline.notional + told.delta.notional == told.modulated.notional
            assert 0 <= told.modulated.quantity <= event.baseline.quantity
            assert bool(told.reason_codes) is (told.delta.quantity != 0)
            assert list(told.reason_codes) == sorted(set(told.reason_codes))
        if row.verdict is not Verdict.BLOCK and made.decisions.modulation is not None:
            assert row.q2 == event.modulated.quantity
        assert (event.hypothetical is None) is (made.decisions.modulation is not None)


@settings(max_examples=60, deadline=None)
@given(mornings())
def test_the_day_adds_up_by_reason_by_regime_and_by_symbol(made: RiskInputs) -> None:
    found, day = events(made), day_of(made)
    assert sum(event.delta.notional for event in found) == day.delta_notional
    assert day.modulated_notional - day.baseline_notional == day.delta_notional
    assert len(found) == day.decisions == day.modulated + day.unmodified
    assert day.delta_notional == sum(row.delta_notional_exclusive for row in day.by_reason)
    for reason in day.by_reason:
        carrying = [event for event in found if reason.code in event.reason_codes]
        assert (len(carrying), sum(event.delta.notional for event in carrying)) == (
            reason.decisions,
            reason.delta_notional,
        )
    assert day.delta_notional == sum(row.delta_notional for row in day.by_regime)
    assert day.delta_notional == sum(row.delta_notional for row in day.top_symbols)
    assert all(abs(a.delta_notional) >= abs(b.delta_notional) for a, b in pairwise(day.top_symbols))


@settings(max_examples=25, deadline=None)
@given(st.lists(mornings(), min_size=5, max_size=5))
def test_a_window_equals_the_fold_over_the_events_of_its_days(made: list[RiskInputs]) -> None:
    days = [(session, day_of(inputs)) for session, inputs in zip(DAYS, made, strict=False)]
    every = [events(inputs) for inputs in made]
    flat = [event for found in every for event in found]
    told = rolling.run(days, 5)
    assert told is not None
    whole = summary(flat, days[0][1].regime)
    for name in rolling._SUMS:
        assert getattr(whole, name) == getattr(told, name)
    assert whole.hard_caps == told.hard_caps
    assert [(r.code, r.decisions, r.delta_notional, r.delta_notional_exclusive) for r in whole.by_reason] == [
        (r.code, r.decisions, r.delta_notional, r.delta_notional_exclusive) for r in told.by_reason
    ]
    assert [(s.symbol, s.decisions, s.delta_notional) for s in whole.top_symbols] == [
        (s.symbol, s.decisions, s.delta_notional) for s in told.top_symbols
    ] or told.symbols_left_out
    for row in told.by_reason:
        assert row.sessions == sum(any(row.code in e.reason_codes for e in found) for found in every)
        assert row.share == (Decimal(row.sessions) / 5).quantize(Decimal("1e-9"))
    assert 5 == sum(row.sessions for row in told.by_regime)
    assert (told.delta_fraction is None) is (told.baseline_notional == 0)


# --- windows ------------------------------------------------------------------------------------------


def dated(count: int) -> list[tuple[SessionDate, RiskSummary]]:
    day = day_of(morning([intent("AAA")], regime("RISK_OFF"), is_on=True))
    return [(session, day) for session in DAYS[:count]]


def test_a_window_is_the_last_days_that_have_a_summary_and_none_while_there_are_too_few() -> None:
    days = dated(5)
    assert rolling.run(days[:4], 5) is None
    # The second session has none: the window reaches further back instead.
    with_a_hole = [days[0], *days[2:]]
    told = rolling.run(with_a_hole, 4)
    assert told is not None
    assert (DAYS[0], *DAYS[2:5]) == told.sessions
    assert [(4, usd("1"), 4)] == [(r.sessions, r.share, r.sessions_dominant) for r in told.by_reason]
    assert "RISK_MULTIPLIER" == told.dominant_reason


def test_more_symbols_than_the_table_holds_are_counted() -> None:
    rows = [intent(f"S{n:02d}", n) for n in range(1, TOP + 4)]
    config = config_with(gross_pct_max=Decimal(10), gross_abs_max_usd=Decimal(10**7))
    asked = morning(rows, regime("STRESSED"), is_on=True, config=config)
    day = day_of(asked)
    sized = sum(1 for event in events(asked) if event.delta.notional)
    assert sized > TOP
    assert (TOP, sized - TOP) == (len(day.top_symbols), day.symbols_left_out)
