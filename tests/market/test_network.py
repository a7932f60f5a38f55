"""U2 on both its sides: towards the network nothing moves while it is shut, towards membership nobody is lost."""

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from market.calendar import Calendar
from market.feed import ReadFailed, Seen
from market.feeds.config import MetricsConfig
from market.metrics import PROVIDERS, universe_metrics
from market.panel import load_panel
from schemas.base import SessionDate
from schemas.errors import Denied
from schemas.observations import MetricsObservation, SymbolMetrics
from schemas.reasons.scan import ScanCode, ScanInfo
from schemas.scan import Scan
from strategies.config import ScanConfig
from strategies.scan import ScanInputs
from strategies.scan import run as scan
from tests.market.worlds import steady, store_with

D = SessionDate(date(2016, 9, 1))
NOW = datetime(2016, 9, 1, 12, 30, tzinfo=UTC)
TABLE = """symbol,as_of,market_cap_usd,float_shares,listing
NAN,2016-08-01,5e8,1000000,XNAS
NAN,2016-08-31,2000000000,1500000.4,XNYS
NAN,2016-09-01,1,1,OTC
ON,2016-08-31,,,XNAS
AAA,2016-09-15,9e9,1,XNAS
"""


def table(folder: Path, text: str = TABLE) -> MetricsConfig:
    path = folder / "metrics.csv"
    path.write_text(text)
    return MetricsConfig(provider="file", file=str(path))


def nobody() -> Sequence[str]:
    raise AssertionError("symbols were gathered for a question that is not asked")


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in PROVIDERS.values():
        monkeypatch.delitem(sys.modules, module, raising=False)


# --- towards the network, closed ------------------------------------------------------------------


def test_a_shut_network_is_refused_before_the_provider_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, socket_disabled: Any
) -> None:
    forget(monkeypatch)
    for config in (MetricsConfig(), table(tmp_path)):
        told = universe_metrics(config, nobody, D, NOW, allow_network=False)
        assert isinstance(told, Denied)
        assert "UNIVERSE_NETWORK_DISALLOWED" == told.code
    assert [] == [module for module in PROVIDERS.values() if module in sys.modules]


def test_an_open_network_without_a_provider_asks_nobody(
    monkeypatch: pytest.MonkeyPatch, socket_disabled: Any
) -> None:
    forget(monkeypatch)
    assert universe_metrics(MetricsConfig(), nobody, D, NOW, allow_network=True) is None
    assert [] == [module for module in PROVIDERS.values() if module in sys.modules]


def test_a_provider_of_a_file_wants_its_file() -> None:
    with pytest.raises(ValueError, match="wants the path"):
        MetricsConfig(provider="file")


# --- the provider ---------------------------------------------------------------------------------


def test_of_a_symbols_lines_the_latest_by_the_day_answers(tmp_path: Path) -> None:
    seen = universe_metrics(
        table(tmp_path), lambda: ["AAA", "NAN", "ON", "SPY"], date(2016, 8, 31), NOW, allow_network=True
    )
    assert isinstance(seen, Seen)
    assert NOW == seen.as_of
    assert (
        SymbolMetrics(
            symbol="NAN",
            as_of=date(2016, 8, 31),
            market_cap_usd=Decimal(2_000_000_000),
            float_shares=Decimal(1_500_000),
            listing="XNYS",
        ),
        SymbolMetrics(symbol="ON", as_of=date(2016, 8, 31), listing="XNAS"),
    ) == seen.value


@pytest.mark.parametrize(
    "text",
    [
        "symbol,market_cap_usd\nNAN,5\n",
        "symbol,as_of,market_cap_usd\nNAN,2016-08-01,much\n",
        "symbol,as_of,market_cap_usd\nNAN,soon,5\n",
        "symbol,as_of,market_cap_usd\nnan,2016-08-01,5\n",
        "symbol,as_of,float_shares\nNAN,2016-08-01,inf\n",
    ],
)
def test_a_table_that_is_none_is_a_failed_read(tmp_path: Path, text: str) -> None:
    seen = universe_metrics(table(tmp_path, text), lambda: ["NAN"], D, NOW, allow_network=True)
    assert isinstance(seen, ReadFailed)
    assert seen.cause.startswith("METRICS_UNREADABLE: metrics.csv")


