"""A range runs twice beside the books of the house, touches none of them, and is put on one page."""

from pathlib import Path

import pytest

from tests.flows.worlds import SEALED, avwap, refused, tree

SPAN = ("--from", "2016-03-08", "--to", str(SEALED))


def test_both_runs_are_told_kept_and_leave_the_house_as_it_was(home: Path, tmp_path: Path) -> None:
    (home / "avwap.toml").write_text("[regime]\nbreadth_members_min = 5\n")  # twelve names have a label, too
    before = tree(home)
    page, kept = tmp_path / "modulation.html", tmp_path / "kept"
    said = avwap(home, "compare-modulation", *SPAN, "--out", str(page), "--keep", str(kept), "--json")
    assert 0 == said.code, said.err
    body = said.body
    assert {"regime.json": 2, "scan.json": 2, "candidates.json": 2} == body["alike"]
    assert ("2016-03-08", "2016-03-09", 2) == (body["from"], body["to"], body["sessions"])
    assert 2 == sum(row["sessions"] for row in body["by_label"])
    assert body["with"]["exposure_mean"] < body["without"]["exposure_mean"]
    assert body["lowered"]["intents"] > 0
    assert page.read_text().startswith("<!doctype html>")
    assert before == tree(home)

    decided = [kept / name / "ledger/SIM" / str(SEALED) / "decisions.json" for name in ("plain", "modulated")]
    assert [False, True] == [b'"modulation"' in path.read_bytes() for path in decided]
    again = avwap(home, "compare-modulation", *SPAN, "--out", str(page), "--keep", str(kept))
    refused(again, 2, "USAGE", "usage")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((*SPAN, "--out", "page.pdf"), "USAGE", "ends in .html"),
        ((*SPAN, "--out", "nowhere/page.html"), "USAGE", "in a folder that is there"),
        (("--from", "2016-03-09", "--to", "2016-03-08"), "NOT_A_SESSION", "ends before it begins"),
        (("--from", "2018-03-08", "--to", "2018-03-09"), "BARS_ABSENT_FOR_SESSION", "the store's last bar"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_no_page_is_written(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    said = avwap(home, "compare-modulation", *words)
    refused(said, 2, code, "usage")
    assert told in said.err
    assert [] == list(tmp_path.glob("*.html"))


def test_a_home_without_bars_says_so(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(avwap(empty, "compare-modulation", *SPAN), 2, "STORE_EMPTY", "usage")
    assert [] == list(empty.iterdir())
