"""A count that is carried on through a book's changes is the count from nothing, digit for digit and in its order."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from portfolio.exposure import Recount, measure
from schemas.book import BookState, OrderState, OrderType, Side, TimeInForce
from schemas.observations import BrokerOrder
from tests.portfolio.books import D, book, order, position, usd
from tests.portfolio.test_sleeves import MARKS, STRATEGIES, books

SYMBOLS = st.sampled_from(["AAA", "BBB", "CCC", "DDD"])
STATES = st.sampled_from(sorted(OrderState))
Marks = dict[str, Decimal]


@st.composite
def steps(draw: st.DrawFn, state: BookState, marks: Marks) -> tuple[BookState, Marks]:
    """Book and marks after one change, all that it leaves alone the same objects as before."""
    kind, symbol = (
        draw(st.sampled_from(["order", "state", "hold", "sell", "mark", "scale", "none"])),
        draw(SYMBOLS),
    )
    who = {"strategy_id": draw(st.sampled_from(STRATEGIES))}
    positions, orders, marks = list(state.positions), list(state.orders), dict(marks)
    if kind == "order":
        replaces = draw(st.sampled_from([None, *(each.ord_id for each in orders)]))
        name = f"ord_{len(orders)}"
        states = {
            "state": draw(STATES),
            "replaces": replaces,
            "limit": draw(st.sampled_from([None, usd("51")])),
        }
        orders.append(order(symbol, draw(st.integers(1, 300)), ord_id=name, **who, **states))
    elif kind == "state" and orders:
        at = draw(st.integers(0, len(orders) - 1))
        orders[at] = orders[at].model_copy(update={"state": draw(STATES)})
    elif kind == "hold":
        positions.append(position(symbol, draw(st.integers(1, 900)), **who))
    elif kind == "sell" and positions:
        positions.pop(draw(st.integers(0, len(positions) - 1)))
    elif kind == "mark":
        marks.pop(symbol, None) if draw(st.booleans()) else marks.update({symbol: usd("12.5")})
    elif kind == "scale" and symbol in marks:
        marks[symbol] = marks[symbol].quantize(usd("0.0001"))  # an equal price of other digits
    return state.model_copy(update={"positions": tuple(positions), "orders": tuple(orders)}), marks


def foreign(symbol: str) -> BrokerOrder:
    """Somebody else's, at work."""
    return BrokerOrder(
        order_id=f"b-{symbol}",
        client_order_id="someone",
        symbol=symbol,
        side=Side.BUY,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        quantity=usd("10"),
        filled=usd("4"),
        status="open",
    )


@given(data=st.data(), state=books(), marks=MARKS)
def test_a_count_carried_on_through_any_changes_is_the_count_from_nothing(
    data: st.DataObject, state: BookState, marks: Marks
) -> None:
    others = tuple(foreign(symbol) for symbol in sorted(data.draw(st.sets(SYMBOLS))))
    recount = Recount()
    for _ in range(data.draw(st.integers(1, 6))):
        shown = others[: data.draw(st.integers(0, len(others)))]
        whole = measure(state, marks, D, foreign=shown)
        assert repr(whole) == repr(recount.measure(state, marks, D, foreign=shown))
        state, marks = data.draw(steps(state, marks))


def test_a_successor_under_another_symbol_still_counts_for_the_order_that_it_replaces() -> None:
    old = order("AAA", 40, ord_id="ord_old", state=OrderState.REPLACING)
    marks, recount = {"AAA": usd("50"), "BBB": usd("20")}, Recount()
    assert 40 * 51 == recount.measure(book([], [old]), marks, D).of("AAA")
    new = order("BBB", 70, ord_id="ord_new", replaces="ord_old", state=OrderState.CREATED)
    assert 70 * 51 == recount.measure(book([], [old, new]), marks, D).of("AAA")


def test_one_entry_in_a_book_of_two_hundred_counts_one_symbol_again() -> None:
    names = [f"N{number:03}" for number in range(200)]
    state, marks = book([position(name) for name in names]), dict.fromkeys(names, usd("50"))
    recount = Recount()
    recount.measure(state, marks, D)
    before = dict(recount._known)
    recount.measure(state.model_copy(update={"orders": (order("N007"),)}), marks, D)
    assert ["N007"] == [name for name, part in recount._known.items() if part is not before[name]]
