"""``avwap data check`` judges a file without importing it, and ``acknowledge`` lets one finding pass by name."""

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.house import House
from flows.settings import Settings
from ledger.canonical import artifact_bytes, parse_canonical, plain
from market.calendar import Calendar
from schemas.check import CheckReport
from tests.flows.worlds import NEXT, SEALED, avwap, dated, tree, unchanged
from tests.market.worlds import Row, rows_of, steady

FIRST, LAST = date(2016, 1, 4), date(2016, 3, 31)
HEADER = ("symbol", "date", "open", "high", "low", "close", "volume")


def market() -> dict[str, list[Row]]:
    """Twenty good names, three of which a careless reader turns into something else."""
    days = Calendar(2014, 2017).sessions(FIRST, LAST)
    names = ["NAN", "TRUE", "ON", "SPY", *(f"N{at:02d}" for at in range(17))]
    return {name: steady(name, days, close=40.0 + at) for at, name in enumerate(names)}


def written(at: Path, world: dict[str, list[Row]]) -> Path:
    with at.open("w", newline="") as handle:
        csv.writer(handle).writerows([HEADER, *(row for rows in world.values() for row in rows)])
    return at


def spiked(rows: list[Row], at: int) -> list[Row]:
    at %= len(rows)
    symbol, day, o, h, low, c, v = rows[at]
    assert h is not None
    return [*rows[:at], (symbol, day, o, h * 2, low, c, v), *rows[at + 1 :]]


def report(body: dict[str, Any]) -> CheckReport:
    """The report that a command says it wrote; both files are there, and the JSON one is canonical."""
    machine, person = map(Path, body["wrote"])
    assert person.read_text().startswith(f"# Check of {body['subject']}")
    data = machine.read_bytes()
    made = CheckReport.model_validate(parse_canonical(data))
    assert artifact_bytes(plain(made)) == data
    return made


def test_a_good_file_is_judged_on_every_morning_and_nothing_but_the_report_is_left(tmp_path: Path) -> None:
    file = written(tmp_path / "good.csv", market())
    said = avwap(tmp_path / "home", "data", "check", str(file), "--json")
    made = report(said.body)
    days = Calendar(2014, 2017).sessions(FIRST, LAST)
    assert (0, len(days), 21, FIRST, LAST) == (said.code, made.mornings, made.symbols, made.first, made.last)
    assert ((), (), ()) == (made.codes, made.days, made.set_aside)
    assert ["ledger/MARKET/checks"] == sorted({str(Path(name).parent) for name in tree(tmp_path / "home")})


def test_a_defect_is_told_with_its_symbol_its_session_and_how_long_it_counts(tmp_path: Path) -> None:
    world = market()
    world["NAN"] = spiked(world["NAN"], -30)
    file = written(tmp_path / "bad.csv", world)
    made = report(avwap(tmp_path / "home", "data", "check", str(file), "--json").body)
    (code,) = made.codes
    (row,) = made.found
    days = Calendar(2014, 2017).sessions(FIRST, LAST)
    assert ("BARS_SPIKE", "Q", 1, 20, 20) == (code.code, code.effect, code.symbols, code.mornings, code.times)
    assert ("NAN", days[-30], days[-29]) == (row.symbol, row.latest, row.first)
    assert (row,) == code.examples


def test_a_file_with_a_bad_morning_exits_3_and_names_it(tmp_path: Path) -> None:
    world = {name: [row for row in rows if row[1] != LAST] for name, rows in market().items()}
    world["SPY"] = market()["SPY"]
    said = avwap(tmp_path / "home", "data", "check", str(written(tmp_path / "short.csv", world)), "--json")
    made = report(said.body)
    assert 3 == said.code
    assert [date(2016, 4, 1)] == [day.session_date for day in made.days]
    codes = [finding.code for finding in made.days[0].findings]
    assert ["DAY_CALENDAR_DISAGREEMENT", "DAY_COVERAGE_LOW", "DAY_QUARANTINE_HIGH"] == codes
    assert (
        "1 of 61 mornings are BLOCKED"
        in avwap(tmp_path / "home", "data", "check", str(tmp_path / "short.csv")).out
    )


