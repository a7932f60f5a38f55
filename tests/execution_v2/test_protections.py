"""Losses lock what the rules say for as long as they say, counted by hand; only time or a person ends a lock."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from execution_v2.closings import BREAKEVEN, counted
from execution_v2.protections import WINDOW_MAX, Protections, Rules, locks
from execution_v2.reduce import Fold
from ledger.disk import LocalDisk
from ledger.journal import Journal
from schemas.book import BookState, Closing, LossRun, StrategyResult
from schemas.events import OperatorAct
from tests.portfolio.books import CORE, book, usd
from tests.simulation import world as worlds
from tests.simulation.world import CONFIG, DAYS, Want, World, bar

TREND: Final = "S2_INDEX_TREND"
FIRST: Final = date(2016, 3, 1)
SESSIONS: Final = tuple(FIRST + timedelta(days=n) for n in range(40))
"""Forty sessions in a row: what a session is, is not asked here."""


def row(day: int, net: str = "-10", *, by_stop: bool = True, symbol: str = "AAA", who: str = CORE) -> Closing:
    """A position closed on the day-th session."""
    return Closing(
        strategy_id=who,
        sleeve_id=who,
        symbol=symbol,
        session_date=SESSIONS[day],
        net=usd(net),
        cost=usd("5000"),
        by_stop=by_stop,
    )


def state_of(*rows: Closing, **over: Any) -> BookState:
    """A book of 100,000 that closed these."""
    realised = sum((r.net for r in rows), Decimal(0))
    result = StrategyResult(strategy_id=CORE, realised=realised, at_open=Decimal(0))
    return book(closings=rows, results=(result,), **over)


def held(
    state: BookState, today: int, config: Protections
) -> list[tuple[str, str | None, str | None, int | None]]:
    """(code, strategy, symbol, sessions left) of each lock on the today-th session."""
    found = locks(state, SESSIONS[: today + 1], config)
    assert found is not None
    return [(str(lock.code), lock.strategy_id, lock.symbol, lock.sessions_left) for lock in found]


def over_book(**rules: Any) -> Protections:
    """These rules over the whole book, none over a strategy."""
    return Protections(book=Rules(**rules), strategy=Rules())


def over_strategy(**rules: Any) -> Protections:
    """These rules over each strategy, none over the book."""
    return Protections(book=Rules(), strategy=Rules(**rules))


GUARD: Final = {"stops": 3, "sessions": 5, "lock_sessions": 2}


@pytest.mark.parametrize(
    ("stops", "today", "left"),
    [
        ((10, 12, 14), 14, 2),  # three of five sessions, 10 to 14: locked at once
        ((10, 12, 14), 16, 0),  # and for two sessions more
        ((10, 12, 14), 17, None),
        ((10, 12, 15), 15, None),  # 11 to 15 hold two of them
        ((10, 10, 10), 10, 2),  # three in one session
        ((10, 12, 14, 16), 16, 2),  # 12 to 16: the guard shuts again
        ((10, 12), 12, None),
    ],
)
def test_a_stop_guard_locks_on_the_stop_that_fills_its_window(
    stops: tuple[int, ...], today: int, left: int | None
) -> None:
    state = state_of(*(row(day) for day in stops))
    expected = [] if left is None else [("STOP_GUARD_LOCK", None, None, left)]
    assert expected == held(state, today, over_book(stop_guard=GUARD))


def test_a_position_that_its_stop_did_not_close_is_no_stop() -> None:
    state = state_of(row(10), row(11), row(12, by_stop=False))
    assert [] == held(state, 12, over_book(stop_guard=GUARD))


def test_a_strategys_guard_counts_its_own_stops_and_locks_it_alone() -> None:
    state = state_of(row(10), row(11), row(12), row(12, who=TREND))
    config = over_strategy(stop_guard=GUARD)
    assert [("STOP_GUARD_LOCK", CORE, None, 2)] == held(state, 12, config)
    (lock,) = locks(state, SESSIONS[:13], config) or ()
    assert (True, False) == (lock.holds(CORE, "ANY"), lock.holds(TREND, "ANY"))
    named = Protections(
        book=Rules(), strategy=Rules(), strategies={TREND: Rules(stop_guard=GUARD | {"stops": 1})}
    )
    assert [("STOP_GUARD_LOCK", TREND, None, 2)] == held(state, 12, named)


def test_a_drawdown_is_measured_from_the_windows_peak_of_realised_equity() -> None:
    # 100,000 +2,000 = 102,000 on day 10; -3,000 on 11 and -2,100 on 12 leave 96,900: a fall of 5 % exactly.
    rows = (row(10, "2000"), row(11, "-3000"), row(12, "-2100"))
    rule = {"fraction": "0.05", "sessions": 3, "lock_sessions": 4}
    assert [("DRAWDOWN_LOCK", None, None, 4)] == held(state_of(*rows), 12, over_book(drawdown_lock=rule))
    assert [] == held(state_of(*rows), 12, over_book(drawdown_lock=rule | {"fraction": "0.050001"}))
    # In two sessions the peak is the 102,000 that they began with: the fall is the same one.
    assert [("DRAWDOWN_LOCK", None, None, 4)] == held(
        state_of(*rows), 12, over_book(drawdown_lock=rule | {"sessions": 2})
    )
    # In one session it began with 99,000: 2,100 of them are 2.1 %.
    assert [] == held(state_of(*rows), 12, over_book(drawdown_lock=rule | {"sessions": 1}))


def test_a_later_gain_does_not_lift_a_drawdown_lock_early() -> None:
    rows = (row(10, "-6000"), row(11, "9000"))
    rule = {"fraction": "0.05", "sessions": 1, "lock_sessions": 3}
    assert [("DRAWDOWN_LOCK", None, None, 2)] == held(state_of(*rows), 11, over_book(drawdown_lock=rule))


def test_a_drawdown_tells_how_deep_it_was_and_a_book_without_equity_is_wholly_down() -> None:
    rule = {"fraction": "0.05", "sessions": 1, "lock_sessions": 3}
    state = state_of(row(10, "-6000"), row(11, "9000"))
    (lock,) = locks(state, SESSIONS[:12], over_book(drawdown_lock=rule)) or ()
    assert (usd("0.060000"), usd("0.05"), SESSIONS[10]) == (lock.observed, lock.threshold, lock.since)
    small = state_of(row(10, "-6"), starting_capital=usd("100"))
    (lock,) = locks(small, SESSIONS[:11], over_book(drawdown_lock=rule)) or ()
    assert usd("0.060000") == lock.observed
    empty = state_of(row(10, "-6"), starting_capital=usd("0"))
    (lock,) = locks(empty, SESSIONS[:11], over_book(drawdown_lock=rule)) or ()
    assert 1 == lock.observed
    paid_in = state_of(row(10, "-6"), starting_capital=usd("0"), net_flows=usd("1000"))
    assert () == locks(paid_in, SESSIONS[:11], over_book(drawdown_lock=rule))


def test_a_symbol_that_earned_too_little_is_locked_and_its_neighbour_is_not() -> None:
    rows = (row(10, "30", by_stop=False), row(12, "-31"), row(12, "-500", symbol="BBB"))
    rule = {"trades": 2, "sessions": 10, "net_min_usd": "0", "lock_sessions": 5}
    assert [("LOW_PROFIT_LOCK", None, "AAA", 5)] == held(state_of(*rows), 12, over_book(low_profit_lock=rule))
    enough = (row(10, "31", by_stop=False), row(12, "-31"))
    assert [] == held(state_of(*enough), 12, over_book(low_profit_lock=rule))


def test_a_longer_cooldown_holds_its_symbol_for_so_many_sessions_after_the_stop() -> None:
    state = state_of(row(10), row(11, by_stop=False, symbol="BBB"))
    config = over_book(cooldown_sessions=3)
    assert [("COOLDOWN_ACTIVE", None, "AAA", 3)] == held(state, 10, config)
    assert [("COOLDOWN_ACTIVE", None, "AAA", 0)] == held(state, 13, config)
    assert [] == held(state, 14, config)


def test_nothing_is_on_that_nobody_turned_on_but_the_count_of_losses() -> None:
    config = Protections()
    assert Rules(losses_max=8) == config.book
    assert Rules(losses_max=5) == config.of(CORE)
    assert [] == held(state_of(*(row(day, "-9000") for day in range(9))), 12, config)


def test_a_run_of_losses_locks_its_strategy_at_five_and_the_book_at_eight() -> None:
    runs = (
        LossRun(strategy_id="", losses=8),
        LossRun(strategy_id=CORE, losses=5),
        LossRun(strategy_id=TREND, losses=3),
    )
    assert [("CONSEC_LOSS", None, None, None), ("CONSEC_LOSS", CORE, None, None)] == held(
        book(loss_runs=runs), 0, Protections()
    )
    fewer = (LossRun(strategy_id="", losses=7), LossRun(strategy_id=CORE, losses=4))
    assert [] == held(book(loss_runs=fewer), 0, Protections())


def test_a_win_ends_a_run_a_loss_lengthens_it_and_breakeven_leaves_it() -> None:
    runs: list[LossRun] = []
    told = []
    for net in ("-10", "-0.5", "0.5", "-0.51", "0.51", "-3"):  # one basis point of 5,000 is 0.50
        runs = counted(runs, row(1, net))
        told.append(next((run.losses for run in runs if run.strategy_id == CORE), 0))
    assert [1, 1, 1, 2, 0, 1] == told
    assert usd("0.5") == BREAKEVEN * row(1).cost


def test_the_books_run_goes_over_all_strategies() -> None:
    runs: list[LossRun] = []
    for who, net in ((CORE, "-10"), (TREND, "-10"), (TREND, "20"), (CORE, "-10")):
        runs = counted(runs, row(1, net, who=who))
    assert [LossRun(strategy_id="", losses=1), LossRun(strategy_id=CORE, losses=2)] == runs


def test_a_rule_that_cannot_count_its_sessions_says_so_and_one_that_needs_none_is_judged() -> None:
    assert locks(state_of(row(1)), (), over_book(stop_guard=GUARD)) is None
    assert () == locks(state_of(row(1)), (), Protections())


def test_windows_longer_than_the_book_remembers_are_refused_before_anything_starts() -> None:
    with pytest.raises(ValidationError, match=f"{WINDOW_MAX} at most"):
        Rules(stop_guard={"stops": 1, "sessions": 40, "lock_sessions": 21})


# --- from the journal ---------------------------------------------------------------------------------


def stopped_out(root: Path) -> World:
    """Bought at the open of the first day, stopped out on the second."""
    days = {
        ("AAA", DAYS[0]): bar("50.10", "51.00", "49.50", "50.80"),
        ("AAA", DAYS[1]): bar("49.00", "49.10", "45.00", "46.00"),
        ("AAA", DAYS[2]): bar("46.00", "46.50", "45.50", "46.00"),
    }
    days |= {("BBB", day): bar("50.10", "51.00", "49.50", "50.80") for day in DAYS[:4]}
    return World(disk=LocalDisk(root), bars=days, wants={DAYS[0]: [Want()]})


def test_a_stop_out_leaves_its_loss_to_the_cent_in_the_state_and_starts_a_run(tmp_path: Path) -> None:
    made = stopped_out(tmp_path)
    state = made.run(*DAYS[:2])
    (closing,) = state.closings
    assert ((), state.cash - 100_000) == (state.positions, closing.net)
    assert (DAYS[1], True, "AAA", CORE) == (
        closing.session_date,
        closing.by_stop,
        closing.symbol,
        closing.strategy_id,
    )
    assert [(CORE, closing.net, 0 > closing.net)] == [
        (r.strategy_id, r.realised, True) for r in state.results
    ]
    assert [("", 1), (CORE, 1)] == [(run.strategy_id, run.losses) for run in state.loss_runs]


def test_locks_survive_a_restart_and_a_resume_is_a_record_that_starts_the_count_anew(tmp_path: Path) -> None:
    stopped_out(tmp_path).run(*DAYS[:2])
    config = Protections(book=Rules(losses_max=1), strategy=Rules())
    again = stopped_out(tmp_path)  # another process on the same disk
    state = again.state(DAYS[1])
    assert ["CONSEC_LOSS"] == [str(lock.code) for lock in locks(state, DAYS[:2], config) or ()]
    journal: Journal = again.journal(DAYS[1])
    act = OperatorAct(verb="resume", operator="jo", reason="looked at it")
    journal.append([("operator.acted", datetime(2026, 3, 3, 21, tzinfo=UTC), None, act)])
    resumed = stopped_out(tmp_path).state(DAYS[1])
    assert ((), state.closings) == (resumed.loss_runs, resumed.closings)


def test_a_cycle_refuses_by_a_lock_and_enters_again_once_a_person_has_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = Protections(book=Rules(losses_max=1), strategy=Rules())
    gates = CONFIG.gates.model_copy(update={"protections": strict})
    monkeypatch.setattr(worlds, "CONFIG", replace(CONFIG, gates=gates))
    made = stopped_out(tmp_path)
    made.wants = {**made.wants, DAYS[2]: [Want(symbol="BBB")], DAYS[3]: [Want(symbol="BBB")]}
    made.run(*DAYS[:3])
    denied = [r.data["code"] for r in made.journal(DAYS[2]).records if r.event == "entry.denied"]
    assert (["CONSEC_LOSS"], ()) == (denied, made.state(DAYS[2]).positions)
    act = OperatorAct(verb="resume", operator="jo", reason="looked at it")
    made.journal(DAYS[2]).append([("operator.acted", datetime(2026, 3, 4, 22, tzinfo=UTC), None, act)])
    assert ["BBB"] == [held.symbol for held in made.run(DAYS[3]).positions]


def test_closings_are_kept_for_a_hundred_days_and_the_sum_for_ever(tmp_path: Path) -> None:
    state = stopped_out(tmp_path).run(*DAYS[:3])
    fold = Fold(state)
    later = stopped_out(tmp_path).journal(DAYS[2]).records[0]
    for days, left in ((99, 1), (102, 0)):
        data = dict(later.data) | {"session_date": (DAYS[2] + timedelta(days=days)).isoformat()}
        fold.apply(later.model_copy(update={"data": data}))
        assert left == len(fold.freeze().closings)
    assert [r.realised for r in state.results] == [r.realised for r in fold.freeze().results]


# --- for every history --------------------------------------------------------------------------------

HISTORIES: Final = st.lists(
    st.builds(
        row,
        st.integers(0, 20),
        st.integers(-3000, 3000).map(str),
        by_stop=st.booleans(),
        symbol=st.sampled_from(["AAA", "BBB"]),
        who=st.sampled_from([CORE, TREND]),
    ),
    max_size=12,
).map(lambda rows: sorted(rows, key=lambda r: r.session_date))
ALL: Final = Rules(
    cooldown_sessions=3,
    stop_guard=GUARD | {"stops": 2},
    drawdown_lock={"fraction": "0.02", "sessions": 4, "lock_sessions": 6},
    low_profit_lock={"trades": 2, "sessions": 5, "net_min_usd": "-50", "lock_sessions": 4},
)


@given(rows=HISTORIES)
def test_every_dated_lock_ends_by_itself_and_never_before_it_said(rows: list[Closing]) -> None:
    state, config = state_of(*rows), Protections(book=ALL, strategy=ALL)
    for today in (20, 22, 25):
        for code, who, symbol, left in held(state, today, config):
            assert left is not None
            assert left >= 0
            for later in range(today, today + left + 1):
                assert any((code, who, symbol) == each[:3] for each in held(state, later, config))
    assert [] == held(state, 20 + 6 + 1, config)


@given(rows=HISTORIES, more=st.integers(-3000, -1).map(str))
def test_one_more_stop_out_never_opens_a_door(rows: list[Closing], more: str) -> None:
    config = Protections(book=ALL, strategy=ALL)
    before = {each[:3] for each in held(state_of(*rows), 20, config)}
    after = {each[:3] for each in held(state_of(*rows, row(20, more)), 20, config)}
    assert before <= after
