"""The operator's lines say what the file says; both sides of modulation are at the same prices."""

from decimal import Decimal

from hypothesis import given, settings

from analytics.activation_sheet import sheet
from analytics.risk_activation import QUESTIONS, Decided, run
from analytics.risk_events import RiskInputs, events, seen_of
from analytics.risk_operator import operator_lines
from analytics.risk_summary import summary
from schemas.activation import Activation
from schemas.attribution import Attribution
from schemas.trades import Direction, RoundTrip
from tests.analytics.books import CAPITAL, lived
from tests.analytics.books import Session as Day
from tests.analytics.journal_of import DAYS, at
from tests.analytics.test_risk_attribution import morning, mornings, regime
from tests.portfolio.books import config_with, intent, usd

QUIET = Day(trades=(), split=None, dividend=None, cash=0, flow=0, closes=(None, None))
SMALL = config_with(notional_usd_min=Decimal(0))


def told(made: RiskInputs) -> tuple[str, ...]:
    base: Attribution = lived([QUIET])[0][0].attribution
    day = summary(events(made), seen_of(made.asked))
    return operator_lines(base.model_copy(update={"risk_summary": day}))


def decided(made: RiskInputs, *closed: RoundTrip, number: int = 0) -> Decided:
    return Decided(
        session=DAYS[number],
        regime=seen_of(made.asked),
        decisions=made.decisions,
        events=events(made),
        closed=closed,
    )


def trip(intent_id: str, net: str) -> RoundTrip:
    nothing = dict.fromkeys(("slippage_entry_bps", "slippage_exit_bps", "slippage_usd", "initial_stop"))
    nothing |= dict.fromkeys(("unit_risk", "r_multiple", "mae", "mfe", "stop_efficiency", "decision_id"))
    return RoundTrip(
        trade_id="trd_1",
        position_id="pos_1",
        strategy_id="S1_AVWAP_CORE",
        sleeve_id="S1_AVWAP_CORE",
        symbol="AAA",
        intent_id=intent_id,
        direction=Direction.LONG,
        entered_at=at(DAYS[0]),
        exited_at=at(DAYS[0]),
        entry_session=DAYS[0],
        exit_session=DAYS[0],
        sessions_held=1,
        quantity=usd("1"),
        average_entry=usd("1"),
        average_exit=usd("1"),
        gross=usd(net),
        fees_in=usd("0"),
        fees_out=usd("0"),
        dividends=usd("0"),
        net=usd(net),
        resolution="daily",
        exit_reasons=(),
        matches=(),
        **nothing,
    )


# --- lines --------------------------------------------------------------------------------------------


def test_without_a_summary_there_is_nothing_to_tell() -> None:
    assert () == operator_lines(lived([QUIET])[0][0].attribution)


def test_what_was_taken_off_is_told_with_regime_reasons_and_symbols() -> None:
    made = morning([intent("AAA"), intent("BBB", 2)], regime("RISK_OFF"), is_on=True, config=SMALL)
    base = sum(event.baseline.notional for event in events(made))
    lost = -sum(event.delta.notional for event in events(made))
    first, second, *rest = told(made)
    assert first.startswith(f"{lost:,.2f} USD taken off {base:,.2f} USD (8")
    assert first.endswith("2 of 2 sized entries made smaller")
    assert "regime RISK_OFF, confidence 0.90, policy E2@1" == second
    assert f"by reason: RISK_MULTIPLIER {lost:,.2f} USD (2 decisions)" == rest[0]
    assert rest[-1].startswith("by symbol: AAA ")


def test_with_modulation_off_the_lines_say_what_it_would_have_taken() -> None:
    lines = told(morning([intent("AAA")], regime("STRESSED"), is_on=False))
    assert lines[0].startswith("nothing was taken off: ")
    assert any(line.startswith("modulation was off; it would have taken ") for line in lines)
    assert ("no entry was sized, so nothing was taken off",) == told(
        morning([], regime("STRESSED"), is_on=False)
    )[:1]


# --- both sides ---------------------------------------------------------------------------------------


def sides(found: Activation) -> tuple[Decimal, Decimal]:
    return found.sessions[0].notional.without, found.sessions[0].notional.with_


def test_with_modulation_on_or_off_the_same_two_sides_are_shown() -> None:
    off = morning([intent("AAA")], regime("RISK_OFF"), is_on=False, config=SMALL)
    on = morning([intent("AAA")], regime("RISK_OFF"), is_on=True, config=SMALL)
    seen = [run([decided(each)], CAPITAL) for each in (off, on)]
    assert sides(seen[0]) == sides(seen[1])
    assert ["without", "with"] == [found.sessions[0].realised for found in seen]
    assert seen[0].regimes[0].left is not None
    assert Decimal("0.19") < seen[0].regimes[0].left <= Decimal("0.2")


def test_a_closed_trade_counts_on_each_side_with_the_size_that_it_had_there() -> None:
    made = morning([intent("AAA")], regime("NEUTRAL"), is_on=False, config=SMALL)
    (row,) = made.decisions.verdicts
    (event,) = events(made)
    assert event.hypothetical is not None
    found = run([decided(made, trip(row.intent_id, "-90"), trip("int_elsewhere", "5"))], CAPITAL)
    left = event.hypothetical.modulated.quantity
    assert (1, 1, usd("-90")) == (found.trades, found.trades_elsewhere, found.without.net)
    assert (-90 * left / row.q2).quantize(usd("0.000001")) == found.with_.net
    assert (usd("0.0009"), None) == (found.without.drawdown_max, found.without.volatility)


@settings(max_examples=40, deadline=None)
@given(mornings())
def test_modulation_never_lets_in_more_than_there_was_without_it(made: RiskInputs) -> None:
    found = run([decided(made)], CAPITAL)
    without, with_ = sides(found)
    assert 0 <= with_ <= without
    on = made.decisions.modulation is not None
    realised = with_ if on else without
    assert realised == sum(row.notional for row in made.decisions.verdicts)


def test_twenty_sessions_have_a_volatility_and_the_sheet_says_what_it_cannot_answer() -> None:
    quiet = decided(morning([intent("AAA")], regime("RISK_ON"), is_on=False))
    found = run([quiet] * 20, CAPITAL)
    assert (0.0, 0.0) == (found.without.volatility, found.with_.volatility)
    page = sheet("SIM", found)
    assert all(f"- {question}" in page for question in QUESTIONS)
    assert page.startswith("# Review: modulation by the regime, SIM\n")
    assert "| RISK_ON | 20 | 20 |" in page
    assert page.endswith("Name, date, and what was concluded:\n")
    assert page == sheet("SIM", found)