def test_told_actions_excuse_a_split_of_the_file(tmp_path: Path) -> None:
    world = market()
    halves = [tuple(x / 2 if 2 <= at <= 5 else x for at, x in enumerate(row)) for row in world["ON"][-10:]]  # type: ignore[operator]
    world["ON"] = [*world["ON"][:-10], *halves]  # type: ignore[list-item]
    file = written(tmp_path / "split.csv", world)
    told = tmp_path / "actions.csv"
    told.write_text(f"symbol,ex_date,kind,ratio_num,ratio_den\nON,{world['ON'][-10][1]},split,2,1\n")
    untold = report(avwap(tmp_path / "home", "data", "check", str(file), "--json").body)
    assert {"BARS_SPLIT_RESIDUE"} <= {row.code for row in untold.found if row.symbol == "ON"}
    words = ("data", "check", str(file), "--actions", str(told), "--out", str(tmp_path / "out"), "--json")
    made = report(avwap(tmp_path / "home", *words).body)
    assert () == made.found
    assert 2 == len(list((tmp_path / "out").iterdir()))


def test_a_check_says_the_same_bytes_twice(tmp_path: Path) -> None:
    world = market()
    world["N03"] = spiked(world["N03"], -3)
    file = written(tmp_path / "a.csv", world)
    first = Path(avwap(tmp_path / "a", "data", "check", str(file), "--json").body["wrote"][0]).read_bytes()
    assert (
        first
        == Path(avwap(tmp_path / "b", "data", "check", str(file), "--json").body["wrote"][0]).read_bytes()
    )


def test_a_session_is_judged_by_its_date_alone_or_by_the_option(home: Path) -> None:
    one = avwap(home, "data", "check", str(NEXT), "--json")
    assert one.body == avwap(home, "data", "check", "--date", str(NEXT), "--json").body
    assert (0, 1, SEALED) == (one.code, report(one.body).mornings, report(one.body).last)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nowhere.csv",), "USAGE"),
        ((), "USAGE"),
        ((str(NEXT), "--date", str(NEXT)), "USAGE"),
        (("2016-03-12",), "NOT_A_SESSION"),
        ((str(NEXT), "--actions", "{old}"), "USAGE"),
        (("{old}", "--out", "{old}"), "USAGE"),
        (("{old}", "--actions", "nowhere.csv"), "IMPORT_UNREADABLE"),
        (("{empty}",), "IMPORT_UNREADABLE"),
        (("{columns}",), "IMPORT_COLUMNS"),
        (("{old}",), "CALENDAR_OUT_OF_RANGE"),
    ],
    ids=[
        "no-file",
        "nothing",
        "both",
        "no-session",
        "actions-of-a-session",
        "out-is-a-file",
        "no-actions",
        "no-row",
        "columns",
        "too-old",
    ],
)
def test_what_cannot_be_judged_is_refused_and_writes_nothing(
    home: Path, tmp_path: Path, words: tuple[str, ...], code: str
) -> None:
    head = ",".join(HEADER)
    texts = {"empty": f"{head}\n", "columns": "a,b\n1,2\n", "old": f"{head}\nAAA,1990-09-04,1,1,1,1,1\n"}
    for name, text in texts.items():
        (tmp_path / f"{name}.csv").write_text(text)
    files = {name: str(tmp_path / f"{name}.csv") for name in texts}
    unchanged(home, 2, code, "data", "check", *(word.format(**files) for word in words))


# --- acknowledge ---------------------------------------------------------------------------------------

WORDS = ("--book", "SIM", "--date", str(NEXT), "--who", "jo", "--why", "traded there")


@pytest.fixture
def bad(home: Path) -> Path:
    """The home, with one more name whose last bar has a spike."""
    house = House(Settings(home=home))
    rows = spiked(steady("ODDX", house.calendar.sessions(FIRST, SEALED), close=60.0), -1)
    house.store.append_bars(rows_of(rows), "by hand")
    return home


def carried(home: Path) -> list[str]:
    market = json.loads((home / f"ledger/SIM/{NEXT}/observations/market.json").read_text())
    return [code for group in market["quarantined"] if "ODDX" in group["symbols"] for code in group["codes"]]


