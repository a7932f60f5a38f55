"""An import keeps the digits of the source, survives odd tickers, and refuses with one clear error."""

from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from market.fact_imports import import_facts
from market.imports import PRICE_MAX_USD, import_bars, ticks
from market.rows import NULL
from market.store import BarStore
from schemas.errors import UsageFault
from schemas.market import CorporateAction, FactKind
from schemas.reasons.market import SetAside

HEADER = "symbol,date,open,high,low,close,volume\n"


def csv(root: Path, text: str, name: str = "bars.csv") -> Path:
    path = root / name
    path.write_text(text)
    return path


def test_a_csv_with_the_tickers_nan_true_and_on_keeps_them(tmp_path: Path) -> None:
    lines = "".join(f"{s},2016-09-01,10,11,9,10.5,100\n" for s in ("NAN", "TRUE", "ON", "NULL", "NA"))
    report = import_bars(tmp_path, csv(tmp_path, HEADER + lines))
    assert ("NA", "NAN", "NULL", "ON", "TRUE") == BarStore(tmp_path).rows().symbols
    assert (5, 5, 0) == (report.rows_read, report.rows_added, report.rows_present)


def test_a_missing_value_stays_missing_and_extra_columns_are_named(tmp_path: Path) -> None:
    head = HEADER.strip() + ",adj_close\n"
    report = import_bars(tmp_path, csv(tmp_path, head + "AAA,2016-09-01,,11,9,nan,,1\n"))
    (values,) = BarStore(tmp_path).rows().values.T.tolist()
    assert [NULL, 110_000, 90_000, NULL, NULL] == values
    assert ("adj_close",) == report.columns_ignored


def test_rows_without_a_usable_symbol_or_date_are_set_aside_and_counted(tmp_path: Path) -> None:
    body = "".join(
        f"{s},{d},10,11,9,10.5,100\n"
        for s, d in (
            ("AAA", "2016-09-01"),
            ("aaa", "2016-09-01"),
            ("TOOLONGNAME", "2016-09-01"),
            ("", "2016-09-01"),
            ("BBB", "sometime"),
            ("BBB", ""),
            ("BBB", "1816-09-01"),
        )
    )
    report = import_bars(tmp_path, csv(tmp_path, HEADER + body))
    assert 1 == report.rows_added
    assert [(SetAside.SYMBOL_INVALID, 3), (SetAside.DATE_INVALID, 3)] == [
        each[:2] for each in report.set_aside
    ]
    assert ("AAA",) == BarStore(tmp_path).rows().symbols


def test_parquet_and_csv_of_the_same_bars_are_the_same_rows(tmp_path: Path) -> None:
    columns = {
        "Symbol": ["AAA", "ON"],
        "session_date": pa.array([17045, 17045], pa.date32()),
        "open": [10.00005, 2.0],
        "high": [11.0, 2.5],
        "low": [9.0, 1.5],
        "close": [10.5, 2.25],
        "volume": [100.0, 200.0],
    }
    pq.write_table(pa.table(columns), tmp_path / "bars.parquet")
    import_bars(tmp_path, tmp_path / "bars.parquet")
    text = HEADER + "AAA,2016-09-01,10.00005,11,9,10.5,100\nON,2016-09-01,2,2.5,1.5,2.25,200\n"
    report = import_bars(tmp_path, csv(tmp_path, text))
    assert (0, 2) == (report.rows_added, report.rows_present)
    assert 100_000 == BarStore(tmp_path).rows().values[0, 0], "10.00005 is a tie and goes to the even tick"


