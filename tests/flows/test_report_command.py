"""A page is where the command says it is, says what the ledger says, and can be made again byte for byte."""

from pathlib import Path
from re import findall

from tests.flows.worlds import SEALED, avwap

RANGE = ("report", "--book", "SIM", "--from", str(SEALED), "--to", str(SEALED))


def test_a_day_is_rendered_with_the_same_bytes_and_every_link_leads_to_a_file(ready: Path) -> None:
    first = avwap(ready, "report", "--book", "SIM", "--date", str(SEALED), "--json").body["wrote"]
    page = ready / "ledger" / first
    before = page.read_bytes()
    avwap(ready, "report", "--book", "SIM", "--date", str(SEALED))
    assert before == page.read_bytes()
    files = {link.split("#")[0] for link in findall(r'href="([^"]+)"', before.decode())}
    assert "snapshot.json" in files
    assert [] == [name for name in files if not (page.parent / name).is_file()]


def test_a_range_is_a_tear_sheet_beside_the_days_and_its_links_hold(ready: Path) -> None:
    page = ready / "ledger" / avwap(ready, *RANGE, "--json").body["wrote"]
    assert f"{SEALED}_{SEALED}.html" == page.name
    files = {link.split("#")[0] for link in findall(r'href="([^"]+)"', page.read_text())} - {""}
    assert f"../{SEALED}/snapshot.json" in files
    assert [] == [name for name in files if not (page.parent / name).is_file()]
    assert 0 == avwap(ready, "verify", "--book", "SIM").code


def test_text_is_printed_and_nothing_is_written(ready: Path) -> None:
    before = sorted(ready.rglob("*.html"))
    told = avwap(ready, *RANGE, "--text").out
    assert told.startswith(f"SIM {SEALED} to {SEALED}\n")
    assert "sharpe" in told
    assert before == sorted(ready.rglob("*.html"))


def test_what_is_asked_wrongly_is_refused_with_what_to_do(ready: Path) -> None:
    for words, more in (
        ("a session or a range is wanted", ()),
        ("a session or a range is wanted", ("--date", str(SEALED), "--from", str(SEALED))),
        ("before it begins", ("--from", "2016-06-02", "--to", "2016-06-01")),
        ("has no session", ("--from", "2031-01-02")),
        ("cannot both be printed", ("--date", str(SEALED), "--text", "--json")),
    ):
        said = avwap(ready, "report", "--book", "SIM", *more)
        assert 2 == said.code
        assert words in said.out + said.err
