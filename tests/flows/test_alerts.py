"""A change of posture or lifecycle is told once, by how soon one must look; what cannot be told holds up nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from flows.alerts import changes, message_of, post_changes, severity
from flows.day import Day
from flows.house import House
from flows.outbox import Outbox
from flows.pipeline import Outcome
from flows.settings import load
from schemas.lifecycle import Lifecycle, LifecycleChanged
from schemas.outbox import BLOCK_CHARS_MAX, Message, MessageKind, Severity
from schemas.reasons.edge import EdgeCode
from schemas.reasons.gates import RecordCode
from simulation.fault_plan import Fault
from tests.chaos.test_lifecycle_rows import KILLED, Kept
from tests.execution_v2.watched import Watched
from tests.flows.test_outbox import day_of
from tests.flows.worlds import NEXT, avwap

PLACE = "ledger/SIM/outbox.jsonl"


def blind() -> Watched:
    """Two cycles without positions, and the whole way back."""
    made = Watched()
    made.cycle(0)
    made.cycle(5)
    made.door = made.faulty({"positions#*": Fault.READ_FAILED})
    made.cycle(10)
    made.cycle(15)
    made.door = made.broker
    for minute in range(20, 100, 5):
        made.cycle(minute)
    return made


def told(day: Day, made: Watched) -> list[Message]:
    return [message_of(day, each, day.house.settings.posture) for each in changes(made.journal.records)]


def test_the_way_down_and_up_is_one_message_a_change_by_its_severity(home: Path) -> None:
    messages = told(day_of(home), blind())
    assert [
        ("warning", "posture GREEN to ORANGE by POSITIONS_UNREAD"),
        ("warning", "lifecycle ACTIVE to DEGRADED by OBSERVATION_INCOMPLETE"),
        ("critical", "posture ORANGE to RED by POSITIONS_UNREAD"),
        ("notice", "posture RED to ORANGE by RECOVERING"),
        ("notice", "lifecycle DEGRADED to READY by DEGRADE_CLEARED"),
        ("notice", "posture ORANGE to YELLOW by RECOVERING"),
        ("notice", "posture YELLOW to GREEN"),
        ("notice", "lifecycle THROTTLED to ACTIVE by THROTTLE_CLEARED"),
    ] == [(m.severity, m.text.split(" UTC: ")[1].split(";")[0]) for m in messages]
    assert all(m.text.endswith("stops and exits go on") for m in messages)
    assert len(messages) == len({m.id for m in messages})
    assert all(len(block) <= BLOCK_CHARS_MAX for m in messages for block in m.blocks)


def test_red_says_why_what_it_waits_for_how_long_and_where_to_read_on(home: Path) -> None:
    red = told(day_of(home), blind())[2]
    assert MessageKind.POSTURE_CHANGED == red.kind
    assert [
        "*why* `POSITIONS_UNREAD`: the broker's positions could not be read",
        "*why* `REST_STALE` (rest): account, positions or orders were read too long ago",
        "*next* ORANGE after 3 healthy cycles in a row, 0 so far",
        "*next* not met: nothing holds RED or worse (now POSITIONS_UNREAD, needs nothing)",
        "*next* not met: cycles running whose positions agreed (now 0, needs 2)",
        "*next* if all is well from now on, 4 cycles to ORANGE and 15 cycles to full size",
        "*to do* nobody has to do anything",
    ] == red.blocks[1].splitlines()
    assert [
        "`avwap status --book SIM` says how it stands now",
        "*read* runbooks/broker-outage.md, runbooks/posture.md",
    ] == red.blocks[-1].splitlines()


def test_an_emergency_names_the_command_that_ends_it(home: Path) -> None:
    made = Watched()
    made.cycle(0)
    made.cycle(5, **KILLED)
    (message,) = told(day_of(home), made)
    assert (MessageKind.LIFECYCLE_CHANGED, Severity.CRITICAL) == (message.kind, message.severity)
    assert '*to do* `avwap kill off --book SIM --operator NAME --reason "WHY"`' in message.blocks[1]
    broken = Kept()
    broken.fault = RecordCode.JOURNAL_CORRUPT
    broken.cycle(0)
    assert [Severity.CRITICAL] * 2 == [m.severity for m in told(day_of(home), broken)]


def test_after_red_a_green_says_when_sizes_are_whole(home: Path) -> None:
    green = told(day_of(home), blind())[6]
    assert "*next* full size in 7 cycles at best" in green.blocks[1]


@pytest.mark.parametrize("reason", ["SESSION_OPENED", "REBUILD_RELEASED", "ARMED"])
def test_what_every_morning_does_is_told_to_nobody(home: Path, reason: str) -> None:
    made = blind()
    rows = [r for r in made.journal.records if r.data.get("reason") == reason]
    if reason == "ARMED":
        assert 1 == len(rows)
    taken = next(r for r in made.journal.records if r.event == "tick.taken")
    row = LifecycleChanged(
        before=Lifecycle.ACTIVE,
        after=Lifecycle.INIT,
        reason=reason,
        causes=(),
        inputs_sha256="0" * 64,
        seconds_in_previous=None,
    )
    moved = taken.model_copy(update={"event": "lifecycle.changed", "data": row.model_dump(mode="json")})
    assert [] == list(changes((taken, moved)))


def test_a_move_down_warns_and_a_move_back_does_not() -> None:
    def moved(after: Lifecycle, reason: str) -> LifecycleChanged:
        return LifecycleChanged(
            before=Lifecycle.ACTIVE,
            after=after,
            reason=reason,
            causes=(),
            inputs_sha256="0" * 64,
            seconds_in_previous=None,
        )

    assert Severity.WARNING == severity(moved(Lifecycle.PAUSED, "LOSS_LIMIT"))
    assert Severity.NOTICE == severity(moved(Lifecycle.PAUSED, "EMERGENCY_CLEARED"))


def test_a_change_is_queued_once_however_often_the_cycle_comes_back(home: Path) -> None:
    day, records = day_of(home), blind().journal.records
    kept = len(Outbox(day.house.disk, "SIM").entries())
    first = next(i for i, r in enumerate(records) if r.event == "posture.changed") + 1
    assert post_changes(day, records[:first]) is not None
    assert post_changes(day, records[:first]) is None
    assert post_changes(day, records) is not None, "a cycle that died untold is made up for"
    before = (home / PLACE).read_bytes()
    assert post_changes(day, records) is None
    assert before == (home / PLACE).read_bytes()
    assert kept + 8 == len(Outbox(day.house.disk, "SIM").entries())


def test_a_disk_that_takes_no_message_is_seen_and_holds_up_nothing(home: Path) -> None:
    day = day_of(home)
    (home / PLACE).unlink()
    (home / PLACE).mkdir()
    outcome = Outcome(day)
    assert not outcome.attempt("notify", lambda: post_changes(day, blind().journal.records))
    (step,) = outcome.refused
    assert step.error is not None
    assert EdgeCode.OUTBOX_UNAVAILABLE == step.error.code
    assert "entries, exits and the close go on" in step.error.safe


def test_a_session_under_a_kill_switch_queues_its_emergency_and_a_reader_finds_it(home: Path) -> None:
    who = ("--operator", "jo", "--reason", "drill")
    assert 0 == avwap(home, "kill", "on", "--book", "SIM", *who).code
    avwap(home, "day", "--book", "SIM", "--date", str(NEXT), "--json")
    entries = [
        entry.message
        for entry in Outbox(House(load(home)).disk, "SIM").entries()
        if entry.message.kind is MessageKind.LIFECYCLE_CHANGED
    ]
    assert [(NEXT, Severity.CRITICAL)] == [(m.session_date, m.severity) for m in entries]
    (source,) = entries[0].sources
    assert source.path.endswith("cycles/0930/execution.json")
    said = avwap(home, "notify", "show", "--book", "SIM", entries[0].id[:14])
    assert "lifecycle ACTIVE to EMERGENCY by KILL_SWITCH" in said.out
    assert "avwap kill off --book SIM" in said.out
    status = avwap(home, "notify", "status", "--book", "SIM", "--json").body
    assert "critical" in {row["severity"] for row in status["newest"]}


def test_a_message_that_is_not_there_is_said_to_be_none(home: Path) -> None:
    said = avwap(home, "notify", "show", "--book", "SIM", "msg_nothing")
    assert 2 == said.code
    assert "no messages of SIM begin so" in said.err


def test_a_message_of_before_severities_still_reads() -> None:
    old: dict[str, Any] = json.loads(
        Message(
            id="msg_" + "0" * 20,
            kind=MessageKind.SCAN_SUMMARY,
            book_id="SIM",
            session_date=NEXT,
            sources=(),
            text="x",
            blocks=(),
        ).model_dump_json()
    )
    del old["severity"]
    assert Severity.NOTICE == Message.model_validate(old).severity


def test_one_cycle_by_hand_queues_its_changes_and_says_where_it_could_not(home: Path) -> None:
    assert 0 == avwap(home, "kill", "on", "--book", "SIM", "--operator", "jo", "--reason", "drill").code
    book = ("--book", "SIM", "--date", str(NEXT))
    avwap(home, "premarket", *book)
    kept = (home / PLACE).read_bytes()
    (home / PLACE).unlink()
    (home / PLACE).mkdir()
    said = avwap(home, "cycle", *book, "--slot", "0930", "--json").body
    assert EdgeCode.OUTBOX_UNAVAILABLE == said["untold"]
    assert ["execution", "stops"] == [Path(row["path"]).stem for row in said["wrote"]]
    (home / PLACE).rmdir()
    (home / PLACE).write_bytes(kept)
    again = avwap(home, "cycle", *book, "--slot", "0935", "--json").body
    assert "untold" not in again
    assert "SIM/outbox.jsonl" in {row["path"] for row in again["wrote"]}
    newest = Outbox(House(load(home)).disk, "SIM").entries()[-1].message
    assert (Severity.CRITICAL, "0930") == (newest.severity, Path(newest.sources[0].path).parent.name)
