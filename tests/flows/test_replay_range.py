"""A stored range is recomputed by several processes to the verdicts that one process gives, session by session."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.replay_range import JOBS_MAX, jobs_for
from tests.flows.worlds import DAY, FIRST, SEALED, avwap, unchanged

BOOK = ("replay", "--book", "SIM")
GENESIS = "2016-03-04"


def kept(home: Path) -> dict[str, bytes]:
    """The verdicts that lie beside the days, by session."""
    return {path.stem: path.read_bytes() for path in sorted((home / "ledger/SIM/replay").iterdir())}


def test_a_whole_book_is_the_same_by_one_process_and_by_two(home: Path) -> None:
    one = avwap(home, *BOOK, "--jobs", "1", "--json").body
    by_one = kept(home)
    two = avwap(home, *BOOK, "--jobs", "2", "--json").body
    assert (4, 4, [], []) == (one["sessions"], one["identical"], one["diverged"], one["faults"])
    assert {**one, "jobs": 2} == two
    assert [GENESIS, "2016-03-07", "2016-03-08", "2016-03-09"] == list(by_one)
    assert by_one == kept(home)


def test_a_verdict_is_an_artifact_that_names_the_seal_it_is_of(home: Path) -> None:
    assert 0 == avwap(home, *BOOK, "--date", str(SEALED)).code
    made = json.loads(kept(home)[str(SEALED)])
    assert ("avwap.replay", True, []) == (made["schema"], made["identical"], made["divergences"])
    assert [f"SIM/{SEALED}/manifest.json"] == [each["path"] for each in made["inputs"]]


def test_a_changed_byte_is_named_and_the_other_sessions_are_recomputed_all_the_same(home: Path) -> None:
    path = home / DAY / "snapshot.json"
    path.write_bytes(path.read_bytes().replace(b'"entries_today":0', b'"entries_today":7'))
    said = avwap(home, *BOOK, "--from", str(FIRST), "--to", str(SEALED), "--json")
    assert 4 == said.code
    body = said.body
    assert ([str(SEALED)], 2) == (body["diverged"], body["identical"])
    first = body["divergences"][0]
    assert ("BYTES", "NONDETERMINISM", f"SIM/{SEALED}/snapshot.json", "/entries_today", 7, 0) == tuple(
        first[name] for name in ("category", "safety", "file", "pointer", "expected", "actual")
    )
    assert f"SIM/{SEALED}/snapshot.json" in {each["path"] for each in body["faults"]}
    told = avwap(home, *BOOK, "--from", str(FIRST))
    assert 4 == told.code
    assert "/entries_today" in told.out
    assert "FAULTY" in told.out


def no_seal(day: Path) -> None:
    (day / "manifest.json").write_text("no seal\n")


def no_journal(day: Path) -> None:
    (day / "journal.jsonl").unlink()


def no_account(day: Path) -> None:
    (day.parent / GENESIS / "observations/account.json").unlink()


@pytest.mark.parametrize("harm", [no_seal, no_journal])
def test_a_session_that_cannot_be_recomputed_is_told_and_holds_up_no_other(
    home: Path, harm: Callable[[Path], None]
) -> None:
    harm(home / DAY)
    said = avwap(home, *BOOK, "--json")
    assert 4 == said.code
    body = said.body
    assert [str(SEALED)] == [each["session"] for each in body["refused"]]
    assert 3 == body["identical"]


def test_a_first_folder_without_its_account_is_told_and_holds_up_no_other(home: Path) -> None:
    no_account(home / DAY)
    said = avwap(home, *BOOK, "--json")
    assert (4, [GENESIS]) == (said.code, [each["session"] for each in said.body["refused"]])
    assert 3 == said.body["identical"] + len(said.body["diverged"])


def test_a_range_is_refused_where_it_can_mean_nothing(home: Path) -> None:
    unchanged(home, 2, "SESSION_NOT_SEALED", *BOOK, "--from", "2020-01-01")
    unchanged(home, 2, "USAGE", *BOOK, "--date", str(SEALED), "--from", str(FIRST))
    unchanged(home, 2, "BOOK_UNKNOWN", "replay", "--book", "SIMM")


def test_settings_of_another_day_are_told_for_each_session(home: Path) -> None:
    (home / "avwap.toml").write_text("[scan]\nprice_min = 40\n")
    said = avwap(home, *BOOK, "--json")
    assert {"CONFIG_CHANGED"} == {each["error"] for each in said.body["refused"]}
    assert 2 == said.code


@pytest.mark.parametrize(
    ("wanted", "sessions", "jobs"), [(1, 250, 1), (8, 3, 3), (64, 250, JOBS_MAX), (None, 1, 1)]
)
def test_no_more_processes_run_than_have_something_to_do(
    wanted: int | None, sessions: int, jobs: int
) -> None:
    assert jobs == jobs_for(wanted, sessions)
