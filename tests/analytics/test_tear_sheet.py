"""A range as a page: falls, months and measures by hand, and an address at every number."""

from datetime import date, timedelta
from re import findall

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.measures import max_drawdown
from analytics.report import Page, render_page
from analytics.report_text import text
from analytics.tear_sheet import SheetFacts, Trade, falls, months, page_of
from tests.analytics.journal_of import DAYS
from tests.analytics.test_report import closes

MON, TUE, *_ = DAYS
RETURNS = st.lists(st.floats(-0.1, 0.1).map(lambda r: round(r, 6)), max_size=60)


def dates(count: int) -> list[date]:
    return [date(2024, 1, 1) + timedelta(days=n) for n in range(count)]


def sheet(**more: object) -> Page:
    monday, tuesday = closes()
    facts = {
        "book_id": "SIM",
        "first": MON,
        "last": TUE,
        "history": (monday.snapshot, tuesday.snapshot),
        "trades": [Trade(session=TUE, place=n, trip=trip) for n, trip in enumerate(tuesday.trades.closed)],
    }
    return page_of(SheetFacts(**{**facts, **more}))  # type: ignore[arg-type]


def test_falls_are_from_a_peak_to_the_next_close_as_high_deepest_first() -> None:
    days = dates(6)
    found = falls(days, [0.1, -0.1, 0.2, -0.5, 0.1, 0.1])
    deep, shallow = found
    assert (days[2], days[3], None, 3) == (deep.peak, deep.trough, deep.end, deep.sessions)
    assert 0.5 == pytest.approx(deep.depth)
    assert (days[0], days[1], days[2], 1) == (shallow.peak, shallow.trough, shallow.end, shallow.sessions)


def test_a_fall_from_the_start_has_no_peak_of_its_own() -> None:
    (only,) = falls(dates(2), [-0.1, 0.05])
    assert only.peak is None


@given(RETURNS)
def test_the_deepest_fall_is_the_measured_one_and_falls_share_no_session(returns: list[float]) -> None:
    found = falls(dates(len(returns)), returns)
    assert (found[0].depth if found else 0.0) == (max_drawdown(returns) or 0.0)
    assert sum(fall.sessions for fall in found) <= len(returns)


@given(RETURNS)
def test_months_compound_to_their_year(returns: list[float]) -> None:
    for row in months(dates(len(returns)), returns).values():
        whole = 1.0
        for month, value in row.items():
            whole *= 1.0 + value if month else 1.0
        assert whole - 1.0 == pytest.approx(row[0])


def test_the_same_range_gives_the_same_bytes() -> None:
    assert render_page(sheet()) == render_page(sheet())


def test_every_value_of_a_session_or_trade_leads_to_its_file() -> None:
    html = render_page(sheet())
    assert f'<a href="../{TUE}/snapshot.json">100,047.00</a>' in html
    assert f'<a href="../{TUE}/trades.json#/closed/0">47.00</a>' in html


def test_a_measure_leads_to_the_table_on_the_page_that_it_is_made_of() -> None:
    html = render_page(sheet())
    wanted = set(findall(r'href="#([^"]+)"', html))
    assert {"sessions", "closed-trades"} <= wanted
    assert wanted <= set(findall(r'<section id="([^"]+)"', html))


def test_the_measures_have_their_known_names_and_definitions() -> None:
    told = text(sheet())
    for name in ("sharpe", "sortino", "calmar", "omega", "tail_ratio", "profit_factor", "payoff_ratio"):
        assert name in told
    round_trips = next(table for table in sheet().tables if table.title == "Round trips")
    assert ("win_rate", "100.00%", "wins / all trades, flat ones counted") in round_trips.rows


def test_a_benchmark_that_lacks_a_session_gives_no_beta() -> None:
    (returns, *_) = sheet(benchmark={}, benchmark_name="SPY").tables
    assert "–" == {row[0]: row[1] for row in returns.rows}["beta"]


def test_what_is_in_no_measure_is_said_at_the_head_and_a_first_close_is_no_fault() -> None:
    assert [] == list(sheet().alarms)
    (said,) = sheet(missing=(date(2024, 3, 6),)).alarms
    assert "in no measure: 1, the first 2024-03-06" in said
