"""A book that the tests keep by plain additions beside the one under test, and random days for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import strategies as st

from analytics import attribution, snapshot, trades
from analytics.config import SnapshotConfig, TradesConfig
from schemas.attribution import Attribution
from schemas.base import Fact, SessionDate
from schemas.book import BookState, Order, Position
from schemas.events import AccountFunded
from schemas.observations import AccountFacts, BarFacts
from schemas.snapshot import Snapshot
from schemas.trades import Trades
from tests.analytics.journal_of import BOOK, DAYS, PLAN, action, at, bar, fill, journal

SYMBOLS = ("ABC", "XYZ")
STRATEGIES = ("S1_AVWAP_CORE", "S2_INDEX_TREND")
CAPITAL = Decimal("100000.000000")


@dataclass(frozen=True)
class Trade:
    """Shares (negative sold) of one strategy's symbol; price in 1e-4, fee in 1e-6 USD."""

    symbol: str
    strategy: str
    shares: int
    price: int
    fee: int


@dataclass(frozen=True)
class Session:
    """What happens to the book on one day."""

    trades: tuple[Trade, ...]
    split: tuple[str, int, int] | None
    dividend: tuple[str, int] | None
    cash: int
    flow: int
    closes: tuple[int | None, int | None]


def _trades() -> st.SearchStrategy[Trade]:
    return st.builds(
        Trade,
        st.sampled_from(SYMBOLS),
        st.sampled_from(STRATEGIES),
        st.integers(-30, 30).filter(bool),
        st.integers(10_000, 2_000_000),
        st.integers(0, 3_000_000),
    )


def sessions() -> st.SearchStrategy[list[Session]]:
    """Up to four days of fills, flips, splits, dividends, stray cash, flows and missing closes."""
    close = st.one_of(st.none(), st.integers(10_000, 2_000_000))
    ratio = st.sampled_from([(2, 1), (3, 2), (1, 4), (7, 3)])
    return st.lists(
        st.builds(
            Session,
            st.lists(_trades(), max_size=6).map(tuple),
            st.one_of(st.none(), st.tuples(st.sampled_from(SYMBOLS), ratio).map(lambda p: (p[0], *p[1]))),
            st.one_of(st.none(), st.tuples(st.sampled_from(SYMBOLS), st.integers(1, 10**8))),
            st.sampled_from([0, 0, 1_230_000, -4_560_000]),
            st.sampled_from([0, 0, 0, 5_000_000_000, -2_000_000_000]),
            st.tuples(close, close),
        ),
        min_size=1,
        max_size=4,
    )


@dataclass
class Ledger:
    """Cash and shares, added up the plain way."""

    cash: Decimal = CAPITAL
    flows: Decimal = Decimal(0)
    held: dict[tuple[str, str], int] = field(default_factory=dict)
    fees: Decimal = Decimal(0)
    sold: int = 0
    marks: dict[str, Decimal] = field(default_factory=dict)

    def events(self, number: int, session: Session) -> Iterable[Fact]:
        """The session as journal data, booked here at the same time."""
        day = DAYS[number]
        if session.flow:
            amount = micros(session.flow)
            self.cash, self.flows = self.cash + amount, self.flows + amount
            yield AccountFunded(amount=amount, genesis=False)
        if session.split:
            yield from self._split(number, *session.split)
        if session.dividend:
            symbol, cash = session.dividend
            for (s, strategy), shares in sorted(self.held.items()):
                if s == symbol and shares:
                    self.cash += micros(cash)
                    yield action(
                        "dividend",
                        cash=str(micros(cash)),
                        symbol=s,
                        strategy=strategy,
                        event=f"d{number}{strategy}",
                    )
        if session.cash:
            self.cash += micros(session.cash)
            yield action("interest", cash=str(micros(session.cash)), symbol=None, event=f"i{number}")
        for minute, trade in enumerate(session.trades):
            price, fee = Decimal(trade.price).scaleb(-4), micros(trade.fee)
            key = (trade.symbol, trade.strategy)
            self.cash -= price * trade.shares + fee
            self.fees += fee
            before = self.held.get(key, 0)
            if before * trade.shares < 0:
                self.sold += min(abs(before), abs(trade.shares))
            self.held[key] = before + trade.shares
            self.marks[trade.symbol] = price
            yield fill(
                day,
                "buy" if trade.shares > 0 else "sell",
                abs(trade.shares),
                str(price),
                fee=str(fee),
                symbol=trade.symbol,
                strategy=trade.strategy,
                minute=minute,
                execution=f"x{number}-{minute}",
            )

    def _split(self, number: int, symbol: str, num: int, den: int) -> Iterable[Fact]:
        for (s, strategy), shares in sorted(self.held.items()):
            if s == symbol and shares:
                after = abs(shares) * num // den * (1 if shares > 0 else -1)
                in_lieu = Decimal("0.37")
                self.cash += in_lieu
                self.held[s, strategy] = after
                yield action(
                    "split",
                    ratio=(num, den),
                    before=shares,
                    after=after,
                    cash=str(in_lieu),
                    symbol=s,
                    strategy=strategy,
                    event=f"s{number}{strategy}",
                )

    def state(self, number: int, booked: Trades, orders: Sequence[Order] = ()) -> BookState:
        """The fold that belongs to these holdings; ids and averages are the trades' own."""
        ids = {(t.symbol, t.strategy_id): t.position_id for t in booked.open_trades}
        return book_state(
            DAYS[number],
            self.cash,
            [
                position(symbol, shares, "100.00", strategy=strategy, id=ids[symbol, strategy])
                for (symbol, strategy), shares in sorted(self.held.items())
                if shares
            ],
            orders=orders,
            flows=self.flows,
        )


