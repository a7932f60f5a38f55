"""The ranked part of a scan leaves the house in three forms: rows for a table, a CSV file, a TradingView list."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from schemas.base import SessionDate
from schemas.scan import AnchorRow, Scan, ScanRow, ScanVerdict

PERCENT: Final = Decimal("0.0001")
"""One basis point: a unit risk in percent has two decimals."""
CSV_COLUMNS: Final = (
    "session_date",
    "data_session",
    "rank",
    "symbol",
    "tier",
    "trend_score",
    "anchor",
    "anchor_date",
    "avwap",
    "distance",
    "confluence",
    "close",
    "level",
    "entry_ref",
    "limit_cap",
    "stop",
    "unit_risk_fraction",
    "r1",
    "r2",
    "adv_shares20",
    "adv_usd20",
    "sector",
    "labels",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One code of the scan: symbols that it turned away first, and symbols that carry it at all."""

    code: str
    first: int
    carried: int


def ranked(scan: Scan) -> tuple[ScanRow, ...]:
    """Rows that passed every gate, by rank; those beyond the cap too."""
    return tuple(sorted((row for row in scan.rows if "rank" in row), key=lambda row: row["rank"]))


def candidate_symbols(scan: Scan) -> tuple[str, ...]:
    """The candidates, rank 1 first."""
    return tuple(row["symbol"] for row in ranked(scan) if row["verdict"] is ScanVerdict.CANDIDATE)


def chosen_anchor(row: ScanRow) -> AnchorRow | None:
    """The anchor that carries the plan."""
    return next((each for each in row["anchors"] if each["a"] == row.get("chosen")), None)


def unit_risk(row: ScanRow) -> Decimal | None:
    """(entry_ref - stop)/entry_ref at basis points; ``None`` without levels."""
    levels = row.get("levels")
    if levels is None:
        return None
    entry = Decimal(levels["entry_ref"])
    return ((entry - Decimal(levels["stop"])) / entry).quantize(PERCENT)


def words(row: ScanRow) -> tuple[str, ...]:
    """The setup labels of a row: of the chosen line, of the latest gap, of the averages."""
    labels = row["labels"]
    return (*labels.get("chosen", ()), *filter(None, (labels.get("gap_reset"),)), labels["structure"])


def rejections(scan: Scan) -> tuple[Rejection, ...]:
    """Every code that turned a symbol away, most frequent first by what it turned away before any other."""
    judged = Counter(tuple(row["codes"]) for row in scan.rows if row["verdict"] == ScanVerdict.REJECTED)
    for group in scan.others:
        judged[tuple(group["codes"])] += len(group["symbols"])
    first: Counter[str] = Counter()
    carried: Counter[str] = Counter()
    for codes, count in judged.items():
        first[codes[0]] += count
        for code in codes:
            carried[code] += count
    order = sorted(carried, key=lambda code: (-first[code], -carried[code], code))
    return tuple(Rejection(code=code, first=first[code], carried=carried[code]) for code in order)


def top_rows(scan: Scan, most: int) -> list[dict[str, str]]:
    """The best *most* rows as text for a table, rank 1 first."""
    return [_shown(row) for row in ranked(scan)[:most]]


def _shown(row: ScanRow) -> dict[str, str]:
    anchor, risk = chosen_anchor(row), unit_risk(row)
    levels = row.get("levels")
    score = row["features"]["trend_score"]
    prices = {
        name: "-" if levels is None else f"{Decimal(levels[name]):.2f}" for name in ("stop", "r1", "r2")
    }
    return {
        "rank": str(row["rank"]),
        "symbol": row["symbol"],
        "tier": row.get("tier", "-"),
        "score": "-" if score is None else f"{score:.2f}",
        "anchor": row.get("chosen", "-"),
        "since": "-" if anchor is None else str(anchor["on"]),
        "distance": "-" if anchor is None or anchor["d"] is None else f"{anchor['d']:.2%}",
        "confl": str(row.get("confluence", "-")),
        "entry": "-" if levels is None else f"{Decimal(levels['entry_ref']):.2f}",
        "stop": prices["stop"],
        "risk": "-" if risk is None else f"{risk:.2%}",
        "r1": prices["r1"],
        "r2": prices["r2"],
        "labels": ", ".join(words(row)),
    }


def candidates_csv(scan: Scan, session: SessionDate) -> str:
    """The candidates as CSV, rank 1 first, under ``CSV_COLUMNS``.

    Prices and volumes are spelled as in ``scan.json``, fractions as fractions (0.0123 is 1.23 %), a value that
    does not exist is empty. Lines end in a newline.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in ranked(scan):
        if row["verdict"] is ScanVerdict.CANDIDATE:
            cells = {"session_date": session, "data_session": scan.data_session, **_cells(row)}
            writer.writerow(["" if cells[name] is None else str(cells[name]) for name in CSV_COLUMNS])
    return out.getvalue()


def _cells(row: ScanRow) -> dict[str, object]:
    anchor, levels, features = chosen_anchor(row), row.get("levels"), row["features"]
    names = ("level", "entry_ref", "limit_cap", "stop", "r1", "r2")
    return {
        "rank": row["rank"],
        "symbol": row["symbol"],
        "tier": row.get("tier"),
        "trend_score": features["trend_score"],
        "anchor": row.get("chosen"),
        "anchor_date": None if anchor is None else anchor["on"],
        "avwap": None if anchor is None else _plain(anchor["v"]),
        "distance": None if anchor is None else _plain(anchor["d"]),
        "confluence": row.get("confluence"),
        "close": features["close"],
        **{name: None if levels is None else levels[name] for name in names},  # type: ignore[literal-required]
        "unit_risk_fraction": unit_risk(row),
        "adv_shares20": _plain(features["adv_shares20"], 2),
        "adv_usd20": _plain(features["adv_usd20"], 2),
        "sector": row.get("sector"),
        "labels": " ".join(words(row)),
    }


def _plain(value: float | None, scale: int = 6) -> str | None:
    """A measure without an exponent: 1e-06 is no number to every spreadsheet."""
    return None if value is None else f"{value:.{scale}f}"


def watchlist(symbols: Sequence[str], session: SessionDate) -> str:
    """A list that TradingView imports: one section named after the session, then the symbols in rank order.

    Bars here carry no exchange, so symbols are bare and TradingView takes the primary listing. A preferred or
    class share is spelled with a dot there.
    """
    named = (symbol.replace("-", ".").replace("/", ".") for symbol in symbols)
    return ",".join([f"###AVWAP {session}", *named]) + "\n"
