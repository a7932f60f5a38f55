"""Each line of the contract's table fires on the market made for it, with the effect that the table gives
it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ledger import canonical
from market.calendar import Calendar
from market.contract import ContractResult, quarantined_codes
from market.imports import import_bars
from market.store import BarStore
from schemas.base import SessionDate
from schemas.market import ActionKind, CorporateAction
from schemas.observations import Acknowledgement, SessionHours
from schemas.reasons.market import BarCode, DayCode
from tests.market.worlds import Row, judged, rows_of, split, steady, store_with

D = date(2016, 9, 1)
P = date(2016, 8, 31)
GOOD = ("BBB", "CCC", "DDD", "SPY")


@pytest.fixture(scope="module")
def sessions(calendar: Calendar) -> list[date]:
    return list(calendar.sessions(date(2016, 1, 4), P))


def around(aaa: list[Row], sessions: list[date]) -> list[Row]:
    """Four good names beside the one under test."""
    return [*aaa, *(row for name in GOOD for row in steady(name, sessions, close=60.0 + len(name)))]


def effects(result: ContractResult, symbol: str = "AAA") -> tuple[tuple[BarCode, ...], tuple[BarCode, ...]]:
    return result.quarantine.get(symbol, ()), result.warnings.get(symbol, ())


def with_bar(rows: list[Row], at: int, **values: float) -> list[Row]:
    names = ("symbol", "day", "open", "high", "low", "close", "volume")
    changed = dict(zip(names, rows[at], strict=True)) | values
    out = list(rows)
    out[at] = tuple(changed[name] for name in names)  # type: ignore[assignment]
    return out


def scaled(rows: list[Row], at: int, factor: float) -> list[Row]:
    """Prices times *factor* from the bar at *at* on."""

    def moved(price: float | None) -> float:
        return round((price or 0.0) * factor, 4)

    tail: list[Row] = [
        (s, d, moved(o), moved(h), moved(low), moved(c), v) for s, d, o, h, low, c, v in rows[at:]
    ]
    return [*rows[:at], *tail]


Q, W = "Q", "W"
CASES: list[tuple[str, BarCode, str, Callable[[list[Row]], list[Row]]]] = [
    ("no bar at P", BarCode.BARS_STALE, Q, lambda r: r[:-1]),
    ("a gap in the last 5", BarCode.BARS_GAP, Q, lambda r: r[:-3] + r[-2:]),
    ("an old gap", BarCode.BARS_GAP, W, lambda r: r[:20] + r[21:]),
    ("three old gaps", BarCode.BARS_GAP, W, lambda r: r[:20] + r[23:]),
    ("four old gaps", BarCode.BARS_GAP, Q, lambda r: r[:20] + r[24:]),
    ("a recent Sunday", BarCode.BARS_NOT_A_SESSION, Q, lambda r: [*r, ("AAA", date(2016, 8, 28), *r[0][2:])]),
    (
        "an old Good Friday",
        BarCode.BARS_NOT_A_SESSION,
        W,
        lambda r: [*r, ("AAA", date(2016, 3, 25), *r[0][2:])],
    ),
    ("two different rows", BarCode.BARS_DUPLICATE, Q, lambda r: [*r, (*r[30][:6], 7)]),
    ("the same row twice", BarCode.BARS_DUPLICATE, W, lambda r: [*r, r[30]]),
    ("a zero price", BarCode.BARS_PRICE_NOT_POSITIVE, Q, lambda r: with_bar(r, 5, low=0.0)),
    ("a missing price", BarCode.BARS_PRICE_NOT_POSITIVE, Q, lambda r: with_bar(r, 5, open=None)),  # type: ignore[arg-type]
    ("a close above the high", BarCode.BARS_OHLC_INCONSISTENT, Q, lambda r: with_bar(r, 5, high=49.0)),
    ("no volume at P", BarCode.BARS_VOLUME_ZERO, Q, lambda r: with_bar(r, -1, volume=0)),
    ("no volume once", BarCode.BARS_VOLUME_ZERO, W, lambda r: with_bar(r, -9, volume=0)),
    ("a jump in the last 5", BarCode.BARS_OUTLIER, Q, lambda r: scaled(r, -4, 1.45)),
    ("an old jump", BarCode.BARS_OUTLIER, W, lambda r: scaled(r, 40, 1.45)),
    (
        "a print undone the next day",
        BarCode.BARS_REVERTED,
        Q,
        lambda r: scaled(scaled(r, -12, 1.5), -11, 1 / 1.5),
    ),
    ("a spike", BarCode.BARS_SPIKE, Q, lambda r: with_bar(r, -10, high=90.0)),
    ("an untold 1-for-2", BarCode.BARS_SPLIT_RESIDUE, Q, lambda r: scaled(r, -10, 2.0)),
]


@pytest.mark.parametrize(("what", "code", "effect", "change"), CASES, ids=[case[0] for case in CASES])
def test_a_defect_has_its_code_and_its_effect(
    tmp_path: Path, calendar: Calendar, sessions: list[date], what: str, code: BarCode, effect: str,
    change: Callable[[list[Row]], list[Row]],
) -> None:  # fmt: skip
    result = judged(store_with(tmp_path, around(change(steady("AAA", sessions)), sessions)), calendar, D)
    quarantine, warnings = effects(result)
    assert code in (quarantine if effect == Q else warnings), what
    assert code not in (warnings if effect == Q else quarantine)
    assert (code, effect) in {(count.code, count.effect) for count in result.observation.counts}
    assert code in {finding.code for finding in result.findings("AAA")}
    assert set(result.quarantine) <= {"AAA"}
    assert quarantined_codes(result.observation) == result.quarantine


def test_good_bars_carry_nothing_and_block_nothing(
    tmp_path: Path, calendar: Calendar, sessions: list[date]
) -> None:
    result = judged(store_with(tmp_path, around(steady("AAA", sessions), sessions)), calendar, D)
    assert ({}, {}, ()) == (result.quarantine, result.warnings, result.observation.findings)
    assert not result.observation.blocked
    assert (5, 5, 5, 5) == (
        result.observation.symbols,
        result.observation.members,
        result.observation.liquid_members,
        result.observation.bars_at_data_session,
    )


def test_three_flat_bars_are_flat(tmp_path: Path, calendar: Calendar, sessions: list[date]) -> None:
    rows = steady("AAA", sessions)
    for count, expected in ((2, ()), (3, (BarCode.BARS_FLAT,))):
        for at in range(-10, -10 + count):
            rows = with_bar(rows, at, open=50.0, high=50.0, low=50.0, close=50.0)
        result = judged(store_with(tmp_path / str(count), around(rows, sessions)), calendar, D)
        assert expected == effects(result)[0]


@pytest.mark.parametrize("price", [2.5e8, float("inf"), float("nan"), -3.0])
def test_an_absurd_price_of_a_file_is_kept_as_missing_and_found(
    tmp_path: Path, calendar: Calendar, sessions: list[date], price: float
) -> None:
    lines = [
        ",".join(map(str, row)) for row in around(with_bar(steady("AAA", sessions), -7, high=price), sessions)
    ]
    file = tmp_path / "bars.csv"
    file.write_text("\n".join(["symbol,date,open,high,low,close,volume", *lines]))
    import_bars(tmp_path, file)
    result = judged(BarStore(tmp_path), calendar, D)
    assert {"AAA": (BarCode.BARS_PRICE_NOT_POSITIVE,)} == result.quarantine


def test_a_told_split_is_no_residue_and_no_outlier(
    tmp_path: Path, calendar: Calendar, sessions: list[date]
) -> None:
    rows = scaled(steady("AAA", sessions), -4, 0.5)
    untold = judged(store_with(tmp_path / "a", around(rows, sessions)), calendar, D)
    assert (BarCode.BARS_SPLIT_RESIDUE, BarCode.BARS_OUTLIER) == effects(untold)[0]
    told = store_with(tmp_path / "b", around(rows, sessions), [split("AAA", sessions[-4], 2, 1)])
    assert ((), ()) == effects(judged(told, calendar, D))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"close": 50.9, "high": 51.2}, ((BarCode.BARS_RESTATED,), ())),
        ({"volume": 1_300_000}, ((), (BarCode.BARS_RESTATED,))),
        ({"high": 51.9}, ((), ())),
    ],
    ids=["close", "volume", "neither"],
)
def test_a_restated_close_quarantines_on_the_day_it_is_known_and_a_restated_volume_warns(
    tmp_path: Path,
    calendar: Calendar,
    sessions: list[date],
    change: dict[str, float],
    expected: tuple[tuple[BarCode, ...], tuple[BarCode, ...]],
) -> None:
    rows = around(steady("AAA", [*sessions, D]), [*sessions, D])
    changed = rows_of([with_bar(rows, 30, **change)[30]])
    known = datetime(2016, 9, 1, 3, tzinfo=UTC)
    store = store_with(tmp_path / "a", rows)
    store.append_bars(changed, "late", known_at=known)
    assert expected == effects(judged(store, calendar, D))
    assert ((), ()) == effects(judged(store, calendar, date(2016, 9, 2)))
    assert expected == effects(judged(store, calendar, date(2016, 9, 2), since=P)), (
        "P was the last sealed session"
    )
    excused = store_with(tmp_path / "b", rows, [split("AAA", D, 1, 1)])
    excused.append_bars(changed, "late", known_at=known)
    assert ((), ()) == effects(judged(excused, calendar, D))


def test_twins_are_both_quarantined(tmp_path: Path, calendar: Calendar, sessions: list[date]) -> None:
    rows = steady("AAA", sessions)
    twin: list[Row] = [("ZZZ", *row[1:]) for row in rows]
    result = judged(store_with(tmp_path, around(rows + twin, sessions)), calendar, D)
    assert dict.fromkeys(("AAA", "ZZZ"), (BarCode.BARS_IDENTICAL_SERIES,)) == result.quarantine
    result = judged(store_with(tmp_path / "b", around(rows + twin[-19:], sessions)), calendar, D)
    assert {} == result.quarantine, "nineteen bars are not twenty"


def test_an_action_without_its_number_is_unresolved_until_sealed_past(
    tmp_path: Path, calendar: Calendar, sessions: list[date]
) -> None:
    rows = around(steady("AAA", sessions), sessions)
    bare = CorporateAction(symbol="AAA", ex_date=P, kind=ActionKind.SPLIT)
    store = store_with(tmp_path, rows, [bare])
    assert ((BarCode.ACTION_UNRESOLVED,), ()) == effects(judged(store, calendar, D, since=date(2016, 8, 30)))
    assert ((), ()) == effects(judged(store, calendar, D))


def acknowledged(symbol: str, on: date = D) -> Acknowledgement:
    return Acknowledgement(
        symbol=symbol,
        code=BarCode.BARS_SPIKE,
        session_date=SessionDate(on),
        operator="jo",
        reason="a real print",
        at=datetime(2016, 9, 1, 3, tzinfo=UTC),
    )


def test_an_acknowledgement_lifts_one_code_of_one_symbol(
    tmp_path: Path, calendar: Calendar, sessions: list[date]
) -> None:
    rows = with_bar(with_bar(steady("AAA", sessions), -10, high=90.0), 5, low=0.0)
    store = store_with(tmp_path, around(rows, sessions))
    result = judged(
        store,
        calendar,
        D,
        acknowledged=(acknowledged("BBB"), acknowledged("AAA"), acknowledged("AAA", on=P)),
    )
    assert (BarCode.BARS_PRICE_NOT_POSITIVE,) == effects(result)[0]
    assert [("AAA", "BARS_SPIKE", "acknowledged by jo: a real print")] == [
        (f.subject, f.code, f.detail) for f in result.observation.lifted
    ]
    other_day = judged(store, calendar, D, acknowledged=(acknowledged("AAA", on=P),))
    assert BarCode.BARS_SPIKE in effects(other_day)[0]


def day_codes(result: ContractResult) -> list[str]:
    return [finding.code for finding in result.observation.findings]


def many(sessions: list[date], count: int = 20) -> dict[str, list[Row]]:
    names = [f"N{at:03d}" for at in range(count)]
    return {name: steady(name, sessions, close=40.0 + at) for at, name in enumerate(names)} | {
        "SPY": steady("SPY", sessions)
    }


def flat(world: dict[str, list[Row]]) -> list[Row]:
    return [row for rows in world.values() for row in rows]


def test_a_partial_feed_blocks_the_day(tmp_path: Path, calendar: Calendar, sessions: list[date]) -> None:
    world = many(sessions)
    for name in list(world)[:3]:
        world[name] = world[name][:-1]
    result = judged(store_with(tmp_path, flat(world)), calendar, D)
    assert (
        [DayCode.DAY_COVERAGE_LOW, DayCode.DAY_QUARANTINE_HIGH] == day_codes(result) == list(result.blocking)
    )
    assert result.observation.blocked
    finding = result.observation.findings[0]
    assert (0.857143, "0.970000") == (finding.observed, finding.threshold)


def test_two_missing_names_of_a_tiny_universe_do_not_block(
    tmp_path: Path, calendar: Calendar, sessions: list[date]
) -> None:
    world = many(sessions, 6)
    for name in list(world)[:2]:
        world[name] = world[name][:-1]
    result = judged(store_with(tmp_path, flat(world)), calendar, D)
    assert not result.observation.blocked
    assert 2 == len(result.quarantine)


def test_no_bars_at_p_at_all_contradict_the_calendar(
    tmp_path: Path, calendar: Calendar, sessions: list[date]
) -> None:
    result = judged(store_with(tmp_path, flat(many(sessions[:-1]))), calendar, D)
    assert [
        DayCode.DAY_CALENDAR_DISAGREEMENT,
        DayCode.DAY_BENCHMARK_BAD,
        DayCode.DAY_COVERAGE_LOW,
        DayCode.DAY_QUARANTINE_HIGH,
    ] == day_codes(result)


def test_bars_of_most_names_on_a_holiday_contradict_the_calendar(
    tmp_path: Path, calendar: Calendar, sessions: list[date]
) -> None:
    rows = flat(many(sessions))
    ghosts: list[Row] = [(row[0], date(2016, 8, 27), *row[2:]) for row in rows if row[1] == P]
    result = judged(store_with(tmp_path, rows + ghosts), calendar, D)
    assert DayCode.DAY_CALENDAR_DISAGREEMENT in day_codes(result)
    assert "2016-08-27" == result.observation.findings[0].subject


def test_bars_on_the_holiday_between_p_and_d_are_seen_on_d_already(
    tmp_path: Path, calendar: Calendar
) -> None:
    labour_day, tuesday = date(2016, 9, 5), date(2016, 9, 6)
    rows = flat(many(list(calendar.sessions(date(2016, 1, 4), date(2016, 9, 2)))))
    ghosts: list[Row] = [(row[0], labour_day, *row[2:]) for row in rows if row[1] == P]
    one = judged(store_with(tmp_path / "one", rows + ghosts[:1]), calendar, tuesday)
    assert ({ghosts[0][0]: (BarCode.BARS_NOT_A_SESSION,)}, ()) == (one.quarantine, one.blocking)
    everyone = judged(store_with(tmp_path / "all", rows + ghosts), calendar, tuesday)
    assert DayCode.DAY_CALENDAR_DISAGREEMENT == everyone.blocking[0]
    assert str(labour_day) == everyone.observation.findings[0].subject


def test_the_broker_calendar_is_compared_and_wanted_outside_sim(
    tmp_path: Path, calendar: Calendar, sessions: list[date]
) -> None:
    store = store_with(tmp_path, flat(many(sessions)))
    span = calendar.sessions(date(2016, 8, 20), D)
    broker = tuple(
        SessionHours(session=s, open_at=calendar.open_at(s), close_at=calendar.close_at(s)) for s in span
    )
    assert [] == day_codes(judged(store, calendar, D, simulated=False, broker=broker))
    assert [DayCode.CALENDAR_SOURCE_MISSING] == day_codes(judged(store, calendar, D, simulated=False))
    assert [DayCode.DAY_CALENDAR_DISAGREEMENT] == day_codes(judged(store, calendar, D, broker=broker[:-1]))
    early = SessionHours(
        session=D, open_at=calendar.open_at(D), close_at=datetime(2016, 9, 1, 17, tzinfo=UTC)
    )
    result = judged(store, calendar, D, broker=(*broker[:-1], early))
    assert ["13:30-17:00 UTC"] == [finding.observed for finding in result.observation.findings]


def test_a_calendar_that_ends_within_30_days_is_not_believed(tmp_path: Path, sessions: list[date]) -> None:
    short = Calendar(2014, 2016)
    store = store_with(tmp_path, flat(many(sessions)))
    assert [] == day_codes(judged(store, short, D))
    late = steady("SPY", short.sessions(date(2016, 6, 1), date(2016, 12, 9)))
    result = judged(store_with(tmp_path / "b", late), short, date(2016, 12, 12))
    assert [DayCode.DAY_CALENDAR_DISAGREEMENT] == day_codes(result)


def test_a_bad_benchmark_blocks_and_an_unknown_one_does_not_in_sim(
    tmp_path: Path, calendar: Calendar, sessions: list[date]
) -> None:
    world = many(sessions)
    spiked = {**world, "SPY": with_bar(world["SPY"], -3, high=90.0)}
    assert [DayCode.DAY_BENCHMARK_BAD] == day_codes(
        judged(store_with(tmp_path / "a", flat(spiked)), calendar, D)
    )
    stale = {**world, "SPY": world["SPY"][:-1]}
    assert [DayCode.DAY_BENCHMARK_BAD] == day_codes(
        judged(store_with(tmp_path / "b", flat(stale)), calendar, D)
    )
    del world["SPY"]
    absent = judged(store_with(tmp_path / "c", flat(world)), calendar, D)
    assert ([DayCode.BENCHMARK_ABSENT], (), False) == (
        day_codes(absent),
        absent.blocking,
        absent.observation.blocked,
    )


def test_a_feed_that_repeats_yesterday_blocks(
    tmp_path: Path, calendar: Calendar, sessions: list[date]
) -> None:
    world = many(sessions)
    for name in list(world)[:3]:
        world[name][-1] = (name, P, *world[name][-2][2:])
    assert [DayCode.DAY_STALE_FEED] == day_codes(judged(store_with(tmp_path, flat(world)), calendar, D))


def test_many_identical_series_block(tmp_path: Path, calendar: Calendar, sessions: list[date]) -> None:
    world = many(sessions, 100)
    names = list(world)
    for name in names[1:3]:
        world[name] = [(name, *row[1:]) for row in world[names[0]]]
    result = judged(store_with(tmp_path, flat(world)), calendar, D)
    assert [DayCode.DAY_IDENTICAL_SERIES] == day_codes(result)


def test_a_market_that_leaps_without_its_benchmark_is_implausible(
    tmp_path: Path, calendar: Calendar, sessions: list[date]
) -> None:
    world = {name: scaled(rows, -1, 0.75) if name != "SPY" else rows for name, rows in many(sessions).items()}
    assert [DayCode.DAY_MOVE_IMPLAUSIBLE] == day_codes(
        judged(store_with(tmp_path / "a", flat(world)), calendar, D)
    )
    crash = {**world, "SPY": scaled(world["SPY"], -1, 0.90)}
    assert [] == day_codes(judged(store_with(tmp_path / "b", flat(crash)), calendar, D))


def test_another_snapshot_than_the_recorded_one_blocks(
    tmp_path: Path, calendar: Calendar, sessions: list[date]
) -> None:
    store = store_with(tmp_path, flat(many(sessions)))
    version = judged(store, calendar, D).observation.data_version
    assert [] == day_codes(judged(store, calendar, D, expected_version=version))
    assert [DayCode.DAY_SNAPSHOT_CORRUPT] == day_codes(judged(store, calendar, D, expected_version="0" * 20))


def test_a_delisted_name_is_stale_but_no_member(
    tmp_path: Path, calendar: Calendar, sessions: list[date]
) -> None:
    world = many(sessions)
    for name in list(world)[:6]:
        world[name] = world[name][:-8]
    result = judged(store_with(tmp_path, flat(world)), calendar, D)
    assert (21, 15, False) == (
        result.observation.symbols,
        result.observation.members,
        result.observation.blocked,
    )
    assert 6 == len(result.quarantine)


def test_membership_narrows_the_members(tmp_path: Path, calendar: Calendar, sessions: list[date]) -> None:
    result = judged(
        store_with(tmp_path, flat(many(sessions))), calendar, D, members=frozenset({"N000", "N001", "GONE"})
    )
    assert 2 == result.observation.members == result.observation.liquid_members


def test_the_report_survives_its_own_bytes(tmp_path: Path, calendar: Calendar, sessions: list[date]) -> None:
    store = store_with(tmp_path, around(steady("AAA", sessions)[:-1], sessions), [split("BBB", D, 2, 1)])
    observation = judged(store, calendar, D).observation
    data = canonical.artifact_bytes(canonical.plain(observation))
    assert observation == type(observation).model_validate(canonical.parse_canonical(data))
    assert data == canonical.artifact_bytes(canonical.plain(judged(store, calendar, D).observation))
    assert ["BBB"] == [action.symbol for action in observation.actions]


def test_an_empty_store_blocks(tmp_path: Path, calendar: Calendar) -> None:
    from market.store import BarStore

    result = judged(BarStore(tmp_path), calendar, D)
    assert [DayCode.DAY_COVERAGE_LOW, DayCode.BENCHMARK_ABSENT] == sorted(day_codes(result), reverse=True)
    assert result.observation.blocked
