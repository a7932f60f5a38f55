"""Rows 14 and 18: halts, half days, splits and weekends end with the stop that is right for what is held."""

from decimal import Decimal
from typing import Any, Final

import pytest

from schemas.book import Leg, OrderState
from schemas.market import ActionKind, CorporateAction
from simulation.config import GtcOnSplit, IntradayConfig
from simulation.fault_plan import Fault
from tests.chaos.lines import counted
from tests.chaos.week import Week
from tests.execution_v2.watched import Watched, events
from tests.simulation.world import DAYS, Want, usd

FAR: Final = Want(r1="80.00", r2="90.00")
HALVED: Final = {0: ("25.00", "25.05", "24.95", "25.00")}
DOUBLED: Final = {0: ("100.00", "100.05", "99.95", "100.00")}
WEEKEND: Final = 4
"""Sessions from Tuesday to Friday; Monday is the one after them."""


def denied(result: Any) -> list[str]:
    return [str(row["code"]) for row in events(result, "entry.denied")]


# -- row 14 --------------------------------------------------------------------------------------------------


def test_row_14_a_halted_symbol_is_not_entered_and_what_is_held_keeps_its_stop() -> None:
    made = Watched()
    made.exchange.halt("AAA", made.at(4))
    assert denied(made.cycle(5))[0] in ("SYMBOL_HALTED", "QUOTE_STALE")
    assert ([], 0) == (made.working(), made.held)
    held = Watched({3: ("50.00", "53.50", "50.00", "53.40")}, want=Want(r1="53.00", r2="80.00"))
    held.cycle(5)
    held.exchange.halt("AAA", held.at(19))
    held.cycle(20)
    assert (161, [(161, usd("47.00"))]) == (held.held, held.stops()), "the trim waits"
    held.exchange.resume("AAA", held.at(24))
    held.cycle(25)
    assert ("TRIM_R1", 80) in held.fills()
    assert held.held == sum(shares for shares, _ in held.stops())


def test_row_14_after_an_early_close_nothing_is_sent_and_the_stop_rests() -> None:
    made = Watched()
    made.cycle(5)
    heard = counted(made)
    made.cycle(215, close_at=made.at(210))
    assert [] == heard.asked("submit", "replace", "cancel")
    assert [(161, usd("47.00"))] == made.stops()


@pytest.mark.parametrize("broker", list(GtcOnSplit))
@pytest.mark.parametrize(
    ("num", "den", "bars", "shares", "stop"), [(2, 1, HALVED, 322, "23.50"), (1, 2, DOUBLED, 80, "94.00")]
)
def test_row_14_a_split_overnight_ends_with_one_stop_for_every_share_at_the_split_price(
    broker: GtcOnSplit, num: int, den: int, bars: Any, shares: int, stop: str
) -> None:
    split = CorporateAction(
        symbol="AAA", ex_date=DAYS[2], kind=ActionKind.SPLIT, ratio_num=num, ratio_den=den
    )
    made = Week([{}, bars], acts=(split,), rules=IntradayConfig(gtc_on_split=broker), want=FAR)
    made.cycle(5)
    made.next_day()
    for minute in (0, 5, 10):
        made.cycle(minute, is_first=not minute)
    if broker is GtcOnSplit.KEEP and num > den:
        shares -= 161  # at half the price the stop of yesterday fires at the open, before anybody could ask
    assert (shares, [(shares, usd(stop))]) == (made.held, made.stops())
    assert [shares] == [int(position.quantity) for position in made.state.positions]


# -- row 18 --------------------------------------------------------------------------------------------------


def test_row_18_an_order_unknown_on_friday_counts_over_the_weekend_and_is_resolved_on_monday_first() -> None:
    up = {3: ("50.00", "53.50", "50.00", "53.40")}
    made = Week(
        [{}, {}, {}, up, {0: ("53.40", "53.40", "53.40", "53.40")}], want=Want(r1="53.00", r2="80.00")
    )
    made.cycle(5)
    for _ in range(3):
        made.next_day()
    assert DAYS[WEEKEND] == made.day
    made.door = made.faulty({"replace#1": Fault.ACK_LOST, "lookup#*": Fault.READ_FAILED})
    made.cycle(20)
    (unknown,) = [o for o in made.state.orders if o.state is OrderState.REPLACE_UNKNOWN]
    assert (Leg.STOP, Decimal(161)) == (unknown.leg, unknown.quantity)
    made.next_day()
    assert DAYS[WEEKEND + 1] == made.day
    assert unknown.ord_id in {o.ord_id for o in made.state.orders}, "it counts until somebody knows"
    made.door = made.broker
    result = made.cycle(0, is_first=True)
    assert unknown.ord_id in {str(row["ord_id"]) for row in events(result, "order.replaced")}
    made.cycle(5)
    assert made.held == sum(shares for shares, _ in made.stops())
    assert [] == [o for o in made.state.orders if o.state is not OrderState.LIVE]
