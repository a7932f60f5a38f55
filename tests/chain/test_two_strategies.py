"""Two strategies share a book: every share and every cent says whose it is, and neither touches the other's."""

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from flows.day import Day, open_day
from flows.house import House
from flows.lookahead import prove
from ledger import layout
from schemas.attribution import Attribution
from schemas.cycle import Execution, Stops
from schemas.decisions import Decisions, Verdict
from schemas.snapshot import Snapshot
from schemas.strategy_registry import S1_AVWAP_CORE, S2_INDEX_TREND
from schemas.trades import Trades
from tests.chain import two
from tests.chain.days import BOOK, play

FIRST: Final = date(2024, 8, 5)
LAST: Final = date(2024, 8, 13)
"""Seven sessions: both strategies enter, the first is trimmed and stopped, and each finds the other in its way."""
SHARED_FROM: Final = date(2024, 8, 6)
SHARED_TO: Final = date(2024, 8, 20)
"""The fund that both hold gaps through the second one's stop, which lies higher, and not through the first one's."""
FUND: Final = "XLF"
SCOPE: Final = ("strategy_id", "sleeve_id")
UNITS: Final = frozenset(
    ("intent_id", "decision_id", "ord_id", "position_id", "trade_id", "fill_id", "lots", "realised_gross")
)
"""Who has one of these keys is a unit: of wish, decision, order, shares or money."""
SPEAKS_OF: Final = frozenset(
    f"journal.jsonl/{event}"
    for event in (
        "order.confirmed", "order.ended", "order.rejected", "order.replaced", "order.replacing", "order.resolved",
        "order.unresolved", "order.cancelling", "order.replace_rejected", "tick.taken", "divergence.found",
    )
)  # fmt: skip
"""What happened to an order: it names the order, which says whose it is."""
OUTSIDE: Final = ("calls.jsonl", "positions.json", "orders.json", "close.json")
"""What a broker said: it knows no strategy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A run of sessions, and the house that ran it."""

    house: House
    first: date
    last: date

    def days(self) -> Iterator[Day]:
        for session in self.house.calendar.sessions(self.first, self.last):
            yield open_day(self.house, BOOK, session)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Stocks and funds, some of which rise."""
    return two.market_at(tmp_path_factory.mktemp("two") / "market")


@pytest.fixture(scope="module")
def apart(market: House, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """No symbol is shared."""
    home = tmp_path_factory.mktemp("apart")
    house = two.sharing(market, home, stocks_max=2, overlap=False)
    assert 0 == play(house, FIRST, LAST).exit_code
    return Played(house=house, first=FIRST, last=LAST)


@pytest.fixture(scope="module")
def shared(market: House, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Both hold one fund from the first day on."""
    home = tmp_path_factory.mktemp("shared")
    first = two.sharing(market, home, stocks_max=10, overlap=True)
    assert 0 == two.play_with_both_on_the_wire(first, SHARED_FROM, FUND).exit_code
    house = two.sharing(market, home, stocks_max=10, overlap=True)
    assert 0 == play(house, house.calendar.next(SHARED_FROM), SHARED_TO).exit_code
    return Played(house=house, first=SHARED_FROM, last=SHARED_TO)


@pytest.fixture(params=["apart", "shared"])
def played(request: pytest.FixtureRequest) -> Played:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Played)
    return found


def documents(played: Played) -> Iterator[tuple[str, Any]]:
    """Every artifact and every line of every journal that the book has written, by name and event."""
    for day in played.days():
        folder = day.house.root / layout.day(BOOK, day.session)
        for path in sorted(folder.rglob("*.json*")):
            if path.name in OUTSIDE and path.name != "book.json":
                continue
            if path.suffix == ".jsonl":
                for line in path.read_text(encoding="utf-8").splitlines():
                    record = json.loads(line)
                    yield f"{path.name}/{record['event']}", record
            else:
                yield path.name, json.loads(path.read_text(encoding="utf-8"))


