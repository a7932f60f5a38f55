"""The intraday exchange by worked examples, each rule once, prices and volumes typed by hand."""

from datetime import timedelta
from decimal import Decimal

import pytest

from execution_v2.broker.port import CancelOrder, Confirmed, Outcome, ReadFailed, Rejected, ReplaceOrder, Seen
from ledger.memory import MemoryDisk
from schemas.book import TimeInForce
from schemas.market import ActionKind, CorporateAction
from simulation.config import ExchangeConfig
from simulation.intraday_tape import Halt
from tests.simulation.floor_world import HOURS, Pit, five, pathed, typed
from tests.simulation.world import DAYS, bar, usd

FLAT = bar("50.00", "50.00", "50.00", "50.00", 7_800_000)
RISING = bar("50.00", "52.00", "49.00", "51.00", 7_800_000)
"""To 49 in the first third (until minute 130), to 52 until minute 260, to 51 at the close."""


def reason(outcome: Outcome) -> str:
    assert isinstance(outcome, Rejected)
    return outcome.reason


def status(outcome: Outcome) -> str:
    assert isinstance(outcome, Confirmed)
    return outcome.order.status


def held(pit: Pit, quantity: int = 100) -> Pit:
    pit.at(0, 1).buy("own", quantity, limit="51.00")
    assert pit.order("own").status == "filled"
    return pit


# -- fills -------------------------------------------------------------------------------------------------------


def test_a_marketable_limit_fills_at_the_ask_and_not_at_its_limit() -> None:
    pit = Pit(pathed(FLAT), config=ExchangeConfig())
    assert "filled" == status(pit.at(0, 1).buy("b", 100, limit="51.00"))
    # Unknown turnover pays the last bucket: half a spread of 8 bps on 50.00 is 0.04.
    assert [(100, "50.04")] == pit.fills("b")


def test_a_resting_buy_fills_at_its_limit_when_the_path_comes_down_to_it() -> None:
    pit = Pit(pathed(RISING))
    assert "open" == status(pit.at(0, 1).buy("b", 100, limit="49.50"))
    pit.at(0, 60)
    assert [] == pit.fills("b")
    pit.at(0, 70)
    assert [(100, "49.50")] == pit.fills("b")


def test_a_resting_sale_fills_at_its_limit_on_the_way_up() -> None:
    pit = held(Pit(pathed(RISING)))
    pit.sell("s", 100, limit="51.00")
    pit.at(0, 260)
    assert [(100, "51.00")] == pit.fills("s")


def test_a_stop_fires_where_the_path_crosses_it() -> None:
    pit = held(Pit(pathed(RISING)))
    pit.sell("s", 100, stop="49.50")
    pit.at(0, 390)
    assert [(100, "49.50")] == pit.fills("s")
    fill = pit.exchange.fills(DAYS[0])[-1]
    # 49.50 is half way from 50 to 49, which takes the first 130 minutes of the day.
    assert abs(fill.executed_at - HOURS.open_at(DAYS[0]) - timedelta(minutes=65)) < timedelta(minutes=3)


def test_a_gap_through_a_stop_fills_at_the_open() -> None:
    pit = held(Pit(pathed(FLAT, bar("46.00", "46.50", "45.00", "46.20"))))
    pit.sell("s", 100, stop="48.00")
    pit.at(1, 0)
    assert [(100, "46.00")] == pit.fills("s")


def test_a_stop_pays_slippage_and_half_the_spread() -> None:
    pit = Pit(pathed(FLAT, bar("46.00", "46.50", "45.00", "46.20")), config=ExchangeConfig())
    pit.at(0, 1).buy("own", 100, limit="51.00")
    pit.sell("s", 100, stop="48.00")
    pit.at(1, 0)
    assert usd("45.9080") == pit.exchange.fills(DAYS[1])[0].price  # 20 bps below 46.00


def test_a_buy_stop_fires_on_the_way_up() -> None:
    pit = Pit(pathed(RISING))
    pit.at(0, 1).buy("b", 100, stop="51.50", force=TimeInForce.DAY)
    pit.at(0, 390)
    assert [(100, "51.50")] == pit.fills("b")


