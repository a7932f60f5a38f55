"""At the prompt: an amount is a number, a person says what it was, and what explains nothing is refused."""

from pathlib import Path

import pytest

from flows.house import House
from flows.settings import load
from flows.status import latest_state
from tests.flows.worlds import Said, avwap

WHO = ("--operator", "jo", "--reason", "fee of May")


def book_cash(home: Path, amount: str, *words: str) -> Said:
    return avwap(home, "operator", "book-cash", "--book", "SIM", "--amount", amount, *words)


@pytest.mark.parametrize("amount", ["0", "-0.00", "0e3", "nan", "inf", "1.0000001", "a lot", "1e40", ""])
def test_what_is_no_amount_is_no_use(amount: str, home: Path) -> None:
    before = latest_state(House(load(home)), "SIM")[1]
    said = book_cash(home, amount, *WHO)
    assert (2, True) == (said.code, "other than 0" in said.err)
    assert before == latest_state(House(load(home)), "SIM")[1]


def test_cash_that_agrees_needs_no_booking_and_one_who_insists_is_named(home: Path) -> None:
    refused = book_cash(home, "-12.50", *WHO)
    assert (3, ["refused", "CASH_NOT_EXPLAINED"]) == (refused.code, refused.err.split()[:2])
    assert 2 == book_cash(home, "-12.50", "--force", "--operator", " ", "--reason", "why").code
    said = book_cash(home, "-12.50", "--force", *WHO)
    assert (0, True) == (said.code, "booked   -12.50 USD" in said.out)
    waiting = (home / "ledger" / "SIM" / "control" / "pending.jsonl").read_text()
    assert "account.funded" in waiting
    assert "forced: the account is 0.000000 USD ahead" in waiting
