"""A person takes the broker's quantity for ours only where a comparison found a difference, and says who and why."""

from decimal import Decimal
from pathlib import Path

import pytest

from flows.day import Day, open_day
from flows.house import House
from flows.keeping import DiskEvidence
from flows.settings import load
from flows.stages.opening import book, open_session
from flows.status import latest_state
from flows.world import open_world
from ledger.verify import verify
from schemas.book import BookState
from schemas.errors import ArtifactDivergence
from schemas.events import OrderFilled, OrderSubmitting, SyncChecked
from schemas.header import Finding
from schemas.reasons.sync import SyncStatus
from tests.flows.worlds import NEXT, Said, avwap
from tests.portfolio.books import order

WHO = ("--operator", "jo", "--reason", "20 sold by hand")


def differing(home: Path, *, symbol: str = "AAA", code: str = SyncStatus.QTY_MISMATCH) -> Day:
    """NEXT is open; the book bought 40 AAA, and a comparison found a difference in *symbol*."""
    day = open_day(House(load(home)), "SIM", NEXT)
    session = open_session(day, open_world(day.house, "SIM"), None)
    book(day)
    now = day.house.calendar.open_at(day.session)
    sent = order("AAA", 40, ord_id="ord_b", client_order_id="aw1-b", session_date=NEXT)
    bought = OrderFilled(
        **sent.model_dump(
            include={"ord_id", "decision_id", "intent_id", "position_id", "strategy_id", "sleeve_id"}
        ),
        fill_id="fil_1",
        execution_id="e1",
        symbol="AAA",
        side=sent.side,
        quantity=Decimal(40),
        price=Decimal(50),
        fee=Decimal(0),
        executed_at=now,
        session_date=NEXT,
        arrival_price=None,
        reason="ENTRY",
    )
    found = SyncChecked(status=code, findings=(Finding(code=code, subject=symbol),))
    session.journal.append(
        [
            ("order.submitting", now, "0935", OrderSubmitting(order=sent)),
            ("order.filled", now, "0935", bought),
            ("sync.checked", now, "0940", found),
        ]
    )
    return day


def state(day: Day) -> BookState:
    return latest_state(day.house, "SIM")[1]


def held(day: Day, symbol: str = "AAA") -> list[tuple[str, Decimal, Decimal]]:
    rows = (p for p in state(day).positions if p.symbol == symbol)
    return [(p.strategy_id, Decimal(p.quantity), Decimal(p.average_entry)) for p in rows]


def accept(home: Path, symbol: str, quantity: str, *words: str) -> Said:
    return avwap(home, "operator", "accept", symbol, "--book", "SIM", "--qty", quantity, *words)


def test_the_brokers_quantity_becomes_ours_and_the_quarantine_ends(home: Path) -> None:
    day = differing(home)
    ((strategy, _, price),) = held(day)
    said = accept(home, "aaa", "20", *WHO)
    assert (0, True) == (said.code, "was      40 AAA; it is 20 from here on" in said.out)
    assert [(strategy, Decimal(20), price)] == held(day)
    assert () == state(day).quarantined


def test_none_left_closes_the_position_without_a_price(home: Path) -> None:
    day = differing(home)
    before = state(day).cash
    assert 0 == accept(home, "AAA", "0", *WHO).code
    assert ([], before) == (held(day), state(day).cash)


def test_shares_that_no_order_of_ours_bought_want_a_price_and_belong_to_nobody(home: Path) -> None:
    day = differing(home, symbol="ZZZ", code=SyncStatus.EXTERNAL)
    assert 2 == accept(home, "ZZZ", "30", *WHO).code
    assert 0 == accept(home, "ZZZ", "30", "--price", "12.5", *WHO).code
    assert [("EXTERNAL", Decimal(30), Decimal("12.5"))] == held(day, "ZZZ")


def test_an_orphan_that_fits_no_rule_waits_for_this_word_alone(home: Path) -> None:
    day = differing(home, code="UNCLASSIFIED_ORPHAN")
    assert 0 == accept(home, "AAA", "40", *WHO).code
    assert ((), Decimal(40)) == (state(day).quarantined, held(day)[0][1])


@pytest.mark.parametrize(
    ("symbol", "quantity", "words", "code"),
    [
        ("BBB", "20", WHO, "NOTHING_TO_ACCEPT"),
        ("AAA", "1.5", WHO, ""),
        ("AAA", "-1", WHO, ""),
        ("AAA", "20", ("--strategy", "S9_OTHER", *WHO), "USAGE"),
        ("AAA", "20", ("--operator", " ", "--reason", "why"), "USAGE"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(
    symbol: str, quantity: str, words: tuple[str, ...], code: str, home: Path
) -> None:
    day = differing(home)
    said = accept(home, symbol, quantity, *words)
    assert (2, True) == (said.code, code in said.err)
    assert Decimal(40) == held(day)[0][1]
    assert ["AAA"] == [row.symbol for row in state(day).quarantined]


def test_evidence_is_kept_once_in_its_cycle_and_is_no_stranger_to_a_verification(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day = differing(home)
    kept = DiskEvidence(day, "0940")
    files = {
        "summary.json": b'{"b": 1, "a": 2}',
        "inputs/orders.json": b"{}",
        "sha256sums": b"00  summary.json\n",
    }
    assert f"{NEXT}/cycles/0940/evidence/ev_1" == kept.keep("ev_1", files) == kept.keep("ev_1", files)
    kept.say("EVIDENCE_REF mode=manual id=ev_1")
    assert "EVIDENCE_REF mode=manual id=ev_1\n" == capsys.readouterr().err
    with pytest.raises(ArtifactDivergence):
        kept.keep("ev_1", {**files, "inputs/orders.json": b"[]"})
    found = verify(day.house.disk, "SIM", NEXT, NEXT, {})
    assert not [fault for fault in found.faults if "evidence" in fault.path]