def units(told: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in *told*, at any depth, that is a unit."""
    if isinstance(told, dict):
        if UNITS & told.keys():
            yield told
        for below in told.values():
            yield from units(below)
    elif isinstance(told, list):
        for below in told:
            yield from units(below)


def is_sum(unit: Mapping[str, Any]) -> bool:
    """Whether *unit* is money of no one symbol: a sum by name, or over the book."""
    return "realised_gross" in unit and "symbol" not in unit


def test_no_unit_of_any_artifact_or_journal_is_without_its_strategy_and_sleeve(played: Played) -> None:
    found: Counter[str] = Counter()
    unscoped: Counter[str] = Counter()
    for name, told in documents(played):
        for unit in units(told):
            if (name in SPEAKS_OF and "symbol" not in unit) or is_sum(unit):
                continue
            found[name] += 1
            if not all(unit.get(key) for key in SCOPE):
                unscoped[f"{name}: {', '.join(sorted(UNITS & unit.keys()))}"] += 1
    assert {} == dict(unscoped)
    expected = {
        "attribution.json", "book.json", "candidates.json", "decisions.json", "enforcement.json", "execution.json",
        "snapshot.json", "stops.json", "trades.json",
    }  # fmt: skip
    assert expected <= set(found), "a walk that meets no unit shows nothing"


def test_no_id_ever_changes_hands_and_a_strategy_stays_in_its_sleeve(played: Played) -> None:
    owners: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for _, told in documents(played):
        for unit in units(told):
            if all(key in unit for key in SCOPE):
                for key in UNITS & unit.keys():
                    if isinstance(unit[key], str) and unit[key] and key.endswith("_id"):
                        owners[unit[key]].add((unit["strategy_id"], unit["sleeve_id"]))
    assert {} == {name: found for name, found in owners.items() if len(found) > 1}
    expected = {(S1_AVWAP_CORE, S1_AVWAP_CORE), (S2_INDEX_TREND, two.FUNDS)}
    assert expected == {owner for found in owners.values() for owner in found}


def test_both_strategies_buy_and_the_totals_of_each_add_up_to_the_book(played: Played) -> None:
    bought: set[str] = set()
    for day in played.days():
        trades = day.need("test", "trades.json", Trades).artifact
        bought |= {fill.strategy_id for fill in trades.fills if fill.side == "buy"}
        told = day.need("test", "attribution.json", Attribution).artifact
        for parts in (told.rows, told.by_strategy, told.by_sleeve):
            assert told.total.net == sum((part.net for part in parts), Decimal(0))
        kept = day.need("test", "snapshot.json", Snapshot).artifact
        assert kept.complete
        assert kept.exposure.gross == sum((part.gross for part in kept.exposure.by_strategy), Decimal(0))
    assert set(two.BOTH) == bought


def test_what_the_first_strategy_took_or_holds_the_second_does_not_get(apart: Played) -> None:
    told = [
        (row.strategy_id, finding.code)
        for day in apart.days()
        for row in day.need("test", "decisions.json", Decisions).artifact.verdicts
        for finding in row.reasons
        if row.verdict is Verdict.BLOCK
    ]
    assert {"S2_SYMBOL_OVERLAP"} <= {code for who, code in told if who == S1_AVWAP_CORE}
    assert "S2_MAX_POSITIONS" in {code for who, code in told if who == S1_AVWAP_CORE}
    for day in apart.days():
        symbols = [row.symbol for row in day.need("test", "snapshot.json", Snapshot).artifact.positions]
        assert len(symbols) == len(set(symbols))


def held_by(day: Day, strategy_id: str) -> dict[str, Decimal]:
    """symbol -> shares of *strategy_id* at the close."""
    rows = day.need("test", "snapshot.json", Snapshot).artifact.positions
    return {row.symbol: row.quantity for row in rows if row.strategy_id == strategy_id}


def held(day: Day, symbol: str) -> dict[str, tuple[Decimal, Decimal | None]]:
    """strategy -> (shares, stop) of *symbol* at the close."""
    rows = day.need("test", "snapshot.json", Snapshot).artifact.positions
    return {row.strategy_id: (row.quantity, row.stop) for row in rows if row.symbol == symbol}


def test_two_strategies_in_one_symbol_keep_their_shares_and_stops_apart_through_an_exit(
    shared: Played,
) -> None:
    days = list(shared.days())
    opened, eve, left = held(days[0], FUND), held(days[-2], FUND), held(days[-1], FUND)
    assert set(two.BOTH) == set(opened) == set(eve)
    assert opened[S1_AVWAP_CORE][0] == eve[S1_AVWAP_CORE][0] == left[S1_AVWAP_CORE][0]
    assert opened[S2_INDEX_TREND][1] != opened[S1_AVWAP_CORE][1], "each has its own stop"
    assert {S1_AVWAP_CORE} == set(left)
    trades = days[-1].need("test", "trades.json", Trades).artifact
    (trip,) = (row for row in trades.closed if row.symbol == FUND)
    sold = [fill for fill in trades.fills if fill.symbol == FUND]
    assert (S2_INDEX_TREND, two.FUNDS) == (trip.strategy_id, trip.sleeve_id)
    assert [S2_INDEX_TREND] == [fill.strategy_id for fill in sold]
    assert opened[S2_INDEX_TREND][0] == sum(fill.quantity for fill in sold)


def test_a_strategy_that_is_turned_off_wishes_for_nothing_and_leaves_by_its_stops(
    apart: Played, market: House, tmp_path: Path
) -> None:
    home = shutil.copytree(apart.house.settings.home, tmp_path / "home", symlinks=True)
    house = two.sharing(market, home, stocks_max=2, overlap=False, strategies=(S1_AVWAP_CORE,))
    next_day = house.calendar.next(LAST)
    held = held_by(open_day(house, BOOK, LAST), S2_INDEX_TREND)
    assert 0 == play(house, next_day, SHARED_TO).exit_code
    after = list(Played(house=house, first=next_day, last=SHARED_TO).days())
    assert not any(
        intent.strategy_id == S2_INDEX_TREND for day in after for intent in two.wished(day).intents
    )
    lines = after[0].need("test", "cycles/1600/stops.json", Stops).artifact.positions
    covered = {row.symbol: row.covered for row in lines if row.strategy_id == S2_INDEX_TREND}
    assert held == covered, "every share keeps its stop"
    trips = [row for day in after for row in day.need("test", "trades.json", Trades).artifact.closed]
    assert [FUND] == [row.symbol for row in trips if row.strategy_id == S2_INDEX_TREND]


def test_what_a_stop_protects_for_one_strategy_is_not_entered_by_the_other(
    market: House, tmp_path: Path
) -> None:
    house = two.sharing(market, tmp_path, stocks_max=10, overlap=True)
    assert 0 == play(house, FIRST).exit_code
    day = open_day(house, BOOK, FIRST)
    owners = {
        row.symbol: row.strategy_id for row in day.need("test", "snapshot.json", Snapshot).artifact.positions
    }
    wished = day.need("test", "decisions.json", Decisions).artifact.verdicts
    late = {
        row.symbol: row.q2 for row in wished if row.strategy_id == S2_INDEX_TREND and row.symbol in owners
    }
    assert late, "no fund is wished for by both"
    assert all(late.values()), "the overlap is allowed"
    assert {S1_AVWAP_CORE} == {owners[symbol] for symbol in late}
    denied = day.need("test", "cycles/0935/execution.json", Execution).artifact.denied
    told = {row.symbol: row.code for row in denied if row.strategy_id == S2_INDEX_TREND}
    assert dict.fromkeys(late, "OPPOSITE_ORDER_WORKING") == told


def test_no_byte_of_a_morning_of_two_strategies_depends_on_what_it_may_not_see(
    apart: Played, market: House
) -> None:
    folder = apart.house.root / "MARKET"
    if not folder.exists():
        folder.symlink_to(market.root / "MARKET")
    day = list(apart.days())[2]
    found = prove(day, rounds=1, seed=5, step=lambda done, what: None)
    wrong = [(one.case, each.file, each.pointer) for one in found for each in one.files if not each.identical]
    assert [] == wrong


def test_the_first_strategys_files_do_not_move_while_the_second_is_off(
    market: House, apart: Played, tmp_path: Path
) -> None:
    alone = two.sharing(market, tmp_path, stocks_max=2, overlap=False, strategies=(S1_AVWAP_CORE,))
    assert 0 == play(alone, FIRST).exit_code
    off, on = open_day(alone, BOOK, FIRST), open_day(apart.house, BOOK, FIRST)

    def told(day: Day, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(day.house.disk.read(day.path(name)))
        return {key: value for key, value in found.items() if key not in ("config_sha256", "inputs")}

    without, beside = told(off, "scan.json"), told(on, "scan.json")
    assert "trend" not in without
    assert without == {key: value for key, value in beside.items() if key != "trend"}
    for key in ("candidates", "intents"):
        rows = told(on, "candidates.json")[key]
        assert told(off, "candidates.json")[key] == [r for r in rows if r["strategy_id"] == S1_AVWAP_CORE]
