"""Each cut of a range adds up to the book: in money exactly, in falls and volatility but for a printed rounding."""

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from statistics import stdev

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.attribution_path import Closed, own_drawdown
from analytics.explain import RATIOS, ExplainInputs, run
from analytics.risk_events import events
from portfolio.decide import run as decide
from portfolio.limits import portfolio_config
from schemas.attribution import Attribution, AttributionRow, AttributionTotal
from schemas.base import SessionDate
from schemas.decisions import Decision
from schemas.explanation import Cut, Explanation
from schemas.snapshot import Snapshot
from tests.analytics.books import CAPITAL, Session, genesis, lived, sessions
from tests.analytics.journal_of import DAYS
from tests.analytics.test_risk_attribution import morning, regime
from tests.portfolio.books import (
    CORE,
    book,
    decision_inputs,
    intent,
    position,
    sharing,
    sleeve,
    usd,
)

NINTH = Decimal("0.000000001")
SLEEVES = {"S1_AVWAP_CORE": "CORE", "S2_INDEX_TREND": "TREND"}


def of_lived(days: Sequence[Session]) -> list[Closed]:
    return [
        Closed(session=day, snapshot=each.snapshot, attribution=each.attribution)
        for day, each in zip(DAYS, lived(days)[0], strict=False)
    ]


def explained(history: Sequence[Closed], first: int = 0) -> Explanation:
    return run(ExplainInputs(history=history, first=first, decided=()))


def cuts(told: Explanation) -> tuple[Cut, ...]:
    return (told.by_strategy, told.by_sleeve, told.by_symbol)


def day(number: int) -> SessionDate:
    return SessionDate(DAYS[0].fromordinal(DAYS[0].toordinal() + number))


def grown(nets: Sequence[Sequence[int]], flows: Sequence[int] = ()) -> list[Closed]:
    """A book in which the two strategies earn, each day, these amounts of USD, and capital comes or goes."""
    start = genesis()
    equity = peak = start.equity or CAPITAL
    deepest, history = usd("0"), []
    for number, earned in enumerate(nets):
        flow = Decimal(flows[number]) if flows else usd("0")
        base, change = equity + flow, Decimal(sum(earned))
        equity = base + change
        peak = max(peak + flow, equity)
        fall = ((peak - equity) / peak).quantize(NINTH)
        deepest = max(deepest, fall)
        at_close = start.model_copy(
            update={
                "equity": equity,
                "peak_equity": peak,
                "drawdown": fall,
                "drawdown_max": deepest,
                "flows": flow,
            }
        )
        history.append(
            Closed(session=day(number), snapshot=at_close, attribution=_told(at_close, earned, base))
        )
    return history


def _told(at_close: Snapshot, earned: Sequence[int], base: Decimal) -> Attribution:
    nothing = dict.fromkeys(("fees", "dividends", "cash_movements", "unrealised_change"), usd("0"))
    nothing |= dict.fromkeys(("gross_exposure", "net_exposure"), usd("0"))
    rows = tuple(
        AttributionRow(
            strategy_id=strategy,
            sleeve_id=sleeve,
            symbol="ABC",
            realised_gross=Decimal(net),
            net=Decimal(net),
            contribution=(net / base).quantize(NINTH),
            **nothing,
        )
        for (strategy, sleeve), net in zip(SLEEVES.items(), earned, strict=True)
    )
    total = AttributionTotal(
        name="PORTFOLIO",
        realised_gross=Decimal(sum(earned)),
        net=Decimal(sum(earned)),
        contribution=sum((row.contribution or usd("0") for row in rows), usd("0")),
        **nothing,
    )
    return Attribution(
        equity=at_close.equity,
        equity_previous=base,
        flows=at_close.flows,
        equity_change=total.net,
        rows=rows,
        by_strategy=(),
        by_sleeve=(),
        total=total,
        residual=usd("0"),
        session_return=(Decimal(sum(earned)) / base).quantize(NINTH),
        rounding_residual=usd("0"),
        findings=(),
        complete=True,
    )


def codes(row: Decision) -> set[str]:
    return {reason.code for reason in row.reasons}


