"""Sleeves are read or refused whole, counted to the last digit, and never exceeded."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.decide import run
from portfolio.exposure import measure
from portfolio.limits import PortfolioConfig, portfolio_config, table_faults
from portfolio.profit import profit_of_session
from portfolio.sleeves import (
    parse_daily_pnl,
    parse_sleeves,
    session_pnl,
    totals_findings,
    use_by_sleeve,
    use_by_strategy,
)
from schemas.book import BookState, Leg, Order, Position
from schemas.decisions import Decisions, Verdict
from tests.portfolio.books import (
    CORE,
    D,
    book,
    decision_inputs,
    intent,
    marked,
    order,
    position,
    sharing,
    sleeve,
    snapshot,
    usd,
)

SIM = portfolio_config("SIM")
TREND = "S2_INDEX_TREND"


def codes(decisions: Decisions, symbol: str = "AAA") -> list[str]:
    row = next(row for row in decisions.verdicts if row.symbol == symbol)
    return [finding.code for finding in row.reasons]


# --- configuration ---


def test_a_strategys_sleeve_bears_its_name_unless_another_is_stated() -> None:
    found, faults = parse_sleeves(
        '{"S1_AVWAP_CORE": {"max_daily_loss": 1500.50, "max_concurrent_positions": 6},'
        ' "S2_INDEX_TREND": {"sleeve_id": "TREND", "max_gross_exposure": "40000"}}'
    )
    assert () == faults
    assert sleeve(CORE, max_daily_loss=usd("1500.5"), max_concurrent_positions=6) == found[CORE]
    assert sleeve("TREND", max_gross_exposure=usd("40000")) == found[TREND]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ("[]", "a JSON object is wanted"),
        ('{"S1_AVWAP_CORE": 5}', "S1_AVWAP_CORE: an object of caps is wanted"),
        ('{"S1_AVWAP_CORE": {"max_loss": 5}}', "S1_AVWAP_CORE.max_loss: Extra inputs are not permitted"),
        (
            '{"S1_AVWAP_CORE": {"max_daily_loss": -1}}',
            "S1_AVWAP_CORE.max_daily_loss: Input should be greater",
        ),
        ('{"S1_AVWAP_CORE": {"max_gross_exposure": NaN}}', "S1_AVWAP_CORE.max_gross_exposure: Value error"),
        ('{"S1_AVWAP_CORE": {"max_gross_exposure": 1e400}}', "S1_AVWAP_CORE.max_gross_exposure: Value error"),
        ('{"S1_AVWAP_CORE": {"max_concurrent_positions": 1.5}}', "S1_AVWAP_CORE.max_concurrent_positions"),
        ('{"S1_AVWAP_CORE": {"sleeve_id": "EXTERNAL"}}', "S1_AVWAP_CORE: sleeve_id EXTERNAL is reserved"),
        ('{"S1_AVWAP_CORE": {}, "S1_AVWAP_CORE": {}}', "S1_AVWAP_CORE: stated twice"),
        ('{"S9_NOBODY": {}}', "S9_NOBODY: no strategy of that name opens positions"),
        ('{"EXTERNAL": {}}', "EXTERNAL: no strategy of that name opens positions"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused_whole_and_says_why(text: str, told: str) -> None:
    found, faults = parse_sleeves(text)
    assert {} == found
    assert told in faults[0]


def test_every_fault_of_a_configuration_is_told_at_once() -> None:
    _, faults = parse_sleeves('{"S1_AVWAP_CORE": {"max_daily_loss": -1, "x": 1}, "S9_NOBODY": {}}')
    assert 3 == len(faults)


def test_strategies_that_share_a_sleeve_state_the_same_caps() -> None:
    one, other = sleeve("BOTH", max_daily_loss=usd("5")), sleeve("BOTH", max_daily_loss=usd("6"))
    assert () == table_faults({CORE: one, TREND: one})
    assert ("S2_INDEX_TREND: shares BOTH with S1_AVWAP_CORE and states other caps",) == table_faults(
        {CORE: one, TREND: other}
    )


def test_a_fault_blocks_every_entry_with_its_words() -> None:
    decisions = run(decision_inputs(intent("AAA")), SIM, sharing(faults=("S2_SLEEVES_JSON not JSON",)))
    assert ("S2_CONFIG_INVALID",) == decisions.batch.codes
    assert "S2_SLEEVES_JSON not JSON" == decisions.batch.findings[0].detail
    assert (Verdict.BLOCK, 0) == (decisions.verdicts[0].verdict, decisions.verdicts[0].q2)


def test_a_strategy_without_a_sleeve_blocks_the_batch_unless_that_is_allowed() -> None:
    inputs = decision_inputs(intent("AAA"))
    bare = run(inputs, SIM, sharing(sleeves={}))
    assert ("S2_MISSING_SLEEVE",) == bare.batch.codes
    allowed = run(inputs, SIM, sharing(sleeves={}, allow_unsleeved=True))
    assert (156, ["UNSLEEVED"]) == (allowed.verdicts[0].q2, [row.sleeve_id for row in allowed.sleeves.uses])


def test_a_position_alone_needs_a_sleeve_too_but_nobodys_shares_do_not() -> None:
    held = book([position("BBB", 10, strategy_id=TREND)])
    decisions = run(decision_inputs(intent("AAA"), book=held), SIM)
    assert ("S2_MISSING_SLEEVE",) == decisions.batch.codes
    assert TREND == decisions.batch.findings[0].subject
    nobodys = book([position("BBB", 10, strategy_id="EXTERNAL")])
    inputs = decision_inputs(intent("AAA"), book=nobodys, marks={"AAA": usd("50"), "BBB": usd("50")})
    assert () == run(inputs, SIM).batch.codes


def test_an_intent_that_names_another_sleeve_than_its_strategys_is_blocked() -> None:
    decisions = run(decision_inputs(intent("AAA")), SIM, sharing(sleeves={CORE: sleeve("OTHER")}))
    assert ["S2_SLEEVE_MISMATCH"] == codes(decisions)


# --- profit of the session ---


@pytest.mark.parametrize(
    ("earned", "expected"),
    [
        ({}, "0"),
        ({CORE: usd("-100")}, "-100"),
        ({CORE: usd("-100"), TREND: usd("17.75")}, "-82.25"),
        ({CORE: usd("-100"), TREND: None}, None),
        ({"EXTERNAL": usd("-100")}, "0"),
        ({"EXTERNAL": None}, "0"),
    ],
)
def test_a_sleeves_profit_is_what_its_strategies_earned(
    earned: dict[str, Decimal | None], expected: str | None
) -> None:
    both = sharing(sleeves={CORE: sleeve("BOTH"), TREND: sleeve("BOTH")})
    assert {"BOTH": None if expected is None else usd(expected)} == session_pnl(both, earned, None)


@pytest.mark.parametrize(
    ("mark", "before", "expected"),
    [("49", "50", "-100"), ("52.5", "50", "250"), (None, "50", None), ("50", None, None)],
)
def test_before_the_open_what_is_held_earned_how_far_its_mark_moved(
    mark: str | None, before: str | None, expected: str | None
) -> None:
    row = position("BBB", 100)
    then = snapshot().model_copy(update={"positions": () if before is None else (marked(row, before),)})
    marks = {"AAA": usd("50")} | ({} if mark is None else {"BBB": usd(mark)})
    inputs = decision_inputs(intent("AAA"), book=book([row]), marks=marks, snapshot=then)
    found = profit_of_session(inputs, book([row]), sharing(), None)
    assert {CORE: None if expected is None else usd(expected)} == found


def test_a_stated_profit_is_the_only_source() -> None:
    assert {CORE: usd("-5")} == session_pnl(sharing(), {CORE: usd("1")}, {CORE: usd("-5")})
    assert {CORE: None} == session_pnl(sharing(), {CORE: usd("1")}, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"S9_NOBODY": 5}', "no sleeve of that name"),
        ('{"S1_AVWAP_CORE": "much"}', "no plain decimal"),
        ("{", "not JSON"),
    ],
)
def test_a_stated_profit_that_cannot_be_meant_blocks(text: str, told: str) -> None:
    found, faults = parse_daily_pnl(text, sharing())
    assert ({}, True) == (found, told in faults[0])
    decisions = run(decision_inputs(intent("AAA"), stated_pnl=text), SIM)
    assert ("S2_CONFIG_INVALID",) == decisions.batch.codes


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ('{"S1_AVWAP_CORE": -1999.99}', ["ALLOW_WITHIN_LIMITS"]),
        ('{"S1_AVWAP_CORE": -2000}', ["S2_MAX_DAILY_LOSS"]),
        ("{}", ["S2_MISSING_PNL"]),
    ],
)
def test_a_sleeve_that_lost_its_limit_today_enters_nothing_more(stated: str, expected: list[str]) -> None:
    assert expected == codes(run(decision_inputs(intent("AAA"), stated_pnl=stated), SIM))


def test_before_the_open_the_loss_is_how_far_the_marks_lie_from_the_close() -> None:
    row = position("BBB", 100)
    marks = {"AAA": usd("50"), "BBB": usd("29.99")}
    inputs = decision_inputs(intent("AAA"), book=book([row]), marks=marks)
    decisions = run(inputs, SIM)  # 100 shares fell from 50 to 29.99: 2,001 USD
    assert ["S2_MAX_DAILY_LOSS"] == codes(decisions)
    use = decisions.sleeves.uses[0]
    assert (usd("-2001"), usd("-1")) == (use.pnl, use.loss_left)


@pytest.mark.parametrize(
    ("entered", "expected"), [("2016-06-02", ["S2_MAX_DAILY_LOSS"]), ("2016-06-01", ["S2_MISSING_PNL"])]
)
def test_what_was_opened_since_the_close_is_reckoned_from_its_price(
    entered: str, expected: list[str]
) -> None:
    row = position("BBB", 100, entry_session=date.fromisoformat(entered))  # at 50, and no snapshot has it
    marks = {"AAA": usd("50"), "BBB": usd("30")}
    inputs = decision_inputs(intent("AAA"), book=book([row]), marks=marks, snapshot=snapshot())
    assert expected == codes(run(inputs, SIM))


def test_a_split_since_the_close_is_no_loss() -> None:
    row = position("BBB", 100)
    marks = {"AAA": usd("50"), "BBB": usd("25")}
    inputs = decision_inputs(intent("AAA"), book=book([row]), marks=marks, rebased=frozenset({"BBB"}))
    assert 0 == run(inputs, SIM).sleeves.uses[0].pnl


def test_what_was_sold_in_the_session_has_a_result_that_nobody_knows_yet() -> None:
    sold = order("BBB", leg=Leg.EXIT, filled=usd("5"), stop=None)
    decisions = run(decision_inputs(intent("AAA"), book=book(ended_today=(sold,))), SIM)
    assert ["S2_MISSING_PNL"] == codes(decisions)


# --- caps ---


def test_the_sleeves_gross_cap_makes_an_intent_smaller() -> None:
    capped = sharing(sleeves={CORE: sleeve(max_gross_exposure=usd("5000"))})
    decisions = run(decision_inputs(intent("AAA"), intent("BBB", 2)), SIM, capped)
    assert [100, 0] == [row.q2 for row in decisions.verdicts]
    assert ["S2_MAX_GROSS_EXPOSURE"] == codes(decisions)
    use = decisions.sleeves.uses[0]
    assert (usd("5000"), usd("0")) == (use.before.gross_left, use.after.gross_left)


def test_the_sleeves_positions_fill_up_within_the_batch() -> None:
    capped = sharing(sleeves={CORE: sleeve(max_concurrent_positions=2)})
    rows = [intent(symbol, rank) for rank, symbol in enumerate(("AAA", "BBB", "CCC"), start=1)]
    decisions = run(decision_inputs(*rows), SIM, capped)
    assert [156, 156, 0] == [row.q2 for row in decisions.verdicts]
    assert ["S2_MAX_POSITIONS"] == codes(decisions, "CCC")


def test_one_sleeves_cap_leaves_another_strategy_alone() -> None:
    apart = sharing(sleeves={CORE: sleeve(max_concurrent_positions=0), TREND: sleeve(TREND)})
    decisions = run(decision_inputs(intent("AAA"), intent("BBB", strategy_id=TREND)), SIM, apart)
    assert [0, 156] == [row.q2 for row in decisions.verdicts]


def test_two_strategies_of_one_sleeve_share_its_caps() -> None:
    both = sleeve("BOTH", max_concurrent_positions=1)
    core = intent("AAA").model_copy(update={"sleeve_id": "BOTH"})
    trend = intent("BBB", strategy_id=TREND).model_copy(update={"sleeve_id": "BOTH"})
    decisions = run(decision_inputs(core, trend), SIM, sharing(sleeves={CORE: both, TREND: both}))
    assert [156, 0] == [row.q2 for row in decisions.verdicts]
    assert ["S2_MAX_POSITIONS"] == codes(decisions, "BBB")


def test_an_exit_of_nobodys_shares_that_offsets_a_strategys_breaks_the_totals() -> None:
    # 100 long and 100 short in one symbol: the book's worst case is 0, that of each owner 5,000.
    rows = [position("BBB", 100), position("BBB", -100, strategy_id="EXTERNAL")]
    inputs = decision_inputs(intent("AAA"), book=book(rows), marks={"AAA": usd("50"), "BBB": usd("50")})
    decisions = run(inputs, SIM)
    assert ("S2_TOTALS_BROKEN",) == decisions.batch.codes
    assert ("10000", "0") == (
        decisions.batch.findings[0].observed,
        decisions.batch.findings[0].threshold,
    )


STRATEGIES = (CORE, TREND, "S1_AVWAP_SHADOW", "EXTERNAL")


@st.composite
def books(draw: st.DrawFn) -> BookState:
    """Long books of several strategies, with entries and protective sells at work."""
    positions: list[Position] = []
    orders: list[Order] = []
    for strategy in STRATEGIES:
        for symbol in draw(st.sets(st.sampled_from(("AAA", "BBB", "CCC", "DDD")))):
            who = {"strategy_id": strategy}
            quantity = draw(st.integers(1, 900))
            positions.append(position(symbol, quantity, **who))
            sells = draw(st.integers(0, quantity))
            if sells:
                name = f"ord_{strategy}_{symbol}_S"
                orders.append(order(symbol, sells, leg=Leg.STOP, stop=usd("40"), ord_id=name, **who))
            if draw(st.booleans()):
                limit = usd(str(draw(st.integers(1, 99))))
                name = f"ord_{strategy}_{symbol}_E"
                orders.append(order(symbol, draw(st.integers(1, 500)), limit=limit, ord_id=name, **who))
    return book(positions, orders)


MARKS = st.fixed_dictionaries(
    {symbol: st.integers(1, 99_999).map(lambda n: Decimal(n).scaleb(-2)) for symbol in ("AAA", "BBB", "CCC")},
    optional={"DDD": st.just(usd("7.77"))},
)


@given(state=books(), marks=MARKS, shared=st.booleans())
def test_sleeves_and_strategies_add_up_to_the_book_exactly(
    state: BookState, marks: dict[str, Decimal], shared: bool
) -> None:
    name = "BOTH" if shared else TREND
    how = sharing(sleeves={CORE: sleeve("BOTH" if shared else CORE), TREND: sleeve(name)})
    exposure = measure(state, marks, D)
    sleeves, strategies = use_by_sleeve(exposure, how), use_by_strategy(exposure)
    assert () == totals_findings(exposure, sleeves)
    for uses in (sleeves, strategies):
        known = [use.gross for use in uses.values() if use.gross is not None]
        assert len(exposure.slots) == sum(use.positions for use in uses.values())
        assert exposure.gross == (None if len(known) < len(uses) else sum(known, Decimal(0)))


@given(state=books())
def test_the_recorded_uses_are_the_recorded_limits(state: BookState) -> None:
    marks = {symbol: usd("50") for symbol in ("AAA", "BBB", "CCC", "DDD", "EEE")}
    decisions = run(
        decision_inputs(intent("EEE"), book=state, marks=marks), SIM, sharing(allow_unsleeved=True)
    )
    for moment, limits in (("before", decisions.limits_before), ("after", decisions.limits_after)):
        assert limits is not None
        for rows in (decisions.sleeves.uses, decisions.sleeves.strategies):
            uses: list[Any] = [getattr(row, moment) for row in rows]
            assert limits.positions == sum(use.positions for use in uses)
            assert limits.gross == sum((use.gross for use in uses), Decimal(0))


@given(
    counts=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    gross=st.tuples(st.integers(0, 30_000), st.integers(0, 30_000)),
    wishes=st.lists(st.tuples(st.sampled_from((CORE, TREND)), st.integers(1, 60)), max_size=14),
    overlap=st.booleans(),
)
def test_no_sleeve_is_exceeded_whatever_arrives_in_whatever_order(
    counts: tuple[int, int],
    gross: tuple[int, int],
    wishes: list[tuple[str, int]],
    overlap: bool,
) -> None:
    caps = {
        name: sleeve(name, max_concurrent_positions=count, max_gross_exposure=Decimal(usd_max))
        for name, count, usd_max in zip((CORE, TREND), counts, gross, strict=True)
    }
    rows = {
        (strategy, n // 2): intent(f"S{n // 2:02d}", rank, strategy_id=strategy)
        for rank, (strategy, n) in enumerate(wishes, start=1)
    }
    inputs = decision_inputs(*rows.values())
    config = PortfolioConfig(**(SIM.model_dump() | {"correlation_penalty": False}))
    decisions = run(inputs, config, sharing(sleeves=caps, allow_symbol_overlap=overlap))
    for name, count, usd_max in zip((CORE, TREND), counts, gross, strict=True):
        mine = [row for row in decisions.verdicts if row.strategy_id == name and row.q2 > 0]
        assert len(mine) <= count
        assert sum((row.notional for row in mine), Decimal(0)) <= usd_max


@given(state=books(), draw=st.data(), overlap=st.booleans())
def test_the_order_in_which_a_book_lists_what_it_has_changes_nothing(
    state: BookState, draw: st.DataObject, overlap: bool
) -> None:
    marks = {symbol: usd("50") for symbol in ("AAA", "BBB", "CCC", "DDD", "EEE")}
    how = sharing(allow_unsleeved=True, allow_symbol_overlap=overlap)
    wishes = [intent("AAA"), intent("BBB", 2), intent("AAA", strategy_id=TREND), intent("EEE", 3)]
    stirred = state.model_copy(
        update={
            "positions": tuple(draw.draw(st.permutations(state.positions))),
            "orders": tuple(draw.draw(st.permutations(state.orders))),
        }
    )
    one = run(decision_inputs(*wishes, book=state, marks=marks), SIM, how)
    other = run(decision_inputs(*draw.draw(st.permutations(wishes)), book=stirred, marks=marks), SIM, how)
    assert one == other
