"""Days of one position by hand: what the rules ask for is equal, and each way to differ has its code."""

from collections.abc import Sequence
from decimal import Decimal

from analytics.config import TradesConfig
from analytics.trades import TradesInputs
from analytics.trades import run as book
from schemas.base import Fact
from schemas.book import Position
from schemas.observations import BarFacts
from schemas.parity import Parity, ParityStatus
from simulation.parity import ParityInputs, run
from strategies.config import ExitConfig
from tests.analytics.books import CAPITAL, book_state, position
from tests.analytics.journal_of import BOOK, DAYS, PLAN, action, at, bar, entry_order, fill, journal

MON, TUE, WED, THU, _ = DAYS


def held(shares: int = 10, stop: str = "95", basis: str = "planned", **changes: object) -> Position:
    """Ten shares of ABC, bought on Monday at 100 under PLAN: stop 95, r1 110, r2 120, halves."""
    start = position("ABC", shares, "100.000000")
    return Position.model_validate(start.model_dump() | {"stop_price": stop, "stop_basis": basis} | changes)


def day(
    opening: Sequence[Position],
    closing: Sequence[Position],
    bar_: BarFacts | None,
    *data: Fact,
    history: Sequence[BarFacts] = (),
    on: int = 1,
) -> Parity:
    session = DAYS[on]
    records = journal(session, *data)
    bars = {bar_.symbol: bar_} if bar_ else {}
    trades = book(
        TradesInputs(book_id=BOOK, session_date=session, records=records, previous=None, bars=bars),
        TradesConfig(),
    )
    return run(
        ParityInputs(
            session_date=session,
            close_at=at(session, 390),
            opening=book_state(session, CAPITAL, opening),
            closing=book_state(session, CAPITAL, closing),
            records=records,
            trades=trades,
            bars=bars,
            history={"ABC": tuple(history)},
            sessions=DAYS[: on + 1],
        ),
        ExitConfig(),
    )


def codes(parity: Parity) -> list[tuple[str, object, object]]:
    return [(row.code, row.derived, row.recorded) for row in parity.rows]


def test_a_gap_below_the_stop_sells_everything() -> None:
    sold = fill(TUE, "sell", 10, "93.90", reason="STOP_INITIAL", minute=0)
    parity = day([held()], [], bar(TUE, "94", "112", "93", "111"), sold)
    assert (ParityStatus.EQUAL, 1, 1) == (parity.status, parity.positions, parity.exits)


def test_the_stop_comes_first_when_a_bar_touches_stop_and_target() -> None:
    stopped = fill(TUE, "sell", 10, "95", reason="STOP_INITIAL", minute=390)
    trimmed = fill(TUE, "sell", 5, "110", reason="TRIM_R1", minute=390)
    wide = bar(TUE, "100", "115", "95", "109")
    assert [] == codes(day([held()], [], wide, stopped))
    assert [("EXIT_MISSING", "10", None), ("EXIT_EXTRA", None, "5")] == codes(
        day([held()], [held(5)], wide, trimmed)
    )


def test_both_targets_are_trimmed_and_the_rest_is_trailed() -> None:
    # 10 * 0.5 = 5, then 5 * 0.5 = 2.5 -> 2; 121 - max(0.25 * (120 - 97), 0.015 * 121) = 115.25
    trims = (
        fill(TUE, "sell", 5, "110", reason="TRIM_R1", minute=390),
        fill(TUE, "sell", 2, "120", reason="TRIM_R2", minute=390),
    )
    high = bar(TUE, "101", "121", "100.50", "118")
    parity = day([held()], [held(3, "115.25", "trail")], high, *trims)
    assert (ParityStatus.EQUAL, 2, []) == (parity.status, parity.exits, codes(parity))
    assert [("QUANTITY_DIFFERS", "2", "3")] == codes(
        day(
            [held()],
            [held(2, "115.25", "trail")],
            high,
            trims[0],
            fill(TUE, "sell", 3, "120", reason="TRIM_R2"),
        )
    )
    assert [("STOP_PRICE_DIFFERS", "115.25", "115.0000"), ("STOP_BASIS_DIFFERS", "trail", "breakeven")] == [
        (code, str(Decimal(str(wanted)).quantize(Decimal("0.01"))) if "PRICE" in code else wanted, found)
        for code, wanted, found in codes(day([held()], [held(3, "115", "breakeven")], high, *trims))
    ]


