"""A chart is a view of one session's scan: the same bytes each time, no bar of later, and no trace in the ledger."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from analytics.symbol_chart import Picture
from flows.chart import picture
from flows.day import Day, open_day
from flows.house import House
from flows.settings import load
from tests.flows.worlds import NEXT, SEALED, avwap, refused, tree, unchanged


def day_of(home: Path, on: date = SEALED) -> Day:
    return open_day(House(load(home)), "SIM", on)


def rows_of(home: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((home / f"ledger/SIM/{SEALED}/scan.json").read_text())["rows"]
    return found


def test_every_line_ends_in_the_value_of_the_scan_and_every_level_is_its(ready: Path) -> None:
    day = day_of(ready)
    seen = 0
    for row in rows_of(ready):
        drawn = picture(day, row["symbol"], 120)
        lines = {line.name: line for line in drawn.lines}
        assert {each["a"]: each["v"] for each in row["anchors"]} == {
            name: line.values[-1] for name, line in lines.items() if line.anchor is not None
        }
        assert row["features"]["sma20"] == lines["sma20"].values[-1]
        assert row["features"]["sma50"] == lines["sma50"].values[-1]
        chosen = [row["chosen"]] if "chosen" in row else []
        assert chosen == [line.name for line in drawn.lines if line.weight == 2]
        named = {"entry": "entry_ref"}
        levels = row.get("levels", {})
        assert {name: float(levels[named.get(name, name)]) for name, _ in drawn.levels} == dict(drawn.levels)
        assert 5 * bool(levels) == len(drawn.levels)
        seen += len(lines)
    assert seen > 20, "charts without a line would prove nothing"


def test_a_chart_ends_at_p_and_holds_as_many_bars_as_asked_for(ready: Path) -> None:
    drawn = picture(day_of(ready), "SPY", 30)
    assert 30 == len(drawn.candles)
    assert date(2016, 3, 8) == drawn.candles[-1].on


def without_words(drawn: Picture) -> Picture:
    return replace(drawn, title="", under=())


def import_split(home: Path, ex: str, known_at: str) -> None:
    (home / "splits.csv").write_text(
        f"symbol,ex_date,kind,ratio_num,ratio_den,known_at\nSPY,{ex},split,2,1,{known_at}\n"
    )
    said = avwap(home, "data", "import", str(home / "splits.csv"), "--kind", "actions")
    assert 0 == said.code, said.err


def test_a_split_that_was_told_later_changes_nothing(home: Path) -> None:
    before = without_words(picture(day_of(home), "SPY", 120))
    import_split(home, "2016-05-02", "2016-04-01T12:00:00Z")
    assert before == without_words(picture(day_of(home), "SPY", 120))


def test_bars_before_a_split_are_drawn_on_the_basis_of_the_session(home: Path) -> None:
    before = {c.on: c for c in picture(day_of(home), "SPY", 120).candles}
    import_split(home, "2016-02-01", "2016-01-29T12:00:00Z")
    assert 0 == avwap(home, "scan", "--book", "SIM", "--date", str(NEXT)).code
    after = {c.on: c for c in picture(day_of(home, NEXT), "SPY", 120).candles}
    eve, ex = date(2016, 1, 29), date(2016, 2, 1)
    assert pytest.approx(before[eve].close / 2, abs=1e-4) == after[eve].close
    assert 2 * before[eve].volume == after[eve].volume
    assert (before[ex].close, before[ex].volume) == (after[ex].close, after[ex].volume)


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_a_chart_is_written_where_it_is_told_and_nowhere_else(home: Path, tmp_path: Path, kind: str) -> None:
    before = tree(home)
    files = [tmp_path / f"{n}.{kind}" for n in "ab"]
    for file in files:
        said = avwap(
            home, "chart", "--book", "SIM", "--date", str(SEALED), "spy", "--out", str(file), "--json"
        )
        assert (0, {"wrote": str(file)}) == (said.code, said.body), said.err
    assert files[0].read_bytes() == files[1].read_bytes()
    assert before == tree(home)
    assert 0 == avwap(home, "verify", "--book", "SIM").code


def test_by_default_the_drawing_lies_where_the_command_was_given(
    ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert 0 == avwap(ready, "chart", "--book", "SIM", "--date", str(SEALED), "SPY").code
    assert [f"SPY-{SEALED}.svg"] == [path.name for path in tmp_path.iterdir()]


def test_what_cannot_be_meant_is_refused_and_draws_nothing(home: Path, tmp_path: Path) -> None:
    words = ("chart", "--book", "SIM", "--date", str(SEALED))
    out = ("--out", str(tmp_path / "x.gif"))
    said = unchanged(home, 2, "USAGE", *words, "SPY", *out)
    assert "ends in .svg or .png" in said.err
    said = unchanged(home, 2, "SYMBOL_NOT_SCANNED", *words, "SPYY")
    assert "did you mean SPY" in said.err
    unchanged(home, 2, "SESSION_NOT_OPEN", "chart", "--book", "SIM", "--date", str(NEXT), "SPY")
    assert [] == list(tmp_path.glob("x.*"))


def test_bars_that_are_gone_are_not_replaced_by_others(home: Path, tmp_path: Path) -> None:
    path = home / f"ledger/SIM/{SEALED}/scan.json"
    scan = json.loads(path.read_text())
    path.write_text(path.read_text().replace(scan["data_version"], "0" * 20))
    out = ("--out", str(tmp_path / "x.svg"))
    said = avwap(home, "chart", "--book", "SIM", "--date", str(SEALED), "SPY", *out)
    refused(said, 3, "DAY_SNAPSHOT_CORRUPT", "refused")
    assert not (tmp_path / "x.svg").exists()
