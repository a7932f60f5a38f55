"""What a sleeve earned in a session, by hand: held, closed, split and unknown."""

from decimal import Decimal
from typing import Any, Final

from execution_v2.sleeve_facts import before_the_open, since_the_close, sleeve_pnl
from portfolio.limits import Sleeve
from portfolio.sleeves import Sharing
from schemas.book import Position, StrategyResult
from schemas.reasons.ledger import ReadFaultCode
from schemas.snapshot import MarkSource, PositionMark
from tests.portfolio.books import CORE, D, P, book, position, snapshot, usd

TREND: Final = "S2_INDEX_TREND"
SHARING: Final = Sharing(
    sleeves={
        CORE: Sleeve(sleeve_id="STOCKS", max_daily_loss=usd("100")),
        TREND: Sleeve(sleeve_id="FUNDS", max_daily_loss=usd("100")),
    }
)


def marked(symbol: str, quantity: int, mark: str, who: str = CORE) -> PositionMark:
    """A position at the close of P."""
    return PositionMark(
        position_id=f"pos_{who}_{symbol}",
        strategy_id=who,
        sleeve_id=who,
        symbol=symbol,
        quantity=Decimal(quantity),
        average_price=usd("50"),
        cost=usd("50") * quantity,
        mark=usd(mark),
        mark_source=MarkSource.OFFICIAL_CLOSE,
        mark_session=P,
        mark_age=0,
        notional=usd(mark) * quantity,
        unrealised=(usd(mark) - 50) * quantity,
        stop=None,
        open_risk=None,
    )


def held(symbol: str, quantity: int, who: str = CORE) -> Position:
    """Bought at 50.00."""
    return position(symbol, quantity, strategy_id=who).model_copy(update={"cash_flow": usd("-50") * quantity})


def result(who: str, realised: str, at_open: str) -> StrategyResult:
    return StrategyResult(strategy_id=who, realised=usd(realised), at_open=usd(at_open))


def closed_at(*rows: PositionMark) -> Any:
    return snapshot().model_copy(update={"positions": rows})


def test_what_is_held_earns_the_change_of_its_mark() -> None:
    state = book([held("AAA", 10)], results=(result(CORE, "0", "-500"),))
    earned = since_the_close(state, {"AAA": usd("51.50")}, closed_at(marked("AAA", 10, "52")), D)
    assert {CORE: usd("-5")} == earned


def test_what_a_stop_closed_this_morning_earned_what_it_fetched_less_the_close_before() -> None:
    # Bought for 500, worth 520 at the close of P, sold for 480 less 1 of fees: -41 today, -21 in all.
    state = book(results=(result(CORE, "-21", "-500"),))
    assert {CORE: usd("-41")} == since_the_close(state, {}, closed_at(marked("AAA", 10, "52")), D)


def test_what_was_bought_today_earns_from_what_was_paid() -> None:
    state = book([held("AAA", 10)])
    assert {CORE: usd("12.50")} == since_the_close(state, {"AAA": usd("51.25")}, closed_at(), D)


def test_a_split_moves_the_number_and_not_the_profit() -> None:
    state = book(
        [held("AAA", 20).model_copy(update={"cash_flow": usd("-500")})],
        results=(result(CORE, "0", "-500"),),
    )
    assert {CORE: usd("0")} == since_the_close(
        state, {"AAA": usd("26")}, closed_at(marked("AAA", 10, "52")), D
    )


def test_strategies_are_counted_apart_and_gathered_by_sleeve() -> None:
    state = book(
        [held("AAA", 10), held("SPY", 10, TREND)],
        results=(result(CORE, "0", "-500"), result(TREND, "0", "-500")),
    )
    before = closed_at(marked("AAA", 10, "50"), marked("SPY", 10, "50", TREND))
    earned = since_the_close(state, {"AAA": usd("49"), "SPY": usd("53")}, before, D)
    assert {CORE: usd("-10"), TREND: usd("30")} == earned
    assert {"STOCKS": usd("-10"), "FUNDS": usd("30")} == sleeve_pnl(SHARING, earned, None).by_sleeve


def test_without_a_mark_a_snapshot_or_the_sessions_own_opening_nothing_is_known() -> None:
    state = book([held("AAA", 10)], results=(result(CORE, "0", "-500"),))
    before = closed_at(marked("AAA", 10, "52"))
    assert {CORE: None} == since_the_close(state, {}, before, D)
    marks = {"AAA": usd("52")}
    assert {CORE: None} == since_the_close(state, marks, ReadFaultCode.MISSING, D)
    old = state.model_copy(update={"session_date": P})
    assert {CORE: None} == since_the_close(old, marks, before, D)


def test_before_the_open_nothing_has_moved_but_what_has_no_mark_is_unknown() -> None:
    state = book([held("AAA", 10), held("SPY", 10, TREND)])
    assert {CORE: usd("0"), TREND: None} == before_the_open(state, {"AAA": usd("1")})
    assert {} == before_the_open(None, {})


def test_what_a_person_states_is_the_only_source_and_a_fault_in_it_is_told() -> None:
    told = sleeve_pnl(SHARING, {CORE: usd("5")}, '{"STOCKS": "-100"}')
    assert ({"STOCKS": usd("-100"), "FUNDS": None}, ()) == (dict(told.by_sleeve), told.faults)
    wrong = sleeve_pnl(SHARING, {}, "")
    assert 1 == len(wrong.faults)
