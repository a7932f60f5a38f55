"""The outside of a seed's run: an exchange that is sound, a line to it that is not, and a stranger in the account."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from execution_v2.broker.port import Confirmed, ReadFailed, SubmitOrder
from schemas.book import OrderType, Side, TimeInForce
from schemas.observations import AccountFacts, BrokerOrder
from schemas.reasons.execution import LineCode
from simulation.adapter import IntradayBroker
from simulation.chance import Chance
from simulation.config import ExchangeConfig, GtcOnSplit, IntradayConfig
from simulation.fault_plan import FaultPlan
from simulation.faults import FaultyBroker
from simulation.intraday import IntradayExchange
from simulation.intraday_tape import Halt, PathTape
from simulation.seeds.line import Clock
from simulation.seeds.market import SYMBOLS, THEIRS, Market
from simulation.tape import DictTape, Hours

RATES: Final = (0.0, 0.01, 0.03, 0.06, 0.12)
"""Probabilities that a read is disturbed; a seed has one of them."""
WRITE_RATES: Final = (0.0, 0.05, 0.15, 0.3, 0.5)
"""Likewise of a request that changes something."""


BLIND: Final = 0.015
"""Probability that in a slot no read of the account, its positions or its orders is answered."""


class Blind:
    """A line on which the account cannot be seen: what is sent arrives, and is heard of by the stream alone."""

    def __init__(self, line: FaultyBroker) -> None:
        self._line = line
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        if name not in ("account", "positions", "open_orders"):
            return getattr(self._line, name)

        def unanswered() -> ReadFailed:
            self.refused += 1
            return ReadFailed(cause=LineCode.ANSWER_LOST)

        return unanswered


class Outside:
    """What a run meets, and what its checker may see of it.

    Attributes: door (broker and feed, with the seed's faults).
    """

    def __init__(self, seed: int, made: Market, hours: Hours, clock: Clock) -> None:
        chance = Chance(seed, "outside")
        days = DictTape(bars=made.bars, adv=made.adv, acts=made.actions)
        tape = PathTape(days, hours, halts=_halts(chance, made, hours))
        rules = IntradayConfig(
            place_latency_s=_latency(chance),
            replace_latency_s=_latency(chance),
            cancel_latency_s=_latency(chance),
            gtc_on_split=chance.pick(tuple(GtcOnSplit)),
        )
        self._exchange = IntradayExchange(None, "", tape, hours, ExchangeConfig(), rules)
        self._clock = clock
        self._exchange.advance(clock.now())
        broker = IntradayBroker(self._exchange, tape, hours, clock.now)
        plan = FaultPlan(seed=seed, rate=chance.pick(RATES), write_rate=chance.pick(WRITE_RATES))
        self._faulty = FaultyBroker(broker, plan, clock.now, clock.wait, self._exchange)
        self._sound = broker
        self._before = 0
        self.door: FaultyBroker | IntradayBroker | Blind = self._faulty
        self._blind = Blind(self._faulty)
        self._sight = Chance(seed, "sight")
        self._has_stranger = chance.happens(0.2)

    def stranger(self) -> None:
        """Another program of the account's owner leaves a buy far below the market; once it is taken, if ever."""
        last = self._exchange.last(THEIRS)
        if not self._has_stranger or last is None:
            return
        request = SubmitOrder(
            client_order_id="a-stranger",
            symbol=THEIRS,
            side=Side.BUY,
            quantity=Decimal(1),
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            limit=(last / 50).quantize(Decimal("0.01")),
        )
        if isinstance(self._exchange.submit(request, self._clock.now()), Confirmed):
            self._has_stranger = False

    def behave(self) -> None:
        """From now on nothing is disturbed."""
        self.door = self._sound

    def new_cycle(self) -> None:
        """Count faults afresh, and draw whether the account can be seen."""
        if self.door is not self._sound:
            self.door = self._blind if self._sight.happens(BLIND) else self._faulty
        self._before = self._faulty.counts.total() + self._blind.refused

    @property
    def disturbed_now(self) -> bool:
        """Whether a fault took effect in this slot."""
        return self._faulty.counts.total() + self._blind.refused > self._before

    @property
    def injected(self) -> Counter[str]:
        """Faults that took effect, by kind."""
        told = {str(fault): count for fault, count in self._faulty.counts.items()}
        return Counter(told | ({"account_unseen": self._blind.refused} if self._blind.refused else {}))

    # -- the exchange's own books ----------------------------------------------------------------------------

    def account_facts(self) -> AccountFacts:
        """The account as it truly stands."""
        return self._exchange.account()

    def holdings(self) -> Mapping[str, Decimal]:
        """Shares truly held."""
        return {symbol: quantity for symbol, (quantity, _) in self._exchange.state.holdings.items()}

    def orders(self) -> Iterable[BrokerOrder]:
        """Every order that ever arrived, as it truly stands."""
        return self._exchange.state.orders.values()

    def cash(self) -> Decimal:
        """Cash that is truly there."""
        return self._exchange.state.cash

    def last(self, symbol: str) -> Decimal | None:
        """The price of the moment."""
        return self._exchange.last(symbol)


def _latency(chance: Chance) -> Decimal:
    """Seconds: mostly none, sometimes a moment."""
    return Decimal(str(round(chance.between(0.1, 3), 2))) if chance.happens(0.3) else Decimal(0)


def _halts(chance: Chance, made: Market, hours: Hours) -> tuple[Halt, ...]:
    found = []
    for session in made.sessions[:-1]:
        for symbol in SYMBOLS:
            if chance.happens(0.03):
                first = hours.open_at(session) + timedelta(minutes=5 * chance.below(60))
                until = first + timedelta(minutes=5 * (1 + chance.below(12)))
                found.append(Halt(symbol=symbol, first=first, until=until))
    return tuple(found)
