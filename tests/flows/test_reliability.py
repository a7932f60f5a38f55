"""A week is printed while it runs and written once when it is sealed; what is changed or missing is said."""

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from flows.house import House
from flows.reliability import measure, monday_of
from flows.run import run_range
from flows.settings import load
from ledger import layout
from ledger.canonical import artifact_bytes
from schemas.reliability import Reliability
from tests.flows.worlds import SEALED, avwap, copy, refused, tree, unchanged

WEEK = "2016-W10"
FILE = f"ledger/SIM/reliability/{WEEK}.json"
ASKED = ("reliability", "--book", "SIM", "--week", WEEK)


@pytest.fixture(scope="module")
def whole(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home with its week run to the end; only read."""
    home = copy(ready, tmp_path_factory.mktemp("week") / "home")
    done = run_range(House(load(home)), "SIM", date(2016, 3, 10), date(2016, 3, 11), lambda _: None, "test")
    assert done.exit_code == 0
    return home


@pytest.fixture
def over(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to write in."""
    return copy(whole, tmp_path / "home")


def test_a_week_that_is_not_over_is_printed_and_not_written(ready: Path) -> None:
    before = tree(ready)
    said = avwap(ready, *ASKED, "--json").body
    assert (None, "printed", ["2016-03-10", "2016-03-11"]) == (
        said["file"],
        said["status"],
        said["waits_for"],
    )
    assert ["2016-03-07", "2016-03-08", "2016-03-09"] == said["reliability"]["sessions"]
    assert before == tree(ready)
    assert "2016-03-10, 2016-03-11 not sealed yet" in avwap(ready, *ASKED).out


def test_a_week_that_is_over_is_written_once_and_verified_after_that(over: Path) -> None:
    first = avwap(over, *ASKED, "--json").body
    assert ("written", FILE.removeprefix("ledger/")) == (first["status"], first["file"])
    document = json.loads((over / FILE).read_bytes())
    assert ("avwap.reliability", "SIM", "2016-03-11") == (
        document["schema"], document["book_id"], document["session_date"]
    )  # fmt: skip
    journals = [layout.journal("SIM", date(2016, 3, day)) for day in range(7, 12)]
    assert journals == [row["path"] for row in document["inputs"] if row["path"].endswith(".jsonl")]
    again = avwap(over, *ASKED, "--json").body
    assert {**first, "status": "verified"} == again
    assert first["reliability"] == {name: document[name] for name in Reliability.model_fields}


def test_a_day_names_the_week_it_lies_in(ready: Path) -> None:
    by_day = avwap(ready, "reliability", "--week", "2016-03-13", "--json").body
    assert by_day == avwap(ready, *ASKED, "--json").body
    assert date(2026, 12, 28) == monday_of("2026-W53") == monday_of("2027-01-03")


def test_a_setting_that_was_changed_since_changes_no_byte(over: Path) -> None:
    avwap(over, *ASKED)
    (over / "avwap.toml").write_text('benchmark = "IWM"\n')
    assert "verified" == avwap(over, *ASKED, "--json").body["status"]


def test_another_version_of_the_code_writes_a_revision_of_its_own(
    over: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    avwap(over, *ASKED)
    before = (over / FILE).read_bytes()
    (over / FILE).write_bytes(before.replace(b'"code_version":"', b'"code_version":"0'))
    assert "revised" == avwap(over, *ASKED, "--json").body["status"]
    assert "verified" == avwap(over, *ASKED, "--json").body["status"]
    revised = json.loads((over / FILE.replace(".json", ".r2.json")).read_bytes())
    assert f"{WEEK}.json" == revised["supersedes"]


def test_other_numbers_under_the_same_code_are_a_divergence_that_overwrites_nothing(over: Path) -> None:
    avwap(over, *ASKED)
    changed = (over / FILE).read_bytes().replace(b'"missed":0', b'"missed":7')
    (over / FILE).write_bytes(changed)
    said = avwap(over, *ASKED)
    assert (4, changed) == (said.code, (over / FILE).read_bytes())
    assert "/cycles/missed" in said.err


def test_a_journal_that_is_not_the_one_that_was_sealed_is_refused(over: Path) -> None:
    path = over / "ledger" / layout.journal("SIM", SEALED)
    path.write_bytes(path.read_bytes().rsplit(b"\n", 2)[0] + b"\n")
    unchanged(over, 4, "DIGEST_MISMATCH", *ASKED)


def test_a_book_state_that_is_damaged_is_refused(over: Path) -> None:
    (over / "ledger/SIM/2016-03-07/observations/book.json").write_text("{")
    unchanged(over, 4, "CORRUPT", *ASKED)


def test_a_week_without_a_session_says_which_there_are(ready: Path, tmp_path: Path) -> None:
    said = unchanged(ready, 2, "SESSION_NOT_OPEN", "reliability", "--week", "2016-W20")
    assert "2016-03-04 to 2016-03-09" in said.err
    assert "avwap day --book SIM" in avwap(tmp_path, "reliability", "--week", "2016-W20").err


@pytest.mark.parametrize("text", ["2016-W99", "2016-10", "last", "2016-02-30", "2016-W1"])
def test_what_is_no_week_is_a_usage_error(ready: Path, text: str) -> None:
    refused(avwap(ready, "reliability", "--week", text), 2, "USAGE", "usage")


def test_a_missing_session_in_the_middle_keeps_the_week_from_being_written(over: Path) -> None:
    shutil.rmtree(over / "ledger/SIM/2016-03-09")
    said = avwap(over, *ASKED, "--json").body
    assert (["2016-03-09"], None) == (said["waits_for"], said["file"])


def test_an_order_that_was_unknown_when_the_week_began_is_followed_back_to_the_session_of_its_sending(
    over: Path,
) -> None:
    def book(day: int) -> Path:
        return over / f"ledger/SIM/2016-03-{day:02}/observations/book.json"

    order = json.loads(book(8).read_bytes())["state"]["orders"][0]
    monday = json.loads(book(7).read_bytes())
    monday["state"]["orders"] = [{**order, "state": "CANCEL_UNKNOWN", "session_date": "2016-03-04"}]
    book(7).write_bytes(artifact_bytes(monday))
    inputs = [ref.path for ref in measure(House(load(over)), "SIM", date(2016, 3, 7)).inputs]
    assert ["SIM/2016-03-04/observations/book.json", "SIM/2016-03-04/journal.jsonl"] == inputs[:2]
    assert 2 + 5 == len(inputs)
