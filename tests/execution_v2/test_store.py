"""The index follows the journals, and of two processes that would move one order on, one does."""

import multiprocessing
import re
import sqlite3
from decimal import Decimal
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from execution_v2.index import Difference, IndexRow, compare, row_of, rows_of
from execution_v2.store import IntentIndex
from ledger.disk import LocalDisk
from schemas.book import Order, OrderState
from schemas.errors import Denied
from tests.portfolio.books import D, book, order
from tests.simulation.world import DAYS, Want, World, bar

ROUNDS = 12


def entry(state: OrderState = OrderState.LIVE, **over: object) -> Order:
    return order("AAA", 40, state=state).model_copy(update=over)


def settled(path: Path, *orders: Order) -> IntentIndex:
    """An index that agrees with a book of *orders*."""
    made = IntentIndex(path)
    made.settle(book(orders=list(orders)), D, dict)
    return made


def race(path: Path, sent: Path, gate: Barrier) -> None:
    """What a process does with each order in turn: claim it, and only then send it."""
    index = settled(path, *(named(n) for n in range(ROUNDS)))
    for n in range(ROUNDS):
        gate.wait()
        try:
            index.move([named(n, OrderState.CANCELLING)], D, 2)
        except Denied:
            continue
        assert not index.trouble, index.trouble
        with sent.open("a") as file:
            file.write(f"{n}\n")


def named(n: int, state: OrderState = OrderState.LIVE) -> Order:
    return entry(state, ord_id=f"ord_{n:020x}", client_order_id=f"aw1-{n}")


@pytest.mark.timeout(60)
def test_of_two_processes_that_would_send_one_order_one_does(tmp_path: Path) -> None:
    path, sent = tmp_path / "index.sqlite", tmp_path / "sent"
    settled(path, *(named(n) for n in range(ROUNDS))).close()
    spawn = multiprocessing.get_context("spawn")
    gate = spawn.Barrier(2, timeout=30)
    both = [spawn.Process(target=race, args=(path, sent, gate)) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(50)
    assert [0, 0] == [each.exitcode for each in both]
    assert [str(n) for n in range(ROUNDS)] == sorted(sent.read_text().split(), key=int)


def test_a_claim_on_an_order_that_somebody_moved_on_is_lost_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    one, other = settled(path, entry()), settled(path, entry())
    one.move([entry(OrderState.CANCELLING)], D, 5)
    with pytest.raises(Denied, match="CAS_LOST"):
        other.move([entry(OrderState.REPLACING)], D, 5)
    assert ["CANCELLING"] == [row.state for row in other.rows().values()]


def test_a_claim_is_all_of_a_record_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    one, other = settled(path, named(1), named(2)), settled(path, named(1), named(2))
    one.move([named(2, OrderState.CANCELLING)], D, 5)
    with pytest.raises(Denied, match="CAS_LOST"):
        other.move([named(1, OrderState.REPLACING), named(2, OrderState.REPLACING)], D, 5)
    assert ["LIVE", "CANCELLING"] == [row.state for _, row in sorted(other.rows().items())]


def test_two_orders_of_one_client_id_cannot_both_be_claimed(tmp_path: Path) -> None:
    index = settled(tmp_path / "index.sqlite", named(1))
    with pytest.raises(Denied, match="CAS_LOST"):
        index.move([named(2).model_copy(update={"client_order_id": "aw1-1"})], D, 5)


def test_an_index_that_is_behind_follows_and_one_that_knows_more_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    settled(path, named(1)).close()
    again = IntentIndex(path)
    both = book(orders=[named(1, OrderState.PARTIAL), named(2)])
    assert "FOLLOWED" == again.settle(both, D, dict)
    assert "EQUAL" == IntentIndex(path).settle(both, D, dict)
    assert "REBUILT" == IntentIndex(path).settle(book(orders=[named(2)]), D, dict)


def test_a_broken_file_is_said_and_moves_nothing_and_stops_nobody(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    path.write_bytes(b"no database at all, whatever its name says" * 50)
    index = IntentIndex(path)
    assert index.trouble
    index.move([entry()], D, 1)
    assert ("UNUSABLE", {}) == (index.settle(book(), D, dict), index.rows())


def test_a_table_locked_by_somebody_is_trouble_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execution_v2.store.BUSY_S", 0.05)
    path = tmp_path / "index.sqlite"
    index = settled(path, entry())
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    index.move([entry(OrderState.CANCELLING)], D, 5)
    assert "locked" in index.trouble


def test_the_journals_of_two_days_give_the_rows_that_live_cycles_wrote(tmp_path: Path) -> None:
    bars = {("AAA", day): bar("50.10", "53.20", "49.50", "52.80") for day in DAYS[:2]}
    made = World(disk=LocalDisk(tmp_path), bars=bars, wants={DAYS[0]: (Want(),)})
    made.index = IntentIndex(tmp_path / "index.sqlite")
    made.run(*DAYS[:2])
    journals = [(day, made.journal(day).records) for day in DAYS[:2]]
    rows = rows_of(journals)
    assert len(rows) > 3
    assert () == compare(rows, made.index.rows())


def test_a_difference_names_the_order_the_field_and_both_values() -> None:
    mine, theirs = entry(), entry(filled=Decimal(10))
    one = {"x": row(mine)}
    found = compare(one, {"x": row(theirs)})
    assert (Difference(ord_id="x", field="filled", journal="0", index="10"),) == found
    assert (Difference(ord_id="x", field="row", journal="LIVE", index=None),) == compare(one, {})


def row(made: Order) -> IndexRow:
    return row_of(made, 1, D, 1)


def test_changes_are_written_in_letters_that_every_locale_folds_alike() -> None:
    # sqlite3 tells a change from a question by comparing its first word in the process's locale (I and i in Turkish).
    for module in ("execution_v2/store.py", "ledger/memo.py"):
        text = (Path(__file__).resolve().parents[2] / module).read_text("utf-8")
        assert not re.findall(r'"(?:INSERT|UPDATE|DELETE|REPLACE)\b', text), module
