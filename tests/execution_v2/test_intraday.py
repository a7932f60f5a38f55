"""A session on intraday bars, cycle by cycle: entries by their model, trims, ratchets, switches and closed doors."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from execution_v2.broker.port import Seen
from schemas.book import Leg, OrderState
from schemas.candidates import EntryModel
from schemas.reasons.ledger import ReadFaultCode
from simulation.config import IntradayConfig
from simulation.fault_plan import Fault
from tests.execution_v2.watched import Watched, events
from tests.portfolio.books import control
from tests.simulation.world import Want, usd


def denied(result: Any) -> list[str]:
    return [str(row["code"]) for row in events(result, "entry.denied")]


# -- entries -------------------------------------------------------------------------------------------------


def test_the_first_cycle_of_a_session_enters_nothing_and_says_nothing_of_entries() -> None:
    made = Watched()
    result = made.cycle(0, is_first=True)
    assert (0, [], []) == (made.held, denied(result), events(result, "entry.authorised"))


def test_the_second_cycle_enters_at_a_marketable_limit_and_places_the_stop_at_once() -> None:
    made = Watched()
    made.cycle(5)
    assert ([("ENTRY", 161)], [(161, usd("47.00"))]) == (made.fills(), made.stops())
    (entry,) = made.orders(Leg.ENTRY)
    assert (OrderState.FILLED, usd("50.05")) == (entry.state, entry.limit)  # 50.00 and 10 bps


def test_what_the_window_did_not_fill_is_cancelled_before_the_stop() -> None:
    made = Watched(volume=1_000)  # 5 % of 1,000 shares
    began = made.at(5)
    result = made.cycle(5)
    bought = made.held
    assert 0 < bought < 161
    (entry,) = made.orders(Leg.ENTRY)
    assert (OrderState.PARTIAL_CANCELLED, "ENTRY_WINDOW_ENDED") == (
        entry.state,
        events(result, "order.cancelling")[0]["cause"],
    )
    assert [(bought, usd("47.00"))] == made.stops()
    assert 5 <= (made.clock.now() - began).total_seconds() <= 15


def test_an_entry_that_got_nothing_ends_with_its_window_and_is_tried_again_up_to_three_times() -> None:
    made = Watched(rules=IntradayConfig(place_latency_s=Decimal(300)))
    began = made.at(5)
    made.cycle(5)
    assert 30 <= (made.clock.now() - began).total_seconds() <= 60
    (entry,) = made.orders(Leg.ENTRY)
    assert OrderState.CANCELLED is entry.state
    made.cycle(10)
    made.cycle(15)
    fourth = made.cycle(20)
    assert [1, 2, 3] == [order.attempt for order in made.orders(Leg.ENTRY)]
    assert ["ATTEMPTS_MAX"] == denied(fourth)


def test_an_entry_that_filled_in_part_is_not_tried_again() -> None:
    made = Watched(volume=1_000)
    made.cycle(5)
    assert [] == denied(made.cycle(10))
    assert 1 == len(made.orders(Leg.ENTRY))


def test_after_180_seconds_nothing_is_entered_any_more() -> None:
    made = Watched(script={"quotes#1": Fault.STALL})
    config = made.config.execution.model_copy(update={"increase_seconds_max": 1.0})
    made.config = replace(made.config, execution=config)
    result = made.cycle(5)
    assert 0 == made.held
    assert 1 == len(result.carried)


def test_a_wish_to_buy_at_the_level_waits_until_the_price_is_there() -> None:
    made = Watched(
        {4: ("50.00", "50.00", "49.40", "49.40")},
        want=Want(level="49.50"),
        model=EntryModel.LIMIT_AT_LEVEL,
    )
    assert ["PRICE_ABOVE_LEVEL"] == denied(made.cycle(5))
    made.cycle(25)
    (entry,) = made.orders(Leg.ENTRY)
    assert (usd("49.50"), True) == (entry.limit, made.held > 0)


def test_break_and_hold_waits_for_two_bars_and_then_enters() -> None:
    breaks = {2: ("50.00", "50.45", "50.00", "50.40"), 3: ("50.40", "50.40", "50.30", "50.35")}
    made = Watched(breaks, want=Want(level="50.20"), model=EntryModel.BOH_10M)
    early = made.cycle(15)
    assert "ENTRY_TOO_EARLY" in denied(early)
    # Minute 20: slots 0-10 and 10-20; the first did not close above the level.
    assert ["BOH_NOT_CONFIRMED"] == denied(made.cycle(20))
    assert 0 == made.held
    assert [] == denied(made.cycle(30))
    assert made.held > 0


# -- what stops entries and nothing else -----------------------------------------------------------------------


def held(**over: Any) -> Watched:
    made = Watched({3: ("50.00", "53.50", "50.00", "53.40")}, want=Want(r1="53.00", r2="80.00"), **over)
    made.cycle(5)
    assert 161 == made.held
    return made


CLOSED: dict[str, dict[str, Any]] = {
    "kill switch": {"control": control(kill_env=True)},
    "no switches read": {"control": ReadFaultCode.CORRUPT},
    "broken enforcement": {"enforcement": ReadFaultCode.CORRUPT},
    "broken candidates": {"candidates": ReadFaultCode.CORRUPT},
    "no snapshot": {"snapshot": ReadFaultCode.MISSING},
}


@pytest.mark.parametrize("name", CLOSED)
def test_whatever_stops_entries_leaves_exits_and_stops_at_work(name: str) -> None:
    made = Watched()
    made.cycle(5, **CLOSED[name])
    assert ([], 0) == (made.working(), made.held)
    made = held()
    made.cycle(20, **CLOSED[name])
    assert ("TRIM_R1", 80) in made.fills()
    assert [(81, usd("50.00"))] == made.stops()


def test_a_working_entry_of_a_dead_process_is_cancelled_once_and_its_shares_protected() -> None:
    made = Watched(rules=IntradayConfig(place_latency_s=Decimal(2)))
    made.door = _Dying(made.door, made)
    with pytest.raises(_Died):
        made.cycle(5)
    made.door = made.broker
    assert ["buy"] == made.working()
    result = made.cycle(10, control=control(kill_env=True))
    assert 1 >= len(events(result, "order.cancelling"))
    assert "buy" not in made.working()
    assert made.held == sum(quantity for quantity, _ in made.stops())


class _Died(Exception):
    pass


class _Dying:
    """A line over which the process dies at its first look at a working order."""

    def __init__(self, inner: Any, made: Watched) -> None:
        self._inner = inner
        self._made = made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def lookup(self, request: Any) -> Any:
        raise _Died


def test_a_dead_feed_denies_entries_and_keeps_every_stop() -> None:
    made = held()
    made.door = made.faulty({"quotes#*": Fault.READ_FAILED, "bars#*": Fault.READ_FAILED})
    made.cycle(20)
    assert [(161, usd("47.00"))] == made.stops()
    fresh = Watched(script={"quotes#*": Fault.READ_FAILED})
    assert ["QUOTE_STALE"] == denied(fresh.cycle(5))


def test_a_halted_symbol_is_not_entered() -> None:
    made = Watched()
    made.exchange.halt("AAA", made.at(4))
    assert 0 == made.held
    assert denied(made.cycle(5))[0] in ("SYMBOL_HALTED", "QUOTE_STALE")


def test_buying_power_that_is_gone_is_a_typed_denial_and_no_loop() -> None:
    made = Watched(script={"submit#*": Fault.REJECT_BURST})
    result = made.cycle(5)
    assert 1 == len(events(result, "order.rejected"))
    assert ([], 0) == (made.working(), made.held)


def test_a_fourth_day_trade_of_a_small_account_is_denied() -> None:
    made = Watched()
    made.door = _Small(made.door)
    assert ["DAY_TRADE_GUARD"] == denied(made.cycle(5))
    assert 0 == made.held


class _Small:
    """A line to an account of 20,000 USD with three day trades behind it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def account(self) -> Any:
        read = self._inner.account()
        small = {"equity": usd("20000"), "day_trades": 3}
        return Seen(as_of=read.as_of, value=read.value.model_copy(update=small))


