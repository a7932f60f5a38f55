"""Labels in a row are cut where they change, counted whole, and drawn in the same bytes every time."""

import re
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from analytics.config import RegimeConfig
from analytics.regime_chart import COLOURS, bands, draw
from analytics.regime_history import Run, changes_by_year, counts, runs
from schemas.base import SessionDate
from schemas.header import Finding
from schemas.regime import Regime, RegimeLabel, RegimeMeasures, RegimeRecord, RegimeStatus

ON, OFF, STRESSED, NONE = RegimeLabel.RISK_ON, RegimeLabel.RISK_OFF, RegimeLabel.STRESSED, None
TOLD = [ON, ON, OFF, STRESSED, STRESSED, NONE, NONE, OFF]
FIRST = date(2015, 12, 29)


def record(
    at: int, label: RegimeLabel | None, code: str = "VOL_CALM", confidence: float = 0.9
) -> RegimeRecord:
    day = SessionDate(FIRST + timedelta(days=at))
    regime = Regime(
        status=RegimeStatus.SKIPPED if label is None else RegimeStatus.MEASURED,
        label=label,
        confidence=None if label is None else confidence,
        benchmark="SPY",
        data_session=day,
        resolved_session=None if label is None else day,
        measures=RegimeMeasures(vol20=(10 + at) / 100, drawdown63=0.05, trend=0.01, breadth=0.5),
        reasons=(Finding(code=code, subject="market"),),
    )
    return RegimeRecord(
        id=f"reg_{at:020x}",
        session_date=SessionDate(day + timedelta(days=1)),
        data_version="0" * 20,
        rules_sha256="0" * 64,
        code_version="1",
        close=None if label is None else Decimal("100.0000") + at,
        regime=regime,
    )


RECORDS = [record(at, label) for at, label in enumerate(TOLD)]
HISTORY = [each.regime for each in RECORDS]


def test_a_run_ends_where_the_label_changes() -> None:
    assert [(2, ON), (1, OFF), (2, STRESSED), (2, None), (1, OFF)] == [
        (run.sessions, run.label) for run in runs(HISTORY)
    ]


def test_a_run_names_its_ends_its_confidence_and_its_codes_the_most_frequent_first() -> None:
    told = [("TREND_DOWN", 0.9), ("VOL_HIGH", 1.0), ("VOL_HIGH", 0.8)]
    history = [record(at, STRESSED, code, sure).regime for at, (code, sure) in enumerate(told)]
    expected = Run(
        first=FIRST,
        last=FIRST + timedelta(days=2),
        sessions=3,
        label=STRESSED,
        confidence=(0.8, 1.0),
        codes=("VOL_HIGH", "TREND_DOWN"),
    )
    assert (expected,) == runs(history)
    assert runs([record(0, NONE).regime])[0].confidence is None


def test_every_session_is_counted_once_and_every_label_is_named() -> None:
    assert {"STRESSED": 2, "RISK_OFF": 2, "RISK_ON": 2, "NEUTRAL": 0, "SKIPPED": 2} == counts(HISTORY)


def test_a_change_counts_in_the_year_of_the_session_that_differs() -> None:
    # RISK_ON of 12-30 to RISK_OFF of 12-31; the other three lie in January.
    assert {2015: 1, 2016: 3} == changes_by_year(HISTORY)


def test_a_label_holds_until_the_next_close_and_equal_neighbours_are_one_band() -> None:
    day = [FIRST + timedelta(days=at) for at in range(9)]
    assert (
        (day[0], day[2], "RISK_ON"),
        (day[2], day[3], "RISK_OFF"),
        (day[3], day[5], "STRESSED"),
        (day[5], day[7], "SKIPPED"),
        (day[7], day[8], "RISK_OFF"),
    ) == bands(RECORDS)


def test_a_drawing_is_the_same_bytes_twice_and_tells_nothing_of_when_it_was_made() -> None:
    text = draw(RECORDS, RegimeConfig(), "svg").decode()
    assert text == draw(RECORDS, RegimeConfig(), "svg").decode()
    assert draw(RECORDS[:2], RegimeConfig(), "png") == draw(RECORDS[:2], RegimeConfig(), "png")
    assert "dc:date" not in text
    assert {"2015", "2016"} >= set(re.findall(r"\b(20[0-9]{2})-", text))


def test_a_drawing_names_every_label_measure_and_threshold_and_paints_each_band() -> None:
    text = draw(RECORDS, RegimeConfig(vol_high=0.37), "svg").decode()
    for shown in ("RISK_ON", "STRESSED", "SKIPPED", "vol20", "drawdown63", "trend", "breadth", "0.37"):
        assert f">{shown}" in text
    assert ">NEUTRAL" not in text
    for label in ("RISK_ON", "RISK_OFF", "STRESSED", "SKIPPED"):
        assert COLOURS[label] in text


def test_a_png_is_twelve_hundred_points_wide() -> None:
    data = draw(RECORDS, RegimeConfig(), "png")
    assert b"\x89PNG" == data[:4]
    assert 1200 == int.from_bytes(data[16:20], "big")


def test_the_colours_of_the_labels_differ_in_lightness_too() -> None:
    def lightness(colour: str) -> float:
        red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2

    shades = sorted(lightness(colour) for colour in COLOURS.values())
    assert all(b - a > 0.1 for a, b in pairwise(shades)), shades


def test_a_single_session_can_be_drawn() -> None:
    assert draw(RECORDS[:1], RegimeConfig(), "png")
