"""Tampering, two at once, no space, an interruption: each is told by name, and nothing that was kept is lost."""

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from flows import console
from flows.house import House
from flows.run import run_range
from flows.settings import Settings
from ledger.faulty import FaultyDisk
from ledger.lock import BookLock
from schemas.errors import Denied
from tests.flows.worlds import DAY, NEXT, SEALED, Said, avwap, copy, dated, process, tree, unchanged

# --- what was tampered with ---------------------------------------------------------------------------


def test_an_edited_byte_in_a_sealed_day_is_named_with_file_and_place(home: Path) -> None:
    file = home / DAY / "snapshot.json"
    file.write_bytes(file.read_bytes().replace(b'"complete":true', b'"complete":null', 1))
    before = tree(home)
    said = avwap(home, "verify", "--book", "SIM", "--json")
    assert 4 == said.code
    assert f"SIM/{SEALED}/snapshot.json" in {fault["path"] for fault in said.body["faults"]}
    assert 4 == avwap(home, "verify", "--book", "SIM").code
    assert 4 == avwap(home, *dated("day", "SIM", SEALED)).code
    assert before == tree(home)


def from_elsewhere(home: Path, name: str, **header: str) -> None:
    """Rewrite header fields of a file of the session NEXT, as a copy from elsewhere would have them."""
    path = home / f"ledger/SIM/{NEXT}/{name}"
    text = path.read_text()
    for key, value in header.items():
        lines = [f'"{key}":"{value}",' if line.startswith(f'"{key}":') else line for line in text.split("\n")]
        text = "\n".join(lines)
    assert text != path.read_text(), f"{name} has no such header line"
    path.write_text(text)


@pytest.mark.parametrize(
    ("reason", "header"),
    [
        ("CORRUPT", None),
        ("DATE_MISMATCH", {"session_date": "2016-03-09"}),
        ("BOOK_MISMATCH", {"book_id": "ALPACA_PAPER"}),
    ],
)
def test_a_stage_refuses_an_input_that_is_not_what_it_should_be(
    home: Path, reason: str, header: dict[str, str] | None
) -> None:
    assert 0 == avwap(home, *dated("premarket", "SIM", NEXT)).code
    path = home / f"ledger/SIM/{NEXT}/candidates.json"
    if header is None:
        path.write_bytes(path.read_bytes()[:-9])
    else:
        from_elsewhere(home, "candidates.json", **header)
    said = unchanged(home, 3, reason, *dated("decide", "SIM", NEXT))
    assert f"SIM/{NEXT}/candidates.json" in said.err


def test_a_day_over_a_truncated_artifact_exits_4_keeps_it_and_blocks_entries(home: Path) -> None:
    assert 0 == avwap(home, *dated("premarket", "SIM", NEXT)).code
    path = home / f"ledger/SIM/{NEXT}/enforcement.json"
    path.write_bytes(path.read_bytes()[:-9])
    kept = path.read_bytes()
    said = avwap(home, *dated("day", "SIM", NEXT), "--json")
    assert 4 == said.code
    assert kept == path.read_bytes()
    stage = next(step for step in said.body["steps"] if step["stage"] == "enforcement")
    assert "ARTIFACT_DIVERGENCE" in stage["result"]


# --- two at once, no space, no right ------------------------------------------------------------------


def test_while_a_process_holds_the_book_another_is_refused_with_its_name(home: Path) -> None:
    before = tree(home)
    with BookLock(home / "ledger", "SIM").acquire("the first run"):
        other = process(home, *dated("day", "SIM", NEXT), "--json")
        out, _ = other.communicate(timeout=60)
    body = json.loads(out)
    assert (3, "LOCK_BUSY") == (other.returncode, body["error"])
    assert "the first run" in body["why"]
    assert before == tree(home)


def test_of_two_runs_at_once_none_spoils_the_other(ready: Path, tmp_path: Path) -> None:
    alone = avwap(copy(ready, tmp_path / "alone"), *dated("day", "SIM", NEXT), "--json").body["seal"]
    home = copy(ready, tmp_path / "both")
    both = [process(home, *dated("day", "SIM", NEXT), "--json") for _ in range(2)]
    said = [(each.communicate(timeout=90)[0], each.returncode) for each in both]
    acted = [json.loads(out)["seal"] for out, code in said if code == 0]
    assert {alone} == set(acted)
    assert {"LOCK_BUSY"} >= {json.loads(out)["error"] for out, code in said if code == 3}
    assert {0} <= {code for _, code in said} <= {0, 3}
    assert [] == avwap(home, "verify", "--book", "SIM", "--json").body["faults"]


