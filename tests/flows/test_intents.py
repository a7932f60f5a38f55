"""Every order can be looked at, its index made anew, and only a FROZEN one be ended by a person."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from execution_v2.transitions import is_claimed
from flows.day import Day, open_day
from flows.house import House
from flows.settings import load
from flows.stages.opening import book, open_session
from flows.status import latest_state
from flows.switch import journal_now
from flows.world import open_world
from ledger import layout
from schemas.book import Order, OrderState
from schemas.events import OrderSubmitting, OrderUnresolved
from tests.flows.worlds import NEXT, avwap
from tests.portfolio.books import order

WHO = ("--operator", "jo", "--reason", "504 all morning", "--evidence", "order page, 10:02")


def frozen(home: Path) -> Day:
    """NEXT is open, and an entry of 40 was never answered for."""
    day = open_day(House(load(home)), "SIM", NEXT)
    session = open_session(day, open_world(day.house, "SIM"), None)
    book(day)
    now = day.house.calendar.open_at(day.session)
    sent = order("AAA", 40, ord_id="ord_lost", client_order_id="aw1-lost", session_date=NEXT)
    states = [OrderState.SUBMIT_UNKNOWN] * 3 + [OrderState.FROZEN]
    session.journal.append(
        [
            ("order.submitting", now, "0935", OrderSubmitting(order=sent)),
            *(
                (
                    "order.unresolved",
                    now,
                    "0935",
                    OrderUnresolved(ord_id="ord_lost", state=state, cause="CARRIED"),
                )
                for state in states
            ),
        ]
    )
    return day


def lost(day: Day) -> Order:
    """The order as the journal leaves it now."""
    _, state, _ = latest_state(day.house, "SIM")
    return next(o for o in (*state.orders, *state.ended_today) if o.ord_id == "ord_lost")


def resolve(home: Path, *words: str) -> int:
    said = avwap(home, "operator", "resolve", "ord_lost", "--book", "SIM", *words)
    return said.code


def test_orders_are_listed_and_one_is_shown_with_every_record_that_names_it(home: Path) -> None:
    frozen(home)
    rows = avwap(home, "intents", "list", "--book", "SIM", "--working", "--json").body["orders"]
    assert "FROZEN" == next(row["state"] for row in rows if row["order"] == "ord_lost")
    told = avwap(home, "intents", "show", "ord_lo", "--book", "SIM", "--json").body["records"]
    assert ["order.submitting", *["order.unresolved"] * 4] == [row["event"] for row in told]
    unknown = avwap(home, "intents", "show", "ord_zz", "--book", "SIM")
    assert (2, "ORDER_UNKNOWN") == (unknown.code, unknown.err.split()[1])


def test_the_index_agrees_after_sealed_days_and_is_made_anew_from_the_journals(home: Path) -> None:
    path = home / "ledger" / layout.index("SIM")
    assert 0 == avwap(home, "intents", "rebuild", "--book", "SIM", "--check").code
    path.write_bytes(b"no database any more, whatever its name says")
    for gone in path.parent.glob("index.sqlite-*"):
        gone.unlink()
    broken = avwap(home, "intents", "rebuild", "--book", "SIM", "--check")
    assert (4, "INDEX_DIFFERS") == (broken.code, broken.err.split()[1])
    told = avwap(home, "intents", "rebuild", "--book", "SIM", "--json").body
    assert told["orders"] == len(told["differences"]) > 3
    assert "SIM/index.sqlite.broken" == told["set_aside"]
    assert 0 == avwap(home, "intents", "rebuild", "--book", "SIM", "--check").code


@pytest.mark.parametrize(
    ("words", "state", "filled"),
    [
        (("--outcome", "cancelled"), OrderState.CANCELLED, 0),
        (("--outcome", "cancelled", "--qty", "15", "--price", "50.10"), OrderState.PARTIAL_CANCELLED, 15),
        (("--outcome", "filled", "--price", "50.10"), OrderState.FILLED, 40),
        (("--outcome", "never_sent"), OrderState.NEVER_SENT, 0),
    ],
)
def test_a_person_says_how_a_frozen_order_ended(
    words: tuple[str, ...], state: OrderState, filled: int, home: Path
) -> None:
    day = frozen(home)
    before = latest_state(day.house, "SIM")[1].cash
    assert 0 == resolve(home, *words, *WHO)
    ended = lost(day)
    assert (state, Decimal(filled), True) == (ended.state, ended.filled, ended.is_stated)
    assert before - filled * Decimal("50.10") == latest_state(day.house, "SIM")[1].cash
    assert 2 == resolve(home, *words, *WHO), "it is FROZEN no more"


def test_a_person_says_that_a_frozen_order_works_and_under_which_id(home: Path) -> None:
    day = frozen(home)
    assert 0 == resolve(home, "--outcome", "live", "--order-id", "xo_1", *WHO)
    assert (OrderState.LIVE, "xo_1", True) == (lost(day).state, lost(day).order_id, is_claimed(lost(day)))


def test_a_person_cannot_give_a_frozen_order_the_id_of_another(home: Path) -> None:
    day = frozen(home)
    assert 0 == resolve(home, "--outcome", "live", "--order-id", "xo_1", *WHO)
    told = OrderUnresolved(ord_id="ord_lost", state=OrderState.FROZEN, cause="MISSING_AT_BROKER")
    journal_now(day.house, "SIM", [("order.unresolved", told)], day.house.calendar.open_at(NEXT), "test")
    assert 2 == resolve(home, "--outcome", "live", "--order-id", "xo_2", *WHO)
    assert 0 == resolve(home, "--outcome", "live", "--order-id", "xo_1", *WHO)


@pytest.mark.parametrize(
    "words",
    [
        ("--outcome", "filled"),
        ("--outcome", "filled", "--qty", "39", "--price", "50"),
        ("--outcome", "cancelled", "--qty", "40", "--price", "50"),
        ("--outcome", "cancelled", "--qty", "1.5", "--price", "50"),
        ("--outcome", "cancelled", "--qty", "-1", "--price", "50"),
        ("--outcome", "never_sent", "--qty", "1", "--price", "50"),
        ("--outcome", "live"),
        ("--outcome", "live", "--order-id", "xo_1", "--qty", "5", "--price", "50"),
        ("--outcome", "cancelled", "--order-id", "xo_1"),
        ("--outcome", "sold"),
    ],
)
def test_a_statement_that_cannot_be_meant_changes_nothing(words: tuple[str, ...], home: Path) -> None:
    day = frozen(home)
    assert 2 == resolve(home, *words, *WHO)
    assert OrderState.FROZEN is lost(day).state


def test_a_statement_wants_a_person_a_reason_and_evidence(home: Path) -> None:
    frozen(home)
    for missing in ("--operator", "--reason", "--evidence"):
        words = list(WHO)
        words[words.index(missing) + 1] = " "
        assert 2 == resolve(home, "--outcome", "cancelled", *words)


def test_between_sessions_a_statement_waits_for_the_next_one_and_is_taken_once(home: Path) -> None:
    day = frozen(home)
    (day.house.root / layout.manifest("SIM", NEXT)).write_text("{}")  # as if the session were sealed
    assert 0 == resolve(home, "--outcome", "filled", "--price", "50.10", *WHO)
    lines = (day.house.root / layout.control("SIM", "pending.jsonl")).read_bytes().splitlines()
    rows = [json.loads(line) for line in lines]
    assert ["order.filled", "order.operator_resolved"] == [row["event"] for row in rows]
    assert str(day.house.calendar.next(NEXT)) == rows[0]["data"]["session_date"]
    assert 2 == resolve(home, "--outcome", "filled", "--price", "50.10", *WHO)
