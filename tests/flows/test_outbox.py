"""A morning is told once and from its files alone; a message that cannot be kept holds up no trade."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from flows.day import Day, open_day
from flows.house import House
from flows.messages.made import clipped
from flows.outbox import PENDING, Outbox, outbox_of, post_summary
from flows.run import run_range
from flows.settings import load
from flows.summary import escaped, scan_summary
from ledger.canonical import digest, line_bytes
from ledger.disk import LocalDisk
from ledger.faulty import FaultyDisk, SimulatedCrash
from ledger.journal import parse_chain
from schemas.errors import AvwapError
from schemas.journal import ZEROS
from schemas.outbox import BLOCK_CHARS_MAX, Delivery, Message, MessageKind
from schemas.reasons.edge import EdgeCode
from tests.flows.worlds import FIRST, NEXT, SEALED, avwap, refused

AT = datetime(2016, 3, 9, 13, 30, tzinfo=UTC)
OUTBOX = "ledger/SIM/outbox.jsonl"


def day_of(home: Path, on: Any = SEALED) -> Day:
    return open_day(House(load(home)), "SIM", on)


def message(number: int) -> Message:
    return Message(
        id=f"msg_{number:020x}",
        kind=MessageKind.SCAN_SUMMARY,
        book_id="SIM",
        session_date=day_session(),
        sources=(),
        text='said "id":"msg_00000000000000000002"',
        blocks=("one",),
    )


def day_session() -> Any:
    return SEALED


def test_each_session_of_a_backfill_is_told_once_and_a_rerun_adds_nothing(home: Path) -> None:
    before = (home / OUTBOX).read_bytes()
    entries = Outbox(House(load(home)).disk, "SIM").entries()
    assert [FIRST, FIRST.replace(day=8), SEALED] == [entry.message.session_date for entry in entries]
    assert {PENDING} == {entry.state for entry in entries}
    house = House(load(home))
    run_range(house, "SIM", FIRST, SEALED, lambda result: None, "test")
    assert "verified" == post_summary(day_of(home)).status
    assert before == (home / OUTBOX).read_bytes()


def test_the_seal_and_its_proof_know_nothing_of_the_outbox(home: Path) -> None:
    (home / OUTBOX).unlink()
    assert 0 == avwap(home, "replay", "--book", "SIM", "--date", str(SEALED)).code
    assert 0 == avwap(home, "verify", "--book", "SIM").code
    assert not (home / OUTBOX).exists()


def test_the_message_is_a_function_of_the_files(home: Path) -> None:
    kept = Outbox(House(load(home)).disk, "SIM").entries()[-1].message
    assert kept == scan_summary(day_of(home))
    path = home / f"ledger/SIM/{SEALED}/candidates.json"
    path.unlink()
    other = scan_summary(day_of(home))
    assert kept.id != other.id
    assert f"SIM {SEALED}: no candidates file, so no entry today (MISSING)" == other.text


def test_the_summary_tells_gate_counts_best_and_rejections(home: Path) -> None:
    scan = json.loads((home / f"ledger/SIM/{SEALED}/scan.json").read_text())
    told = "\n".join(scan_summary(day_of(home)).blocks)
    best = next(row for row in scan["rows"] if row.get("rank") == 1)
    assert f"1. *{best['symbol']}* {best['tier']}, {best['chosen']} of " in told
    assert f"stop {best['levels']['stop'][:-2]}" in told
    assert "market gate open: SPY is above its 200-bar mean" in told
    assert (
        f"12 scanned, {scan['counts']['full']} past data and liquidity, {scan['counts']['passed']} passed"
        in told
    )
    assert "quarantined" in told
    assert "turned away first by" in told


def test_a_day_without_a_scan_is_no_quiet_day(home: Path) -> None:
    (home / f"ledger/SIM/{SEALED}/scan.json").write_bytes(b"{")
    found = scan_summary(day_of(home))
    assert "no scan, so no entry today (CORRUPT)" in found.text
    assert any("*no scan*: `CORRUPT`" in block for block in found.blocks)


def test_what_slack_reads_as_markup_is_spelled_out() -> None:
    assert "&lt;!channel&gt; A&amp;B" == escaped("<!channel> A&B")


def test_a_block_never_exceeds_what_slack_takes_and_never_ends_in_half_a_line() -> None:
    lines = [f"{k}. " + "x" * 95 for k in range(60)]
    found = clipped(lines)
    assert len(found) <= BLOCK_CHARS_MAX
    kept = found.split("\n")
    assert lines[: len(kept) - 1] == kept[:-1]
    assert f"… and {60 - len(kept) + 1} more" == kept[-1]
    assert "a\nb" == clipped(["a", "b"])
    assert "… and 1 more" == clipped(["x" * 4000])


def test_the_file_is_a_chain_and_an_id_inside_a_text_is_no_record(home: Path) -> None:
    disk = House(load(home)).disk
    outbox = Outbox(disk, "ALPACA_PAPER")
    assert [True, True, False, False] == [outbox.post(message(n), AT) for n in (1, 2, 1, 2)]
    records = parse_chain(disk.read(outbox.path), outbox.path, ZEROS).records
    assert ["message.queued"] * 2 == [record.event for record in records]
    assert [message(1), message(2)] == [entry.message for entry in outbox.entries()]


def test_a_later_record_says_what_became_of_a_message(home: Path) -> None:
    disk = House(load(home)).disk
    outbox = Outbox(disk, "SIM")
    first = outbox.entries()[0].message
    data = disk.read(outbox.path)
    last = data[data.rfind(b"\n", 0, -1) + 1 :]
    seq = json.loads(last)["seq"] + 1
    record = {"seq": seq, "prev": digest(last), "ts": "2016-03-10T14:00:00Z", "event": "message.sent", "cycle": None,
              "data": {"id": first.id, "channel": "C1"}}  # fmt: skip
    disk.append(outbox.path, line_bytes(record))
    assert ["sent", PENDING, PENDING] == [entry.state for entry in outbox.entries()]
    assert outbox.post(message(7), AT)
    assert 4 == len(outbox.entries())
    assert 3 == avwap(home, "notify", "status", "--book", "SIM", "--json").body["pending"]


def test_dying_at_any_step_of_the_write_loses_no_message_and_doubles_none(home: Path) -> None:
    root = House(load(home)).root
    whole = FaultyDisk(root)
    Outbox(whole, "SIM").post(message(1), AT)
    wanted = (home / OUTBOX).read_bytes()
    before = wanted[: wanted.rfind(b"\n", 0, -1) + 1]
    for step in range(1, whole.steps + 1):
        (home / OUTBOX).write_bytes(before)
        with pytest.raises(SimulatedCrash):
            Outbox(FaultyDisk(root, crash_at=step), "SIM").post(message(1), AT)
        Outbox(House(load(home)).disk, "SIM").post(message(1), AT)
        assert wanted == (home / OUTBOX).read_bytes(), step


def test_a_torn_last_line_is_counted_and_set_aside_by_the_next_message(home: Path) -> None:
    with (home / OUTBOX).open("ab") as file:
        file.write(b'{"cut":')
    said = avwap(home, "notify", "status", "--book", "SIM")
    assert 0 == said.code
    assert "torn     7 bytes" in said.out
    assert Outbox(House(load(home)).disk, "SIM").post(message(1), AT)
    assert 4 == len(Outbox(House(load(home)).disk, "SIM").entries())
    assert b'{"cut":\n' == (home / "ledger/SIM/outbox.torn").read_bytes()


def test_an_outbox_that_takes_nothing_stops_no_stage_and_is_told(home: Path) -> None:
    (home / OUTBOX).unlink()
    (home / OUTBOX).mkdir()
    house = House(load(home))
    done = run_range(house, "SIM", NEXT, NEXT, lambda result: None, "test").results[-1]
    assert done.outcome is not None
    told = [(step.stage, step.error.code) for step in done.outcome.refused if step.error is not None]
    assert [("notify", EdgeCode.OUTBOX_UNAVAILABLE)] == told
    assert done.seal is not None
    assert 1 == done.exit_code
    assert (home / f"ledger/SIM/{NEXT}/enforcement.json").is_file()


def test_a_chain_that_is_broken_is_left_alone_and_told(home: Path) -> None:
    data = (home / OUTBOX).read_bytes()
    (home / OUTBOX).write_bytes(data + b"no record\n")
    broken = (home / OUTBOX).read_bytes()
    house = House(load(home))
    done = run_range(house, "SIM", NEXT, NEXT, lambda result: None, "test").results[-1]
    assert done.outcome is not None
    assert [EdgeCode.OUTBOX_CORRUPT] == [step.error.code for step in done.outcome.refused if step.error]
    assert broken == (home / OUTBOX).read_bytes()
    refused(avwap(home, "notify", "status", "--book", "SIM"), 4, "OUTBOX_CORRUPT", "corrupt")
    (home / OUTBOX).write_bytes(data.replace(b"candidates of", b"candidates or"))
    refused(avwap(home, "notify", "status", "--book", "SIM"), 4, "OUTBOX_CORRUPT", "corrupt")


def test_preview_and_status_say_the_same_message(home: Path) -> None:
    shown = avwap(home, "notify", "preview", "--book", "SIM", "--date", str(SEALED), "--json").body
    listed = avwap(home, "notify", "status", "--book", "SIM", "--json").body
    assert (3, 3) == (listed["messages"], listed["pending"])
    assert (shown["message"]["id"], "pending") == (listed["newest"][-1]["id"], shown["state"])
    told = avwap(home, "notify", "preview", "--book", "SIM", "--date", str(SEALED)).out
    assert all(block.split("\n")[0] in told for block in shown["message"]["blocks"])
    assert "nothing is sent" in avwap(home, "notify", "status", "--book", "SIM").out
    assert "none" in avwap(home, "notify", "status", "--book", "ALPACA_PAPER").out


def test_a_book_that_is_none_and_a_day_that_was_not_run_are_refused(home: Path) -> None:
    refused(avwap(home, "notify", "status", "--book", "SIMM"), 2, "BOOK_UNKNOWN", "usage")
    words = ("notify", "preview", "--book", "SIM", "--date", "2016-05-02")
    refused(avwap(home, *words), 2, "SESSION_NOT_OPEN", "usage")


def test_processes_that_write_at_once_leave_one_chain_with_every_message(tmp_path: Path) -> None:
    root = tmp_path / "ledger"

    def write(first: int) -> None:
        outbox = Outbox(LocalDisk(root), "SIM", root)
        for number in range(first, first + 15):
            assert outbox.post(message(number), AT)
            outbox.note(message(number).id, Delivery.SENDING, AT)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, (0, 100, 200, 300)))
    entries = Outbox(LocalDisk(root), "SIM", root).entries()
    assert (60, {"sending"}, {1}) == (len(entries), {e.state for e in entries}, {e.tries for e in entries})


def test_a_writer_that_hangs_costs_a_stage_two_seconds_and_is_told(home: Path) -> None:
    house = House(load(home))
    held = FileLock(house.root / "SIM/outbox.flock")
    with held, pytest.raises(AvwapError) as caught:
        outbox_of(house, "SIM").post(message(1), AT)
    assert EdgeCode.OUTBOX_UNAVAILABLE == caught.value.code
    assert outbox_of(house, "SIM").post(message(1), AT)


def test_what_looks_like_a_secret_is_not_kept(home: Path) -> None:
    told = message(1).model_copy(update={"text": "token xoxb-1234-abcdef of yours"})
    assert outbox_of(House(load(home)), "SIM").post(told, AT)
    assert "xoxb" not in (home / OUTBOX).read_text()
    assert "token [redacted] of yours" == outbox_of(House(load(home)), "SIM").entries()[-1].message.text