def test_an_entry_of_today_can_be_stopped_in_its_bar_but_not_by_the_opening_before_it() -> None:
    entry = entry_order(TUE)
    bought = fill(TUE, "buy", 10, "94.50", order_id=entry.order.ord_id)
    stopped = fill(TUE, "sell", 10, "95", reason="STOP_INITIAL", minute=390)
    parity = day([], [], bar(TUE, "94.40", "99", "94", "98"), entry, bought, stopped)
    assert (ParityStatus.EQUAL, 1, 1) == (parity.status, parity.positions, parity.exits)
    calm = fill(TUE, "buy", 10, "100.10", order_id=entry.order.ord_id)
    quiet = day([], [held()], bar(TUE, "100", "104", "96", "103"), entry, calm)
    assert (ParityStatus.EQUAL, 1, 0) == (quiet.status, quiet.positions, quiet.exits)


def test_a_split_restates_stop_and_targets_before_the_bar() -> None:
    halves = action("split", ratio=(2, 1), before=10, after=20)
    after = held(20, "47.50")
    assert [] == codes(day([held()], [after], bar(TUE, "50", "52", "48", "51"), halves))
    sold = fill(TUE, "sell", 20, "47", reason="STOP_INITIAL", minute=390)
    assert [] == codes(day([held()], [], bar(TUE, "50", "52", "47.50", "51"), halves, sold))


def test_a_time_stop_sells_at_the_open_of_the_session_after() -> None:
    plan = PLAN.model_copy(update={"time_stop_sessions": 2})
    flat = bar(WED, "101", "103", "99", "102")
    assert [] == codes(day([held(plan=plan)], [held(plan=plan)], flat, on=2))
    sold = fill(THU, "sell", 10, "101", reason="EXIT_TIME", minute=0)
    later = bar(THU, "101", "103", "99", "102")
    assert [] == codes(day([held(plan=plan)], [], later, sold, on=3))
    assert [("EXIT_MISSING", "10", None)] == codes(day([held(plan=plan)], [held(plan=plan)], later, on=3))


def test_structure_below_the_price_ratchets_the_stop() -> None:
    # Today's low of 99.50 makes 98 a swing low: 98 - max(0.10, 0.049) = 97.90, 2.1% below the entry.
    history = [bar(MON, "100", "101", low, "100") for low in ("99", "98")]
    today = bar(TUE, "100", "104", "99.50", "103")
    assert [] == codes(day([held()], [held(10, "97.90", "daily_swing_low")], today, history=history))
    kept = codes(day([held()], [held()], today, history=history))
    assert ["STOP_PRICE_DIFFERS", "STOP_BASIS_DIFFERS"] == [code for code, _, _ in kept]


def test_a_bar_without_volume_fills_nothing() -> None:
    frozen = bar(TUE, "90", "121", "89", "100", volume=0)
    assert [] == codes(
        day([held()], [held(10, "95", r1_touched=False)], bar(TUE, "97", "98", "96", "97", volume=0))
    )
    sold = fill(TUE, "sell", 10, "90", reason="STOP_INITIAL", minute=0)
    assert ("EXIT_EXTRA", None, "10") == codes(day([held()], [], frozen, sold))[0]


def test_a_position_without_its_bar_is_reported_and_not_derived() -> None:
    parity = day([held()], [held()], None)
    assert (0, ["BAR_MISSING"]) == (parity.positions, [f.code for f in parity.findings])


def test_an_empty_day_says_so() -> None:
    assert ParityStatus.NOTHING_HELD == day([], [], None).status


def test_a_sale_that_no_rule_asks_for_is_extra() -> None:
    sold = fill(TUE, "sell", 4, "101", reason="EXIT_MANUAL")
    assert [("EXIT_EXTRA", None, "4")] == codes(
        day([held()], [held(6)], bar(TUE, "101", "103", "99", "102"), sold)
    )