earnings = st.lists(st.tuples(st.integers(-900, 900), st.integers(-900, 900)), min_size=1, max_size=70)


# --- for every book -----------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(sessions(), st.integers(0, 3))
def test_each_cut_of_any_range_loses_no_money_and_no_part_of_the_fall(days: list[Session], at: int) -> None:
    history = of_lived(days)
    first = min(at, len(history) - 1)
    told = explained(history, first)
    changes = [row.attribution.equity_change for row in history[first:]]
    assert told.whole.net == sum(change for change in changes if change is not None)
    for cut in cuts(told):
        for name in ("net", "realised_gross", "fees", "unrealised_change", "gross_exposure"):
            assert getattr(told.whole, name) == sum(getattr(part, name) for part in cut.parts)
        most = (len(cut.parts) + 1) * NINTH / 2
        for ratio in ("drawdown", "drawdown_max"):
            left = getattr(cut.residual, ratio)
            assert left is not None
            assert abs(left) <= most
    assert told.ratios.drawdown_max == history[-1].snapshot.drawdown_max
    assert told.ratios.drawdown == history[-1].snapshot.drawdown


@settings(max_examples=60, deadline=None)
@given(earnings, st.data())
def test_falls_and_volatility_of_any_path_are_divided_without_a_rest(
    nets: list[tuple[int, int]], data: st.DataObject
) -> None:
    flows = data.draw(st.lists(st.integers(-300, 300), min_size=len(nets), max_size=len(nets)))
    history = grown(nets, flows)
    told = explained(history)
    for cut in (told.by_strategy, told.by_sleeve):
        for ratio in RATIOS:
            left = getattr(cut.residual, ratio)
            assert left is None or abs(left) <= 3 * NINTH * (len(nets) if ratio == "contribution" else 1)
    if len(nets) < 20:
        assert told.ratios.volatility is None
        assert "INSUFFICIENT_SESSIONS" in [finding.code for finding in told.findings]
    else:
        window = [float(row.attribution.total.contribution or 0) for row in history[-60:]]
        assert told.ratios.volatility is not None
        assert math.isclose(stdev(window) * math.sqrt(252), told.ratios.volatility, abs_tol=2e-9)


# --- by hand ------------------------------------------------------------------------------------------


def test_who_lost_since_the_peak_is_said_and_not_who_earned_before_it() -> None:
    # Peak 102,000 after day 1; then core loses 300 and trend earns 96: a fall of 204, a five-hundredth.
    told = explained(grown([(2000, 0), (-200, 96), (-100, 0)]), first=2)
    assert (day(0), usd("0.002")) == (told.peak, told.ratios.drawdown)
    parts = {part.name: part.ratios.drawdown for part in told.by_strategy.parts}
    assert {"S1_AVWAP_CORE": usd("0.002941176"), "S2_INDEX_TREND": usd("-0.000941176")} == parts
    assert (usd("-100"), usd("0")) == (told.whole.net, told.by_strategy.residual.drawdown)


def test_the_deepest_fall_keeps_its_parts_after_the_book_has_recovered() -> None:
    told = explained(grown([(0, -1000), (3000, 0), (0, 500)]))
    assert ((None, day(0)), usd("0.01")) == (told.deepest, told.ratios.drawdown_max)
    assert {"S2_INDEX_TREND": usd("0.01"), "S1_AVWAP_CORE": usd("0")} == {
        part.name: part.ratios.drawdown_max for part in told.by_strategy.parts
    }
    assert (day(2), usd("0")) == (told.peak, told.ratios.drawdown)
    trend = next(part for part in told.by_strategy.parts if part.name == "S2_INDEX_TREND")
    assert (usd("0.005"), usd("0.01"), CAPITAL) == (
        trend.own_drawdown,
        trend.own_drawdown_max,
        trend.own_base,
    )


def test_a_part_that_hedges_has_a_negative_share_of_the_volatility() -> None:
    told = explained(grown([(500 * (-1) ** n, -200 * (-1) ** n) for n in range(24)]))
    shares = {part.name: part.ratios.volatility for part in told.by_strategy.parts}
    assert told.ratios.volatility is not None
    assert told.ratios.volatility > 0
    assert (shares["S2_INDEX_TREND"] or 0) < 0 < told.ratios.volatility < (shares["S1_AVWAP_CORE"] or 0)