def test_in_the_last_ten_minutes_and_by_two_clocks_that_differ_nothing_is_entered() -> None:
    assert ["ENTRY_WINDOW_CLOSED"] == denied(Watched().cycle(381))
    made = Watched()
    # Our calendar knows of a half day that the broker's clock does not.
    assert ["CLOCK_UNKNOWN"] == denied(made.cycle(5, close_at=made.at(210)))


def test_after_a_half_days_close_stops_stay_and_nothing_is_sold() -> None:
    made = held()
    result = made.cycle(215, close_at=made.at(210))
    assert ([("ENTRY", 161)], [(161, usd("47.00"))]) == (made.fills(), made.stops())
    assert [] == events(result, "order.submitting")


def test_outside_the_session_nothing_is_entered_and_the_stop_stays() -> None:
    made = held()
    result = made.cycle(391)
    assert [(161, usd("47.00"))] == made.stops() or made.held == 0
    assert [] == events(result, "order.replacing")
    late = Watched()
    assert "MARKET_CLOSED" in denied(late.cycle(391)) or 0 == late.held


# -- exits ---------------------------------------------------------------------------------------------------


def test_a_target_is_sold_once_and_the_stop_follows_in_the_same_replace() -> None:
    made = held()
    result = made.cycle(20)
    assert 1 == len(events(result, "order.replacing"))
    assert [("ENTRY", 161), ("TRIM_R1", 80)] == made.fills()
    made.cycle(25)
    made.cycle(30)
    assert [("ENTRY", 161), ("TRIM_R1", 80)] == made.fills()
    (position,) = made.state.positions
    assert (True, False) == (position.r1_touched, position.r2_touched)