def test_the_known_at_column_dates_a_restatement(tmp_path: Path) -> None:
    import_bars(tmp_path, csv(tmp_path, HEADER + "AAA,2016-09-01,10,11,9,10.5,100\n"))
    late = HEADER.strip() + ",known_at\nAAA,2016-09-01,10,11,9,10.7,100,2016-09-05T12:00:00Z\n"
    assert 1 == import_bars(tmp_path, csv(tmp_path, late)).rows_added
    without = HEADER.strip() + ",known_at\nAAA,2016-09-01,10,11,9,10.7,100,2016-09-05T12:00:00\n"
    with pytest.raises(UsageFault, match="offset from UTC"):
        import_bars(tmp_path, csv(tmp_path, without))


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.csv", "symbol,date,open,high,low,volume\nA,2016-09-01,1,1,1,1\n", "IMPORT_COLUMNS.*close"),
        ("b.csv", HEADER + "AAA,2016-09-01,ten,11,9,10.5,100\n", "IMPORT_UNREADABLE"),
        ("c.csv", HEADER + "AAA,2016-09-01,10,11\n", "IMPORT_UNREADABLE"),
        ("d.csv", "", "IMPORT_UNREADABLE"),
        ("e.parquet", HEADER, "IMPORT_UNREADABLE"),
        ("f.csv", "symbol,date,date,open,high,low,close,volume\n", "IMPORT_UNREADABLE"),
    ],
)
def test_a_bad_file_is_one_usage_fault_and_changes_nothing(
    tmp_path: Path, name: str, text: str, fault: str
) -> None:
    with pytest.raises(UsageFault, match=fault) as refused:
        import_bars(tmp_path, csv(tmp_path, text, name))
    assert 2 == refused.value.exit_code
    assert refused.value.safe == "the store is unchanged"
    assert refused.value.next
    assert not (tmp_path / "MARKET").exists()


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"IMPORT_UNREADABLE.*No such file"):
        import_bars(tmp_path, tmp_path / "absent.csv")


def test_a_column_of_the_wrong_type_is_refused(tmp_path: Path) -> None:
    good = {"symbol": ["A"], "open": [1.0], "high": [1.0], "low": [1.0], "close": [1.0], "volume": [1]}
    for odd in ({"date": pa.array([1], pa.timestamp("s", "UTC"))}, {"date": ["2016-09-01"], "open": ["x"]}):
        pq.write_table(pa.table({**good, **odd}), tmp_path / "odd.parquet")
        with pytest.raises(UsageFault, match="IMPORT_VALUES"):
            import_bars(tmp_path, tmp_path / "odd.parquet")


def test_actions_come_in_and_what_is_none_is_set_aside(tmp_path: Path) -> None:
    text = (
        "symbol,ex_date,kind,ratio_num,ratio_den,cash_usd\n"
        "AAA,2016-09-01,split,2,1,\nON,2016-09-02,cash_dividend,,,0.25\n"
        "AAA,2016-09-01,rights,,,\nBBB,2016-09-01,split,2,,\n"
    )
    report = import_facts(tmp_path, csv(tmp_path, text, "actions.csv"), FactKind.ACTIONS)
    assert (2, 2) == (report.rows_added, report.set_aside[0][1])
    stored = BarStore(tmp_path).facts(FactKind.ACTIONS)
    told = [(a.symbol, a.ratio_num) for _, a in stored if isinstance(a, CorporateAction)]
    assert [("AAA", 2), ("ON", None)] == told
    with pytest.raises(UsageFault, match=r"IMPORT_COLUMNS.*kind"):
        import_facts(
            tmp_path, csv(tmp_path, "symbol,ex_date\nA,2016-09-01\n", "actions.csv"), FactKind.ACTIONS
        )


@given(st.lists(st.floats(-10, 1e6), max_size=20))
@example([1.00005, 1.00015, 0.30005, 73.059998, 2.675e-3, 0.00005, 0.00015, 214_000.00005])
def test_prices_are_rounded_half_even_from_the_digits_of_the_source(prices: list[float]) -> None:
    expected = [
        int(Decimal(repr(price)).scaleb(4).to_integral_value(rounding=ROUND_HALF_EVEN)) for price in prices
    ]
    assert expected == ticks(np.array(prices, np.float64)).tolist()


def test_what_is_no_price_becomes_null() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, PRICE_MAX_USD * 2])
    assert [NULL] * 4 == ticks(odd).tolist()
