"""A plan shows what a cycle would send and leaves no trace but its own folder, whatever asked for it."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from execution_v2.broker.port import CancelOrder, Denied, LookUp, NotFound, ReplaceOrder, SubmitOrder
from flows.dry import ReadingBroker, shown
from flows.house import House
from flows.settings import Settings
from flows.status import latest_state
from ledger.artifacts import ReadFault, read
from ledger.disk import LocalDisk
from schemas.book import OrderType, Side, TimeInForce
from schemas.cycle import Execution
from tests.flows.worlds import NEXT, avwap, tree, unchanged

CYCLE = ("cycle", "--book", "SIM", "--date", str(NEXT), "--slot")
DRY = f"ledger/SIM/dry/{NEXT}"


@pytest.fixture
def open_home(home: Path) -> Path:
    """The home, with the next session opened and its first cycle run."""
    assert 0 == avwap(home, "premarket", "--book", "SIM", "--date", str(NEXT)).code
    assert 0 == avwap(home, *CYCLE, "0930").code
    return home


def test_a_plan_adds_its_own_folder_and_changes_no_other_file(open_home: Path) -> None:
    before = tree(open_home, ())
    told = avwap(open_home, *CYCLE, "0935", "--plan", "--json").body
    assert (True, "0935", str(NEXT)) == (told["dry_run"], told["slot"], told["session"])
    after = tree(open_home, ())
    assert before == {path: sha for path, sha in after.items() if path in before}
    made = sorted(path for path in after if path not in before)
    names = ("calls.jsonl", "execution.json", "plan.json", "records.jsonl", "stops.json")
    assert [f"{DRY}/0935/{name}" for name in names] == made


def test_a_plan_of_a_slot_that_ran_is_of_a_run_after_it(open_home: Path) -> None:
    assert 0 == avwap(open_home, *CYCLE, "0930", "--plan").code
    assert (open_home / DRY / "0930-2" / "plan.json").is_file()


def test_with_dry_run_in_the_environment_every_cycle_is_a_plan(
    open_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRY_RUN", "1")
    before = tree(open_home)
    assert avwap(open_home, *CYCLE, "0935", "--json").body["dry_run"] is True
    assert before == {path: sha for path, sha in tree(open_home).items() if f"{DRY}/" not in path}


def test_no_reader_takes_a_plan_for_a_days_own_file(open_home: Path) -> None:
    avwap(open_home, *CYCLE, "0935", "--plan")
    path = f"SIM/dry/{NEXT}/0935/execution.json"
    found = read(LocalDisk(open_home / "ledger"), path, Execution, "SIM", NEXT)
    assert isinstance(found, ReadFault)
    assert ("SCHEMA_INVALID", " /dry_run") == (found.code, found.finding.subject.removeprefix(path))
    assert 0 == avwap(open_home, "verify", "--book", "SIM").code


def test_a_plan_of_a_session_that_was_never_opened_is_refused(home: Path) -> None:
    unchanged(home, 2, "SESSION_NOT_OPEN", *CYCLE, "0935", "--plan")


def test_a_planned_replace_names_its_symbol_and_both_prices(home: Path) -> None:
    assert 0 == avwap(home, "day", "--book", "SIM", "--date", str(NEXT)).code
    after = ("--book", "SIM", "--date", str(NEXT + timedelta(days=1)))
    assert 0 == avwap(home, "premarket", *after).code
    for slot in ("0930", "0935"):
        assert 0 == avwap(home, "cycle", *after, "--slot", slot).code
    _, state, _ = latest_state(House(Settings(home=home)), "SIM")
    (stands,) = (each for each in state.orders if each.symbol == "NAZI")
    said = avwap(home, "cycle", *after, "--slot", "1600", "--plan", "--json").body
    (wish,) = said["would_send"]
    assert ("replace", "NAZI", "sell", "stop") == tuple(
        wish[name] for name in ("op", "symbol", "side", "order_type")
    )
    assert (str(stands.stop), str(stands.quantity)) == (wish["stop_before"], wish["quantity_before"])
    assert Decimal(wish["stop"]) > Decimal(wish["stop_before"])
    told = avwap(home, "cycle", *after, "--slot", "1600", "--plan").out
    assert f"{wish['stop_before']} -> {wish['stop']}" in told


def test_what_a_plan_would_send_is_one_table_whatever_it_is() -> None:
    wished = [
        {"op": "submit", "client_order_id": "c1", "symbol": "AAA", "quantity": "3", "limit": "9.50"},
        {"op": "cancel", "order_id": "o1"},
        {
            "op": "cancel", "order_id": "o2", "symbol": "BBB", "quantity_before": "7", "stop_before": "4.00",
        },
    ]  # fmt: skip
    rows = shown(wished)
    assert 1 == len({tuple(row) for row in rows})
    assert ["c1", "o1", "o2"] == [row["id"] for row in rows]
    assert ["3", "", "7"] == [row["quantity"] for row in rows]


def test_a_reading_broker_is_asked_everything_and_sent_nothing() -> None:
    class Outside:
        def lookup(self, request: LookUp) -> NotFound:
            return NotFound()

    broker = ReadingBroker(Outside())  # type: ignore[arg-type]
    assert NotFound() == broker.lookup(LookUp(order_id="a"))
    buy = SubmitOrder(
        client_order_id="one",
        symbol="AAA",
        side=Side.BUY,
        quantity=Decimal(3),
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
    )
    for _ in range(2):
        assert Denied(code="DRY_RUN") == broker.submit(buy)
    assert Denied(code="DRY_RUN") == broker.replace(
        ReplaceOrder(order_id="a", client_order_id="two", quantity=Decimal(3))
    )
    assert Denied(code="DRY_RUN") == broker.cancel(CancelOrder(order_id="a"))
    again = ReplaceOrder(order_id="a", client_order_id="three", quantity=Decimal(3))
    assert Denied(code="DRY_RUN") == broker.replace(again)
    assert ["submit", "replace", "cancel"] == [row["op"] for row in broker.wished]