def micros(amount: int) -> Decimal:
    return Decimal(amount).scaleb(-6)


def position(
    symbol: str,
    shares: int,
    average: str,
    *,
    strategy: str = STRATEGIES[0],
    id: str | None = None,
    planned: bool = True,
) -> Position:
    return Position(
        position_id=id or f"pos_{strategy}_{symbol}",
        strategy_id=strategy,
        sleeve_id=f"{strategy}_SLEEVE",
        intent_id=f"int_{strategy}_{symbol}",
        symbol=symbol,
        quantity=Decimal(shares),
        quantity_opened=Decimal(abs(shares)),
        average_entry=average,
        entered_at=at(DAYS[0]),
        entry_session=DAYS[0],
        plan=PLAN if planned else None,
    )


def book_state(
    day: SessionDate,
    cash: Decimal,
    positions: Sequence[Position] = (),
    *,
    orders: Sequence[Order] = (),
    flows: Decimal = Decimal(0),
) -> BookState:
    return BookState(
        session_date=day,
        starting_capital=CAPITAL,
        net_flows=flows,
        cash=cash,
        positions=tuple(positions),
        orders=tuple(orders),
        ended_today=(),
        entry_intents_today=(),
        stop_outs=(),
        executions=(),
    )


def genesis() -> Snapshot:
    account = AccountFacts(equity=CAPITAL, cash=CAPITAL, buying_power=CAPITAL)
    return snapshot.genesis(account, DAYS[0])


@dataclass(frozen=True)
class Close:
    """What the close of one session wrote."""

    trades: Trades
    snapshot: Snapshot
    attribution: Attribution


def close(
    number: int,
    data: Sequence[Fact | tuple[str, Fact]],
    previous: Close | None,
    ledger: Ledger,
    bars: Sequence[BarFacts],
    orders: Sequence[Order] = (),
) -> Close:
    """The three stages of one close, in order."""
    records = journal(DAYS[number], *data)
    marks = {b.symbol: b for b in bars}
    booked = trades.run(
        trades.TradesInputs(
            book_id=BOOK,
            session_date=DAYS[number],
            records=records,
            previous=previous.trades if previous else None,
            bars=marks,
        ),
        TradesConfig(),
    )
    before = previous.snapshot if previous else genesis()
    after = snapshot.run(
        snapshot.SnapshotInputs(
            session_date=DAYS[number],
            previous=before,
            state=ledger.state(number, booked, orders),
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


def lived(days: Sequence[Session]) -> tuple[list[Close], Ledger]:
    """All closes of *days*, and the tests' own book at the end."""
    ledger, closes = Ledger(), list[Close]()
    for number, session in enumerate(days):
        data = list(ledger.events(number, session))
        bars = [
            bar(DAYS[number], *(4 * (str(Decimal(price).scaleb(-4)),)), symbol=symbol)
            for symbol, price in zip(SYMBOLS, session.closes, strict=True)
            if price is not None
        ]
        closes.append(close(number, data, closes[-1] if closes else None, ledger, bars))
    return closes, ledger
