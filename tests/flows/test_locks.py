"""A lock is seen with what ends it, a person ends the one that waits for a person, and settings say what they mean."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from flows.day import Day, open_day
from flows.house import House
from flows.settings import ConfigInvalid, load
from flows.stages.opening import LIVE_TOKEN, book, control_now, open_session, take_pending
from flows.stages.premarket import record_faults
from flows.status import latest_state, of_book
from flows.world import open_world
from ledger import layout
from ledger.journal import parse_chain
from schemas.book import Leg, OrderState, OrderType, RiskClass, Side
from schemas.events import OperatorAct, OrderFilled, OrderSubmitting
from schemas.reasons.gates import RecordCode
from tests.flows.worlds import NEXT, SEALED, avwap, refused, unchanged
from tests.portfolio.books import order

RULES = """
[protections.SIM.book]
losses_max = 1
stop_guard = { stops = 1, sessions = 5, lock_sessions = 2 }
"""


def stopped_out(home: Path) -> Day:
    """NEXT is open, and a position that the home holds was sold by its stop for a dollar a share."""
    (home / "avwap.toml").write_text(RULES)
    day = open_day(House(load(home)), "SIM", NEXT)
    session = open_session(day, open_world(day.house, "SIM"), None)
    book(day)
    held = session.state().positions[0]
    sale = order(
        held.symbol,
        int(held.quantity),
        ord_id="ord_loss",
        leg=Leg.STOP,
        side=Side.SELL,
        order_type=OrderType.STOP,
        risk_class=RiskClass.REDUCE,
        state=OrderState.CREATED,
        stop=Decimal(1),
        position_id=held.position_id,
        session_date=NEXT,
    )
    now = day.house.calendar.open_at(day.session)
    filled = OrderFilled(
        ord_id="ord_loss",
        fill_id="fil_loss",
        execution_id="exe_loss",
        decision_id=None,
        intent_id=held.intent_id,
        position_id=held.position_id,
        strategy_id=held.strategy_id,
        sleeve_id=held.sleeve_id,
        symbol=held.symbol,
        side=Side.SELL,
        quantity=held.quantity,
        price=Decimal(1),
        fee=Decimal(0),
        executed_at=now,
        session_date=day.session,
        arrival_price=None,
        reason="STOP_INITIAL",
    )
    session.journal.append(
        [
            ("order.submitting", now, "0930", OrderSubmitting(order=sale)),
            ("order.filled", now, "0930", filled),
        ]
    )
    return day


def test_status_shows_each_lock_with_what_ends_it(home: Path) -> None:
    day = stopped_out(home)
    rows = {row["lock"]: row for row in avwap(home, "status", "--book", "SIM", "--json").body["locks"]}
    assert {"COOLDOWN_ACTIVE", "STOP_GUARD_LOCK", "CONSEC_LOSS"} == set(rows)
    assert "avwap resume --book SIM" == rows["CONSEC_LOSS"]["ended by"]
    calendar = day.house.calendar
    assert f"the end of {calendar.next(NEXT, 2)}" == rows["STOP_GUARD_LOCK"]["ended by"]
    assert f"the end of {calendar.next(NEXT)}" == rows["COOLDOWN_ACTIVE"]["ended by"]
    assert ("every entry", "1 of 1") == (rows["STOP_GUARD_LOCK"]["holds"], rows["STOP_GUARD_LOCK"]["found"])


def test_a_resume_is_journaled_with_who_and_why_and_ends_that_lock_alone(home: Path) -> None:
    stopped_out(home)
    said = avwap(home, "resume", "--book", "SIM", "--operator", "jo", "--reason", "one gap")
    assert 0 == said.code, said.err
    path = home / layout_of("journal.jsonl")
    last = parse_chain(path.read_bytes(), str(path)).records[-1]
    act = OperatorAct.model_validate(last.data)
    assert ("operator.acted", "resume", "jo", "one gap", "CONSEC_LOSS") == (
        last.event,
        act.verb,
        act.operator,
        act.reason,
        act.subject,
    )
    left = {row["lock"] for row in avwap(home, "status", "--book", "SIM", "--json").body["locks"]}
    assert {"COOLDOWN_ACTIVE", "STOP_GUARD_LOCK"} == left


def layout_of(name: str) -> str:
    return f"ledger/{layout.day('SIM', NEXT)}/{name}"


def test_a_resume_without_losses_or_without_who_is_refused_and_changes_nothing(home: Path) -> None:
    words = ("resume", "--book", "SIM", "--reason", "why not", "--operator")
    unchanged(home, 3, "NOTHING_TO_RESUME", *words, "jo")
    unchanged(home, 2, "USAGE", *words, " ")


def test_a_lock_that_ended_with_the_sealed_session_is_shown_no_more(home: Path) -> None:
    house = House(load(home))
    session, state, is_sealed = latest_state(house, "SIM")
    assert (SEALED, True) == (session, is_sealed)
    assert [] == [row for row in of_book(house, "SIM")["locks"] if row["ended by"].endswith(str(SEALED))]
    assert all(out.session_date <= SEALED for out in state.stop_outs)


# --- settings and switches ------------------------------------------------------------------------------


def test_protections_that_cannot_be_meant_are_told_all_at_once(home: Path) -> None:
    (home / "avwap.toml").write_text(
        "[protections.SIM.book]\nlosses_max = 0\nstop_guard = { stops = 3, sessions = 50, lock_sessions = 20 }\n"
        "[protections.SIM.strategy]\ndrawdown_lock = { fraction = 5, sessions = 20, lock_sessions = 5 }\n"
    )
    with pytest.raises(ConfigInvalid) as found:
        load(home)
    told = "\n".join(found.value.faults)
    assert 3 == len(found.value.faults)
    assert "sessions + lock_sessions may come to 60 at most" in told
    (home / "avwap.toml").write_text("[protections.SIMM.book]\nlosses_max = 3\n")
    refused(avwap(home, "config", "check"), 2, "CONFIG_INVALID", "usage")


def test_what_the_file_names_replaces_that_rule_alone(home: Path) -> None:
    (home / "avwap.toml").write_text(RULES)
    made = load(home).protections
    assert (1, 5) == (made["SIM"].book.losses_max, made["SIM"].strategy.losses_max)
    assert (8, None) == (made["ALPACA_LIVE"].book.losses_max, made["ALPACA_LIVE"].book.stop_guard)


def test_phase_c_and_its_date_reach_the_gates_as_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (False, None) == phase_c(home)
    monkeypatch.setenv("PHASE_C", "1")
    monkeypatch.setenv("LIVE_ENABLE_DATE_NY", "2016-03-10")
    assert (True, "2016-03-10") == phase_c(home)
    monkeypatch.setenv("LIVE_ENABLE_DATE_NY", "tomorrow")
    assert (True, "tomorrow") == phase_c(home), (
        "what is no date is for gate 4 to refuse; exits need no setting"
    )
    monkeypatch.delenv("LIVE_ENABLE_DATE_NY")
    (home / "avwap.toml").write_text("live_enable_date_ny = 2016-03-10\n")
    assert (True, date(2016, 3, 10).isoformat()) == phase_c(home)


def phase_c(home: Path) -> tuple[bool, str | None]:
    gates = load(home).enforcement("ALPACA_LIVE")
    return gates.phase_c, gates.live_enable_date


@pytest.mark.parametrize(
    ("token", "file", "fault"),
    [
        (None, "correct-horse", "LIVE_TOKEN_MISSING"),
        ("correct-horse", None, "LIVE_TOKEN_FILE_MISSING"),
        ("correct-horse", b"\xff\xfe", "LIVE_TOKEN_FILE_MISSING"),
        ("correct-horse", "correct-house", "LIVE_TOKEN_MISMATCH"),
        ("correct-horse", "correct-horse\n", None),
    ],
)
def test_the_live_token_is_compared_at_the_edge_and_only_the_answer_is_recorded(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    token: str | None,
    file: str | bytes | None,
    fault: str | None,
) -> None:
    if token is not None:
        monkeypatch.setenv("LIVE_CONFIRM_TOKEN", token)
    house = House(load(home))
    if file is not None:
        path = house.root / layout.control("ALPACA_LIVE", LIVE_TOKEN)
        path.parent.mkdir(parents=True)
        path.write_bytes(file if isinstance(file, bytes) else file.encode())
    session = house.calendar.session(NEXT)
    assert session is not None
    live = Day(house=house, book_id="ALPACA_LIVE", session=session, previous=house.calendar.previous(session))
    world = open_world(house, "SIM")
    world.clock.step(house.calendar.open_at(session))
    seen = control_now(live, world)
    assert (fault is None, fault) == (seen.live_token_ok, seen.live_token_fault)
    assert "correct" not in seen.model_dump_json()
    sim = control_now(open_day(house, "SIM", NEXT), world)
    assert (None, None) == (sim.live_token_ok, sim.live_token_fault)


def test_a_resume_between_sessions_waits_for_the_next_one(home: Path) -> None:
    day = stopped_out(home)
    journal = home / layout_of("journal.jsonl")
    kept = journal.read_bytes()
    manifest = home / layout_of("manifest.json")
    manifest.write_bytes(b"{}\n")  # as if the session were sealed: the record may not go into it any more
    said = avwap(home, "resume", "--book", "SIM", "--operator", "jo", "--reason", "one gap")
    assert (0, kept) == (said.code, journal.read_bytes())
    manifest.unlink()
    session = open_session(day, open_world(day.house, "SIM"), None)
    take_pending(day, session)
    assert () == session.state().loss_runs


def test_the_morning_reads_the_journal_whole_before_it_lets_anything_in(home: Path) -> None:
    day = open_day(House(load(home)), "SIM", SEALED)
    journal = home / f"ledger/{layout.day('SIM', SEALED)}/journal.jsonl"
    assert () == record_faults(day)
    kept = journal.read_bytes()
    journal.write_bytes(kept.replace(b'"seq":2', b'"seq":3', 1))
    assert (RecordCode.JOURNAL_CORRUPT,) == record_faults(day)
    journal.unlink()
    assert (RecordCode.LEDGER_UNAVAILABLE,) == record_faults(day)
    journal.mkdir()  # there, and cannot be read
    assert (RecordCode.LEDGER_UNAVAILABLE,) == record_faults(day)