def test_an_acknowledged_finding_passes_and_the_day_replays_without_the_live_record(bad: Path) -> None:
    said = avwap(bad, "data", "acknowledge", "ODDX", "BARS_SPIKE", *WORDS, "--json")
    assert (0, "written") == (said.code, said.body["status"])
    again = avwap(bad, "data", "acknowledge", "ODDX", "BARS_SPIKE", *WORDS, "--json")
    assert (0, "there already") == (again.code, again.body["status"])
    assert 0 == avwap(bad, *dated("day", "SIM", NEXT)).code
    seen = json.loads((bad / f"ledger/SIM/{NEXT}/observations/acknowledged.json").read_text())
    assert [("ODDX", "BARS_SPIKE", "jo", "traded there")] == [
        (each["symbol"], each["code"], each["operator"], each["reason"]) for each in seen["acknowledged"]
    ]
    market = json.loads((bad / f"ledger/SIM/{NEXT}/observations/market.json").read_text())
    assert [("ODDX", "acknowledged by jo: traded there")] == [
        (f["subject"], f["detail"]) for f in market["lifted"]
    ]
    assert [] == carried(bad)
    (bad / "ledger" / said.body["path"]).unlink()
    assert 0 == avwap(bad, *dated("replay", "SIM", NEXT)).code
    assert "BARS_SPIKE" not in avwap(bad, "why", "--book", "SIM", "--date", str(NEXT), "ODDX").out


def test_without_an_acknowledgement_it_stays_out(bad: Path) -> None:
    assert 0 == avwap(bad, *dated("scan", "SIM", NEXT)).code
    assert ["BARS_SPIKE"] == carried(bad)


@pytest.mark.parametrize(
    ("symbol", "code", "words", "exit_code", "reason"),
    [
        ("ODDX", "DAY_STALE_FEED", WORDS, 2, "CODE_NOT_LIFTABLE"),
        ("ODDX", "BARS_ODD", WORDS, 2, "CODE_NOT_LIFTABLE"),
        ("ODDX", "BARS_FLAT", WORDS, 3, "NOTHING_TO_LIFT"),
        ("QQQ", "BARS_SPIKE", WORDS, 3, "NOTHING_TO_LIFT"),
        ("ODDX", "BARS_SPIKE", (*WORDS[:5], " ", *WORDS[6:]), 2, "USAGE"),
        ("ODDX", "BARS_SPIKE", ("--book", "SIM", "--date", str(SEALED), *WORDS[4:]), 3, "SESSION_ALREADY_JUDGED"),
        ("ODDX", "BARS_SPIKE", ("--book", "SIN", *WORDS[2:]), 2, "BOOK_UNKNOWN"),
        ("ODDX", "BARS_SPIKE", (*WORDS[:3], "2016-03-12", *WORDS[4:]), 2, "NOT_A_SESSION"),
    ],
    ids=["day", "unknown", "not-carried", "no-symbol", "nobody", "sealed", "book", "no-session"],
)  # fmt: skip
def test_an_acknowledgement_that_cannot_be_meant_is_refused(
    bad: Path, symbol: str, code: str, words: tuple[str, ...], exit_code: int, reason: str
) -> None:
    unchanged(bad, exit_code, reason, "data", "acknowledge", symbol, code, *words)


def test_a_morning_that_was_judged_is_not_changed_afterwards(bad: Path) -> None:
    assert 0 == avwap(bad, *dated("scan", "SIM", NEXT)).code
    unchanged(bad, 3, "SESSION_ALREADY_JUDGED", "data", "acknowledge", "ODDX", "BARS_SPIKE", *WORDS)


def test_a_record_that_is_none_stops_the_entries_and_no_exit(bad: Path) -> None:
    folder = bad / "ledger/SIM/control/acknowledged"
    folder.mkdir(parents=True)
    (folder / f"{NEXT}.ODDX.BARS_SPIKE.json").write_text("{}")
    said = avwap(bad, *dated("day", "SIM", NEXT), "--json")
    assert {"observe": "SCHEMA_INVALID"} == {
        step["stage"]: step["result"].split()[1].rstrip(":")
        for step in said.body["steps"]
        if "refused" in step["result"] and step["stage"] == "observe"
    }
    stops = json.loads((bad / f"ledger/SIM/{NEXT}/cycles/1600/stops.json").read_text())["positions"]
    assert [] == [row for row in stops if row["covered"] != row["quantity"]]
