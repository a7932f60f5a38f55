"""A split or a new symbol on a held position: told before the open, carried through by every stage."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows import stories
from flows.day import Day
from flows.house import House
from flows.stages.opening import carried_into
from flows.stages.premarket import MARKET
from ledger import layout
from ledger.canonical import parse_canonical
from market.calendar import EPOCH, Calendar
from market.rows import Rows, concatenated
from schemas.base import down
from schemas.book import Position
from schemas.market import ActionKind, CorporateAction, FactKind
from schemas.reasons.scan import ScanCode
from tests.chain.days import HELD_DAY, Ground, house_at, market_of, play

NEW = "ZZNEW"
Altered = Callable[[Rows, Calendar], Rows]


def held(ground: Ground) -> Position:
    """The position whose company acts on HELD_DAY."""
    state = carried_into(ground.day(ground.house(ground.eves[HELD_DAY]), HELD_DAY)).state
    return state.positions[0]


def since_held_day(rows: Rows, symbol: str, since: date = HELD_DAY) -> Any:
    return (rows.code == rows.symbols.index(symbol)) & (rows.day >= since.toordinal() - EPOCH)


def halved(symbol: str, since: date = HELD_DAY) -> Altered:
    """The bars of *symbol* from *since* on at half the price and twice the volume."""

    def alter(rows: Rows, calendar: Calendar) -> Rows:
        del calendar
        values, at = rows.values.copy(), since_held_day(rows, symbol, since)
        values[:4, at] //= 2
        values[4, at] *= 2
        return Rows(
            symbols=rows.symbols, code=rows.code, day=rows.day, values=values,
            known_at=rows.known_at, vintage=rows.vintage,
        )  # fmt: skip

    return alter


def renamed(symbol: str) -> Altered:
    """The bars of *symbol* from HELD_DAY on under the name NEW."""

    def alter(rows: Rows, calendar: Calendar) -> Rows:
        del calendar
        at = since_held_day(rows, symbol)
        mine = rows.take(at)
        moved = Rows(
            symbols=(NEW,), code=np.zeros(len(mine), np.int32), day=mine.day, values=mine.values,
            known_at=mine.known_at, vintage=mine.vintage,
        )  # fmt: skip
        return concatenated([rows.take(~at).compact(), moved])

    return alter


def played(ground: Ground, at: Path, alter: Altered, action: CorporateAction) -> Day:
    """HELD_DAY on a market in which *action* happened that morning."""
    market = market_of(at / "market", alter)
    market.store.append_facts(FactKind.ACTIONS, [action], "by hand")
    house: House = house_at(market, ground.fresh(at / "book", HELD_DAY))
    assert 0 == play(house, HELD_DAY).exit_code
    assert 0 == play(house, HELD_DAY).exit_code, "recomputed, it is the same day"
    return ground.day(house, HELD_DAY)


def told(day: Day, name: str) -> Any:
    return parse_canonical(day.house.disk.read(f"{layout.day(day.book_id, day.session)}/{name}"))


def codes_of(day: Day, symbol: str) -> list[str]:
    scan = told(day, "scan.json")
    for row in scan["rows"]:
        if row["symbol"] == symbol:
            return list(row["codes"])
    return next(list(group["codes"]) for group in scan["others"] if symbol in group["symbols"])


def test_a_split_of_a_held_position_is_named_before_the_open_and_booked_once(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    before = held(tiny_ground)
    action = CorporateAction(
        symbol=before.symbol, ex_date=HELD_DAY, kind=ActionKind.SPLIT,
        ratio_num=2, ratio_den=1,
    )  # fmt: skip
    day = played(tiny_ground, tmp_path, halved(before.symbol), action)
    assert before.stop_price is not None
    (row,) = told(day, MARKET)["held_actions"]
    assert (before.symbol, "split", 2, 1) == (
        row["symbol"], row["kind"], row["ratio_num"], row["ratio_den"],
    )  # fmt: skip
    assert (str(before.quantity), str(before.quantity * 2)) == (row["quantity"], row["quantity_expected"])
    assert Decimal(row["stop_expected"]) == down(before.stop_price / 2)
    (line,) = stories.held_actions(day)
    assert f"{before.quantity} to {before.quantity * 2}" == line["shares"]
    assert "split 2 for 1" == line["action"]
    assert ScanCode.CORP_ACTION_TODAY in codes_of(day, before.symbol)
    assert_kept(day, before, before.symbol, before.quantity * 2)


def test_a_held_company_that_changes_its_symbol_is_scanned_and_managed_under_the_new_one(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    before = held(tiny_ground)
    action = CorporateAction(
        symbol=before.symbol, ex_date=HELD_DAY, kind=ActionKind.SYMBOL_CHANGE, new_symbol=NEW
    )
    day = played(tiny_ground, tmp_path, renamed(before.symbol), action)
    (row,) = told(day, MARKET)["held_actions"]
    assert (before.symbol, NEW, str(before.quantity)) == (
        row["symbol"], row["new_symbol"], row["quantity_expected"],
    )  # fmt: skip
    assert ScanCode.CORP_ACTION_TODAY in codes_of(day, NEW)
    with pytest.raises(StopIteration):
        codes_of(day, before.symbol)
    assert_kept(day, before, NEW, before.quantity)
    (now,) = (p for p in told(day, "snapshot.json")["positions"] if p["symbol"] == NEW)
    assert ("official_close", 0) == (now["mark_source"], now["mark_age"])


def assert_kept(day: Day, before: Position, symbol: str, quantity: Decimal) -> None:
    """The same position after the day, its stop no looser, and no stage with anything to say."""
    after = carried_into(day.sibling(day.house.calendar.next(day.session))).state
    (position,) = (p for p in after.positions if p.position_id == before.position_id)
    assert symbol == position.symbol
    assert 0 < position.quantity <= quantity, "trimmed at the most"
    stops = {o.symbol: o.quantity for o in after.orders}
    assert position.quantity == stops[symbol]
    assert "DIFFERENT" != told(day, "parity.json")["status"]
    assert [] == told(day, "parity.json")["findings"] == told(day, "trades.json")["findings"]
    assert [] == told(day, "reconciliation.json")["findings"]
    assert told(day, "snapshot.json")["complete"]
