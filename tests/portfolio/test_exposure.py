"""The worst case of a book, in figures that can be added up by eye."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.exposure import measure, worst_case
from schemas.book import ENDED, Leg, OrderState, OrderType, Side, TimeInForce
from schemas.observations import BrokerOrder
from tests.portfolio.books import D, P, book, order, position, usd

MARKS = {"AAA": usd("50"), "BBB": usd("20")}


def test_a_flat_book_has_no_exposure_and_needs_no_mark() -> None:
    flat = measure(book(), {}, D)
    assert [0, 0, 0] == [flat.gross, flat.of("AAA"), len(flat.slots)]


def test_shares_held_count_at_the_mark_and_a_working_entry_at_its_limit_if_that_is_dearer() -> None:
    # AAA: 100 held at 50, 40 working at 51; BBB: 10 working at 19 while the mark is 20.
    state = book([position("AAA")], [order("AAA"), order("BBB", 10, limit=usd("19"))])
    exposure = measure(state, MARKS, D)
    assert 100 * 50 + 40 * 51 == exposure.of("AAA")
    assert 10 * 20 == exposure.of("BBB")
    assert 7_040 + 200 == exposure.gross
    assert 40 * 51 + 10 * 19 == exposure.cash_reserved


def test_a_protective_stop_for_what_is_held_adds_nothing() -> None:
    stop = order("AAA", 100, leg=Leg.STOP, stop=usd("45"))
    assert 5_000 == measure(book([position("AAA")], [stop]), MARKS, D).gross


def test_sells_beyond_what_is_held_count_as_the_short_that_they_could_become() -> None:
    sells = [
        order("AAA", 100, leg=Leg.STOP, stop=usd("45")),
        order("AAA", 150, leg=Leg.TRIM, limit=usd("60")),
    ]
    assert 150 * 50 == measure(book([position("AAA")], sells), MARKS, D).gross


@pytest.mark.parametrize("state", sorted(set(OrderState) - ENDED - {OrderState.CREATED}))
def test_an_order_whose_fate_is_open_counts_with_its_full_remainder(state: OrderState) -> None:
    entry = order("AAA", 40, filled=Decimal(15), state=state)
    assert 25 * 51 == measure(book([], [entry]), MARKS, D).gross


def test_while_a_replace_is_on_its_way_the_larger_of_the_two_counts_and_not_both() -> None:
    old = order("AAA", 40, filled=Decimal(15), state=OrderState.REPLACING)
    new = order("AAA", 30, ord_id="ord_new", replaces=old.ord_id, state=OrderState.CREATED)
    assert 30 * 51 == measure(book([], [old, new]), MARKS, D).gross


def test_a_missing_mark_makes_symbol_and_book_unknown_and_leaves_the_other_symbol_known() -> None:
    exposure = measure(book([position("AAA"), position("ZZZ")]), MARKS, D)
    assert [None, None, 5_000] == [exposure.gross, exposure.of("ZZZ"), exposure.of("AAA")]


def test_a_foreign_order_counts_in_the_worst_case_but_holds_no_slot_or_cash_of_ours() -> None:
    foreign = BrokerOrder(
        order_id="1",
        client_order_id="someone",
        symbol="BBB",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        quantity=usd("10"),
        filled=usd("4"),
        status="open",
    )
    exposure = measure(book(), MARKS, D, foreign=[foreign])
    assert [6 * 20, 0, 0] == [exposure.gross, exposure.cash_reserved, len(exposure.slots)]


def test_entries_of_an_earlier_session_are_not_counted_as_todays() -> None:
    carried = book(session_date=P, entry_intents_today=("int_1", "int_2"))
    assert 0 == len(measure(carried, {}, D).entry_intents)
    assert 2 == len(measure(carried, {}, P).entry_intents)


def test_a_position_and_its_working_addition_take_one_slot_another_strategy_takes_its_own() -> None:
    state = book([position("AAA"), position("AAA", strategy_id="EXTERNAL")], [order("AAA"), order("BBB")])
    assert 3 == len(measure(state, MARKS, D).slots)


def test_what_one_entry_reserves_the_next_one_finds_taken() -> None:
    before = measure(book([position("AAA")]), MARKS, D)
    after = before.after(intent_id="int_x", strategy_id="S1", symbol="BBB", quantity=10, price=usd("21"))
    assert [5_210, 210, 210] == [after.gross, after.of("BBB"), after.cash_reserved]
    assert [5_000, 0] == [before.gross, before.of("BBB")]
    assert {("S1", "BBB")} == after.slots - before.slots


@given(
    held=st.integers(-500, 500),
    rows=st.lists(st.tuples(st.sampled_from(Side), st.integers(0, 300), st.integers(1, 200)), max_size=5),
    mark=st.integers(1, 200),
)
def test_no_order_of_fills_ends_with_more_than_the_worst_case(
    held: int, rows: list[tuple[Side, int, int]], mark: int
) -> None:
    working = [(side, Decimal(rest), Decimal(limit)) for side, rest, limit in rows]
    bound = worst_case(Decimal(held), working, Decimal(mark))
    assert bound is not None
    for subset in range(2 ** len(rows)):  # every order either fills whole or not at all
        filled = [row for bit, row in enumerate(rows) if subset >> bit & 1]
        end = held + sum(rest if side is Side.BUY else -rest for side, rest, _ in filled)
        assert abs(end) * mark <= bound