def test_a_book_that_held_nothing_has_a_volatility_of_0_and_nothing_to_divide() -> None:
    told = explained(grown([(0, 0)] * 20))
    assert (0, {None}) == (
        told.ratios.volatility,
        {part.ratios.volatility for part in told.by_strategy.parts},
    )
    assert ["RETURNS_WITHOUT_SPREAD"] == [finding.code for finding in told.findings]


def test_a_close_without_equity_leaves_contributions_null_with_a_code() -> None:
    history = grown([(10, 0), (20, 0)])
    unknown = history[1].attribution
    total = unknown.total.model_copy(update={"contribution": None})
    dark = replace(
        history[1],
        snapshot=history[1].snapshot.model_copy(update={"equity": None, "drawdown": None}),
        attribution=unknown.model_copy(update={"total": total, "equity": None}),
    )
    told = explained([history[0], dark])
    assert (None, None, usd("30")) == (told.ratios.contribution, told.ratios.drawdown, told.whole.net)
    assert {None} == {part.ratios.contribution for part in told.by_strategy.parts}
    assert "EQUITY_UNKNOWN" in [finding.code for finding in told.findings]


def test_an_own_fall_is_measured_from_the_start_or_the_highest_point_since() -> None:
    assert (usd("0.02"), usd("0.05")) == own_drawdown([usd("-5"), usd("10"), usd("-2")], usd("100"))
    assert (usd("0"), usd("0")) == own_drawdown([], usd("100"))


# --- decisions ----------------------------------------------------------------------------------------


def test_intents_conflicts_and_what_e2_took_off_are_counted_by_strategy() -> None:
    held = book(positions=(position("BBB", strategy_id="S2_INDEX_TREND", sleeve_id="S2_INDEX_TREND"),))
    shared = sharing(sleeves={CORE: sleeve(), "S2_INDEX_TREND": sleeve("S2_INDEX_TREND")})
    asked = decision_inputs(intent("AAA", 1), intent("BBB", 2), book=held)
    met = decide(asked, portfolio_config("SIM"), shared)
    on = morning([intent("AAA")], regime("NEUTRAL"), is_on=True)
    off = events(morning([intent("AAA"), intent("BBB", 2)], regime("NEUTRAL"), is_on=False))
    told = run(
        ExplainInputs(history=grown([(1, 2)]), first=0, decided=[(met, off), (on.decisions, events(on))])
    )
    rows = {row.strategy_id: row for row in told.activity}
    core = rows[CORE]
    assert (3, 1, 1, 1) == (core.intents, core.allowed, core.resized, core.blocked)
    assert (0, 1) == (core.conflicts_won, core.conflicts_lost)
    trend = rows["S2_INDEX_TREND"]
    assert (0, 1, 0) == (trend.intents, trend.conflicts_won, trend.conflicts_lost)
    assert [("S2_SYMBOL_OVERLAP", 1)] == [(c.code, c.decisions) for c in core.blocked_by]
    assert [("RISK_MULTIPLIER", 1)] == [(c.code, c.decisions) for c in core.resized_by]
    (event,) = events(on)
    assert -event.delta.notional == core.suppressed_notional
    # What waits for a place was not held back by its size.
    crowd = morning([intent(f"S{n:02d}", n) for n in range(1, 13)], regime("RISK_OFF"), is_on=True)
    blocked = [row for row in crowd.decisions.verdicts if "LIMIT_MAX_NEW_ENTRIES_PER_DAY" in codes(row)]
    assert len(blocked) > 5
    full = run(ExplainInputs(history=grown([(1, 2)]), first=0, decided=[(crowd.decisions, events(crowd))]))
    waiting = {row.decision_id for row in blocked}
    expected = sum(-e.delta.notional for e in events(crowd) if e.decision_id not in waiting)
    assert [expected] == [row.suppressed_notional for row in full.activity]
    lost = run(ExplainInputs(history=grown([(1, 2)]), first=0, decided=[(met, None)]))
    assert {None} == {row.suppressed_notional for row in lost.activity}
