"""Books, intents and inputs for the tests of portfolio and gates: all is good, each test breaks one thing."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any, Final

from hypothesis import strategies as st

from portfolio.batch import DecisionInputs
from portfolio.limits import PortfolioConfig, Sleeve, portfolio_config
from portfolio.sleeves import Sharing
from schemas.base import SessionDate
from schemas.book import (
    BookState,
    Leg,
    Order,
    OrderState,
    OrderType,
    Position,
    RiskClass,
    Side,
    TimeInForce,
)
from schemas.candidates import Candidates, Entry, EntryModel, ExitPlan, StopPlan, TradeIntent
from schemas.ids import intent_id
from schemas.observations import AccountFacts, ControlObservation
from schemas.snapshot import EquityProof, Exposure, MarkSource, PnL, PositionMark, Snapshot
from simulation.seeds.market import candidates as found

P: Final = SessionDate(date(2016, 6, 1))
D: Final = SessionDate(date(2016, 6, 2))
NOW: Final = datetime(2016, 6, 2, 12, 30, tzinfo=UTC)
BOOK: Final = "SIM"
CORE: Final = "S1_AVWAP_CORE"


def usd(text: str) -> Decimal:
    """An amount or price as typed."""
    return Decimal(text)


def intent(symbol: str = "AAA", rank: int = 1, **over: Any) -> TradeIntent:
    """A valid intent; *over*: price, stop, level, cap, risk, notional, strategy_id, side, book_id, until."""
    strategy = over.get("strategy_id", CORE)
    price = usd(over.get("price", "50.00"))
    book_id = over.get("book_id", BOOK)
    side = over.get("side", Side.BUY)
    return TradeIntent(
        intent_id=intent_id(book_id, D, strategy, symbol, side, "entry"),
        book_id=book_id,
        session_date=D,
        data_session=P,
        strategy_id=strategy,
        sleeve_id=strategy,
        model_version="1.0.0",
        data_version="0" * 20,
        symbol=symbol,
        side=side,
        intended_notional_fraction=usd(over.get("notional", "0.10")),
        intended_risk_fraction=usd(over.get("risk", "0.005")),
        entry=Entry(
            model=EntryModel.NEXT_OPEN,
            level=usd(over.get("level", "50.00")),
            entry_ref=price,
            limit_cap=usd(over["cap"]) if "cap" in over else price + usd("0.50"),
        ),
        stop_plan=StopPlan(initial_stop=usd(over.get("stop", "46.80"))),
        exit_plan=ExitPlan(
            r1=price + 5,
            r1_fraction=usd("0.5"),
            r2=price + 10,
            r2_fraction=usd("0.5"),
            trail_fraction=usd("0.5"),
        ),
        valid_from=datetime(2016, 6, 2, 13, 30, tzinfo=UTC),
        valid_until=over.get("until", datetime(2016, 6, 2, 14, 0, tzinfo=UTC)),
        thesis="above YTD AVWAP, tier A, confluence 3",
        tags=("tier:A",),
        rank=rank,
        scan_ref=f"/rows/{rank}",
    )


def candidates(*intents: TradeIntent, adv: str = "1000000") -> Candidates:
    """``candidates.json`` of D with these intents, in their order, each with a row of its own."""
    made = found(intents, P, {row.symbol: usd("50000000") for row in intents})
    rows = tuple(row.model_copy(update={"adv_shares20": usd(adv)}) for row in made.candidates)
    return made.model_copy(update={"candidates": rows, "intents": intents})


def position(symbol: str, quantity: int = 100, **over: Any) -> Position:
    """A long position; *over*: strategy_id, entry_session, stop."""
    strategy = over.get("strategy_id", CORE)
    return Position(
        position_id=f"pos_{strategy}_{symbol}",
        strategy_id=strategy,
        sleeve_id=strategy,
        intent_id=f"int_{strategy}_{symbol}",
        symbol=symbol,
        quantity=Decimal(quantity),
        quantity_opened=Decimal(quantity),
        average_entry=usd("50"),
        entered_at=datetime(2016, 5, 2, 14, 0, tzinfo=UTC),
        entry_session=over.get("entry_session", date(2016, 5, 2)),
        plan=None,
        stop_price=usd(over["stop"]) if "stop" in over else None,
    )


def order(symbol: str, quantity: int = 40, **over: Any) -> Order:
    """A working entry; *over*: any field of ``Order``."""
    leg = over.get("leg", Leg.ENTRY)
    entry = leg is Leg.ENTRY
    fields: dict[str, Any] = {
        "ord_id": f"ord_{symbol}_{leg}",
        "client_order_id": f"aw1-{symbol}-{leg}",
        "leg": leg,
        "revision": 0,
        "attempt": 1,
        "risk_class": RiskClass.INCREASE if entry else RiskClass.REDUCE,
        "state": OrderState.LIVE,
        "strategy_id": CORE,
        "sleeve_id": CORE,
        "intent_id": f"int_{symbol}",
        "position_id": f"pos_{CORE}_{symbol}",
        "symbol": symbol,
        "side": Side.BUY if entry else Side.SELL,
        "order_type": OrderType.LIMIT if entry else OrderType.STOP,
        "time_in_force": TimeInForce.DAY if entry else TimeInForce.GTC,
        "quantity": Decimal(quantity),
        "filled": Decimal(0),
        "limit": usd("51") if entry else None,
        "reason": "ENTRY" if entry else "STOP_INITIAL",
        "session_date": D,
    }
    return Order(**(fields | over))


def book(
    positions: Iterable[Position] = (), orders: Iterable[Order] = (), *, cash: str = "100000", **over: Any
) -> BookState:
    """A book's state at D; *over*: any other field of ``BookState``."""
    fields: dict[str, Any] = {
        "session_date": D,
        "starting_capital": usd("100000"),
        "net_flows": usd("0"),
        "cash": usd(cash),
        "positions": tuple(positions),
        "orders": tuple(orders),
        "ended_today": (),
        "entry_intents_today": (),
        "stop_outs": (),
        "executions": (),
    }
    return BookState(**(fields | over))


