"""The fold and the trades book the same shares and the same cash, whatever is adjusted, stated or learnt of late."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from analytics import attribution, snapshot, trades
from analytics.config import SnapshotConfig, TradesConfig
from execution_v2.reduce import empty_state, fold_records
from schemas.base import Fact
from schemas.book import BookState
from schemas.events import AccountFunded, PositionAdjusted, SessionOpened
from schemas.journal import JournalRecord
from schemas.trades import RoundTrip
from tests.analytics.books import CAPITAL, STRATEGIES, Close, genesis
from tests.analytics.journal_of import BOOK, DAYS, action, at, bar, fill, journal

CORE = STRATEGIES[0]
Op = tuple[str, int, int, bool]
"""kind, shares, price in USD, whether it happened in the session before."""


def usd(text: str) -> Decimal:
    return Decimal(text)


@dataclass
class Book:
    """What the tests keep beside the book: the present position's id and shares, and those that records took out."""

    ordinal: int = 0
    held: int = 0
    carried: int = 0
    """Of ``held``: since the session before."""
    opened: int = 0
    """Minute of the present position's first fill."""
    out: dict[int, int] = field(default_factory=dict)
    told: int = 0

    @property
    def name(self) -> str:
        return f"pos_{self.ordinal}"

    def event(self, number: int, op: Op) -> Fact | None:
        kind, shares, price, is_late = op
        self.told += 1
        says = {"execution": f"{'operator:' if kind == 'stated' else 'x'}{self.told}", "fee": "0.010000"}
        # What adds to a position, and a sale of what the session before held, may be learnt of late.
        may_be_late = self.held if kind == "buy" else kind == "sell" and shares <= self.carried
        day = DAYS[number - 1] if is_late and number and may_be_late else DAYS[number]
        minute = self.told * 3
        if kind == "buy" and self.held:
            minute = self.opened + price % (minute - self.opened + 1)
        if kind in ("buy", "stated"):
            if not self.held:
                self._next()
                self.opened = minute
            self.held += shares
            return fill(day, "buy", shares, str(price), minute=minute, position=self.name, **says)
        if kind == "sell" and shares <= self.held:
            self.held -= shares
            self.carried = max(0, self.carried - shares)
            return fill(day, "sell", shares, str(price), minute=minute, position=self.name, **says)
        if kind == "gone_sale":
            return self._gone_sale(number, shares, price, minute, says)
        if kind == "adjust":
            return self._adjust(number, shares, price)
        if kind == "split" and self.held:
            before, self.held, self.carried = self.held, self.held * 2, self.carried * 2
            self.out = {}
            split = action("split", ratio=(2, 1), before=before, after=self.held, event=f"split{self.told}")
            return split.model_copy(update={"position_id": self.name})
        return None

    def _next(self) -> None:
        if not self.held:
            self.ordinal += 1

    def _gone_sale(
        self, number: int, shares: int, price: int, minute: int, says: dict[str, str]
    ) -> Fact | None:
        """The broker tells, after all, of a sale of everything that a record took out of a position that is closed."""
        gone = self.out.pop(self.ordinal, 0)
        if not gone or self.held:
            return None
        return fill(DAYS[number], "sell", gone, str(price), minute=minute, position=self.name, **says)

    def _adjust(self, number: int, after: int, price: int) -> PositionAdjusted:
        self._next()
        before, self.held = self.held, after
        if after < before:
            self.out[self.ordinal] = before - after
            self.carried = max(0, self.carried - before + after)
        return PositionAdjusted(
            event_id=f"adj_{self.told}",
            kind="EXTERNAL_ADJUST" if after else "EXTERNAL_CLOSE",
            position_id=self.name,
            strategy_id=CORE,
            sleeve_id=f"{CORE}_SLEEVE",
            symbol="ABC",
            quantity_before=before,
            quantity_after=after,
            average_price=None if before else price,
            reason="PHANTOM",
            at=at(DAYS[number], 30),
        )


@dataclass
class Life:
    """The closes of a book so far."""

    state: BookState
    closes: list[Close] = field(default_factory=list)

    def close(self, number: int, events: list[Fact], price: str) -> Close:
        day = DAYS[number]
        opened = SessionOpened(prev_tail="0", carried_state_sha256="0", book_id=BOOK, session_date=day)
        funded = [] if number else [AccountFunded(amount=CAPITAL, genesis=True)]
        records = journal(day, opened, *funded, *events)
        self.state = fold_records(self.state, records)
        made = self._made(number, records, price)
        self.closes.append(made)
        return made

    def _made(self, number: int, records: list[JournalRecord], price: str) -> Close:
        last = self.closes[-1] if self.closes else None
        marks = {"ABC": bar(DAYS[number], price, price, price, price)}
        booked = trades.run(
            trades.TradesInputs(
                book_id=BOOK,
                session_date=DAYS[number],
                records=records,
                previous=last.trades if last else None,
                bars=marks,
            ),
            TradesConfig(),
        )
        before = last.snapshot if last else genesis()
        after = snapshot.run(
            snapshot.SnapshotInputs(
                session_date=DAYS[number],
                previous=before,
                state=self.state,
                trades=booked,
                records=records,
                marks=marks,
            ),
            SnapshotConfig(),
        )
        told = attribution.run(
            attribution.AttributionInputs(snapshot=after, previous=before, trades=booked),
            attribution.AttributionConfig(),
        )
        return Close(booked, after, told)


