"""Two runs are measured alike, session by session, and the page shows both on equal scales."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

import pytest

from analytics import report
from analytics.comparison import (
    Comparison,
    Lowered,
    Session,
    compounded,
    lowered,
    measures,
    of_labels,
)
from analytics.comparison_chart import draw
from analytics.comparison_page import render
from portfolio.decide import run
from portfolio.limits import portfolio_config
from schemas.base import SessionDate
from schemas.decisions import Decisions
from schemas.regime import Regime, RegimeLabel, RegimeMeasures, RegimeStatus
from schemas.snapshot import Snapshot
from tests.portfolio.books import P, decision_inputs, intent, snapshot

DAYS: Final = (date(2016, 6, 1), date(2016, 6, 2), date(2016, 6, 3))
LABELS: Final = ("RISK_ON", "RISK_OFF", "RISK_OFF")


def regime(label: str | None) -> Regime:
    return Regime(
        status=RegimeStatus.SKIPPED if label is None else RegimeStatus.MEASURED,
        label=None if label is None else RegimeLabel(label),
        confidence=0.9,
        benchmark="SPY",
        data_session=P,
        resolved_session=P,
        measures=RegimeMeasures(),
        reasons=(),
    )


def decided(label: str | None) -> Decisions:
    """Two intents of 156 shares at 50 USD; *label* None: E2 is off."""
    inputs = decision_inputs(intent("AAA"), intent("BBB", 2))
    return run(replace(inputs, regime=None if label is None else regime(label)), portfolio_config("SIM"))


def shot(on: date, equity: str, earned: str, drawdown: str, gross: str, entries: int) -> Snapshot:
    base = snapshot(equity, drawdown, closed_session=SessionDate(on))
    exposure = base.exposure.model_copy(update={"gross_fraction": Decimal(gross)})
    return base.model_copy(
        update={
            "session_return": Decimal(earned),
            "drawdown_max": Decimal(drawdown),
            "exposure": exposure,
            "entries_today": entries,
        }
    )


def sessions(rows: Any, modulated: bool) -> tuple[Session, ...]:
    return tuple(
        Session(
            snapshot=shot(on, *row), decisions=decided(label if modulated else None), regime=regime(label)
        )
        for on, label, row in zip(DAYS, LABELS, rows, strict=True)
    )


@pytest.fixture
def compared() -> Comparison:
    plain = (
        ("110000", "0.1", "0", "0.5", 2),
        ("99000", "-0.1", "0.1", "1.0", 1),
        ("99000", "0", "0.1", "0.6", 0),
    )
    modulated = (
        ("110000", "0.1", "0", "0.5", 2),
        ("107800", "-0.02", "0.02", "0.2", 1),
        ("107800", "0", "0.02", "0.1", 0),
    )
    return Comparison(
        book_id="SIM",
        plain=sessions(plain, False),
        modulated=sessions(modulated, True),
        alike={"scan.json": 3, "candidates.json": 3},
    )


def test_each_run_is_measured_from_its_own_closes(compared: Comparison) -> None:
    without, with_ = measures(compared.plain), measures(compared.modulated)
    assert (Decimal("99000"), -0.01, 0.1) == (without.equity, without.total_return, without.drawdown_max)
    assert (Decimal("107800"), 0.078, 0.02) == (with_.equity, with_.total_return, with_.drawdown_max)
    # Exposures 0.5, 1.0, 0.6; returns 0.1, -0.1, 0: their deviation is sqrt(0.02 / 3), times sqrt(252).
    assert (0.7, 1.0) == (without.exposure_mean, without.exposure_max)
    assert 1.296148 == without.volatility
    assert (3, 6, 0, 0) == (without.entries, without.allowed, without.resized, without.blocked)


def test_what_the_regime_took_is_counted_of_intents_that_only_their_size_stood_against(
    compared: Comparison,
) -> None:
    assert Lowered(intents=0, to_nothing=0) == lowered(compared.plain)
    # Under RISK_OFF the second intent of each day is over the count of entries, so that its size decides nothing.
    assert Lowered(intents=2, to_nothing=0) == lowered(compared.modulated)


def test_each_label_governs_its_sessions_in_both_runs(compared: Comparison) -> None:
    off, on = of_labels(compared)
    assert ("RISK_OFF", 2, (1, 1)) == (off.label, off.sessions, off.entries)
    assert (-0.1, -0.02) == pytest.approx(off.returns)
    assert (0.8, 0.15) == off.exposures
    assert ("RISK_ON", 1, (2, 2)) == (on.label, on.sessions, on.entries)


def test_the_returns_of_the_labels_make_the_whole(compared: Comparison) -> None:
    whole = measures(compared.plain).total_return
    assert pytest.approx(whole) == compounded([row.returns[0] for row in of_labels(compared)])


def test_runs_of_different_sessions_cannot_be_compared(compared: Comparison) -> None:
    with pytest.raises(AssertionError, match="same sessions"):
        replace(compared, modulated=compared.modulated[:-1])


def test_an_equity_that_could_not_be_proved_leaves_return_and_volatility_unknown(
    compared: Comparison,
) -> None:
    broken = compared.plain[1].snapshot.model_copy(
        update={"session_return": None, "equity": None, "drawdown": None}
    )
    run_ = (compared.plain[0], replace(compared.plain[1], snapshot=broken), compared.plain[2])
    found = measures(run_)
    assert (None, None) == (found.total_return, found.volatility)
    assert draw(replace(compared, plain=run_), "png").startswith(b"\x89PNG")


def test_the_page_is_self_contained_and_the_same_every_time(compared: Comparison) -> None:
    page = render(compared)
    assert page == render(compared)
    assert "data:image/svg+xml;base64," in page
    assert "http" not in page
    for told in ("with and without risk modulation", "107,800.00", "99,000.00", "−1.00%", "RISK_OFF"):
        assert told in page
    assert "scan.json in 3 of 3, candidates.json in 3 of 3" in page.replace("\n", " ")


def test_the_page_of_a_day_names_the_modulation_that_its_decisions_went_by() -> None:
    line = "Risk modulation E2@1: quantities times 0.2, counts times 0.3"
    day = report.DayFacts(book_id="SIM", session_date=SessionDate(DAYS[0]))
    assert line in report.render(replace(day, decisions=decided("RISK_OFF")))
    assert "Risk modulation" not in report.render(replace(day, decisions=decided(None)))


def test_a_file_that_modulation_reached_is_an_alarm(compared: Comparison) -> None:
    assert 'class="bad"' not in render(compared)
    assert "scan.json differs in 1 sessions" in render(replace(compared, alike={"scan.json": 2}))