def marked(row: Position, mark: str = "50") -> PositionMark:
    """*row* at the close of P."""
    price = usd(mark)
    return PositionMark(
        position_id=row.position_id,
        strategy_id=row.strategy_id,
        sleeve_id=row.sleeve_id,
        symbol=row.symbol,
        quantity=row.quantity,
        average_price=row.average_entry,
        cost=row.quantity * row.average_entry,
        mark=price,
        mark_source=MarkSource.OFFICIAL_CLOSE,
        mark_session=P,
        mark_age=0,
        notional=row.quantity * price,
        unrealised=row.quantity * (price - row.average_entry),
        stop=None,
        open_risk=None,
    )


def snapshot(equity: str | None = "100000", drawdown: str | None = "0", **over: Any) -> Snapshot:
    """``snapshot.json`` of P; *over*: closed_session, complete, positions."""
    zero = usd("0")
    pnl = PnL(
        realised_gross=zero,
        fees=zero,
        dividends=zero,
        realised_net=zero,
        unrealised=zero,
        cash_movements=zero,
    )
    return Snapshot(
        closed_session=over.get("closed_session", P),
        previous_session=None,
        starting_capital=usd("100000"),
        net_flows=zero,
        flows=zero,
        cash=usd("100000"),
        equity=None if equity is None else usd(equity),
        equity_previous=None,
        exposure=Exposure(
            gross=zero, net=zero, gross_fraction=zero, net_fraction=zero, by_strategy=(), by_sleeve=()
        ),
        positions=tuple(marked(row) for row in over.get("positions", ())),
        pnl_session=pnl,
        pnl_total=pnl,
        session_return=None,
        returns=(),
        peak_equity=usd("100000"),
        drawdown=None if drawdown is None else usd(drawdown),
        drawdown_max=zero,
        volatility20=None,
        entries_today=0,
        proof=EquityProof(assets=zero, sources=zero, difference=zero),
        findings=(),
        complete=over.get("complete", True),
    )