def ops() -> st.SearchStrategy[list[list[Op]]]:
    kinds = st.sampled_from(["buy", "buy", "sell", "sell", "adjust", "gone_sale", "stated", "split"])
    op = st.tuples(kinds, st.integers(0, 12), st.integers(1, 90), st.booleans()).filter(
        lambda o: o[0] == "adjust" or o[1] > 0
    )
    return st.lists(st.lists(op, max_size=6), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(ops())
@example(
    [[("adjust", 2, 1, False), ("sell", 2, 1, False), ("adjust", 1, 1, False)], [("adjust", 0, 1, False)]]
)
@example([[("buy", 10, 50, False)], [("adjust", 0, 1, False)], [("gone_sale", 1, 60, False)]])
@example([[("buy", 10, 50, False)], [("adjust", 0, 1, False), ("gone_sale", 1, 60, False)]])
def test_trips_unrealised_fees_and_transfers_are_the_change_of_equity(days: list[list[Op]]) -> None:
    book, life = Book(), Life(empty_state())
    for number, today in enumerate(days):
        # A split counts before the fills of its session: here it opens the day, as it does at a broker.
        today = sorted(today, key=lambda op: op[0] != "split")
        book.carried = book.held
        events = [event for op in today if (event := book.event(number, op)) is not None]
        close = life.close(number, events, str(20 + number))
        assert 0 == close.snapshot.proof.difference
        assert 0 == close.attribution.residual
        assert close.attribution.complete
        shares = {t.position_id: sum(lot.quantity for lot in t.lots) for t in close.trades.open_trades}
        assert [p.quantity for p in life.state.positions] == list(shares.values())
    first, last = CAPITAL, life.closes[-1].snapshot
    total = last.pnl_total
    assert last.equity == first + total.realised_net + total.unrealised + total.transfers
    closed = [trip for each in life.closes for trip in each.trades.closed]
    tallies = [t.tally for t in life.closes[-1].trades.open_trades]
    gross = sum(t.gross for t in closed) + sum(t.gross for t in tallies)
    assert total.realised_gross == gross


def bought(shares: int = 10) -> Life:
    life = Life(empty_state())
    life.close(0, [fill(DAYS[0], "buy", shares, "100.00", fee="1.00", position="pos_1")], "102.00")
    return life


def adjusted(number: int, before: int, after: int, **also: object) -> PositionAdjusted:
    book = Book(ordinal=1, held=before, told=number)
    return book._adjust(number, after, 1).model_copy(update={"position_id": "pos_1", **also})


def only(close: Close) -> RoundTrip:
    (trip,) = close.trades.closed
    return trip


def test_a_phantom_ends_its_trade_at_no_price_and_the_loss_is_a_transfer() -> None:
    # 10 @ 100.00, marked at 102.00: equity falls by 1,020 = 1,000 of cost and 20 that were not realised.
    life = bought()
    close = life.close(1, [adjusted(1, 10, 0)], "103.00")
    trip = only(close)
    assert (("EXTERNAL_CLOSE",), None, False) == (trip.exit_reasons, trip.average_exit, trip.complete)
    assert (usd("0"), usd("-1000"), 10) == (trip.gross, trip.transfers, trip.shares_out)
    assert usd("-1020") == close.attribution.equity_change
    assert (usd("-1000"), usd("-20")) == (
        close.attribution.total.transfers,
        close.attribution.total.unrealised_change,
    )
    assert ["SHARES_WITHOUT_FILL"] == [f.code for f in close.trades.findings]
    assert close.snapshot.complete
    (event,) = close.trades.exit_events
    assert ("EXTERNAL_CLOSE", "EXTERNAL_CLOSE", 10, None) == (
        event.event_type,
        event.reason,
        event.quantity,
        event.price,
    )
    assert (trip.position_id, trip.trade_id, trip.exited_at) == (event.position_id, event.trade_id, event.at)


def test_the_sale_that_explains_a_phantom_within_its_session_takes_its_place() -> None:
    life = bought()
    sale = fill(DAYS[1], "sell", 10, "101.00", position="pos_1", reason="STOP_INITIAL")
    close = life.close(1, [adjusted(1, 10, 0), sale], "103.00")
    trip = only(close)
    assert (("EXIT_STOP",), usd("10"), True) == (trip.exit_reasons, trip.gross, trip.complete)
    assert ["EXIT_STOP", "EXIT_FILLED"] == [e.event_type for e in close.trades.exit_events]
    assert (usd("0"), ()) == (close.snapshot.pnl_session.transfers, close.trades.findings)


def test_the_sale_that_explains_a_phantom_a_session_later_stands_against_its_cost() -> None:
    life = bought()
    life.close(1, [adjusted(1, 10, 0)], "103.00")
    sale = fill(DAYS[1], "sell", 10, "101.00", fee="0.50", position="pos_1", reason="STOP_INITIAL")
    close = life.close(2, [sale], "103.00")
    assert (usd("1010"), usd("0.50")) == (
        close.snapshot.pnl_session.transfers,
        close.snapshot.pnl_session.fees,
    )
    assert ((), ["LATE_SALE"]) == (close.trades.open_trades, [f.code for f in close.trades.findings])
    # 10 more than they cost, less both fees.
    assert CAPITAL + usd("8.50") == close.snapshot.equity


def test_shares_that_a_person_accepts_come_at_the_price_that_was_said() -> None:
    life = Life(empty_state())
    life.close(0, [], "102.00")
    came = adjusted(1, 0, 5, average_price=usd("90"), strategy_id="EXTERNAL", sleeve_id="EXTERNAL")
    close = life.close(1, [came], "102.00")
    (held,) = close.trades.open_trades
    assert [(5, usd("90"))] == [(lot.quantity, lot.price) for lot in held.lots]
    assert (usd("450"), usd("60")) == (
        close.snapshot.pnl_session.transfers,
        close.snapshot.pnl_session.unrealised,
    )


def test_shares_that_come_to_a_position_at_no_price_leave_its_average_alone() -> None:
    life = bought()
    close = life.close(1, [adjusted(1, 10, 14)], "102.00")
    assert [usd("100")] == [p.average_price for p in close.snapshot.positions]
    assert usd("400") == close.snapshot.pnl_session.transfers


def test_a_stop_that_filled_after_the_last_cycle_ends_its_trade_in_its_own_session() -> None:
    life = bought()
    sale = fill(DAYS[0], "sell", 10, "99.00", minute=385, position="pos_1", reason="STOP_INITIAL")
    trip = only(life.close(1, [sale], "150.00"))
    # The bar of the day after is none of its own.
    assert (DAYS[0], 1, None) == (trip.exit_session, trip.sessions_held, trip.mfe)
    assert usd("-10") == trip.gross


def test_a_quantity_that_was_accepted_before_the_newest_fill_was_known_is_what_is_held_after_it() -> None:
    life = bought()
    sale = fill(DAYS[1], "sell", 4, "101.00", minute=1, position="pos_1")
    close = life.close(1, [sale, adjusted(1, 10, 8)], "102.00")
    assert [8] == [p.quantity for p in close.snapshot.positions]
    assert (usd("200"), usd("0")) == (close.snapshot.pnl_session.transfers, close.snapshot.proof.difference)


def test_shares_that_a_person_takes_off_a_position_are_an_event_at_no_price_and_told_once() -> None:
    life = bought()
    gone = adjusted(1, 10, 6, kind="EXTERNAL_ADJUST")
    close = life.close(1, [gone, gone], "102.00")
    assert [("EXTERNAL_ADJUST", 4, None, 1)] == [
        (e.event_type, e.quantity, e.price, e.sequence) for e in close.trades.exit_events
    ]
    trip = only(life.close(2, [fill(DAYS[2], "sell", 6, "103.00", position="pos_1")], "103.00"))
    assert (False, ("EXTERNAL_ADJUST", "EXIT_TIME")) == (trip.complete, trip.exit_reasons)


def test_two_positions_of_one_strategy_in_one_symbol_are_two_trades() -> None:
    # Shares that no intent of ours opened: those of Monday and those of Tuesday are not one another's.
    life = bought()
    other: dict[str, Any] = {"position": "pos_2", "intent": "int_2"}
    both = life.close(1, [fill(DAYS[1], "buy", 4, "90.00", **other)], "102.00")
    assert [("pos_1", 10, usd("100")), ("pos_2", 4, usd("90"))] == [
        (p.position_id, p.quantity, p.average_price) for p in both.snapshot.positions
    ]
    assert (0, 0) == (both.snapshot.proof.difference, both.attribution.residual)
    dividend = action("dividend", cash="7.00", event="d1").model_copy(update={"position_id": "pos_2"})
    sale = fill(DAYS[2], "sell", 4, "95.00", **other)
    close = life.close(2, [dividend, adjusted(2, 10, 0), sale], "103.00")
    first, second = sorted(close.trades.closed, key=lambda t: t.position_id)
    assert (("EXTERNAL_CLOSE",), usd("0"), usd("-1000")) == (first.exit_reasons, first.gross, first.transfers)
    assert (("EXIT_TIME",), usd("20"), usd("7"), True) == (
        second.exit_reasons,
        second.gross,
        second.dividends,
        second.complete,
    )
    assert (0, 0, ()) == (
        close.snapshot.proof.difference,
        close.attribution.residual,
        close.snapshot.positions,
    )
