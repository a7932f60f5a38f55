"""What a person books ends the drift of cash, is a flow and nobody's result, and the day still proves and replays."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from flows.audit import audit
from flows.booking import Cash, book_cash
from flows.house import House
from flows.reconciling import now_at
from flows.replay import replay
from flows.status import latest_state
from ledger import layout
from ledger.artifacts import Loaded
from ledger.journal import parse_chain
from schemas.attribution import Attribution
from schemas.errors import Denied
from schemas.events import SyncChecked
from schemas.reasons.sync import SyncStatus
from schemas.snapshot import Snapshot
from tests.chain.broker import BOOK, Paper, paper
from tests.chain.days import OPENED, Ground


@pytest.fixture
def book(tiny_ground: Ground, tmp_path: Path) -> Iterator[Paper]:
    with paper(tiny_ground.market, tmp_path / "home", OPENED) as made:
        yield made


def said(amount: Decimal | str, *, force: bool = False) -> Cash:
    return Cash(amount=Decimal(amount), operator="jo", reason="confirmation 8812", force=force)


def checks(book: Paper) -> list[list[str]]:
    """What each comparison of the session found, by code."""
    day = book.again()
    path = layout.journal(BOOK, day.session)
    records = parse_chain(day.house.disk.read(path), path).records
    told = (SyncChecked.model_validate(r.data) for r in records if r.event == "sync.checked")
    return [[row.code for row in check.findings] for check in told]


def drift(house: House) -> Decimal:
    return Decimal(now_at(house, BOOK)["cash"]["drift"])


def sold_by_hand(book: Paper) -> Decimal:
    """The book is in its session, a person sold its position of ZAYA, and it was closed here; the drift, USD."""
    book.premarket()
    for slot in book.some("0930", "0935"):
        book.cycle(slot)
    held = next(p for p in latest_state(book.house(), BOOK)[1].positions if p.symbol == "ZAYA")
    book.sell_by_hand("ZAYA", int(held.quantity))
    for slot in book.some("0940", "0945"):
        assert 0 == book.cycle(slot).exit_code
    return drift(book.house())


def test_what_a_sale_by_hand_brought_is_booked_the_drift_ends_and_the_day_seals_verifies_and_replays(
    book: Paper,
) -> None:
    proceeds = sold_by_hand(book)
    assert proceeds > 1000
    assert SyncStatus.CASH_DRIFT in checks(book)[-1]
    before = latest_state(book.house(), BOOK)[1]
    book_cash(book.house(), BOOK, said(proceeds))
    after = latest_state(book.house(), BOOK)[1]
    assert (before.cash + proceeds, before.net_flows + proceeds) == (after.cash, after.net_flows)
    assert before.results == after.results, "nobody earned it"
    for slot in book.some("0950"):
        assert 0 == book.cycle(slot).exit_code
    assert SyncStatus.CASH_DRIFT not in checks(book)[-1]
    assert 0 == book.close().exit_code
    day = book.again()
    snapshot, told = day.read("snapshot.json", Snapshot), day.read("attribution.json", Attribution)
    assert isinstance(snapshot, Loaded)
    assert isinstance(told, Loaded)
    close, why = snapshot.artifact, told.artifact
    assert (0, True, proceeds, proceeds) == (
        close.proof.difference,
        close.complete,
        close.flows,
        close.net_flows,
    )
    assert (0, True, proceeds) == (why.residual, why.complete, why.flows)
    assert close.cash == book.exchange.state.cash
    assert () == audit(day.house, BOOK, None, None, fresh=True, quiet=True)[1]
    verdict = replay(day.house, day)
    assert (True, ()) == (verdict.identical, verdict.divergences)


def test_an_amount_that_brings_the_book_no_nearer_to_the_account_is_refused_unless_a_person_insists(
    book: Paper,
) -> None:
    proceeds = sold_by_hand(book)
    before = latest_state(book.house(), BOOK)[1]
    for amount in (-proceeds, Decimal("-0.01"), 2 * proceeds, 3 * proceeds):
        with pytest.raises(Denied, match="no nearer"):
            book_cash(book.house(), BOOK, said(amount))
    assert before == latest_state(book.house(), BOOK)[1]
    book_cash(book.house(), BOOK, said("-0.01", force=True))
    assert proceeds + Decimal("0.01") == drift(book.house())
    # A part at a time is nearer each time.
    book_cash(book.house(), BOOK, said("0.01"))
    book_cash(book.house(), BOOK, said(proceeds - 5))
    assert Decimal(5) == drift(book.house())


def test_cash_waits_while_shares_differ_or_nothing_can_be_read(book: Paper) -> None:
    book.premarket()
    for slot in book.some("0930", "0935"):
        book.cycle(slot)
    book.buy_by_hand("LOKU", 5)
    with pytest.raises(Denied, match="the shares of LOKU differ too"):
        book_cash(book.house(), BOOK, said(drift(book.house())))
    book.server.close()
    with pytest.raises(Denied, match="could not be read"):
        book_cash(book.house(), BOOK, said("-250"))
    book_cash(book.house(), BOOK, said("-250", force=True))
    assert Decimal(-250) == latest_state(book.house(), BOOK)[1].net_flows


def test_cash_that_is_booked_between_sessions_opens_the_next_one_and_is_booked_once(book: Paper) -> None:
    proceeds = sold_by_hand(book)
    assert 0 == book.close().exit_code
    book_cash(book.house(), BOOK, said(proceeds))
    with pytest.raises(Denied, match="waits for the next session"):
        book_cash(book.house(), BOOK, said(proceeds))
    book.on(book.house().calendar.next(book.again().session))
    assert 0 == book.premarket().exit_code
    assert Decimal(0) == drift(book.house())
    assert proceeds == latest_state(book.house(), BOOK)[1].net_flows