def test_a_bar_gives_no_more_than_its_share_and_the_rest_works_on_in_the_next() -> None:
    bars = [five(0, n, "50.00", "50.00", "50.00", "50.00", 1_000) for n in range(3)]
    pit = Pit(typed(*bars))
    assert "open" == status(pit.at(0, 1).buy("b", 120, limit="50.00"))
    assert [50] == [shares for shares, _ in pit.fills("b")]
    pit.at(0, 14)
    assert [50, 50, 20] == [shares for shares, _ in pit.fills("b")]
    assert ["new b", "partial_fill b", "partial_fill b", "fill b"] == pit.said()


def test_a_fired_stop_sells_on_at_the_market_even_when_the_price_recovers() -> None:
    bars = [
        five(0, 0, "50.00", "50.00", "50.00", "50.00"),
        five(0, 1, "49.00", "49.00", "49.00", "49.00", 1_000),
    ]
    pit = held(Pit(typed(*bars, five(0, 2, "52.00", "52.00", "52.00", "52.00"))))
    pit.sell("s", 100, stop="49.50")
    pit.at(0, 20)
    assert [(50, "49.00"), (50, "52.00")] == pit.fills("s")


def test_a_resting_buy_waits_until_the_ask_is_at_its_limit() -> None:
    bars = [five(0, 0, "50.00", "50.00", "50.00", "50.00"), five(0, 1, "49.48", "49.48", "49.48", "49.48")]
    pit = Pit(typed(*bars, five(0, 2, "49.40", "49.40", "49.40", "49.40")), config=ExchangeConfig())
    pit.at(0, 1).buy("b", 100, limit="49.50")
    pit.at(0, 9)
    assert [] == pit.fills("b")  # 8 bps above 49.48 is 49.52
    pit.at(0, 10)
    assert [(100, "49.44")] == pit.fills("b")


def test_of_a_stop_and_a_limit_that_one_price_reaches_the_stop_goes_first() -> None:
    pit = held(
        Pit(
            typed(
                five(0, 0, "50.00", "50.00", "50.00", "50.00"),
                five(0, 3, "48.00", "48.00", "48.00", "48.00", 1_000),
            )
        )
    )
    pit.at(0, 6).sell("a", 50, limit="47.00")
    pit.sell("s", 50, stop="49.00")
    pit.at(0, 16)
    assert ["filled", "open"] == [pit.order(name).status for name in ("s", "a")]


def test_a_market_buy_takes_what_the_cash_pays_for_and_the_rest_ends() -> None:
    bars = [five(0, 0, "50.00", "50.00", "50.00", "50.00"), five(0, 3, "60.00", "60.00", "60.00", "60.00")]
    pit = Pit(typed(*bars)).at(0, 6)
    assert "open" == status(pit.buy("b", 1_990))
    pit.at(0, 16)
    assert [(1_666, "60.00")] == pit.fills("b")
    assert "cancelled" == pit.order("b").status


def test_a_stop_for_more_than_is_held_after_a_reverse_split_sells_what_is_held() -> None:
    split = CorporateAction(symbol="AAA", ex_date=DAYS[1], kind=ActionKind.SPLIT, ratio_num=1, ratio_den=2)
    after = bar("100.00", "100.00", "100.00", "100.00")
    falls = bar("30.00", "30.00", "30.00", "30.00", 7_800_000)
    pit = held(Pit(pathed(FLAT, after, falls, acts=(split,)), gtc_on_split="keep"))
    pit.sell("s", 100, stop="40.00")
    pit.at(2, 0)
    assert [(50, "30.00")] == pit.fills("s")
    assert "cancelled" == pit.order("s").status


def test_one_advance_or_many_play_the_same() -> None:
    def run(step: float) -> list[str]:
        pit = held(Pit(pathed(RISING, bar("51.00", "53.00", "47.00", "48.00"))))
        pit.sell("s", 60, stop="49.50")
        pit.sell("t", 40, limit="51.70")
        for day in (0, 1):
            minute = 1.0
            while minute < 390:
                pit.at(day, minute)
                minute += step
            pit.at(day, 390)
        return [repr(update) for update in pit.told()]

    assert run(390) == run(7.3) == run(0.9)


# -- halts and hours -----------------------------------------------------------------------------------------------


