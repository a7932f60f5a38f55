"""Of two strategies in one symbol the static rule decides, and winner, loser and quantities are kept."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.decide import run
from portfolio.limits import portfolio_config
from portfolio.sleeves import Sharing
from schemas.book import Leg, Order, OrderState, Position, Side
from schemas.candidates import TradeIntent
from schemas.decisions import Decisions, Verdict
from tests.portfolio.books import (
    CORE,
    book,
    config_with,
    decision_inputs,
    intent,
    order,
    position,
    sharing,
    usd,
)

SIM = portfolio_config("SIM")
TREND = "S2_INDEX_TREND"
APART = sharing(allow_unsleeved=True)
TOGETHER = sharing(allow_unsleeved=True, allow_symbol_overlap=True)


def decided(
    *wishes: TradeIntent,
    held: tuple[Position, ...] = (),
    orders: tuple[Order, ...] = (),
    ended: tuple[Order, ...] = (),
    how: Sharing = APART,
) -> Decisions:
    marks = {symbol: usd("50") for symbol in ("AAA", "BBB")}
    state = book(held, orders, ended_today=ended)
    return run(decision_inputs(*wishes, book=state, marks=marks), SIM, how)


def codes(row: Any) -> list[str]:
    return [finding.code for finding in row.reasons]


def test_two_wishes_for_one_symbol_the_first_in_priority_wins_and_the_meeting_is_kept() -> None:
    core, trend = intent("AAA", 9), intent("AAA", 1, strategy_id=TREND)
    first, second = decided(trend, core).verdicts
    assert (156, 0, ["SYMBOL_CONFLICT"]) == (first.q2, second.q2, codes(second))
    assert () == first.conflicts
    kept = second.conflicts[0]
    assert ("SYMBOL_CONFLICT", core.intent_id, trend.intent_id) == (kept.rule, kept.winner, kept.loser)
    assert (CORE, TREND, 156, 0) == (
        kept.winner_strategy_id,
        kept.loser_strategy_id,
        kept.quantity_before,
        kept.quantity_after,
    )


def test_a_blocked_first_wish_leaves_the_symbol_to_the_second() -> None:
    core = intent("AAA", stop="50.00")  # no size, so nothing was taken
    second = decided(core, intent("AAA", strategy_id=TREND)).verdicts[1]
    assert (156, ()) == (second.q2, second.conflicts)


def test_a_symbol_that_another_strategy_holds_is_left_to_it_unless_overlap_is_allowed() -> None:
    row = position("AAA", 10, strategy_id=TREND, stop="49.00")
    blocked = decided(intent("AAA"), held=(row,)).verdicts[0]
    assert (Verdict.BLOCK, ["S2_SYMBOL_OVERLAP"]) == (blocked.verdict, codes(blocked))
    assert (row.position_id, 156, 0) == (
        blocked.conflicts[0].winner,
        blocked.conflicts[0].quantity_before,
        blocked.conflicts[0].quantity_after,
    )
    passed = decided(intent("AAA"), held=(row,), how=TOGETHER).verdicts[0]
    assert (Verdict.ALLOW, 156) == (passed.verdict, passed.q2)
    assert ("S3_OVERLAP_RISK", 156, 156) == (
        passed.conflicts[0].rule,
        passed.conflicts[0].quantity_before,
        passed.conflicts[0].quantity_after,
    )


def test_strategies_that_share_a_symbol_share_the_risk_of_one_trade() -> None:
    # 1,000 USD is one trade's risk. 230 held lose 3 each to their stop: 690; 310 are left: 96 shares of 3.20.
    row = position("AAA", 230, strategy_id=TREND, stop="47.00")
    resized = decided(intent("AAA", notional="0.20"), held=(row,), how=TOGETHER).verdicts[0]
    assert (156, 156, 96, ["S3_OVERLAP_RISK"]) == (resized.q0, resized.q1, resized.q2, codes(resized))
    room = next(row for row in resized.room if row.cap == "S3_OVERLAP_RISK")
    assert (310, 310 - 96 * usd("3.20")) == (room.before, room.after)
    assert (156, 96) == (resized.conflicts[0].quantity_before, resized.conflicts[0].quantity_after)


def test_the_second_wish_of_a_batch_shares_the_risk_of_the_first() -> None:
    wide: dict[str, Any] = {
        "risk": "0.006",
        "notional": "0.20",
    }  # 187 shares and 598.40 of risk, twice wished
    first, second = decided(
        intent("AAA", **wide), intent("AAA", strategy_id=TREND, **wide), how=TOGETHER
    ).verdicts
    assert (187, 125) == (first.q2, second.q2)  # 401.60 left: 125 shares of 3.20
    assert first.risk + second.risk <= 1_000
    assert "S3_OVERLAP_RISK" in codes(second)


@pytest.mark.parametrize("stop", [None, "46.80"])
def test_a_shared_position_without_a_known_stop_leaves_no_risk_to_share(stop: str | None) -> None:
    row = position("AAA", 10, strategy_id=TREND, **({} if stop is None else {"stop": stop}))
    found = decided(intent("AAA"), held=(row,), how=TOGETHER).verdicts[0]
    assert (0 if stop is None else 156) == found.q2
    assert (stop is None) == ("S3_OVERLAP_RISK" in codes(found))


def test_both_strategies_together_stay_within_the_symbols_limit() -> None:
    row = position(
        "AAA", 350, strategy_id=TREND, stop="50.00"
    )  # 17,500 of the 20,000 that one symbol may have
    found = decided(intent("AAA"), held=(row,), how=TOGETHER).verdicts[0]
    assert (50, ["LIMIT_SYMBOL_CONCENTRATION"]) == (found.q2, codes(found))


@pytest.mark.parametrize("how", [APART, TOGETHER])
def test_opposite_wishes_are_never_netted(how: Sharing) -> None:
    buy, sell = intent("AAA"), intent("AAA", strategy_id=TREND, side=Side.SELL)
    first, second = decided(buy, sell, how=how).verdicts
    assert (156, 0) == (first.q2, second.q2)
    assert "S3_OPPOSING_INTENT" in codes(second)
    assert ("S3_OPPOSING_INTENT", buy.intent_id) == (second.conflicts[0].rule, second.conflicts[0].winner)


def test_a_position_the_other_way_round_blocks_even_where_overlap_is_allowed() -> None:
    short = position("AAA", -10, strategy_id="EXTERNAL")
    found = decided(intent("AAA"), held=(short,), how=TOGETHER).verdicts[0]
    assert (0, ["S3_OPPOSING_POSITION"]) == (found.q2, codes(found))


def left(**over: Any) -> Order:
    return order("AAA", 10, **({"strategy_id": TREND, "leg": Leg.EXIT, "stop": None} | over))


@pytest.mark.parametrize(
    ("working", "ended", "blocks"),
    [
        (left(), None, True),
        (left(state=OrderState.SUBMIT_UNKNOWN), None, True),
        (None, left(state=OrderState.FILLED, filled=usd("10")), True),
        (None, left(leg=Leg.STOP, stop=usd("45"), state=OrderState.FILLED, filled=usd("10")), True),
        (None, left(state=OrderState.CANCELLED), False),
        (left(leg=Leg.STOP, stop=usd("45")), None, False),
        (left(leg=Leg.TRIM), None, False),
        (left(strategy_id=CORE), None, False),
    ],
)
def test_where_another_strategy_leaves_nobody_enters_in_that_session(
    working: Order | None, ended: Order | None, blocks: bool
) -> None:
    owner = CORE if working is not None and working.strategy_id == CORE else TREND
    found = decided(
        intent("AAA"),
        held=(position("AAA", 10, strategy_id=owner, stop="46"),) if working is not None else (),
        orders=(working,) if working is not None else (),
        ended=(ended,) if ended is not None else (),
        how=TOGETHER.model_copy(update={"sleeves": {}}),
    ).verdicts[0]
    assert blocks == ("S3_EXIT_IN_PROGRESS" in codes(found))
    assert blocks == (found.q2 == 0 and "SYMBOL_ALREADY_HELD" not in codes(found))
    if blocks:
        assert "S3_EXIT_IN_PROGRESS" == found.conflicts[0].rule


@given(
    wishes=st.lists(
        st.tuples(st.sampled_from((CORE, TREND)), st.integers(0, 5), st.integers(1, 60)), max_size=12
    ),
    held=st.lists(
        st.tuples(st.integers(0, 5), st.integers(1, 250)), max_size=3, unique_by=lambda row: row[0]
    ),
)
def test_open_risk_in_a_shared_symbol_never_exceeds_one_trades(
    wishes: list[tuple[str, int, int]], held: list[tuple[int, int]]
) -> None:
    rows = {
        (strategy, n): intent(f"S{n}", rank, strategy_id=strategy, risk=f"0.0{rank % 9 + 1}", notional="0.2")
        for rank, (strategy, n, _) in enumerate(wishes, start=1)
    }
    positions = [position(f"S{n}", count, strategy_id="EXTERNAL", stop="48") for n, count in held]
    marks = {f"S{n}": usd("50") for n in range(6)}
    inputs = decision_inputs(*rows.values(), book=book(positions), marks=marks)
    decisions = run(inputs, config_with(positions_max=50, entries_per_day_max=50), TOGETHER)
    for n in range(6):
        shares = [row for row in decisions.verdicts if row.symbol == f"S{n}" and row.q2 > 0]
        before = sum((Decimal(count) * 2 for at, count in held if at == n), Decimal(0))
        assert not shares or before + sum((row.risk for row in shares), Decimal(0)) <= max(
            usd("1000"), before
        )