def test_a_trim_that_is_refused_is_carried_and_never_doubled() -> None:
    made = held()
    made.door = made.faulty({"submit#1": Fault.HELD_BURST, "submit#2": Fault.HELD_BURST})
    result = made.cycle(20)
    assert 1 == len(result.carried)
    made.door = made.broker
    made.cycle(25)
    made.cycle(30)
    assert 80 == sum(quantity for reason, quantity in made.fills() if reason == "TRIM_R1")
    assert [81] == [quantity for quantity, _ in made.stops()]


def test_a_higher_low_lifts_the_stop_and_nothing_lowers_it_again() -> None:
    climb = {
        4: ("50.00", "50.60", "49.80", "50.50"),
        5: ("50.50", "51.00", "50.40", "50.90"),
        6: ("50.90", "51.00", "50.10", "50.30"),
        7: ("50.30", "52.00", "50.20", "51.90"),
        8: ("51.90", "53.00", "51.80", "52.90"),
        9: ("52.90", "53.00", "51.10", "51.50"),
        10: ("51.50", "53.50", "51.40", "53.40"),
    }
    made = Watched(climb, want=Want(r1="70.00", r2="80.00"))
    made.cycle(5)
    for minute in (60, 65, 70):
        made.cycle(minute)
    # Lows 49.80, 50.10 and 51.10: the latest higher low less 0.10.
    assert [(161, usd("51.00"))] == made.stops()
    made.cycle(75)
    assert [(161, usd("51.00"))] == made.stops()


def test_a_second_run_of_a_slot_changes_nothing() -> None:
    made = held()
    made.cycle(20)
    before = (made.fills(), made.stops(), made.state.positions)
    made.cycle(20)
    assert before == (made.fills(), made.stops(), made.state.positions)


def test_every_cycle_ends_covered() -> None:
    made = held()
    for minute in range(10, 120, 5):
        result = made.cycle(minute)
        assert [] == events(result, "position.failed"), minute
        assert made.held == sum(quantity for quantity, _ in made.stops())
