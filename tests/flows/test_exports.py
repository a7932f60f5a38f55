"""A ranking reads the same in the window, in a spreadsheet and in TradingView, and an empty one says why."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from flows.console import fitting
from flows.day import open_day
from flows.exports import CSV_COLUMNS, candidates_csv, ranked, rejections, top_rows, watchlist
from flows.house import House
from flows.listing import GIVES_WAY
from flows.settings import load
from schemas.base import SessionDate
from schemas.scan import Scan
from tests.flows.worlds import NEXT, SEALED, avwap, refused, tree

SCANNED: Final = SessionDate(SEALED)
ODD = ("NAN", "TRUE", "ON", "NULL", "1E5", "BRK-B")


def scan_of(home: Path) -> Scan:
    house = House(load(home))
    return open_day(house, "SIM", SEALED).need("test", "scan.json", Scan).artifact


def renamed(scan: Scan, names: tuple[str, ...]) -> Scan:
    """*scan* with its best rows copied under *names*, all of them candidates."""
    best = ranked(scan)[0]
    rows: Any = [
        {**best, "symbol": name, "rank": k, "verdict": "CANDIDATE"} for k, name in enumerate(names, 1)
    ]
    return scan.model_validate({**scan.model_dump(), "rows": rows})


def test_the_csv_gives_back_what_scan_json_holds(ready: Path) -> None:
    scan = scan_of(ready)
    found = list(csv.DictReader(io.StringIO(candidates_csv(scan, SCANNED))))
    wanted = [row for row in ranked(scan) if row["verdict"] == "CANDIDATE"]
    assert len(wanted) == len(found) > 0
    assert list(CSV_COLUMNS) == list(found[0])
    for row, cells in zip(wanted, found, strict=True):
        assert (row["symbol"], str(row["rank"]), row["chosen"]) == (
            cells["symbol"],
            cells["rank"],
            cells["anchor"],
        )
        levels = row["levels"]
        assert {name: str(value) for name, value in levels.items()} == {name: cells[name] for name in levels}
        anchor = next(each for each in row["anchors"] if each["a"] == row["chosen"])
        assert (anchor["v"], anchor["d"]) == (float(cells["avwap"]), float(cells["distance"]))
        entry, stop = Decimal(levels["entry_ref"]), Decimal(levels["stop"])
        risk = (entry - stop) / entry
        assert abs(risk - Decimal(cells["unit_risk_fraction"])) <= Decimal("0.00005")


def test_odd_tickers_survive_a_reader_that_keeps_text(ready: Path) -> None:
    scan = renamed(scan_of(ready), ODD)
    text = candidates_csv(scan, SCANNED)
    assert list(ODD) == [row["symbol"] for row in csv.DictReader(io.StringIO(text))]
    assert list(ODD) == pl.read_csv(io.BytesIO(text.encode()), infer_schema=False)["symbol"].to_list()


def test_a_watch_list_is_one_section_in_rank_order() -> None:
    assert "###AVWAP 2016-03-09,NAN,TRUE,BRK.B\n" == watchlist(["NAN", "TRUE", "BRK-B"], SCANNED)
    assert "###AVWAP 2016-03-09\n" == watchlist([], SCANNED)


def test_rejections_count_every_symbol_once_by_its_first_code(ready: Path) -> None:
    scan = scan_of(ready)
    found = rejections(scan)
    turned_away = scan.counts.scanned - scan.counts.passed
    assert turned_away == sum(each.first for each in found)
    assert all(each.first <= each.carried <= turned_away for each in found)
    assert sorted(-each.first for each in found) == [-each.first for each in found]


@pytest.mark.parametrize("width", [20, 60, 80, 100, 200])
def test_no_table_is_wider_than_its_window_while_a_column_may_still_go(ready: Path, width: int) -> None:
    rows = top_rows(renamed(scan_of(ready), ODD), 20)
    kept, left = fitting(rows, width, GIVES_WAY)
    assert set(rows[0]) == set(kept[0]) | set(left)
    widths = [max(len(name), *(len(row[name]) for row in kept)) for name in kept[0]]
    assert sum(widths) + 2 * (len(widths) - 1) <= width or left == GIVES_WAY


def test_scan_lists_what_ranks_best_and_writes_both_files(home: Path, tmp_path: Path) -> None:
    before = tree(home)
    files = (tmp_path / "c.csv", tmp_path / "w.txt")
    words = (
        "scan",
        "--book",
        "SIM",
        "--date",
        str(SEALED),
        "--csv",
        str(files[0]),
        "--watchlist",
        str(files[1]),
    )
    said = avwap(home, *words, "--top", "2", "--json")
    assert 0 == said.code, said.err
    best = [row["symbol"] for row in ranked(scan_of(home))]
    assert best[:2] == [row["symbol"] for row in said.body["top"]]
    assert [str(each) for each in files] == said.body["saved"]
    assert {"verified"} == {each["status"] for each in said.body["wrote"]}
    assert f"###AVWAP {SEALED},{best[0]}" == files[1].read_text()[: len(f"###AVWAP {SEALED},{best[0]}")]
    assert candidates_csv(scan_of(home), SCANNED) == files[0].read_text()
    assert before == tree(home)
    told = avwap(home, *words)
    assert 0 == told.code, told.err
    assert best[0] in told.out
    assert "gate      market open" in told.out


def test_when_nothing_passes_the_codes_are_told_with_their_counts(home: Path) -> None:
    (home / "avwap.toml").write_text("[scan]\nprice_min = 1000000\n")
    said = avwap(home, "scan", "--book", "SIM", "--date", str(NEXT))
    assert 0 == said.code, said.err
    assert "None of 12 symbols passed" in said.out
    assert "PRICE_BELOW_MIN" in said.out
    body = avwap(home, "scan", "--book", "SIM", "--date", str(NEXT), "--json").body
    assert ([], 12) == (body["top"], sum(each["first"] for each in body["rejections"]))


def test_one_file_for_both_forms_is_refused(home: Path, tmp_path: Path) -> None:
    both = str(tmp_path / "x")
    said = avwap(home, "scan", "--book", "SIM", "--date", str(SEALED), "--csv", both, "--watchlist", both)
    refused(said, 2, "USAGE", "usage")
    assert not (tmp_path / "x").exists()


def test_a_folder_that_is_not_there_is_told(home: Path, tmp_path: Path) -> None:
    said = avwap(
        home, "scan", "--book", "SIM", "--date", str(SEALED), "--csv", str(tmp_path / "no/x.csv"), "--json"
    )
    assert (1, "FILE_UNREADABLE") == (said.code, json.loads(said.out)["error"])
