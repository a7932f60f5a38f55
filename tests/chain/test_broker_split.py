"""A split of which the broker says no ratio is booked from the market's facts, whatever it did to the stop."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from flows.day import Day
from flows.house import House
from flows.replay import replay
from flows.status import latest_state
from ledger import layout
from ledger.canonical import parse_canonical
from ledger.journal import parse_chain
from schemas.base import down
from schemas.market import ActionKind, CorporateAction, FactKind
from simulation.config import GtcOnSplit, IntradayConfig
from tests.chain.broker import BOOK, Paper, paper
from tests.chain.days import OPENED, Ground, market_of
from tests.chain.test_corporate_actions import halved

SYMBOL: Final = "JEVA"
"""Bought on OPENED."""
AFTER: Final = date(2024, 7, 22)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A market in which the exchange splits SYMBOL overnight, and its facts say so."""
    made = market_of(tmp_path_factory.mktemp("split"), halved(SYMBOL, AFTER))
    split = CorporateAction(symbol=SYMBOL, ex_date=AFTER, kind=ActionKind.SPLIT, ratio_num=2, ratio_den=1)
    made.store.append_facts(FactKind.ACTIONS, [split], "by hand")
    return made


def played(book: Paper, *names: str) -> Day:
    """The morning, the cycles of those names, and the close."""
    assert 0 == book.premarket().exit_code
    for slot in book.some(*names):
        assert 0 == book.cycle(slot).exit_code
    assert 0 == book.close().exit_code
    return book.again()


def told(day: Day, event: str) -> list[Any]:
    path = layout.journal(BOOK, day.session)
    records = parse_chain(day.house.disk.read(path), path).records
    return [record.data for record in records if record.event == event]


@pytest.mark.parametrize("gtc", list(GtcOnSplit))
def test_shares_stop_and_plan_follow_the_stored_ratio(market: House, tmp_path: Path, gtc: GtcOnSplit) -> None:
    with paper(market, tmp_path / "home", OPENED, IntradayConfig(gtc_on_split=gtc)) as book:
        played(book, "0930", "0935", "0940")
        (before,) = (p for p in latest_state(book.house(), BOOK)[1].positions if p.symbol == SYMBOL)
        assert before.stop_price is not None
        assert before.plan is not None
        book.on(AFTER)
        day = played(book, "0930", "0935", "0940")
        (after,) = (p for p in latest_state(book.house(), BOOK)[1].positions if p.symbol == SYMBOL)
        (split,) = (row for row in told(day, "action.applied") if row["ratio_num"] is not None)
        assert (2, 1, str(before.quantity * 2)) == (
            split["ratio_num"],
            split["ratio_den"],
            split["quantity_after"],
        )
        # A stop that was kept as it was lies above the price now: it fired at the open, for the shares of before.
        fired = sum(Decimal(row["quantity"]) for row in told(day, "order.filled") if row["symbol"] == SYMBOL)
        assert (before.quantity if gtc is GtcOnSplit.KEEP else 0) == fired
        assert before.quantity * 2 - fired == after.quantity
        assert after.stop_price is not None
        assert after.plan is not None
        assert down(before.stop_price / 2) <= after.stop_price
        assert down(before.plan.initial_stop / 2) == after.plan.initial_stop
        stops = [o for o in book.exchange.open_orders() if o.symbol == SYMBOL and o.stop is not None]
        assert [(after.quantity, after.stop_price)] == [(o.quantity, o.stop) for o in stops]
        snapshot = parse_canonical(day.house.disk.read(f"{layout.day(BOOK, AFTER)}/snapshot.json"))
        assert (Decimal(0), True) == (Decimal(snapshot["proof"]["difference"]), snapshot["complete"])
        book.server.close()
        assert replay(day.house, day).identical


def test_a_split_that_the_broker_has_not_made_is_suspected_and_nothing_is_entered_in_it(
    market: House, tiny_ground: Ground, tmp_path: Path
) -> None:
    with paper(market, tmp_path / "home", OPENED, exchange_of=tiny_ground.market) as book:
        played(book, "0930", "0935", "0940")
        book.on(AFTER)
        day = played(book, "0930", "0935")
        found = [f for row in told(day, "sync.checked") for f in row["findings"] if f["subject"] == SYMBOL]
        assert {"SPLIT_SUSPECTED"} == {f["code"] for f in found}
        assert [] == [row for row in told(day, "action.applied") if row["ratio_num"] is not None]
