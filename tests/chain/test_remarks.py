"""Whoever ran a step or a comparison reads what it found, and nothing where there is nothing to say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.reconciling import is_clean, now_at
from flows.remarks import of_cycle, of_morning
from simulation.alpaca_server import Script
from simulation.alpaca_server.faults import erred
from tests.chain.broker import BOOK, Paper, paper
from tests.chain.days import OPENED, Ground


@pytest.fixture
def book(tiny_ground: Ground, tmp_path: Path) -> Iterator[Paper]:
    with paper(tiny_ground.market, tmp_path / "home", OPENED) as made:
        yield made


def test_a_cycle_says_what_differs_and_what_could_not_be_read_and_an_ordinary_one_nothing(
    book: Paper,
) -> None:
    assert "entries  none: enforcement.json cannot be read" == of_morning(book.again())
    book.premarket()
    assert of_morning(book.again()).startswith("entries  2 may be tried, ")
    first, second, third, fourth = book.some("0930", "0935", "0940", "0945")
    for slot in (first, second):
        book.cycle(slot)
    assert [] == of_cycle(book.again(), "0935")
    book.buy_by_hand("LOKU", 3)
    book.cycle(third)
    told = [(row["found"], row["code"], row["of"]) for row in of_cycle(book.again(), "0940")]
    assert {("comparison", "EXTERNAL", "LOKU"), ("comparison", "CASH_DRIFT", "ALPACA_PAPER")} <= set(told)
    assert isinstance(book.server.faults, Script)
    book.server.faults.add("GET /v2/positions", erred(), times=60)
    book.cycle(fourth)
    told = [(row["found"], row["code"], row["of"]) for row in of_cycle(book.again(), "0945")]
    assert ("comparison", "OBSERVATION_FAILED", "positions") in told


def test_reconcile_names_a_held_symbol_that_has_no_stop_at_the_broker(book: Paper) -> None:
    book.premarket()
    for slot in book.some("0930", "0935"):
        book.cycle(slot)
    assert ([], True) == (now_at(book.house(), BOOK)["uncovered"], is_clean(now_at(book.house(), BOOK)))
    book.sell_by_hand("JEVA", 1)
    told = now_at(book.house(), BOOK)
    assert (["JEVA"], False) == (told["uncovered"], is_clean(told))
