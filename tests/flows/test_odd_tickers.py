"""NAN, TRUE and ON are symbols from the first reader to the last: no column of them becomes a number or a truth."""

import csv
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from market.calendar import EPOCH, Calendar
from market.synthetic import SyntheticMarket, tiny
from schemas.candidates import Candidates
from schemas.scan import Scan
from tests.flows.worlds import BARS, SEED, avwap, dated

MORNING: Final = date(2016, 3, 24)
"""A morning with three candidates."""
ODD: Final = ("NAN", "TRUE", "ON")
HEADER: Final = ("symbol", "date", "open", "high", "low", "close", "volume")
Line = tuple[str, date, Decimal, Decimal, Decimal, Decimal, int]


def lines(market: SyntheticMarket, names: Mapping[str, str]) -> list[Line]:
    """The market's bars as a file tells them, some symbols under other *names*."""
    rows = market.rows
    made: list[Line] = []
    for code, day, values in zip(rows.code.tolist(), rows.day.tolist(), rows.values.T.tolist(), strict=True):
        symbol = names.get(rows.symbols[code], rows.symbols[code])
        o, h, low, c = (Decimal(value).scaleb(-4) for value in values[:4])
        made.append((symbol, date.fromordinal(day + EPOCH), o, h, low, c, values[4]))
    return made


def as_csv(at: Path, rows: list[Line]) -> Path:
    with at.open("w", newline="") as handle:
        csv.writer(handle).writerows([HEADER, *rows])
    return at


def as_parquet(at: Path, rows: list[Line]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [
        [float(x) if isinstance(x, Decimal) else x for x in column] for column in zip(*rows, strict=True)
    ]
    pq.write_table(pa.table(dict(zip(HEADER, columns, strict=True))), at)
    return at


def splits(at: Path, market: SyntheticMarket, names: Mapping[str, str]) -> Path:
    told = [
        (names.get(a.symbol, a.symbol), a.ex_date, a.kind, a.ratio_num, a.ratio_den) for a in market.actions
    ]
    with at.open("w", newline="") as handle:
        csv.writer(handle).writerows([("symbol", "ex_date", "kind", "ratio_num", "ratio_den"), *told])
    return at


def bring(home: Path, bars: Path | None, actions: Path | None = None) -> None:
    """Import files as a person does."""
    if bars is not None:
        assert 0 == avwap(home, "data", "import", str(bars)).code
    if actions is not None:
        assert 0 == avwap(home, "data", "import", "--kind", "actions", str(actions)).code


def scanned(home: Path) -> tuple[list[str], list[str], set[str]]:
    """Of MORNING: the candidates by rank, the scan's full rows, and every symbol that it names."""
    assert 0 == avwap(home, *dated("scan", "SIM", MORNING)).code
    folder = home / f"ledger/SIM/{MORNING}"
    wished = json.loads((folder / "candidates.json").read_text())
    scan = json.loads((folder / "scan.json").read_text())
    ranked = sorted(wished["intents"], key=lambda intent: intent["rank"])
    full = [row["symbol"] for row in scan["rows"]]
    others = {symbol for group in scan["others"] for symbol in group["symbols"]}
    return [intent["symbol"] for intent in ranked], full, others | set(full)


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return tiny(SEED, *BARS, Calendar(2010, 2020))


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory, market: SyntheticMarket) -> tuple[Path, list[Line]]:
    """A home whose three candidates go by odd names: NAN came in a CSV file, TRUE and ON in a Parquet file."""
    at = tmp_path_factory.mktemp("odd")
    bring(at / "plain", as_csv(at / "plain.csv", lines(market, {})), splits(at / "s.csv", market, {}))
    wished, _, _ = scanned(at / "plain")
    names = dict(zip(sorted(wished), ODD, strict=True))
    rows, home = lines(market, names), at / "odd"
    bring(home, as_csv(at / "a.csv", [row for row in rows if row[0] not in ODD[1:]]))
    bring(home, as_parquet(at / "b.parquet", [row for row in rows if row[0] in ODD[1:]]))
    bring(home, None, splits(at / "t.csv", market, names))
    return home, rows


def test_they_are_scanned_wished_for_and_explained(odd: tuple[Path, list[Line]]) -> None:
    home, _ = odd
    wished, full, named = scanned(home)
    assert set(ODD) == set(wished)
    assert set(ODD) <= set(full)
    assert 12 == len(named)
    folder = home / f"ledger/SIM/{MORNING}"
    header = {
        "schema",
        "schema_version",
        "book_id",
        "session_date",
        "stage",
        "inputs",
        "config_sha256",
        "code_version",
    }
    for name, model in (("scan", Scan), ("candidates", Candidates)):
        body = json.loads((folder / f"{name}.json").read_text())
        read = model.model_validate({key: value for key, value in body.items() if key not in header})
        assert all(each in read.model_dump_json() for each in ODD)
    for symbol in ODD:
        said = avwap(home, "why", "--book", "SIM", "--date", str(MORNING), symbol, "--json")
        assert (0, symbol) == (said.code, said.body["symbol"])


def test_they_are_named_in_the_report_of_a_check(odd: tuple[Path, list[Line]], tmp_path: Path) -> None:
    home, rows = odd
    bad = [(*r[:3], r[3] * 2, *r[4:]) if r[0] in ODD and r[1] == BARS[1] else r for r in rows]
    for file in (as_csv(tmp_path / "bad.csv", bad), as_parquet(tmp_path / "bad.parquet", bad)):
        body = avwap(home, "data", "check", str(file), "--json").body
        found = json.loads(Path(body["wrote"][0]).read_text())["found"]
        assert set(ODD) == {row["symbol"] for row in found if row["code"] == "BARS_SPIKE"}