def test_a_table_that_is_not_there_is_a_failed_read(tmp_path: Path) -> None:
    config = MetricsConfig(provider="file", file=str(tmp_path / "absent.csv"))
    assert isinstance(universe_metrics(config, lambda: ["NAN"], D, NOW, allow_network=True), ReadFailed)


# --- towards membership, open ---------------------------------------------------------------------


def scanned(root: Path, calendar: Calendar, metrics: MetricsObservation | None, **thresholds: Any) -> Scan:
    sessions = list(calendar.sessions(date(2014, 1, 2), date(2016, 9, 7)))[-40:]
    store = store_with(root, [row for name in ("AAA", "BBB", "CCC", "DDD") for row in steady(name, sessions)])
    inputs = ScanInputs(
        panel=load_panel(store, calendar, D),
        quarantine={},
        warnings={},
        blocking=(),
        blocked_symbols=frozenset(),
        metrics=metrics,
    )
    return scan(inputs, ScanConfig().model_copy(update=thresholds))


def failed(found: Scan) -> set[str]:
    groups = (group for group in found.others if ScanCode.UNIVERSE_METRIC_FAILED in group["codes"])
    return {symbol for group in groups for symbol in group["symbols"]}


def infos(found: Scan) -> set[str]:
    return {finding.code for finding in found.info}


def told(symbol: str, **known: Any) -> SymbolMetrics:
    return SymbolMetrics(symbol=symbol, as_of=D, **known)


ANSWER = MetricsObservation(
    ok=True,
    as_of=NOW,
    provider="file",
    metrics=(
        told("AAA", market_cap_usd=Decimal(1000), float_shares=Decimal(10), listing="XNYS"),
        told("BBB", market_cap_usd=Decimal(999), float_shares=Decimal(11), listing="OTC"),
        told("CCC"),
    ),
)
"""Of DDD the provider knows nothing."""
ALL = {"market_cap_usd_min": Decimal(10**15), "float_shares_min": Decimal(10**12), "listings": ("XNYS",)}


def test_without_an_answer_nobody_is_removed_whatever_the_thresholds(
    tmp_path: Path, calendar: Calendar
) -> None:
    found = scanned(tmp_path, calendar, None, **ALL)
    assert set() == failed(found)
    assert ScanInfo.UNIVERSE_METRICS_SKIPPED in infos(found)


def test_a_provider_that_failed_removes_nobody_and_the_scan_says_why(
    tmp_path: Path, calendar: Calendar
) -> None:
    broken = MetricsObservation(ok=False, as_of=NOW, provider="file", metrics=(), cause="TIMEOUT")
    found = scanned(tmp_path, calendar, broken, **ALL)
    assert set() == failed(found)
    assert {"TIMEOUT"} == {f.detail for f in found.info if f.code == ScanInfo.UNIVERSE_METRICS_UNAVAILABLE}
    assert ScanInfo.UNIVERSE_METRICS_SKIPPED not in infos(found)


def test_an_answer_without_thresholds_removes_nobody(tmp_path: Path, calendar: Calendar) -> None:
    found = scanned(tmp_path, calendar, ANSWER)
    assert set() == failed(found)
    assert not {ScanInfo.UNIVERSE_METRICS_SKIPPED, ScanInfo.UNIVERSE_METRICS_UNAVAILABLE} & infos(found)


@pytest.mark.parametrize(
    ("threshold", "removed"),
    [
        ({"market_cap_usd_min": Decimal(1000)}, {"BBB", "CCC", "DDD"}),
        ({"float_shares_min": Decimal(11)}, {"AAA", "CCC", "DDD"}),
        ({"listings": ("OTC",)}, {"AAA", "CCC", "DDD"}),
        ({"listings": ()}, {"AAA", "BBB", "CCC", "DDD"}),
    ],
    ids=str,
)
def test_a_threshold_removes_whom_the_answer_puts_below_it_or_does_not_know(
    tmp_path: Path, calendar: Calendar, threshold: dict[str, Any], removed: set[str]
) -> None:
    assert removed == failed(scanned(tmp_path, calendar, ANSWER, **threshold))