def account(equity: str = "100000", cash: str = "100000") -> AccountFacts:
    """The account as observed before the open of D."""
    return AccountFacts(equity=usd(equity), cash=usd(cash), buying_power=usd(cash))


def control(**over: Any) -> ControlObservation:
    """Every switch says go."""
    fields: dict[str, Any] = {
        "as_of": NOW,
        "kill_env": False,
        "kill_file": None,
        "kill_unreadable": None,
        "live_trading": True,
        "live_token_ok": True,
        "live_token_fault": None,
        "live_host_ok": True,
    }
    return ControlObservation(**(fields | over))


def marks_of(rows: Iterable[TradeIntent]) -> dict[str, Decimal]:
    """Each symbol at its entry_ref."""
    return {row.symbol: row.entry.entry_ref for row in rows}


def returns_of(symbols: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Sixty daily returns for each of *symbols*, in 1e-7: no two of them move together."""
    found = {}
    for symbol in symbols:
        dice = Random(symbol)
        found[symbol] = tuple(dice.randint(-200_000, 200_000) for _ in range(60))
    return found


def decision_inputs(*intents: TradeIntent, **over: Any) -> DecisionInputs:
    """Good inputs with these intents; *over*: any field of ``DecisionInputs``."""
    held = over.get("book", book())
    positions = held.positions if isinstance(held, BookState) else ()
    symbols = {row.symbol for row in intents} | {row.symbol for row in positions}
    base = DecisionInputs(
        book_id=BOOK,
        session_date=D,
        data_session=P,
        now=NOW,
        candidates=candidates(*intents),
        day_blocked=(),
        snapshot=snapshot(positions=positions),
        snapshot_sealed=True,
        book=book(),
        account=account(),
        marks=marks_of(intents),
        returns=returns_of(sorted(symbols)),
    )
    return replace(base, **over)


def sharing(config: PortfolioConfig | None = None, **over: Any) -> Sharing:
    """The shipped sleeves of the simulated book; *over*: any field of ``Sharing``."""
    sleeves = (config or portfolio_config(BOOK)).sleeves
    return Sharing(**({"sleeves": sleeves} | over))


def sleeve(sleeve_id: str = CORE, **caps: Any) -> Sleeve:
    """A sleeve without caps but *caps*."""
    return Sleeve(sleeve_id=sleeve_id, **caps)


def config_with(book_id: str = BOOK, **limits: Any) -> PortfolioConfig:
    """The book's configuration with some limits changed."""
    base = portfolio_config(book_id)
    changed = type(base.limits)(**(base.limits.model_dump() | limits))
    return PortfolioConfig(**(base.model_dump() | {"limits": changed}))


def cents(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """USD on the cent, bounds in cents."""
    return st.integers(low, high).map(lambda n: Decimal(n).scaleb(-2))


@st.composite
def batches(draw: st.DrawFn, count_max: int = 30) -> tuple[TradeIntent, ...]:
    """Valid intents of one strategy in different symbols, ranks from 1, prices from 1 to 900 USD."""
    rows: list[TradeIntent] = []
    for rank in range(1, draw(st.integers(0, count_max)) + 1):
        price = draw(cents(100, 90_000))
        wide = draw(st.integers(200, 800))
        stop = (price * (10_000 - wide) / 10_000).quantize(Decimal("0.01"))
        level = (price * draw(st.integers(9_000, 10_200)) / 10_000).quantize(Decimal("0.01"))
        wish = {"risk": str(draw(cents(1, 3))), "notional": str(draw(cents(1, 60)))}
        if not 0 < stop < price:
            continue
        symbol = f"S{rank:02d}"
        rows.append(intent(symbol, rank, price=str(price), stop=str(stop), level=str(level), **wish))
    return tuple(rows)