def test_in_a_halt_nothing_fills_and_the_quote_grows_old() -> None:
    start = HOURS.open_at(DAYS[0]) + timedelta(minutes=30)
    pit = held(
        Pit(pathed(RISING, halts=(Halt(symbol="AAA", first=start, until=start + timedelta(hours=1)),)))
    )
    pit.sell("s", 100, stop="49.60")
    pit.at(0, 80)
    quote = pit.exchange.quote("AAA")
    assert quote is not None
    assert start == quote.as_of
    seen = pit.broker.assets(["AAA"])
    assert isinstance(seen, Seen)
    assert seen.value[0].is_halted
    assert [] == pit.fills("s")
    pit.at(0, 91)
    # The price that trading resumes at is below the stop: that is what it sells for.
    assert [(100, "49.31")] == pit.fills("s")


def test_a_halt_by_hand_lasts_until_it_is_lifted() -> None:
    pit = held(Pit(pathed(RISING)))
    pit.sell("s", 100, stop="49.50")
    pit.exchange.halt("AAA", pit.now)
    pit.at(0, 120)
    assert [] == pit.fills("s")
    pit.exchange.resume("AAA", pit.now)
    assert [(100, "49.08")] == pit.fills("s")


def test_a_day_order_expires_at_the_close_and_a_stop_stays() -> None:
    pit = held(Pit(pathed(FLAT)), 200)
    pit.sell("t", 100, limit="60.00")
    pit.sell("s", 100, stop="40.00")
    pit.at(0, 390)
    assert ["expired", "open"] == [pit.order(name).status for name in "ts"]


def test_what_is_sent_after_the_close_is_queued_for_the_next_open_and_cannot_be_replaced_until_then() -> None:
    pit = held(Pit(pathed(FLAT, FLAT)))
    assert "accepted" == status(pit.at(0, 395).sell("s", 100, stop="45.00"))
    assert "NOT_WORKING" == reason(pit.replace("s", "s2", 100, stop="46.00"))
    assert "open" == pit.at(1, 0).order("s").status
    assert "open" == status(pit.replace("s", "s2", 100, stop="46.00"))


def test_before_the_first_open_a_known_close_is_the_price_and_a_day_off_knows_none() -> None:
    pit = Pit(typed(five(1, 0, "50.00", "50.00", "50.00", "50.00"), before={"AAA": usd("49.00")}))
    pit.at(0, -60)
    assert usd("49.00") == pit.exchange.last("AAA")
    assert "accepted" == status(pit.buy("b", 1, limit="49.00"))
    pit = Pit(typed(five(5, 0, "50.00", "50.00", "50.00", "50.00"), before={"AAA": usd("49.00")}))
    pit.exchange.advance(HOURS.open_at(DAYS[0]) - timedelta(days=1))  # a Sunday
    assert None is pit.exchange.last("AAA")


def test_a_resting_stop_is_aged_out_after_its_days() -> None:
    pit = held(Pit(pathed(FLAT, FLAT, FLAT), gtc_days_max=2))
    pit.sell("s", 100, stop="45.00")
    assert "open" == pit.at(1, 0).order("s").status
    assert "expired" == pit.at(2, 0).order("s").status


@pytest.mark.parametrize(
    ("policy", "expected"), [("keep", (100, "40.00")), ("change", (200, "20.00")), ("drop", None)]
)
def test_a_split_overnight_keeps_changes_or_drops_the_stop(
    policy: str, expected: tuple[int, str] | None
) -> None:
    split = CorporateAction(symbol="AAA", ex_date=DAYS[1], kind=ActionKind.SPLIT, ratio_num=2, ratio_den=1)
    after = bar("45.00", "45.00", "45.00", "45.00")
    pit = held(Pit(pathed(FLAT, after, acts=(split,)), gtc_on_split=policy))
    pit.sell("s", 100, stop="40.00")
    pit.at(1, 0)
    order = pit.order("s")
    assert 200 == pit.exchange.state.quantity("AAA")
    if expected is None:
        assert "cancelled" == order.status
    else:
        assert (expected[0], usd(expected[1])) == (order.quantity, order.stop)
        assert order.status == "open"


# -- refusals --------------------------------------------------------------------------------------------------------


