"""Every command says what it does, and every bad input gets one clear error and changes nothing on disk."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from flows.cli import app
from tests.flows.worlds import DAY, NEXT, SEALED, avwap, copy, dated, refused, unchanged


def commands() -> Iterator[tuple[str, ...]]:
    """Every command's words: ("day",), ("data", "import") …"""
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        yield from ((name, inner) for inner in below) if below else [(name,)]


# --- help ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", list(commands()), ids="-".join)
def test_every_command_has_help_with_an_example_of_itself(words: tuple[str, ...]) -> None:
    said = avwap(None, *words, "--help")
    assert 0 == said.code
    assert f"avwap {' '.join(words)}" in said.out.split("Example:", 1)[1]


def test_the_first_screen_lists_every_command_with_what_it_does() -> None:
    said = avwap(None, "--help")
    assert 0 == said.code
    assert [] == [words[0] for words in commands() if f" {words[0]} " not in said.out]


@pytest.mark.parametrize("words", [(), ("data",), ("config",)], ids=["avwap", "data", "config"])
def test_a_command_that_is_only_a_group_shows_its_help_and_exits_2(words: tuple[str, ...]) -> None:
    said = avwap(None, *words)
    assert 2 == said.code
    assert "Usage: avwap" in said.out + said.err


# --- usage --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("dya",), "dya"),
        (("day",), "--book"),
        (("day", "--book", "SIM"), "--date"),
        (("day", "--book", "SIM", "--date", "9 March"), "9 March"),
        (("day", "--book", "SIM", "--date", "2016-02-30"), "2016-02-30"),
        (("day", "--book", "SIM", "--date", "2016-03-10", "--fast"), "--fast"),
        (("demo", "--sessions", "1"), "--sessions"),
        (("verify", "--book", "SIM", "--from", "20160309"), "20160309"),
        (("config", "chekc"), "chekc"),
    ],
)  # fmt: skip
def test_a_command_line_that_cannot_be_meant_is_one_clear_error(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    said = avwap(None, *words)
    refused(said, 2, "USAGE", "usage")
    assert told in said.err
    assert "--help" in said.err.splitlines()[-1]
    body = avwap(None, *words, "--json").body
    assert ("USAGE", 2) == (body["error"], body["exit"])
    assert told in body["why"]


# --- books and dates ----------------------------------------------------------------------------------

DATED = ["day", "premarket", "scan", "decide", "enforce", "close", "replay", "reconcile", "report"]


@pytest.mark.parametrize("command", [*DATED, "cycle", "why"])
def test_a_misspelt_book_is_an_error_and_never_another_book(home: Path, command: str) -> None:
    said = unchanged(home, 2, "BOOK_UNKNOWN", *dated(command, "SMI", SEALED))
    assert "SIM, ALPACA_PAPER, ALPACA_LIVE, SCHWAB_401K_MANUAL" in said.err


@pytest.mark.parametrize("command", ["verify", "status"])
def test_a_misspelt_book_has_no_state_to_look_at(home: Path, command: str) -> None:
    unchanged(home, 2, "BOOK_UNKNOWN", command, "--book", "sim")


@pytest.mark.parametrize("command", ["day", "premarket", "scan", "decide", "enforce", "cycle", "close"])
def test_a_book_without_an_adapter_is_refused_before_anything_starts(home: Path, command: str) -> None:
    unchanged(home, 2, "BOOK_NOT_OPERABLE", *dated(command, "SCHWAB_401K_MANUAL", NEXT))


@pytest.mark.parametrize("command", ["verify", "status"])
def test_a_book_that_never_ran_is_told_so(home: Path, command: str) -> None:
    unchanged(home, 2, "SESSION_NOT_OPEN", command, "--book", "ALPACA_PAPER")


@pytest.mark.parametrize("command", [*DATED, "cycle", "why"])
def test_a_date_that_is_no_session_names_its_neighbours(home: Path, command: str) -> None:
    said = unchanged(home, 2, "NOT_A_SESSION", *dated(command, "SIM", "2016-03-12"))
    assert "2016-03-11" in said.err
    assert "2016-03-14" in said.err


@pytest.mark.parametrize("command", ["why", "replay", "reconcile", "report", "cycle", "close"])
def test_a_session_that_was_never_run_has_nothing_to_show(home: Path, command: str) -> None:
    unchanged(home, 2, "SESSION_NOT_OPEN", *dated(command, "SIM", NEXT))


def test_a_session_after_the_last_bar_is_refused(home: Path) -> None:
    said = unchanged(home, 2, "BARS_ABSENT_FOR_SESSION", *dated("day", "SIM", "2016-07-14"))
    assert "2016-06-30" in said.err


def test_a_session_that_others_came_after_is_refused(home: Path) -> None:
    unchanged(home, 2, "SESSION_ALREADY_PAST", *dated("scan", "SIM", "2016-02-10"))


def test_a_date_outside_the_calendar_is_refused(home: Path) -> None:
    unchanged(home, 2, "CALENDAR_OUT_OF_RANGE", *dated("day", "SIM", "2035-03-08"))


def test_a_range_that_ends_before_it_begins_says_so(home: Path) -> None:
    words = ("run", "--book", "SIM", "--from", str(NEXT), "--to", str(SEALED))
    assert "ends before it begins" in unchanged(home, 2, "NOT_A_SESSION", *words).err


def test_a_cycle_that_the_session_does_not_have_names_those_it_has(home: Path) -> None:
    words = ("cycle", "--book", "SIM", "--date", str(SEALED), "--slot", "0940")
    assert "0930, 0935, 1600" in unchanged(home, 2, "NOT_DUE", *words).err


def test_a_verification_of_no_session_is_no_proof(home: Path) -> None:
    said = unchanged(home, 2, "SESSION_NOT_OPEN", "verify", "--book", "SIM", "--from", "2016-05-02")
    assert str(SEALED) in said.err


def test_an_unknown_symbol_is_told_where_the_known_ones_are_listed(home: Path) -> None:
    said = unchanged(home, 2, "SYMBOL_NOT_SCANNED", *dated("why", "SIM", SEALED)[:-1], "ZZZZ")
    assert str(home / DAY / "scan.json") in said.err


# --- an empty home, files -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["day", "premarket", "scan"])
def test_an_empty_store_is_refused_and_leaves_the_folder_empty(tmp_path: Path, command: str) -> None:
    unchanged(tmp_path, 2, "STORE_EMPTY", *dated(command, "SIM", NEXT))
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("absent.csv", None, "IMPORT_UNREADABLE"),
        ("empty.csv", b"", "IMPORT_UNREADABLE"),
        ("bars.parquet", b"PAR1 and then nothing", "IMPORT_UNREADABLE"),
        ("bars.csv", b"ticker,when,close\nA,2016-03-10,1\n", "IMPORT_COLUMNS"),
        (
            "bars.csv",
            b"symbol,date,open,high,low,close,volume\nA,2016-03-10,x,1,1,1,1\n",
            "IMPORT_UNREADABLE",
        ),
    ],
)
def test_a_file_that_cannot_be_imported_leaves_the_store_as_it_was(
    home: Path, tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    assert name in unchanged(home, 2, reason, "data", "import", str(file)).err
    unchanged(home, 2, reason, *dated("day", "SIM", NEXT), "--bars", str(file))


def test_bars_for_a_day_that_cannot_be_run_are_not_imported(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "bars.csv"
    file.write_text("symbol,date,open,high,low,close,volume\nNEWONE,2016-03-10,1,1,1,1,1\n")
    unchanged(home, 2, "NOT_A_SESSION", *dated("day", "SIM", "2016-03-12"), "--bars", str(file))
    unchanged(home, 2, "BOOK_UNKNOWN", *dated("day", "SMI", NEXT), "--bars", str(file))


def test_an_unknown_kind_of_import_is_refused(home: Path) -> None:
    unchanged(home, 2, "USAGE", "data", "import", "x.csv", "--kind", "quotes")


@pytest.mark.parametrize("name", ["absent.json", ""])
def test_showing_what_is_no_file_is_a_usage_error(tmp_path: Path, name: str) -> None:
    said = avwap(None, "show", str(tmp_path / name))
    refused(said, 2, "FILE_UNREADABLE", "usage")
    assert ("FILE_UNREADABLE", 2) == tuple(
        avwap(None, "show", str(tmp_path / name), "--json").body[key] for key in ("error", "exit")
    )


def test_showing_a_truncated_artifact_names_the_place_and_exits_4(home: Path) -> None:
    file = home / DAY / "decisions.json"
    file.write_bytes(file.read_bytes()[:-20])
    refused(avwap(None, "show", str(file)), 4, "CORRUPT", "corrupt")


# --- what reads and writes, one JSON object each ------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        dated("day", "SIM", SEALED),
        dated("day", "SIM", NEXT),
        dated("premarket", "SIM", NEXT),
        dated("scan", "SIM", NEXT),
        dated("close", "SIM", SEALED),
        dated("cycle", "SIM", SEALED),
        dated("decide", "SIM", SEALED),
        dated("enforce", "SIM", SEALED),
        dated("why", "SIM", SEALED),
        dated("replay", "SIM", SEALED),
        dated("reconcile", "SIM", SEALED),
        dated("report", "SIM", SEALED),
        ("run", "--book", "SIM", "--from", str(SEALED), "--to", str(NEXT)),
        ("verify", "--book", "SIM"),
        ("status", "--book", "SIM"),
        ("kill", "on", "--book", "SIM", "--reason", "feed", "--operator", "jo"),
        ("data", "check", "--date", str(NEXT)),
        ("data", "snapshot", "--date", str(NEXT)),
        ("config", "check"),
        ("config", "show"),
    ],
    ids=lambda words: "-".join(words[:2] if words[0] in ("data", "config") else words[:1]),
)
def test_a_command_that_does_its_work_exits_0_and_prints_one_object_or_its_tables(
    ready: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    said = avwap(copy(ready, tmp_path / "a"), *words, "--json")
    assert (0, "") == (said.code, said.err)
    assert said.body
    told = avwap(copy(ready, tmp_path / "b"), *words)
    assert (0, "") == (told.code, told.err)
    assert told.out.strip()


def test_a_days_json_names_its_seal_and_every_file(home: Path) -> None:
    body = avwap(home, *dated("day", "SIM", NEXT), "--json").body
    assert ("SIM", str(NEXT), 0) == (body["book"], body["session"], body["exit"])
    assert 64 == len(body["seal"])
    again = avwap(home, *dated("day", "SIM", NEXT), "--json").body
    assert (body["seal"], True) == (again["seal"], again["replayed"]["identical"])


def test_single_stages_in_order_give_the_seal_of_the_whole_day(ready: Path, tmp_path: Path) -> None:
    whole = avwap(copy(ready, tmp_path / "whole"), *dated("day", "SIM", NEXT), "--json").body["seal"]
    parts = copy(ready, tmp_path / "parts")
    steps = [dated("scan", "SIM", NEXT), dated("premarket", "SIM", NEXT), dated("decide", "SIM", NEXT)]
    steps += [
        ("cycle", "--book", "SIM", "--date", str(NEXT), "--slot", slot) for slot in ("0930", "0935", "1600")
    ]
    assert [0] * 6 == [avwap(parts, *words).code for words in steps]
    assert whole == avwap(parts, *dated("close", "SIM", NEXT), "--json").body["seal"]


def test_deciding_before_the_morning_was_opened_says_what_to_run(home: Path) -> None:
    said = unchanged(home, 3, "MISSING", *dated("decide", "SIM", NEXT))
    assert f"avwap day --book SIM --date {NEXT}" in said.err


def test_a_revision_is_asked_for_with_who_and_why(home: Path) -> None:
    asked = dated("decide", "SIM", SEALED)
    unchanged(home, 2, "USAGE", *asked, "--revise", "--operator", "jo", "--reason", " ")
    unchanged(home, 2, "USAGE", *asked, "--reason", "three a day")
    said = unchanged(
        home, 3, "REVISION_TOO_LATE", *asked, "--revise", "--operator", "jo", "--reason", "three"
    )
    assert "avwap kill on --book SIM" in said.err


def test_a_revision_tells_the_new_file_and_what_comes_next_and_show_names_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTFOLIO_DECISION_ENFORCE", "1")
    assert 0 == avwap(home, *dated("premarket", "SIM", NEXT)).code
    words = ("--revise", "--operator", "jo", "--reason", "smaller in this market")
    first = home / f"ledger/SIM/{NEXT}/decisions.json"
    assert "" == avwap(None, "show", str(first)).err
    monkeypatch.setenv("E2_REGIME_RISK_MODULATION", "1")
    said = avwap(home, *dated("decide", "SIM", NEXT), *words)
    assert (0, "") == (said.code, said.err)
    assert (
        f"next      avwap enforce --book SIM --date {NEXT} --revise: until then nothing is entered"
        in said.out
    )
    assert f"revised   SIM/{NEXT}/decisions.r2.json" in said.out
    body = avwap(home, *dated("enforce", "SIM", NEXT), *words, "--json").body
    revised, message = body["wrote"]
    assert (f"SIM/{NEXT}/enforcement.r2.json", "revised") == (revised["path"], revised["status"])
    assert ("SIM/outbox.jsonl", "written") == (message["path"], message["status"])
    assert "enforcement.r2.json" in (home / "ledger/SIM/outbox.jsonl").read_text().splitlines()[-1]
    later = str(first.with_name("decisions.r2.json"))
    assert f"{later} supersedes this file" in avwap(None, "show", str(first)).err
    assert later == avwap(None, "show", str(first), "--json").body["superseded_by"]
    assert "superseded_by" not in avwap(None, "show", later, "--json").body


def test_a_digest_stays_on_one_line_also_in_a_narrow_pipe(home: Path) -> None:
    line = avwap(home, "config", "check").out.splitlines()[-1]
    assert 64 == len(line.split()[-1])


def test_why_tells_a_symbol_that_the_scan_kept_in_one_line_only(home: Path) -> None:
    scan = json.loads((home / "ledger" / "SIM" / str(SEALED) / "scan.json").read_text())
    group = next(each for each in scan["others"] if each["symbols"])
    body = avwap(home, "why", "--book", "SIM", "--date", str(SEALED), group["symbols"][0], "--json").body
    assert f"rejected by the scan: {', '.join(group['codes'])}" == body["verdict"]
    assert "Gates of the scan" in [section["title"] for section in body["sections"]]


def test_why_tells_one_symbol_stage_by_stage(home: Path) -> None:
    body = avwap(home, *dated("why", "SIM", SEALED), "--json").body
    titles = [section["title"] for section in body["sections"]]
    assert "SPY" == body["symbol"]
    assert "Gates of the scan" in titles
