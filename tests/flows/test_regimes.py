"""Each past close is labelled once, as its morning did, and what was written stays as it was."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from flows.day import open_day
from flows.house import House
from flows.overlay import Overlay
from flows.regimes import label, sessions_of
from flows.settings import load
from flows.stages import premarket
from ledger import layout
from ledger.faulty import FaultyDisk, SimulatedCrash
from market.calendar import Calendar
from market.rows import Rows
from market.synthetic import SyntheticMarket, generate
from schemas.base import SessionDate
from schemas.regime import RegimeRecord, RegimeStatus
from tests.flows.worlds import avwap, copy, refused

BARS = (date(2014, 10, 1), date(2016, 6, 30))
FIRST, LAST = date(2016, 5, 2), date(2016, 5, 20)
"""15 sessions."""
SPAN = ("--from", str(FIRST), "--to", str(LAST))
LOG = f"ledger/{layout.regime_log()}"


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return generate(11, 60, *BARS, Calendar(2013, 2018))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, market: SyntheticMarket) -> Path:
    """Sixty names over two years; only read."""
    home = tmp_path_factory.mktemp("regimes") / "home"
    install(home, market.rows, market)
    return home


@pytest.fixture
def home(filled: Path, tmp_path: Path) -> Path:
    return copy(filled, tmp_path / "home")


def install(home: Path, rows: Rows, market: SyntheticMarket) -> House:
    house = opened(home)
    house.root.mkdir(parents=True, exist_ok=True)
    SyntheticMarket(rows=rows, actions=market.actions).install(house.store)
    return opened(home)


def opened(home: Path) -> House:
    return House(load(home))


def labelled(house: House, first: date = FIRST, last: date = LAST) -> tuple[RegimeRecord, ...]:
    return label(house, sessions_of(house, first, last), "SPY", lambda done, what: None).records


def log(home: Path) -> bytes:
    return (home / LOG).read_bytes()


def test_a_second_run_writes_nothing_and_says_the_same(home: Path) -> None:
    first = avwap(home, "regime", *SPAN, "--json").body
    assert (15, 15) == (first["sessions"], first["added"])
    assert 15 == sum(first["counts"].values()) == sum(run["sessions"] for run in first["runs"])
    written = log(home)
    assert 15 == written.count(b"\n")
    again = avwap(home, "regime", *SPAN, "--json").body
    assert {**first, "added": 0} == again
    assert written == log(home)


def mornings(house: House) -> Iterator[tuple[SessionDate, dict[str, Any]]]:
    """(close, regime.json of the morning after it), as the stage of the simulated book writes it."""
    for close in sessions_of(house, FIRST, LAST):
        morning = open_day(
            house.with_disk(Overlay(house.disk, "SIM", lambda name: True)), "SIM", house.calendar.next(close)
        )
        premarket.market(morning)
        premarket.regime(morning)
        yield close, json.loads(morning.house.disk.read(morning.path("regime.json")))


def test_every_label_is_that_of_the_morning_after_to_the_last_digit(home: Path) -> None:
    house = opened(home)
    kept = {record.regime.data_session: record for record in labelled(house)}
    for close, morning in mornings(house):
        record = json.loads(kept[close].model_dump_json())
        assert record["session_date"] == morning["session_date"]
        assert record["regime"] == {key: morning[key] for key in record["regime"]}
    assert {RegimeStatus.MEASURED} == {record.regime.status for record in kept.values()}


def test_bars_of_later_sessions_change_no_earlier_label(tmp_path: Path, market: SyntheticMarket) -> None:
    days = market.rows.day - market.rows.day.min()
    cut = date(2016, 5, 12)
    early = market.rows.take(days <= (cut - BARS[0]).days).compact()
    home = tmp_path / "home"
    house = install(home, early, market)
    before = labelled(house)
    assert cut == before[-1].regime.data_session
    short = log(home)
    after = labelled(install(home, market.rows, market))
    assert before == after[: len(before)]
    assert log(home).startswith(short)
    assert len(after) == log(home).count(b"\n") == 15


def test_a_bar_told_otherwise_later_makes_a_new_line_beside_the_old_from_that_morning_on(
    home: Path, market: SyntheticMarket
) -> None:
    before = labelled(opened(home))
    whole = log(home)
    spy, day = market.rows.symbols.index("SPY"), (date(2016, 3, 1) - date(1970, 1, 1)).days
    changed = market.rows.take((market.rows.code == spy) & (market.rows.day == day))
    changed.values[3] += 500  # five cents on the close
    house = opened(home)
    house.store.append_bars(changed, "told again", known_at=datetime(2016, 5, 11, 12, tzinfo=UTC))
    after = labelled(opened(home))
    assert log(home).startswith(whole)
    moved = [b.regime.data_session for b, a in zip(before, after, strict=True) if b.id != a.id]
    # Known on 11 May before 08:30 in New York: the label of the 10th is the first whose morning knew it.
    assert [s for s in (r.regime.data_session for r in before) if s >= date(2016, 5, 10)] == moved
    assert 15 + len(moved) == log(home).count(b"\n")


def test_other_thresholds_are_other_lines_and_a_limit_of_a_book_is_none(home: Path) -> None:
    labelled(opened(home))
    (home / "avwap.toml").write_text("[regime]\nvol_high = 0.31\n")
    assert 15 == avwap(home, "regime", *SPAN, "--json").body["added"]
    (home / "avwap.toml").write_text("[regime]\nvol_high = 0.31\n[snapshot]\n[scan]\nhistory_bars_min = 90\n")
    assert 0 == avwap(home, "regime", *SPAN, "--json").body["added"]


def test_a_torn_last_line_is_set_aside_and_written_anew(home: Path) -> None:
    labelled(opened(home))
    whole = log(home)
    (home / LOG).write_bytes(whole[:-30])
    torn = len(whole[:-30]) - whole[:-30].rfind(b"\n") - 1
    said = avwap(home, "regime", *SPAN, "--json").body
    assert (1, torn) == (said["added"], said["torn_bytes_set_aside"])
    assert whole == log(home)
    assert whole[-torn - 30 : -30] + b"\n" == (home / LOG).with_suffix(".torn").read_bytes()


def test_dying_at_any_step_of_the_write_loses_no_line_and_doubles_none(home: Path) -> None:
    house = opened(home)
    span = (date(2016, 5, 18), LAST)
    labelled(house, *span)
    whole = log(home)
    path = home / LOG
    path.unlink()
    counted = FaultyDisk(house.root)
    labelled(house.with_disk(counted), *span)
    for step in range(1, counted.steps + 1):
        path.unlink()
        with pytest.raises(SimulatedCrash):
            labelled(house.with_disk(FaultyDisk(house.root, crash_at=step)), *span)
        labelled(house, *span)
        assert whole == log(home), step


def test_a_line_that_is_none_of_ours_stops_the_command_before_it_writes(home: Path) -> None:
    labelled(opened(home))
    lines = log(home).splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"session_date"', b'"season_date"')
    (home / LOG).write_bytes(b"".join(lines))
    said = avwap(home, "regime", *SPAN)
    refused(said, 4, "CORRUPT", "corrupt")
    assert "MARKET/regime.jsonl line 4" in said.err
    assert b"".join(lines) == log(home)


def test_only_one_command_writes_at_a_time(home: Path) -> None:
    with FileLock(home / "ledger/MARKET/regime.lock"):
        refused(avwap(home, "regime", *SPAN), 3, "STORE_BUSY", "refused")
    assert not (home / LOG).exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "2016-05-20", "--to", "2016-05-02"), "no session between 2016-05-20 and 2016-05-02"),
        (("--from", "2018-05-02", "--to", "2018-05-20"), "its last bar is of 2016-06-30"),
        ((*SPAN, "--benchmark", "^SPX"), "the store holds no bar of it"),
        ((*SPAN, "--out", "regime.gif"), "ends in .svg or .png"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(
    home: Path, words: tuple[str, ...], told: str
) -> None:
    said = avwap(home, "regime", *words)
    refused(said, 2, "USAGE", "usage")
    assert told in said.err
    assert not (home / LOG).exists()


def test_a_range_past_the_last_bar_ends_with_it(home: Path) -> None:
    said = avwap(home, "regime", "--from", "2016-06-29", "--to", "2016-12-30", "--json").body
    assert (2, "2016-06-30") == (said["sessions"], said["to"])


def test_the_table_and_the_drawing_are_there_for_a_person(home: Path, tmp_path: Path) -> None:
    drawing = tmp_path / "regime.svg"
    said = avwap(home, "regime", *SPAN, "--out", str(drawing), "--benchmark", "SPY")
    assert 0 == said.code, said.err
    assert drawing.read_bytes().startswith(b"<?xml")
