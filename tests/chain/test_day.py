"""Entries fail closed and exits stay open: whatever is damaged, a held position leaves and nothing is entered."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from flows.day import Day, sealed
from flows.house import House
from flows.pipeline import Outcome, run_close, run_cycle, run_premarket
from flows.replay import replay
from flows.stages import slots
from flows.stages.opening import Session, open_session, resume_session
from flows.switch import throw
from flows.world import World, open_world
from ledger import layout
from ledger.canonical import artifact_bytes
from ledger.lock import BookLock
from market.calendar import EPOCH, Calendar
from market.rows import Rows
from schemas.reasons.ledger import LedgerCode
from schemas.reasons.market import DayCode
from tests.chain.days import BOOK, HELD_DAY, STOP_DAY, Ground, house_at, market_of, play
from tests.chain.law import differences, state_of
from tests.tracked import ROOT

NAMES: Final = (
    "candidates.json",
    "decisions.json",
    "enforcement.json",
    "scan.json",
    "observations/market.json",
    "observations/account.json",
)


def truncated(data: bytes) -> bytes | None:
    return data[: len(data) // 2]


def of_another_date(data: bytes) -> bytes | None:
    return artifact_bytes({**json.loads(data), "session_date": "2024-08-19"})


def of_another_book(data: bytes) -> bytes | None:
    return artifact_bytes({**json.loads(data), "book_id": "ALPACA_PAPER"})


def with_an_edited_byte(data: bytes) -> bytes | None:
    at = data.rindex(b"0")
    return data[:at] + b"1" + data[at + 1 :]


def missing(data: bytes) -> bytes | None:
    return None


DAMAGES: Final = (truncated, of_another_date, of_another_book, with_an_edited_byte, missing)


@pytest.fixture(scope="module")
def undisturbed(tiny_ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> dict[date, Day]:
    """The days as they are when nothing is wrong."""
    days = {}
    for on in (HELD_DAY, STOP_DAY):
        home = tiny_ground.fresh(tmp_path_factory.mktemp("undisturbed") / "home", on)
        assert 0 == play(tiny_ground.house(home), on).exit_code
        days[on] = day = tiny_ground.day(tiny_ground.house(home), on)
        assert entries_of(day)
        assert exits_of(day)
    assert ratchets_of(days[HELD_DAY])
    return days


def said(day: Day, event: str) -> list[dict[str, Any]]:
    """The day's journal records of *event*."""
    lines = day.house.disk.read(day.path(layout.JOURNAL)).splitlines()
    return [record for line in lines if (record := json.loads(line))["event"] == event]


def entries_of(day: Day) -> list[str]:
    """Symbols of the entries that were sent."""
    orders = [r["data"]["order"] for r in said(day, "order.submitting")]
    return [order["symbol"] for order in orders if order["leg"] == "E"]


def exits_of(day: Day) -> list[tuple[str, ...]]:
    """What was sold: symbol, quantity, price, reason."""
    fills = [r["data"] for r in said(day, "order.filled") if r["data"]["side"] == "sell"]
    return [tuple(fill[key] for key in ("symbol", "quantity", "price", "reason")) for fill in fills]


def ratchets_of(day: Day) -> list[tuple[str, ...]]:
    """Stops ratcheted of positions that the day began with."""
    opened = resume_session(day, None).carried
    held = {position.position_id for position in opened.positions}
    rows = [r["data"] for r in said(day, "stop.ratcheted") if r["data"]["position_id"] in held]
    return [tuple(row[key] for key in ("symbol", "stop_before", "stop_after")) for row in rows]


def assert_exits_and_no_entry(day: Day, undisturbed: Day) -> None:
    """What the day began with is left and protected as ever, and nothing is added to it."""
    assert [] == entries_of(day)
    assert exits_of(undisturbed) == exits_of(day)
    assert ratchets_of(undisturbed) == ratchets_of(day)
    held = state_of(day)
    stops = {order["position_id"]: order["quantity"] for order in held["orders"]}
    assert stops == {position["position_id"]: position["quantity"] for position in held["positions"]}


def damage(day: Day, name: str, how: Callable[[bytes], bytes | None]) -> None:
    """Damage a file of *day* behind everybody's back."""
    path = day.path(name)
    after = how(day.house.disk.read(path))
    if after is None:
        (day.house.root / path).unlink()
    else:
        day.house.disk.write(path, after)


def morning(house: House, day: Day) -> Outcome:
    """The premarket, as a process of its own."""
    world = open_world(house, BOOK)
    outcome = Outcome(day)
    run_premarket(day, world, open_session(day, world, None), outcome)
    return outcome


