"""The pass over all days says what each day's scan says, whatever happened to a symbol on the way."""

import threading
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import TypingError

from market.calendar import EPOCH, Calendar
from market.imports import import_bars
from market.panel import load_panel
from market.rows import Rows
from market.sidecar import Sidecar, open_sidecar
from market.store import BarStore
from market.synthetic import generate
from schemas.market import ActionKind, CorporateAction, EarningsEvent, EarningsTime, FactKind
from strategies import layout
from strategies.config import ScanConfig
from strategies.history import history, with_calendar_sessions
from strategies.layout import Ints
from strategies.measures import measure
from strategies.retold import retold_symbols
from tests.realdata import real_data
from tools import prove_scan
from tools.prove_scan import prove

CALENDAR = Calendar()
CONFIG = ScanConfig()
STRICTER = ScanConfig(confluence_band=Decimal("0.000000"))
BARS = (date(2014, 6, 2), date(2016, 3, 31))
RANGE = (date(2015, 11, 16), date(2016, 2, 12))
"""Over the turn of a year, where P0 leaps and the second recursion of ADX takes over."""


def evening(day: date) -> datetime:
    return datetime.combine(day, time(22), UTC)


def action(
    symbol: str, ex: date, kind: ActionKind, known: date | None = None, **told: object
) -> CorporateAction:
    fields = {"ratio_num": None, "ratio_den": None, "cash_usd": None, "new_symbol": None} | told
    at = evening(known) if known is not None else None
    return CorporateAction.model_validate(
        {"symbol": symbol, "ex_date": ex, "kind": kind, "known_at": at} | fields
    )


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Sidecar:
    """24 names: halted, young, ended, split once and twice, paid, renamed, restated, told late, and untouched ones."""
    store = BarStore(tmp_path_factory.mktemp("history"))
    whole = generate(5, 24, *BARS, CALENDAR).rows
    names = whole.symbols
    ordinal = {
        day: day.toordinal() - EPOCH for day in (date(2015, 12, 1), date(2015, 12, 22), date(2016, 1, 20))
    }
    halted = (
        (whole.code == 6)
        & (whole.day > ordinal[date(2015, 12, 1)])
        & (whole.day < ordinal[date(2015, 12, 22)])
    )
    scarce = (whole.code == 7) & (whole.day % 5 != 2)
    young = (whole.code == 8) & (whole.day < ordinal[date(2015, 12, 1)])
    ended = (whole.code == 9) & (whole.day > ordinal[date(2016, 1, 20)])
    renamed = (whole.code == 10) & (whole.day >= ordinal[date(2016, 1, 20)])
    rows = whole.take(~(halted | scarce | young | ended | renamed))
    store.append_bars(rows, "made")
    store.append_bars(_named(whole.take(renamed), "NEWCO"), "made")
    again = rows.take((rows.code == 11) & (rows.day > ordinal[date(2015, 12, 1)] - 40) & (rows.day % 3 == 0))
    again.values[3:] = again.values[3:] * 101 // 100
    store.append_bars(again, "restated", known_at=evening(date(2016, 1, 6)))
    store.append_facts(FactKind.ACTIONS, tuple(_actions(names)), "made")
    store.append_facts(FactKind.EARNINGS, tuple(_reports(names)), "made")
    return open_sidecar(store, CALENDAR)


def _named(rows: Rows, name: str) -> Rows:
    code = np.zeros(len(rows), np.int32)
    return Rows(
        symbols=(name,),
        code=code,
        day=rows.day,
        values=rows.values,
        known_at=rows.known_at,
        vintage=rows.vintage,
    )


def _actions(names: tuple[str, ...]) -> Iterator[CorporateAction]:
    split = ActionKind.SPLIT
    yield action(names[12], date(2015, 12, 10), split, ratio_num=7, ratio_den=2)
    yield action(names[13], date(2015, 9, 1), split, ratio_num=3, ratio_den=1)
    yield action(names[13], date(2015, 12, 24), split, ratio_num=1, ratio_den=11)
    yield action(names[13], date(2016, 1, 2), ActionKind.STOCK_DIVIDEND, ratio_num=21, ratio_den=20)
    yield action(names[13], date(2015, 12, 17), ActionKind.CASH_DIVIDEND, cash_usd=Decimal("3.25"))
    yield action(names[14], date(2015, 12, 15), split, known=date(2015, 12, 29), ratio_num=2, ratio_den=1)
    yield action(names[15], date(2016, 1, 5), ActionKind.CASH_DIVIDEND, cash_usd=Decimal("9"))
    yield action(
        names[15], date(2016, 1, 7), ActionKind.CASH_DIVIDEND, known=date(2016, 1, 7), cash_usd=Decimal("5")
    )
    yield action(
        names[16], date(2016, 1, 7), ActionKind.CASH_DIVIDEND, known=date(2016, 1, 12), cash_usd=Decimal("5")
    )
    yield action(names[10], date(2016, 1, 20), ActionKind.SYMBOL_CHANGE, new_symbol="NEWCO")


