"""A held company changes its ticker: the same position, its stop and its trip go on under the new name."""

from decimal import Decimal
from pathlib import Path

import pytest

from analytics import trades
from analytics.config import TradesConfig
from ledger.disk import LocalDisk
from schemas.book import Leg
from schemas.market import ActionKind, CorporateAction
from schemas.trades import Trades
from simulation.tape import TapeBar
from tests.simulation.world import BOOK, DAYS, LIQUID, Want, World, bar, usd

QUIET = bar("50.10", "51.00", "49.50", "50.80")
CHANGE = CorporateAction(symbol="AAA", ex_date=DAYS[2], kind=ActionKind.SYMBOL_CHANGE, new_symbol="NEW")


def renamed_on_the_third(root: Path, *later: TapeBar) -> World:
    """AAA is bought on the first day and is NEW from the third on, with the bars of *later*."""
    bars = {("AAA", DAYS[n]): QUIET for n in range(2)}
    bars |= {("NEW", DAYS[2 + n]): row for n, row in enumerate(later)}
    adv = {"AAA": LIQUID}  # NEW has no history of its own
    return World(disk=LocalDisk(root), bars=bars, wants={DAYS[0]: (Want(),)}, acts=(CHANGE,), adv=adv)


def booked(made: World, last: int) -> Trades:
    before: Trades | None = None
    for session in DAYS[:last]:
        records = made.journal(session).records
        inputs = trades.TradesInputs(
            book_id=BOOK, session_date=session, records=records, previous=before, bars={}
        )
        before = trades.run(inputs, TradesConfig())
    assert before is not None
    return before


def test_position_and_stop_go_by_the_new_name_with_the_same_identity(tmp_path: Path) -> None:
    made = renamed_on_the_third(tmp_path, QUIET, QUIET)
    (before,) = made.run(*DAYS[:2]).positions
    after = made.run(DAYS[2])
    (held,) = after.positions
    assert ("NEW", before.position_id, before.quantity) == (held.symbol, held.position_id, held.quantity)
    assert (before.stop_price, before.average_entry) == (held.stop_price, held.average_entry)
    assert {("NEW", Leg.STOP, held.quantity)} == {(o.symbol, o.leg, o.quantity) for o in after.orders}
    assert {"NEW": held.quantity} == {name: row[0] for name, row in made.exchange.state.holdings.items()}
    assert {"NEW"} == {order.symbol for order in made.exchange.state.orders_open()}
    told = [r for r in made.journal(DAYS[2]).records if r.event in ("sync.checked", "action.applied")]
    assert {"IN_SYNC"} == {r.data["status"] for r in told if r.event == "sync.checked"}
    assert [("AAA", "NEW")] == [
        (r.data["symbol"], r.data["new_symbol"]) for r in told if r.event == "action.applied"
    ]
    (trade,) = booked(made, 3).open_trades
    assert ("NEW", held.position_id) == (trade.symbol, trade.position_id)


def test_the_stop_fires_under_the_new_name_at_the_cost_of_the_old_turnover(tmp_path: Path) -> None:
    made = renamed_on_the_third(tmp_path, bar("45.00", "46.00", "44.00", "45.50"))
    left = made.run(*DAYS[:3])
    assert ((), ()) == (left.positions, left.orders)
    found = booked(made, 3)
    (trip,) = found.closed
    assert ("NEW", ("EXIT_STOP",), ()) == (trip.symbol, trip.exit_reasons, found.findings)
    assert usd("45.00") * (1 - Decimal("0.00045")) == pytest.approx(trip.average_exit, abs=Decimal("0.0001"))


def test_a_new_name_that_does_not_trade_at_once_is_not_taken_for_delisted(tmp_path: Path) -> None:
    made = renamed_on_the_third(tmp_path)
    kept = made.run(*DAYS[:7])  # two sessions with bars as AAA, five without as NEW
    assert ["NEW"] == [p.symbol for p in kept.positions]
    left = made.run(DAYS[7])
    assert () == left.positions
    assert kept.cash + 150 * usd("35.56") == left.cash == made.exchange.state.cash  # AAA's 50.80 less 30%
