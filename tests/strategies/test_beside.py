"""Dated reports move the anchor and the gate, a sector's fund is told beside it; what is unknown never passes."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from market.panel import Panel
from schemas.market import EarningsEvent, EarningsTime
from schemas.scan import Scan
from strategies import layout, scan
from strategies.beside import sector_strength
from strategies.config import SECTOR_FUNDS, EarningsPolicy, ScanConfig
from strategies.explain import explain
from strategies.measures import measure
from strategies.scan import ScanInputs
from tests.strategies.panels import Bar, panel_of, weekdays

SESSIONS = weekdays(date(2014, 10, 6), 330)
AHEAD = weekdays(SESSIONS[-1] + timedelta(days=1), 3)
CONFIG = ScanConfig()


def climb(n: int = 330, rise: int = 700) -> list[Bar]:
    """A calm climb with a dip every fifth bar: it passes every gate."""
    bars: list[Bar] = []
    for i in range(330 - n, 330):
        close = 400_000 + rise * i - (3_000 if i % 5 == 0 else 0)
        bars.append((i, close - 500, close + 4_000, close - 4_000, close, 2_000_000))
    return bars


def report(day: date, at: EarningsTime = EarningsTime.UNKNOWN, symbol: str = "AAA") -> EarningsEvent:
    return EarningsEvent(symbol=symbol, date=day, at=at)


def panel(*events: EarningsEvent, bars: list[Bar] | None = None, **changes: Any) -> Panel:
    made = panel_of({"AAA": bars or climb(), "SPY": climb()}, SESSIONS)
    return replace(made, earnings=events, ahead=AHEAD[1:], **changes)


def anchored(*events: EarningsEvent, bars: list[Bar] | None = None) -> int:
    """The session of the EARNINGS anchor, -1: absent."""
    return int(measure(panel(*events, bars=bars), CONFIG).anchors[0, layout.EARNINGS, layout.A_SESSION])


def scanned(given: Panel, config: ScanConfig = CONFIG) -> tuple[Scan, dict[str, Any]]:
    asked = ScanInputs(panel=given, quarantine={}, warnings={}, blocking=(), blocked_symbols=frozenset())
    found = scan.run(asked, config)
    return found, dict(found.rows[0])


@pytest.mark.parametrize(
    ("at", "expected"),
    [(EarningsTime.BEFORE_OPEN, 300), (EarningsTime.AFTER_CLOSE, 301), (EarningsTime.UNKNOWN, 301)],
)
def test_a_report_is_answered_by_its_own_bar_before_the_open_and_by_the_next_one_else(
    at: EarningsTime, expected: int
) -> None:
    assert expected == anchored(report(SESSIONS[300], at))


def test_a_report_on_a_weekend_or_in_a_halt_is_answered_by_the_next_bar_there_is() -> None:
    friday = next(i for i in range(300, 310) if SESSIONS[i].weekday() == 4)
    assert friday + 1 == anchored(report(SESSIONS[friday] + timedelta(days=1), EarningsTime.BEFORE_OPEN))
    halted = [bar for bar in climb() if bar[0] not in (300, 301)]
    assert 302 == anchored(report(SESSIONS[300], EarningsTime.BEFORE_OPEN), bars=halted)


def test_the_latest_answered_report_within_seventy_bars_is_the_anchor() -> None:
    both = (report(SESSIONS[280]), report(SESSIONS[310]))
    assert 311 == anchored(*both)
    assert 281 == anchored(report(SESSIONS[280]), report(SESSIONS[329])), "no bar has answered the second yet"
    assert 260 == anchored(report(SESSIONS[259]))
    assert -1 == anchored(report(SESSIONS[258]))


def test_a_report_older_than_the_panel_or_of_another_symbol_gives_no_anchor() -> None:
    assert -1 == anchored(report(SESSIONS[0] - timedelta(days=4)), bars=climb(40))
    assert -1 == anchored(report(SESSIONS[300], symbol="SPY"))
    assert -1 == anchored(report(SESSIONS[300], symbol="ZZZ"))


def test_an_earnings_gap_is_one_anchor_with_the_priority_of_earnings() -> None:
    bars: list[Bar] = [
        (i, *(price,) * 4, 1_000_000) for i in range(330) for price in [1_100_000 if i >= 310 else 1_000_000]
    ]
    measures = measure(panel(report(SESSIONS[309]), bars=bars), CONFIG)
    assert 310 == measures.anchors[0, layout.EARNINGS, layout.A_SESSION]
    assert layout.EARNINGS == measures.anchors[0, layout.GAP, layout.A_ALIAS_OF]


@pytest.mark.parametrize(
    ("day", "refused"),
    [(SESSIONS[-1], False), *((day, True) for day in AHEAD), (weekdays(AHEAD[-1], 2)[1], False)],
)
def test_earnings_from_d_to_the_second_session_after_it_refuse(day: date, refused: bool) -> None:
    given = panel(report(day))
    found, row = scanned(given)
    assert refused == (row["codes"] == ["EARNINGS_NEAR"])
    assert () == tuple(row["codes"] for row in found.rows[1:] if row["codes"])
    assert "EARNINGS_NEAR" not in scanned(given, ScanConfig(earnings_policy=EarningsPolicy.OFF))[1]["codes"]


def test_a_symbol_without_a_record_passes_if_known_is_told_so_and_is_refused_when_required() -> None:
    given = panel(report(SESSIONS[300], symbol="SPY"))
    found, row = scanned(given)
    assert ([], ["EARNINGS_UNKNOWN"]) == (row["codes"], row["info"])
    assert "EARNINGS_UNKNOWN" not in [finding.code for finding in found.info], "it is said of whom it holds"
    assert "info" not in found.rows[1]
    required = ScanConfig(earnings_policy=EarningsPolicy.REQUIRED)
    assert [["EARNINGS_NEAR"], []] == [each["codes"] for each in scanned(given, required)[0].rows]


def test_why_names_the_next_report() -> None:
    asked = ScanInputs(
        panel=panel(report(SESSIONS[300]), report(AHEAD[1])),
        quarantine={}, warnings={}, blocking=(), blocked_symbols=frozenset(),
    )  # fmt: skip
    told = explain(asked, CONFIG, "AAA")
    assert told is not None
    gate = next(row for row in told.gates if row.code == "EARNINGS_NEAR")
    assert (False, str(AHEAD[1])) == (gate.passed, gate.observed)


def test_sector_strength_is_the_growth_of_the_funds_twenty_bars_over_the_benchmarks() -> None:
    """(2.00/1.60)/(1.10/1.00) = 1.136364; neither a name without a sector nor one without a fund has it."""
    fund = [(i, *(price,) * 4, 9) for i in range(300, 330) for price in [20_000 if i == 329 else 16_000]]
    spy = [(i, *(price,) * 4, 9) for i in range(300, 330) for price in [11_000 if i == 329 else 10_000]]
    made = panel_of({"AAA": climb(), "BBB": climb(), "CCC": climb(), "SPY": spy, "XLE": fund}, SESSIONS)
    given = replace(made, sectors={"AAA": "Energy", "CCC": "Utilities"})
    assert {"AAA": 1.136364} == sector_strength(given, CONFIG)
    rows = scanned(given)[0].rows
    assert [1.136364, None, None] == [row["features"].get("sector_rs") for row in rows[:3]]
    assert {} == sector_strength(replace(given, benchmark="QQQ"), CONFIG)
    short = panel_of({"AAA": climb(), "SPY": climb(), "XLE": fund[10:]}, SESSIONS)
    assert {} == sector_strength(replace(short, sectors={"AAA": "Energy"}), CONFIG)


def test_every_sector_name_of_the_years_has_its_fund() -> None:
    assert "XLI" == SECTOR_FUNDS["Industries"] == SECTOR_FUNDS["Industrials"]
    assert SECTOR_FUNDS["Telecommunication Services"] == SECTOR_FUNDS["Telecommunications Services"]