def test_shares_held_by_a_working_sale_cannot_be_sold_again() -> None:
    pit = held(Pit(pathed(FLAT)))
    pit.sell("s", 100, stop="45.00")
    assert "INSUFFICIENT_QTY_HELD" == reason(pit.sell("x", 1, limit="40.00"))


def test_working_buys_reserve_their_cash() -> None:
    pit = Pit(pathed(FLAT)).at(0, 1)
    pit.buy("b", 1_900, limit="45.00")
    assert usd("14500.000000") == pit.exchange.account().buying_power
    assert "INSUFFICIENT_BUYING_POWER" == reason(pit.buy("c", 400, limit="45.00"))


def test_the_opposite_side_rule_is_on() -> None:
    pit = held(Pit(pathed(FLAT)))
    pit.sell("s", 50, stop="45.00")
    assert "OPPOSITE_SIDE_ORDER" == reason(pit.buy("b", 1, limit="44.00"))
    pit.cancel("s")
    pit.buy("b", 1, limit="44.00")
    assert "OPPOSITE_SIDE_ORDER" == reason(pit.sell("s2", 50, stop="45.00"))


@pytest.mark.parametrize("price", ["44.995", "44.9999"])
def test_a_price_off_the_tick_is_refused(price: str) -> None:
    pit = held(Pit(pathed(FLAT)))
    assert "BROKER_REJECTED" == reason(pit.sell("s", 100, stop=price))


def test_below_a_dollar_the_tick_is_a_hundredth_of_a_cent() -> None:
    cheap = bar("0.5000", "0.5000", "0.5000", "0.5000")
    pit = Pit(pathed(cheap)).at(0, 1)
    assert "open" == status(pit.buy("b", 10, limit="0.4321"))


def test_a_stop_at_or_above_the_price_is_refused() -> None:
    pit = held(Pit(pathed(FLAT)))
    assert "STOP_THROUGH_MARKET" == reason(pit.sell("s", 100, stop="50.00"))


def test_flags_refuse_what_they_say() -> None:
    pit = held(Pit(pathed(FLAT)))
    flags = pit.exchange.flags
    flags.restricted = True
    assert "BROKER_REJECTED" == reason(pit.buy("b", 1, limit="51.00"))
    flags.restricted, flags.day_trade_protected, flags.day_trades_before = False, True, 3
    assert "DAY_TRADE_REJECTED" == reason(pit.sell("x", 100, limit="40.00"))
    flags.day_trade_protected = False
    flags.untradable.add("AAA")
    assert "NOT_TRADABLE" == reason(pit.buy("c", 1, limit="51.00"))


def test_a_day_trade_is_bought_before_it_is_sold_in_one_session() -> None:
    pit = held(Pit(pathed(FLAT, FLAT, FLAT)))
    assert 0 == pit.exchange.account().day_trades
    pit.at(1, 1).sell("x", 50, limit="40.00")
    assert 0 == pit.exchange.account().day_trades
    pit.buy("b", 10, limit="51.00")
    pit.sell("y", 10, limit="40.00")
    assert 1 == pit.exchange.account().day_trades


def test_a_used_client_id_is_refused_and_so_is_what_nobody_knows() -> None:
    pit = held(Pit(pathed(FLAT)))
    assert "DUPLICATE_CLIENT_ID" == reason(pit.buy("own", 1, limit="51.00"))
    assert "NOT_WORKING" == reason(pit.cancel("own"))
    assert "NOT_WORKING" == reason(pit.broker.cancel(CancelOrder(order_id="xo_none")))
    unknown = ReplaceOrder(order_id="xo_none", client_order_id="r", quantity=Decimal(1), stop=usd("40.00"))
    assert "NOT_WORKING" == reason(pit.broker.replace(unknown))


# -- latencies -------------------------------------------------------------------------------------------------------


def test_a_replacement_takes_its_time_and_is_refused_while_one_is_pending() -> None:
    pit = held(Pit(pathed(FLAT), replace_latency_s="2"))
    pit.sell("s", 100, stop="45.00")
    assert "accepted" == status(pit.replace("s", "s2", 100, stop="46.00"))
    assert "pending_replace" == pit.order("s").status
    assert "NOT_WORKING" == reason(pit.replace("s", "s3", 100, stop="47.00"))
    pit.at(0, 1.1)
    assert ["replaced", "open"] == [pit.order(name).status for name in ("s", "s2")]
    assert pit.order("s").replaced_by == pit.order("s2").order_id
    assert ["new s", "pending_replace s", "pending_new s2", "replaced s", "new s2"] == pit.said()[2:]