def _reports(names: tuple[str, ...]) -> Iterator[EarningsEvent]:
    for k in range(6, 24):
        for n, at in enumerate(EarningsTime):
            day = date(2015, 10, 1) + timedelta(days=7 * k + 50 * n)
            known = evening(day + timedelta(days=9)) if (k + n) % 4 == 0 else None
            yield EarningsEvent(symbol=names[k], date=day, at=at, known_at=known)


def rows_by_day(
    held: Sidecar, first: date, last: date, **kwargs: int
) -> dict[tuple[str, int], tuple[Ints, Ints]]:
    found: dict[tuple[str, int], tuple[Ints, Ints]] = {}
    for block in history(held, CALENDAR, CONFIG, first, last, **kwargs):
        for k, name in enumerate(block.symbols):
            for row in range(block.at[k], block.at[k + 1]):
                key = (name, int(block.features[row, layout.SESSION]))
                assert key not in found, "one row for each symbol and session"
                found[key] = block.features[row].copy(), block.anchors[row].copy()
    return found


def test_every_row_is_the_row_of_that_days_own_scan(held: Sidecar) -> None:
    found = rows_by_day(held, *RANGE)
    for day in CALENDAR.sessions(*RANGE):
        panel = load_panel(BarStore(held.folder.parents[2]), CALENDAR, CALENDAR.next(day), sidecar=held)
        offset, session = CALENDAR.index(panel.sessions[0]), CALENDAR.index(day)
        assert offset is not None
        assert session is not None
        measures = measure(panel, CONFIG)
        features, anchors = with_calendar_sessions(measures.features, measures.anchors, offset)
        for name, row in zip(panel.symbols, measures.at.tolist(), strict=True):
            assert (row >= 0) == ((name, session) in found), (name, day)
            if row >= 0:
                ours = found.pop((name, session))
                assert [] == np.flatnonzero(ours[0] != features[row]).tolist(), (name, day)
                assert [] == np.argwhere(ours[1] != anchors[row]).tolist(), (name, day)
    assert {} == found


def test_what_was_told_late_or_renamed_is_the_only_part_measured_day_by_day(held: Sidecar) -> None:
    named = {held.symbols.index(name) for name in retold_symbols(held, CALENDAR)}
    names = [name for name in held.symbols if name != "NEWCO"]
    wanted = {names[k] for k in (10, 11, 14, 16)} | {"NEWCO"}
    assert wanted == {held.symbols[k] for k in named}


def test_no_byte_depends_on_the_size_of_blocks_or_on_the_range_asked_for(held: Sidecar) -> None:
    whole = rows_by_day(held, *RANGE)
    small = rows_by_day(held, *RANGE, block_rows=100)
    part = rows_by_day(held, date(2016, 1, 11), date(2016, 1, 15))
    assert whole.keys() == small.keys()
    assert part.keys() < whole.keys()
    for key, (features, anchors) in (small | part).items():
        assert np.array_equal(whole[key][0], features), key
        assert np.array_equal(whole[key][1], anchors), key


def test_who_looks_no_further_leaves_no_thread_behind(held: Sidecar) -> None:
    before = threading.active_count()
    blocks = history(held, CALENDAR, CONFIG, *RANGE, block_rows=100)
    assert isinstance(blocks, Generator)
    assert next(blocks).at[-1] > 0
    blocks.close()
    assert before == threading.active_count()


def test_an_error_within_a_thread_reaches_who_looks(held: Sidecar) -> None:
    without = replace(held, volume=np.array(None))
    before = threading.active_count()
    # Whatever numba says of a column that is no array of numbers.
    with pytest.raises((TypingError, AssertionError)) as raised:
        list(history(without, CALENDAR, CONFIG, *RANGE))
    assert "ends early" not in str(raised.value)
    assert before == threading.active_count()


def test_the_proof_finds_a_row_that_differs(held: Sidecar, monkeypatch: pytest.MonkeyPatch) -> None:
    first, last = date(2015, 12, 28), date(2016, 1, 8)
    proof = prove(held, CALENDAR, CONFIG, first, last, lambda _, __: None)
    assert ((), 0) == (proof.faults, proof.missing)
    assert proof.rows > 9 * 20
    monkeypatch.setattr(prove_scan, "measure", lambda panel, _: measure(panel, STRICTER))
    other = prove(held, CALENDAR, CONFIG, first, last, lambda _, __: None)
    assert 0 < len(other.faults) <= other.rows


def test_a_sample_of_the_real_market_agrees_on_every_session(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(real_data("us_wide_daily_2015_2016.parquet"))
    names = sorted(pc.unique(table["symbol"]).to_pylist())[::90]
    file = tmp_path / "sample.parquet"
    pq.write_table(table.filter(pc.is_in(table["symbol"], value_set=pa.array(names))), file)
    import_bars(tmp_path / "root", file)
    held = open_sidecar(BarStore(tmp_path / "root"), CALENDAR)
    first, last = (CALENDAR.at(int(each)) for each in (held.session.min(), held.session.max()))
    proof = prove(held, CALENDAR, CONFIG, first, last, lambda _, __: None)
    assert ((), 0) == (proof.faults, proof.missing)
    assert proof.rows > 20_000
