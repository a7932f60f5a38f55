"""``avwap posture``: what holds a book now, and how that went; both from its files alone."""

import shutil
from pathlib import Path

import pytest

from tests.flows.worlds import FIRST, NEXT, SEALED, avwap, copy, unchanged

KILL = ("--operator", "jo", "--reason", "drill")


@pytest.fixture(scope="module")
def killed(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home after one more session, under a kill switch from its first cycle on; only read."""
    home = copy(ready, tmp_path_factory.mktemp("killed") / "home")
    assert 0 == avwap(home, "kill", "on", "--book", "SIM", *KILL).code
    avwap(home, "day", "--book", "SIM", "--date", str(NEXT))
    return home


def test_show_says_the_same_as_status(killed: Path) -> None:
    told = avwap(killed, "posture", "show", "--book", "SIM", "--json").body
    status = avwap(killed, "status", "--book", "SIM", "--json").body
    assert {name: status[name] for name in ("posture", "lifecycle", "told")} == {
        name: told[name] for name in ("posture", "lifecycle", "told")
    }
    said = avwap(killed, "posture", "show", "--book", "SIM").out
    assert said.splitlines()[0] == "entries   NONE, EMERGENCY; stops and exits go on"
    assert 'avwap kill off --book SIM --operator NAME --reason "WHY"' in said


def test_history_lists_what_is_news_and_all_where_it_is_asked_for(killed: Path) -> None:
    said = avwap(killed, "posture", "history", "--book", "SIM").out
    changes = said[: said.index("Time of open market")].splitlines()[2:]
    (line,) = [each for each in changes if each[:1].isdigit()]  # a narrow terminal breaks its words below it
    assert ["lifecycle", "ACTIVE", "EMERGENCY"] == line.split()[2:5]
    assert "a kill switch" in line
    every = avwap(killed, "posture", "history", "--book", "SIM", "--all").out
    assert "SESSION_OPENED" in every
    assert "SESSION_OPENED" not in said


def test_history_as_json_counts_each_second_under_one_posture_and_one_state(killed: Path) -> None:
    body = avwap(killed, "posture", "history", "--book", "SIM", "--from", str(SEALED), "--json").body
    assert (str(SEALED), str(NEXT), 2) == (body["from"], body["to"], body["sessions"])
    assert {"GREEN": 46_800} == body["seconds"]["posture"]
    assert 46_800 == sum(body["seconds"]["lifecycle"].values())
    assert 23_400 == body["seconds"]["lifecycle"]["EMERGENCY"]
    (last,) = [row for row in body["changes"] if row["to"] == "EMERGENCY"]
    assert (["KILL_SWITCH"], True) == (last["causes"], last["open"])


def test_a_drawing_is_written_where_it_was_asked_for_and_the_same_again(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "posture.svg"
    words = ("posture", "history", "--book", "SIM", "--plot", str(file))
    assert str(file) == avwap(home, *words, "--json").body["drawing"]
    first = file.read_bytes()
    assert b"ACTIVE" in first
    assert 0 == avwap(home, *words).code
    assert first == file.read_bytes()


def test_what_cannot_be_meant_changes_nothing(home: Path) -> None:
    history = ("posture", "history", "--book")
    unchanged(home, 2, "BOOK_UNKNOWN", *history, "SIMM")
    said = unchanged(home, 2, "SESSION_NOT_OPEN", *history, "SIM", "--from", "2020-01-01")
    assert f"{SEALED}" in said.err
    unchanged(home, 2, "SESSION_NOT_OPEN", *history, "ALPACA_PAPER")
    unchanged(home, 2, "USAGE", *history, "SIM", "--plot", "posture.pdf")


def test_a_journal_that_is_not_the_sealed_one_is_no_history(home: Path) -> None:
    path = home / f"ledger/SIM/{FIRST}/journal.jsonl"
    shutil.copy(home / f"ledger/SIM/{SEALED}/journal.jsonl", path)
    unchanged(home, 4, "DIGEST_MISMATCH", "posture", "history", "--book", "SIM")