def test_the_old_stop_may_fire_first_and_its_successor_is_rejected() -> None:
    pit = held(Pit(pathed(RISING), replace_latency_s="7200"))
    pit.sell("s", 100, stop="49.50")
    pit.replace("s", "s2", 100, stop="49.60")
    pit.at(0, 390)
    assert ["filled", "rejected"] == [pit.order(name).status for name in ("s", "s2")]


def test_a_replacement_that_the_market_overtakes_is_rejected_later_and_the_old_stop_stays() -> None:
    pit = held(Pit(pathed(RISING), replace_latency_s="3600"))
    pit.sell("s", 100, stop="48.00")
    assert "accepted" == status(pit.replace("s", "s2", 100, stop="49.90"))
    pit.at(0, 90)
    assert ["open", "rejected"] == [pit.order(name).status for name in ("s", "s2")]


def test_a_cancel_is_pending_and_the_order_may_fill_until_it_is_done() -> None:
    pit = held(Pit(pathed(RISING), cancel_latency_s="7200"))
    pit.sell("s", 100, stop="49.50")
    assert "pending_cancel" == status(pit.cancel("s"))
    pit.at(0, 390)
    assert "filled" == pit.order("s").status


def test_an_order_is_accepted_for_a_while_before_it_works() -> None:
    pit = Pit(pathed(FLAT), place_latency_s="1")
    assert "accepted" == status(pit.at(0, 1).buy("b", 100, limit="51.00"))
    assert "filled" == pit.at(0, 2).order("b").status


# -- memory and reads ------------------------------------------------------------------------------------------------


def test_the_exchange_is_its_log_and_a_torn_line_never_arrived() -> None:
    disk = MemoryDisk()
    pit = held(Pit(pathed(RISING), disk=disk, replace_latency_s="30"))
    pit.sell("s", 100, stop="49.50")
    pit.replace("s", "s2", 100, stop="49.60")
    disk.append("exchange.jsonl", b'{"n":99,"op":"sub')
    again = Pit(pathed(RISING), disk=disk, replace_latency_s="30")
    for each in (pit, again):
        each.at(0, 390)
    assert pit.told() == again.told()
    assert pit.exchange.state.__dict__ == again.exchange.state.__dict__


def test_bars_are_shown_when_they_are_closed_and_join_to_ten_minutes() -> None:
    pit = Pit(pathed(RISING)).at(0, 14)
    five_minutes = pit.broker.bars(["AAA"], 300, DAYS[0], DAYS[0])
    assert isinstance(five_minutes, Seen)
    assert 2 == len(five_minutes.value)
    ten = pit.broker.bars(["AAA"], 600, DAYS[0], DAYS[0])
    assert isinstance(ten, Seen)
    assert 1 == len(ten.value)
    joined, parts = ten.value[0], five_minutes.value
    assert (parts[0].open, parts[1].close) == (joined.open, joined.close)
    assert sum(part.volume for part in parts) == joined.volume
    assert isinstance(pit.broker.bars(["AAA"], 60, DAYS[0], DAYS[0]), ReadFailed)


def test_the_stream_brings_each_update_once() -> None:
    pit = held(Pit(pathed(FLAT)))
    first, second = pit.broker.updates(), pit.broker.updates()
    assert isinstance(first, Seen)
    assert ["new", "fill"] == [update.event for update in first.value]
    assert isinstance(second, Seen)
    assert () == second.value


def test_somebody_prints_through_an_order_or_the_venue_rejects_the_rest() -> None:
    pit = held(Pit(pathed(FLAT)))
    pit.sell("s", 100, limit="60.00")
    assert pit.exchange.print_through(pit.order("s").order_id, Decimal(40), pit.now)
    assert pit.exchange.kill(pit.order("s").order_id, pit.now)
    assert ("rejected", 40) == (pit.order("s").status, int(pit.order("s").filled))
    assert not pit.exchange.print_through(pit.order("s").order_id, None, pit.now)