def cycles_and_close(house: House, day: Day) -> Outcome:
    """Each cycle and the close, by processes that know nothing of the morning but its files."""
    outcome = Outcome(day)
    for slot in slots.slots(day):
        run_cycle(day, *_doors(house, day), slot, outcome)
    run_close(day, *_doors(house, day), outcome)
    return outcome


def _doors(house: House, day: Day) -> tuple[World, Session]:
    return open_world(house, BOOK), resume_session(day, None)


def codes_told(day: Day) -> set[str]:
    """Every reason that the day's journal gives for an entry that was not made."""
    denied = {str(r["data"]["code"]) for r in said(day, "entry.denied")}
    return denied | {str(code) for r in said(day, "entries.blocked") for code in r["data"]["codes"]}


@pytest.mark.parametrize("how", DAMAGES, ids=lambda how: how.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_a_file_damaged_after_the_morning_stops_entries_and_no_exit(
    name: str,
    how: Callable[[bytes], bytes | None],
    tiny_ground: Ground,
    tmp_path: Path,
    undisturbed: dict[date, Day],
) -> None:
    house = tiny_ground.house(tiny_ground.fresh(tmp_path / "home", HELD_DAY))
    day = tiny_ground.day(house, HELD_DAY)
    assert [] == morning(house, day).refused
    damage(day, name, how)
    outcome = cycles_and_close(house, day)
    assert_exits_and_no_entry(day, undisturbed[HELD_DAY])
    told = codes_told(day)
    assert told, "nothing was said"
    prefix = "CANDIDATES_" if name == "scan.json" else "ENFORCEMENT_"
    assert {code for code in told if code.startswith(prefix)}
    if name in ("enforcement.json", "candidates.json") and how is not with_an_edited_byte:
        fault: dict[object, str] = {
            truncated: "CORRUPT",
            of_another_date: "DATE_MISMATCH",
            of_another_book: "BOOK_MISMATCH",
        }
        assert f"{name.removesuffix('.json').upper()}_{fault.get(how, 'MISSING')}" in told
    assert outcome.seal is not None, "the close was kept from its seal"


@pytest.mark.parametrize("how", DAMAGES[:-1], ids=lambda how: how.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_a_day_run_again_over_a_damaged_file_makes_no_entry_and_says_why(
    name: str,
    how: Callable[[bytes], bytes | None],
    tiny_ground: Ground,
    tmp_path: Path,
    undisturbed: dict[date, Day],
) -> None:
    house = tiny_ground.house(tiny_ground.fresh(tmp_path / "home", STOP_DAY))
    day = tiny_ground.day(house, STOP_DAY)
    morning(house, day)
    damage(day, name, how)
    damaged = house.disk.read(day.path(name))
    result = play(tiny_ground.house(tmp_path / "home"), STOP_DAY).results[-1]
    assert_exits_and_no_entry(day, undisturbed[STOP_DAY])
    assert result.outcome is not None
    refused = {step.stage: step.error for step in result.outcome.refused}
    assert refused, "nothing was said"
    assert result.exit_code in (3, 4)
    assert damaged == house.disk.read(day.path(name)), "the evidence was overwritten"


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_gone_is_made_again_and_the_day_is_the_undisturbed_one(
    name: str, tiny_ground: Ground, tmp_path: Path, undisturbed: dict[date, Day]
) -> None:
    house = tiny_ground.house(tiny_ground.fresh(tmp_path / "home", STOP_DAY))
    day = tiny_ground.day(house, STOP_DAY)
    morning(house, day)
    damage(day, name, missing)
    assert 0 == play(tiny_ground.house(tmp_path / "home"), STOP_DAY).exit_code
    assert [] == list(differences(undisturbed[STOP_DAY], day))


def by_environment(house: House) -> None:
    """Nothing to do on the disk: the process is started with the switch set."""


def by_file_of_the_book(house: House) -> None:
    house.disk.write(layout.control(BOOK, layout.KILL_SWITCH), b"")


def by_file_in_the_root(house: House) -> None:
    house.disk.write(layout.KILL_SWITCH, b"")


def by_journal(house: House) -> None:
    """Thrown between sessions; the file taken away by a hand that forgot the record."""
    throw(house, BOOK, True, "a tester", "drill")
    (house.root / layout.control(BOOK, layout.KILL_SWITCH)).unlink()


@pytest.mark.parametrize(
    ("code", "throws"),
    [
        ("KILL_SWITCH_ENV", by_environment),
        ("KILL_SWITCH_FILE", by_file_of_the_book),
        ("KILL_SWITCH_FILE", by_file_in_the_root),
        ("KILL_SWITCH_PERSISTED", by_journal),
    ],
)
def test_a_thrown_kill_switch_stops_entries_and_exits_go_on(
    code: str,
    throws: Callable[[House], None],
    tiny_ground: Ground,
    tmp_path: Path,
    undisturbed: dict[date, Day],
) -> None:
    home = tiny_ground.fresh(tmp_path / "home", HELD_DAY)
    throws(tiny_ground.house(home))
    house = tiny_ground.house(home, kill_switch=throws is by_environment)
    assert 0 == play(house, HELD_DAY).exit_code, "a switch is no fault"
    day = tiny_ground.day(house, HELD_DAY)
    assert_exits_and_no_entry(day, undisturbed[HELD_DAY])
    refused = json.loads(house.disk.read(day.path("enforcement.json")))["refused"]
    assert {code} == codes_told(day) | {row["code"] for row in refused}
    assert () == replay(tiny_ground.house(home), day).divergences


def test_a_kill_switch_thrown_during_the_session_stops_the_entries_authorised_before(
    tiny_ground: Ground, tmp_path: Path, undisturbed: dict[date, Day]
) -> None:
    house = tiny_ground.house(tiny_ground.fresh(tmp_path / "home", HELD_DAY))
    day = tiny_ground.day(house, HELD_DAY)
    morning(house, day)
    throw(house, BOOK, True, "a tester", "drill")
    assert cycles_and_close(house, day).seal is not None
    assert_exits_and_no_entry(day, undisturbed[HELD_DAY])
    assert {"KILL_SWITCH_FILE"} == codes_told(day)
    assert () == replay(house, day).divergences


def test_a_day_whose_bars_do_not_suffice_makes_no_intent_and_exits_run(
    tiny_ground: Ground, tmp_path: Path, undisturbed: dict[date, Day]
) -> None:
    def without_the_benchmark(rows: Rows, calendar: Calendar) -> Rows:
        spy = rows.code == rows.symbols.index("SPY")
        return rows.take(~(spy & (rows.day == calendar.previous(HELD_DAY).toordinal() - EPOCH)))

    market = market_of(tmp_path / "market", without_the_benchmark)
    house = house_at(market, tiny_ground.fresh(tmp_path / "home", HELD_DAY))
    play(house, HELD_DAY)
    day = tiny_ground.day(house, HELD_DAY)
    assert_exits_and_no_entry(day, undisturbed[HELD_DAY])
    seen = json.loads(house.disk.read(day.path("observations/market.json")))
    assert DayCode.DAY_BENCHMARK_BAD in {finding["code"] for finding in seen["findings"]}
    wished = json.loads(house.disk.read(day.path("candidates.json")))
    assert [] == wished["intents"]
    assert sealed(day) is not None


def test_missed_sessions_are_caught_up_without_entries_and_with_every_exit(
    tiny_ground: Ground, tmp_path: Path, undisturbed: dict[date, Day]
) -> None:
    house = tiny_ground.house(tiny_ground.fresh(tmp_path / "home", HELD_DAY))
    after = house.calendar.next(HELD_DAY)
    done = play(house, after)
    assert [HELD_DAY, after] == [result.day.session for result in done.results]
    assert 0 == done.exit_code
    missed = tiny_ground.day(house, HELD_DAY)
    assert_exits_and_no_entry(missed, undisturbed[HELD_DAY])
    assert {"ENFORCEMENT_MISSING", "CANDIDATES_MISSING"} == codes_told(missed)
    assert sealed(missed) is not None
    for on in (HELD_DAY, after):
        assert () == replay(house, tiny_ground.day(house, on)).divergences


def test_of_two_processes_on_one_book_one_acts_and_the_other_is_refused_at_once(
    tiny_ground: Ground, tmp_path: Path, undisturbed: dict[date, Day]
) -> None:
    home = tiny_ground.fresh(tmp_path / "home", STOP_DAY)
    shutil.copytree(tiny_ground.market.root / layout.MARKET, home / "ledger" / layout.MARKET)
    words = ["day", "--book", BOOK, "--date", str(STOP_DAY), "--home", str(home), "--json"]
    run = [sys.executable, "-c", "import sys; from flows.cli import main; main(sys.argv[1:])", *words]
    with BookLock(home / "ledger", BOOK).acquire("the first"):
        before = sorted((home / "ledger" / BOOK).rglob("*"))
        second = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
        assert 3 == second.returncode, second.stderr
        assert LedgerCode.LOCK_BUSY in second.stdout + second.stderr
        assert before == sorted((home / "ledger" / BOOK).rglob("*")), "the refused one touched the book"
    racers = [
        subprocess.Popen(run, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)
    ]
    for racer in racers:
        racer.communicate(timeout=100)
    codes = sorted(racer.returncode for racer in racers)
    # Whoever comes when the other is done finds the day sealed, recomputes it and ends with 0.
    assert codes in ([0, 3], [0, 0])
    assert sealed(undisturbed[STOP_DAY]) == sealed(tiny_ground.day(tiny_ground.house(home), STOP_DAY))
