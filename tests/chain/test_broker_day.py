"""A session of a paper book at a broker that is somebody else: premarket, cycles, close, seal; and what survives it."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from execution_v2.broker.breaker import Breaker
from flows.accepting import Accepted, accept
from flows.audit import audit
from flows.day import Day, open_day, sealed
from flows.dry import plan
from flows.house import House
from flows.operating import Act, operate
from flows.pipeline import Outcome, run_cycle, run_premarket
from flows.reconciling import is_clean, now_at
from flows.replay import replay
from flows.stages import opening
from flows.stages.slots import slots
from flows.status import latest_state, of_book
from flows.world import keep_breaker, open_world
from ledger import layout
from ledger.artifacts import Loaded
from ledger.journal import parse_chain
from schemas.book import Leg
from schemas.cycle import Execution
from schemas.snapshot import Snapshot
from schemas.trades import Trades
from simulation.alpaca_server import KEY_ID, SECRET_KEY, Script
from simulation.alpaca_server.faults import empty, erred, mute_ack
from simulation.config import SimConfig
from tests.chain.broker import BOOK, Paper, paper
from tests.chain.days import BOOK as SIM
from tests.chain.days import OPENED, Ground, house_at

MORNING = ("0930", "0935", "0940", "0945", "0950")


@pytest.fixture
def book(tiny_ground: Ground, tmp_path: Path) -> Iterator[Paper]:
    with paper(tiny_ground.market, tmp_path / "home", OPENED) as made:
        yield made


def told(day: Day) -> list[tuple[str, str | None]]:
    """(event, cycle) of every record of the session."""
    path = layout.journal(BOOK, day.session)
    return [(r.event, r.cycle) for r in parse_chain(day.house.disk.read(path), path).records]


def test_a_session_at_the_broker_is_sealed_sound_and_replays_to_its_bytes_without_the_broker(
    book: Paper,
) -> None:
    assert 0 == book.premarket().exit_code
    for slot in book.some(*MORNING, "1545", "1555"):
        assert 0 == book.cycle(slot).exit_code
    closed = book.close()
    assert 0 == closed.exit_code
    assert closed.seal is not None
    day = book.again()
    assert [*MORNING, "1545", "1555", "1600"] == list(day.cycles())
    events = Counter(event for event, _ in told(day))
    assert (2, 2) == (events["order.filled"], events["stop.placed"])
    assert [("cycle.gap", "1545"), ("cycle.gap", "1555")] == [
        row for row in told(day) if row[0] == "cycle.gap"
    ]
    assert () == audit(day.house, BOOK, None, None, fresh=True, quiet=True)[1]
    book.server.close()
    verdict = replay(day.house, day)
    assert (True, ()) == (verdict.identical, verdict.divergences)


def test_the_same_morning_gives_the_same_fills_and_stops_at_the_broker_and_in_the_simulated_book(
    book: Paper, tiny_ground: Ground, tmp_path: Path
) -> None:
    names = ("0930", "0935", "0940")
    book.premarket()
    for slot in book.some(*names):
        book.cycle(slot)
    inside: dict[str, Any] = {"sim": SimConfig(bars="intraday")}
    day = open_day(house_at(tiny_ground.market, tiny_ground.fresh(tmp_path / "sim"), **inside), SIM, OPENED)
    world, outcome = open_world(day.house, SIM), Outcome(day)
    session = opening.open_session(day, world, None)
    run_premarket(day, world, session, outcome)
    for slot in slots(day)[: len(names)]:
        run_cycle(day, world, session, slot, outcome)
    assert facts(day.house, SIM) == facts(book.house(), BOOK)


def facts(house: House, book_id: str) -> list[tuple[object, ...]]:
    """Per position: symbol, shares, price paid, stop."""
    _, state, _ = latest_state(house, book_id)
    return [(p.symbol, p.quantity, p.average_entry, p.stop_price) for p in state.positions]


def test_shares_bought_by_hand_are_told_with_evidence_under_the_seal_and_the_day_replays(book: Paper) -> None:
    book.premarket()
    first, *later = book.some("0930", "0935", "0940", "0945", "0950", "0955")
    book.cycle(first)
    book.buy_by_hand("LOKU", 5)
    for slot in later[:2]:
        book.cycle(slot)
    # Until a person has seen them, nothing is entered beside shares that nobody here knows.
    assert [] == of_book(book.house(), BOOK)["positions"]
    seen = Act(verb="ack", operator="ada", reason="bought by hand", subject="EXTERNAL:LOKU")
    operate(book.house(), BOOK, seen)
    for slot in later[2:]:
        book.cycle(slot)
    assert 0 == book.close().exit_code
    day = book.again()
    evidence = [path for path in day.house.disk.list(day.path("cycles")) if "/evidence/" in path]
    assert {"summary.json", "sha256sums"} <= {path.rsplit("/", 1)[-1] for path in evidence}
    both = {
        row["symbol"]: (row["ours"], row["broker"], row["status"])
        for row in now_at(book.house(), BOOK)["rows"]
    }
    assert ("0", "5", "EXTERNAL") == both["LOKU"]
    # Acknowledged, the posture climbs to YELLOW: one entry a cycle, at half its size.
    entered = [(row["symbol"], row["shares"]) for row in of_book(book.house(), BOOK)["positions"]]
    assert [("JEVA", "5")] == entered
    assert () == audit(day.house, BOOK, None, None, fresh=True, quiet=True)[1]
    verdict = replay(day.house, day)
    assert (True, ()) == (verdict.identical, verdict.divergences)


def test_a_cycle_runs_once_in_its_slot(book: Paper) -> None:
    book.premarket()
    for slot in book.some("0930", "0935"):
        book.cycle(slot)
    asked = len(book.server.requests)
    again = book.cycle(book.some("0935")[0])
    assert ["verified", "verified"] == [step.written.status for step in again.steps if step.written]
    assert asked == len(book.server.requests)


def test_a_plan_reads_the_broker_sends_nothing_and_leaves_the_record_as_it_is(book: Paper) -> None:
    book.premarket()
    book.cycle(book.some("0930")[0])
    before = {path: path.read_bytes() for path in (book.home / "ledger" / BOOK).rglob("*") if path.is_file()}
    slot = book.some("0935")[0]
    book.clock.to(slot.at)
    made = plan(book.again(), slot)
    after = {path: path.read_bytes() for path in (book.home / "ledger" / BOOK).rglob("*") if path.is_file()}
    assert [("submit", "JEVA", "buy", "11"), ("submit", "ZAYA", "buy", "131")] == [
        (row["op"], row["symbol"], row["side"], row["quantity"]) for row in made.wished
    ]
    assert [] == book.server.sent("POST") + book.server.sent("DELETE") + book.server.sent("PATCH")
    assert before == {path: data for path, data in after.items() if path in before}
    fresh = {path.name: path for path in after if path not in before}
    assert {"plan.json", "execution.json", "stops.json", "calls.jsonl", "records.jsonl"} == set(fresh)
    assert all(
        json.loads(fresh[name].read_bytes())["dry_run"] is True for name in fresh if name.endswith(".json")
    )
    assert f"{BOOK}/dry/{OPENED}/0935/plan.json" == made.written.path


def test_a_process_killed_while_its_order_is_on_the_wire_leaves_one_order_per_id_and_every_position_covered(
    book: Paper,
) -> None:
    book.premarket()
    book.cycle(book.some("0930")[0])
    slot = book.some("0935")[0]
    book.clock.to(slot.at)
    assert isinstance(book.server.faults, Script)
    book.server.faults.add("POST /v2/orders", mute_ack())
    with book.clock.runs():
        child = _cycle_in_a_process(book)
        deadline = time.monotonic() + 90  # an interpreter starts slowly on a busy machine
        while not book.server.sent("POST") and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        child.kill()
        said = child.communicate()
    assert 1 == len(book.server.sent("POST")), said
    assert ("order.submitting", "0935") in told(book.again())
    assert 0 == book.cycle(slot).exit_code
    assert ["0930", "0935", "0935-2"] == list(book.again().cycles())
    ids = Counter(json.loads(each.body)["client_order_id"] for each in book.server.sent("POST"))
    assert {1} == set(ids.values())
    _, state, _ = latest_state(book.house(), BOOK)
    assert ["JEVA", "ZAYA"] == [position.symbol for position in state.positions]
    covered = {o.position_id: o.quantity - o.filled for o in state.orders if o.leg is Leg.STOP}
    assert {p.position_id: p.quantity for p in state.positions} == covered


def test_a_close_that_was_missed_is_made_up_for_on_the_next_morning_before_anything_else(book: Paper) -> None:
    book.premarket()
    for slot in book.some("0930", "0935"):
        book.cycle(slot)
    first = book.again()
    book.on(first.house.calendar.next(first.session))
    morning = book.premarket()
    assert (0, None) == (morning.exit_code, morning.seal)
    assert sealed(first) is not None
    assert ["0930", "0935", "1600"] == list(first.cycles())
    assert ["JEVA", "ZAYA"] == [row["symbol"] for row in of_book(book.house(), BOOK)["positions"]]
    assert () == audit(first.house, BOOK, None, None, fresh=True, quiet=True)[1]


def test_a_morning_that_never_came_holds_up_entries_and_neither_stops_nor_the_close(book: Paper) -> None:
    book.premarket()
    for slot in book.some("0930", "0935"):
        book.cycle(slot)
    book.close()
    first = book.again()
    held = {row["symbol"]: row["covered"] for row in of_book(book.house(), BOOK)["positions"]}
    book.on(first.house.calendar.next(first.session))
    for slot in book.some("0930", "0935"):
        assert 0 == book.cycle(slot).exit_code
    day = book.again()
    ran = day.need("test", "cycles/0935/execution.json", Execution).artifact
    assert ("ENFORCEMENT_MISSING", "CANDIDATES_MISSING") == ran.blocked
    assert held == {row["symbol"]: row["covered"] for row in of_book(book.house(), BOOK)["positions"]}
    closed = book.close()
    assert closed.seal is not None
    assert replay(day.house, day).identical


def test_while_the_line_is_down_nothing_is_entered_no_try_is_used_up_and_it_is_entered_after(
    book: Paper,
) -> None:
    book.premarket()
    book.cycle(book.some("0930")[0])
    slot, later, then, last = book.some("0935", "0940", "0945", "0950")
    keep_breaker(book.day.house.disk, BOOK, Breaker().opened("submit", slot.at))
    book.cycle(slot)
    day = book.again()
    ran = day.need("test", "cycles/0935/execution.json", Execution).artifact
    assert ({"LIFECYCLE_DEGRADED"}, []) == ({row.code for row in ran.denied}, book.server.sent("POST"))
    shut = {gate.gate: gate.findings[0].code for row in ran.denied for gate in row.gates if not gate.passed}
    assert {"lifecycle": "LIFECYCLE_DEGRADED", "freshness": "BROKER_CIRCUIT_OPEN"} == shut
    assert ["submit"] == [row["operation"] for row in of_book(book.house(), BOOK)["breaker"]]
    for each in (later, then, last):  # the line is heard for one whole cycle first; then READY, then ACTIVE
        book.cycle(each)
    assert 2 == len(of_book(book.house(), BOOK)["positions"])


def test_status_tells_cover_cycles_and_budgets_and_reconcile_lays_both_sides_beside_each_other(
    book: Paper,
) -> None:
    book.premarket()
    for slot in book.some("0930", "0935", "0950"):
        book.cycle(slot)
    told = of_book(book.house(), BOOK)
    held = {"JEVA": "11", "ZAYA": "131"}
    assert held == {row["symbol"]: row["covered"] for row in told["positions"]}
    assert [("last", "0950"), ("missed", "")] == [(row["cycle"], row["slot"]) for row in told["cycles"][:2]]
    assert ("entries of the session", "2", "5") == tuple(told["budgets"][0].values())
    assert [[], [], []] == [told[name] for name in ("unknown", "quarantine", "breaker")]
    asked = len(book.server.requests)
    both = now_at(book.house(), BOOK)
    assert is_clean(both)
    assert held == {row["symbol"]: row["broker"] for row in both["rows"]}
    assert held == {row["symbol"]: row["stops"] for row in both["rows"]}
    assert {"GET"} == {each.method for each in book.server.requests[asked:]}


def test_reconcile_takes_neither_one_empty_answer_nor_a_failed_read_for_a_flat_book(book: Paper) -> None:
    book.premarket()
    for slot in book.some("0930", "0935"):
        book.cycle(slot)
    assert isinstance(book.server.faults, Script)
    book.server.faults.add("GET /v2/positions", empty())
    assert is_clean(now_at(book.house(), BOOK))
    book.server.faults.add("GET /v2/positions", erred(), times=9)
    failed = now_at(book.house(), BOOK)
    assert (["UNKNOWN", "UNKNOWN"], ["positions"]) == (
        [row["status"] for row in failed["rows"]],
        list(failed["unread"]),
    )
    assert not is_clean(failed)


def _cycle_in_a_process(book: Paper) -> "subprocess.Popen[str]":
    """``avwap cycle`` by the exchange's clock, as an operator starts it."""
    (book.home / "avwap.toml").write_text(
        f'[alpaca]\nurl_override = "{book.server.url}"\ndata_url_override = "{book.server.data_url}"\n'
        f'stream_url_override = "{book.server.stream_url}"\n'
        f'[books.{BOOK}.sleeves.S1_AVWAP_CORE]\nsleeve_id = "S1_AVWAP_CORE"\n'
    )
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from flows.cli import main; main()",
            "cycle",
            "--book",
            BOOK,
            "--home",
            str(book.home),
        ],
        env={**os.environ, "APCA_API_KEY_ID": KEY_ID, "APCA_API_SECRET_KEY": SECRET_KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_full_session_has_78_cycles_and_a_half_day_42(book: Paper) -> None:
    assert (78, "0930", "1555") == (len(slots(book.day)), slots(book.day)[0].name, slots(book.day)[-1].name)


def test_a_position_sold_by_hand_is_closed_at_no_price_and_the_day_proves(book: Paper) -> None:
    book.premarket()
    first, second, *later = book.some(*MORNING)
    book.cycle(first)
    book.cycle(second)
    symbol, shares, _, _ = facts(book.house(), BOOK)[0]
    book.sell_by_hand(str(symbol), int(str(shares)))
    for slot in later:
        assert 0 == book.cycle(slot).exit_code
    closed = book.close()
    assert 0 == closed.exit_code
    day = book.again()
    trades = day.read("trades.json", Trades)
    assert isinstance(trades, Loaded)
    (trip,) = trades.artifact.closed
    assert (symbol, ("EXTERNAL_CLOSE",), False) == (trip.symbol, trip.exit_reasons, trip.complete)
    snapshot = day.read("snapshot.json", Snapshot)
    assert isinstance(snapshot, Loaded)
    assert (0, True) == (snapshot.artifact.proof.difference, snapshot.artifact.complete)
    assert -trip.transfers == trip.average_entry * trip.quantity
    verdict = replay(day.house, day)
    assert (True, ()) == (verdict.identical, verdict.divergences)


def test_shares_that_a_person_accepts_are_held_at_the_price_said_and_the_day_proves(book: Paper) -> None:
    book.premarket()
    first, second, third = book.some("0930", "0935", "0940")
    book.cycle(first)
    book.buy_by_hand("LOKU", 5)
    book.cycle(second)
    said = Accepted(
        symbol="LOKU",
        quantity=Decimal(5),
        price=Decimal("50.00"),
        strategy_id=None,
        operator="jo",
        reason="bought by hand",
    )
    accept(book.house(), BOOK, said)
    assert 0 == book.cycle(third).exit_code
    assert 0 == book.close().exit_code
    day = book.again()
    snapshot = day.read("snapshot.json", Snapshot)
    assert isinstance(snapshot, Loaded)
    (loku,) = (p for p in snapshot.artifact.positions if p.symbol == "LOKU")
    assert (5, Decimal(250), Decimal(250)) == (
        loku.quantity,
        loku.cost,
        snapshot.artifact.pnl_session.transfers,
    )
    assert (0, True) == (snapshot.artifact.proof.difference, snapshot.artifact.complete)
    verdict = replay(day.house, day)
    assert (True, ()) == (verdict.identical, verdict.divergences)