@pytest.mark.parametrize("fault", [{"full_at": 1}, {"full_at": 60}, {"read_only": True}], ids=str)
def test_a_disk_that_is_full_or_read_only_is_one_refusal_and_the_run_goes_on_later(
    ready: Path, tmp_path: Path, fault: dict[str, int]
) -> None:
    home = copy(ready, tmp_path / "home")
    disk = FaultyDisk(home / "ledger", **fault)  # type: ignore[arg-type]
    with pytest.raises(Denied) as caught:
        run_range(House(Settings(home=home), disk), "SIM", NEXT, NEXT, lambda result: None, "test")
    assert ("LEDGER_UNAVAILABLE", 3) == (caught.value.code, caught.value.exit_code)
    assert caught.value.safe
    assert caught.value.next
    assert 3 == console.refuse(caught.value, False)
    seal = avwap(home, *dated("day", "SIM", NEXT), "--json").body["seal"]
    assert [] == avwap(home, "verify", "--book", "SIM", "--json").body["faults"]
    if "read_only" in fault:
        alone = copy(ready, tmp_path / "alone")
        assert seal == avwap(alone, *dated("day", "SIM", NEXT), "--json").body["seal"]


def test_a_folder_without_write_permission_is_one_refusal(home: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root is not bound by permissions; the read-only disk above stands in")
    folder = home / "ledger" / "SIM"
    folder.chmod(0o500)
    try:
        unchanged(home, 3, "LEDGER_UNAVAILABLE", *dated("day", "SIM", NEXT))
    finally:
        folder.chmod(0o700)


# --- the kill switch ----------------------------------------------------------------------------------


def kill(home: Path, switch: str, *more: str) -> Said:
    return avwap(home, "kill", switch, "--book", "SIM", "--operator", "jo", "--reason", "feed", *more)


def test_a_kill_switch_is_a_file_at_once_and_a_record_of_the_next_session(home: Path) -> None:
    assert 0 == kill(home, "on").code
    assert (home / "ledger/SIM/control/KILL_SWITCH").is_file()
    assert "yes" in avwap(home, "status", "--book", "SIM").out
    body = avwap(home, *dated("day", "SIM", NEXT), "--json").body
    assert 0 == body["exit"]
    records = [
        json.loads(line) for line in (home / f"ledger/SIM/{NEXT}/journal.jsonl").read_text().splitlines()
    ]
    thrown = [each["data"] for each in records if each["event"] == "kill.set"]
    assert [(True, "jo", "feed")] == [(each["on"], each["operator"], each["reason"]) for each in thrown]
    assert 0 == kill(home, "off").code
    assert not (home / "ledger/SIM/control/KILL_SWITCH").exists()


def test_a_scan_made_ahead_does_not_stand_in_the_way_of_the_kill_switch(home: Path) -> None:
    assert 0 == avwap(home, *dated("scan", "SIM", NEXT)).code
    assert 0 == kill(home, "on").code


def test_a_kill_switch_is_set_at_once_also_while_another_process_holds_the_book(home: Path) -> None:
    assert 0 == avwap(home, *dated("premarket", "SIM", NEXT)).code
    with BookLock(home / "ledger", "SIM").acquire("a cycle"):
        said = kill(home, "on")
    assert 3 == said.code
    assert "LOCK_BUSY" in said.err
    assert (home / "ledger/SIM/control/KILL_SWITCH").is_file()


@pytest.mark.parametrize(
    "words",
    [
        ("kill", "maybe", "--book", "SIM", "--operator", "jo", "--reason", "x"),
        ("kill", "on", "--book", "SIM", "--operator", " ", "--reason", "x"),
        ("kill", "on", "--book", "SIM", "--operator", "jo", "--reason", ""),
    ],
)
def test_a_kill_switch_wants_on_or_off_and_who_and_why(home: Path, words: tuple[str, ...]) -> None:
    unchanged(home, 2, "USAGE", *words)


def test_deploying_without_a_server_says_how_to_start_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert "prefect server start" in unchanged(home, 2, "USAGE", "deploy").err


def test_a_home_that_does_not_exist_is_not_made_by_looking_at_it(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    assert 2 == avwap(absent, "status", "--book", "SIM").code
    assert 2 == avwap(absent, *dated("why", "SIM", NEXT)).code
    assert not absent.exists()


def test_brackets_in_a_cell_are_text_and_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    console.table("Odd", ("cell",), [("[/x]",), ("[red]A[/red]",)])
    assert ["[/x]", "[red]A[/red]"] == [line.strip() for line in capsys.readouterr().out.splitlines()[2:4]]


def test_a_run_stopped_from_the_keyboard_says_that_it_can_be_run_again(home: Path) -> None:
    running = process(home, "run", "--book", "SIM", "--from", str(NEXT), "--to", "2016-06-01", "--json")
    journal = home / f"ledger/SIM/{NEXT}/journal.jsonl"
    while not journal.exists() and running.poll() is None:
        os.sched_yield()
    while running.poll() is None:
        running.send_signal(
            signal.SIGINT
        )  # one that lands in a finaliser is dropped: a person presses the keys again
        with suppress(subprocess.TimeoutExpired):
            running.wait(timeout=2)
    out, _ = running.communicate(timeout=60)
    assert (1, "INTERRUPTED") == (running.returncode, json.loads(out)["error"])
    assert 0 == avwap(home, *dated("day", "SIM", NEXT)).code
    assert [] == avwap(home, "verify", "--book", "SIM", "--json").body["faults"]
