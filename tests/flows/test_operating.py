"""What a person says of a book is refused where its condition does not hold; else the next cycle obeys its record."""

from datetime import date
from pathlib import Path

import pytest

from flows.day import open_day
from flows.house import House
from flows.settings import load
from flows.stages.opening import book, open_session, take_pending
from flows.status import latest_state, state_of
from flows.world import open_world
from ledger import layout
from ledger.journal import parse_chain
from schemas.book import BookState
from schemas.events import OperatorAct, OrderFilled
from tests.flows.worlds import NEXT, Said, avwap, unchanged

WHO = ("--operator", "jo", "--reason", "looked at it")
AFTER = date(2016, 3, 11)


def say(home: Path, verb: str, *words: str) -> Said:
    return avwap(home, "operator", verb, "--book", "SIM", *WHO, *words)


def said(home: Path, verb: str, *words: str) -> None:
    found = say(home, verb, *words)
    assert 0 == found.code, found.err


def day(home: Path, session: date = NEXT) -> BookState:
    """The state that *session* ends with."""
    found = avwap(home, "day", "--book", "SIM", "--date", str(session))
    assert 0 == found.code, found.err
    return state_of(House(load(home)), "SIM", session)


def held_by(state: BookState) -> tuple[str, tuple[str, ...]]:
    return str(state.lifecycle.state), state.lifecycle.causes


def fills(home: Path, session: date = NEXT) -> list[str]:
    path = home / "ledger" / layout.journal("SIM", session)
    records = parse_chain(path.read_bytes(), str(path)).records
    return [OrderFilled.model_validate(r.data).reason for r in records if r.event == "order.filled"]


def test_a_pause_between_sessions_holds_the_next_one_until_it_is_resumed(home: Path) -> None:
    said(home, "pause")
    unchanged(home, 3, "ALREADY_PAUSED", "operator", "pause", "--book", "SIM", *WHO)
    assert ("PAUSED", ("OPERATOR_PAUSE",)) == held_by(day(home))
    assert "ENTRY" not in fills(home)
    said(home, "resume")
    unchanged(home, 3, "NOTHING_TO_RESUME", "operator", "resume", "--book", "SIM", *WHO)
    assert ("ACTIVE", ()) == held_by(day(home, AFTER))


def test_an_act_is_on_record_with_who_why_and_the_state_that_it_met(home: Path) -> None:
    opened = open_day(House(load(home)), "SIM", NEXT)
    open_session(opened, open_world(opened.house, "SIM"), None)
    book(opened)
    found = say(home, "pause")
    path = home / "ledger" / layout.journal("SIM", NEXT)
    last = parse_chain(path.read_bytes(), str(path)).records[-1]
    act = OperatorAct.model_validate(last.data)
    assert ("operator.acted", "pause", "jo", "looked at it", "ACTIVE") == (
        last.event,
        act.verb,
        act.operator,
        act.reason,
        act.detail,
    )
    assert ["was      ACTIVE", "follows  nothing is entered"] == [
        line[: len(want)]
        for line, want in zip(
            found.out.splitlines()[1:], ("was      ACTIVE", "follows  nothing is entered"), strict=True
        )
    ]


def test_a_kill_switch_is_an_emergency_that_no_resume_ends(home: Path) -> None:
    assert 0 == avwap(home, "kill", "on", "--book", "SIM", *WHO).code
    assert ("EMERGENCY", ("KILL_SWITCH",)) == held_by(day(home))
    unchanged(home, 3, "RESUME_CAUSE_ACTIVE", "operator", "resume", "--book", "SIM", *WHO)
    unchanged(home, 3, "ACK_NOT_NEEDED", "operator", "ack", "--book", "SIM", "--cause", "KILL_SWITCH", *WHO)
    assert 0 == avwap(home, "kill", "off", "--book", "SIM", *WHO).code
    assert ("ACTIVE", ()) == held_by(day(home, AFTER))


def test_an_emergency_ends_with_its_acknowledgement_and_a_resume(home: Path) -> None:
    unchanged(home, 3, "FLATTEN_NEEDS_EMERGENCY", "operator", "flatten", "--book", "SIM", *WHO)
    said(home, "emergency")
    unchanged(home, 3, "ALREADY_EMERGENCY", "operator", "emergency", "--book", "SIM", *WHO)
    before = latest_state(House(load(home)), "SIM")[1]
    after = day(home)
    assert ("EMERGENCY", ("OPERATOR_EMERGENCY",)) == held_by(after)
    assert {p.position_id for p in after.positions} <= {p.position_id for p in before.positions}
    words = ("operator", "ack", "--book", "SIM", "--cause", "OPERATOR_EMERGENCY", *WHO)
    assert 0 == avwap(home, *words).code
    unchanged(home, 3, "ACK_NOT_NEEDED", *words)
    assert ("PAUSED", ("OPERATOR_PAUSE",)) == held_by(day(home, AFTER))
    said(home, "resume")


def test_with_flatten_a_book_on_daily_bars_is_sold_at_the_next_open(home: Path) -> None:
    assert () != latest_state(House(load(home)), "SIM")[1].positions
    said(home, "emergency")
    said(home, "flatten")
    unchanged(home, 3, "ALREADY_FLATTENING", "operator", "flatten", "--book", "SIM", *WHO)
    state = day(home)
    assert ((), {"EXIT_OPERATOR_FLATTEN"}) == (state.positions, set(fills(home)))
    assert 0 == avwap(home, "verify", "--book", "SIM").code


@pytest.mark.parametrize("verb", ["pause", "resume", "emergency", "flatten"])
def test_an_act_without_who_or_why_is_no_act(home: Path, verb: str) -> None:
    unchanged(home, 2, "USAGE", "operator", verb, "--book", "SIM", "--operator", "jo", "--reason", " ")
    unchanged(home, 2, "USAGE", "operator", verb, "--book", "SIM", "--operator", " ", "--reason", "why")


def test_what_waits_for_no_acknowledgement_takes_none(home: Path) -> None:
    for cause in ("DD_BREACH", "C3", "div_0123", "EXTERNAL:AAPL", "nonsense"):
        unchanged(home, 3, "ACK_NOT_NEEDED", "operator", "ack", "--book", "SIM", "--cause", cause, *WHO)


def test_take_pending_folds_what_waited(home: Path) -> None:
    said(home, "pause")
    opened = open_day(House(load(home)), "SIM", NEXT)
    session = open_session(opened, open_world(opened.house, "SIM"), None)
    take_pending(opened, session)
    assert session.state().lifecycle.paused
