"""A table of metrics with the date of each line answers for any day: of a symbol's lines, the latest by then.

Columns: symbol, as_of, and any of market_cap_usd, float_shares, listing. An empty cell is not known.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from market.feed import ReadFailed, Seen
from market.feeds.config import MetricsConfig
from market.metrics import Metrics
from market.tables import file_bytes, read_table
from schemas.errors import UsageFault
from schemas.observations import SymbolMetrics
from schemas.reasons.market import MetricsCode

NEEDED: Final = ("symbol", "as_of")
NUMBERS: Final = {"market_cap_usd": Decimal("0.000001"), "float_shares": Decimal(1)}


def provider(config: MetricsConfig) -> "FileMetrics":
    """The table that *config* names."""
    assert config.file is not None, "the configuration was checked"
    return FileMetrics(Path(config.file))


class FileMetrics:
    """``MetricsProvider`` of one file, read when it is asked."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def metrics(self, symbols: Sequence[str], on: date, now: datetime) -> Metrics:
        try:
            table = read_table(self._path, file_bytes(self._path), NEEDED, aliases={"ticker": "symbol"})
            lines = [_line(row) for row in table.to_pylist()]
        except UsageFault as error:
            return _unreadable(error.message)
        except (ValueError, InvalidOperation, ValidationError) as error:
            return _unreadable(f"{self._path.name}: {' '.join(str(error).split())[:200]}")
        wanted = frozenset(symbols)
        known = sorted((line for line in lines if line.symbol in wanted and line.as_of <= on), key=_age)
        latest = {line.symbol: line for line in known}
        return Seen(as_of=now, value=tuple(latest[symbol] for symbol in sorted(latest)))


def _age(line: SymbolMetrics) -> date:
    return line.as_of


def _line(row: dict[str, Any]) -> SymbolMetrics:
    told: dict[str, Any] = {
        "symbol": row["symbol"],
        "as_of": row["as_of"],
        "listing": row.get("listing") or None,
    }
    for name, step in NUMBERS.items():
        cell = row.get(name)
        if cell not in (None, ""):
            told[name] = Decimal(str(cell)).quantize(step, rounding=ROUND_HALF_EVEN)
    return SymbolMetrics.model_validate(told)


def _unreadable(why: str) -> ReadFailed:
    return ReadFailed(cause=f"{MetricsCode.METRICS_UNREADABLE}: {why}")
