"""An intraday exchange on typed days of two symbols, and a hand that sends orders to it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from execution_v2.broker.port import CancelOrder, Found, LookUp, Outcome, ReplaceOrder, SubmitOrder
from ledger.disk import Disk
from schemas.base import SessionDate
from schemas.book import OrderType, Side, TimeInForce
from schemas.market import CorporateAction
from schemas.observations import BrokerOrder, OrderUpdate
from simulation.adapter import IntradayBroker
from simulation.config import ExchangeConfig, IntradayConfig
from simulation.costs import CostConfig, SlippageModel
from simulation.intraday import IntradayExchange
from simulation.intraday_tape import FIVE_MINUTES, BarsTape, Halt, PathTape
from simulation.path import IntradayBar
from simulation.tape import DictTape, IntradayTape, TapeBar
from tests.simulation.world import DAYS, WeekHours, usd

HOURS = WeekHours()
PLAIN = ExchangeConfig(
    costs=CostConfig(
        slippage_model=SlippageModel.FIXED,
        slippage_bps=Decimal(0),
        sale_fee_fraction=Decimal(0),
        sale_fee_per_share=Decimal(0),
    )
)
"""No costs: prices are those of the path."""


def five(day: int, slot: int, o: str, h: str, low: str, c: str, volume: int = 100_000) -> IntradayBar:
    """The five-minute bar number *slot* of a session, as typed."""
    return IntradayBar(
        start_at=HOURS.open_at(DAYS[day]) + timedelta(minutes=5 * slot),
        seconds=300,
        open=usd(o),
        high=usd(h),
        low=usd(low),
        close=usd(c),
        volume=volume,
    )


def typed(*bars: IntradayBar, symbol: str = "AAA", **over: Any) -> BarsTape:
    """A tape of the bars of one symbol."""
    held: dict[tuple[str, SessionDate], tuple[IntradayBar, ...]] = {}
    for bar in bars:
        key = symbol, SessionDate(bar.start_at.date())
        held[key] = (*held.get(key, ()), bar)
    return BarsTape(held=held, **over)


def pathed(
    *days: TapeBar | None,
    acts: tuple[CorporateAction, ...] = (),
    halts: tuple[Halt, ...] = (),
    adv: Mapping[str, Decimal] | None = None,
    seconds: int = FIVE_MINUTES,
) -> PathTape:
    """The paths of typed days of AAA."""
    bars = {("AAA", DAYS[n]): row for n, row in enumerate(days) if row is not None}
    return PathTape(DictTape(bars=bars, acts=acts, adv=adv or {}), HOURS, halts=halts, seconds=seconds)


class Pit:
    """The exchange at a moment, and who trades there."""

    def __init__(
        self,
        tape: IntradayTape,
        *,
        config: ExchangeConfig = PLAIN,
        disk: Disk | None = None,
        **rules: Any,
    ) -> None:
        self.tape = tape
        self.now: datetime = HOURS.open_at(DAYS[0])
        self.exchange = IntradayExchange(disk, "exchange.jsonl", tape, HOURS, config, IntradayConfig(**rules))
        self.broker = IntradayBroker(self.exchange, tape, HOURS, lambda: self.now)

    def at(self, day: int, minute: float) -> "Pit":
        """*minute* minutes after the open of that day; 390 is the close."""
        self.now = HOURS.open_at(DAYS[day]) + timedelta(minutes=minute)
        self.exchange.advance(self.now)
        return self

    def send(self, name: str, side: Side, quantity: int, **over: Any) -> Outcome:
        kind = OrderType.STOP if "stop" in over else OrderType.LIMIT if "limit" in over else OrderType.MARKET
        force = over.pop("force", TimeInForce.GTC if kind is OrderType.STOP else TimeInForce.DAY)
        request = SubmitOrder(
            client_order_id=name,
            symbol=over.pop("symbol", "AAA"),
            side=side,
            quantity=Decimal(quantity),
            order_type=kind,
            time_in_force=force,
            **{key: usd(value) for key, value in over.items()},
        )
        return self.broker.submit(request)

    def buy(self, name: str, quantity: int, **over: Any) -> Outcome:
        return self.send(name, Side.BUY, quantity, **over)

    def sell(self, name: str, quantity: int, **over: Any) -> Outcome:
        return self.send(name, Side.SELL, quantity, **over)

    def replace(self, old: str, new: str, quantity: int, **over: Any) -> Outcome:
        return self.broker.replace(
            ReplaceOrder(
                order_id=self.order(old).order_id,
                client_order_id=new,
                quantity=Decimal(quantity),
                **{key: usd(value) for key, value in over.items()},
            )
        )

    def cancel(self, name: str) -> Outcome:
        return self.broker.cancel(CancelOrder(order_id=self.order(name).order_id))

    def order(self, name: str) -> BrokerOrder:
        found = self.broker.lookup(LookUp(client_order_id=name))
        assert isinstance(found, Found)
        return found.order

    def fills(self, name: str) -> list[tuple[int, str]]:
        """(shares, price) of an order's executions."""
        rows = self.exchange.fills(DAYS[0])
        return [
            (int(f.quantity), str(f.price.quantize(usd("0.01")))) for f in rows if f.client_order_id == name
        ]

    def said(self) -> list[str]:
        """The stream so far: event and client id."""
        return [f"{u.event} {u.order.client_order_id}" for u in self.told()]

    def told(self) -> list[OrderUpdate]:
        return [update for _, update in self.exchange.updates_since(0)]
