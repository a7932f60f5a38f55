"""A trip is a position on its way from flat to flat; the round trip is read off it when the last share goes.

Mutable, and alive inside one ``analytics.trades.run`` only: it comes from an ``OpenTrade`` and ends as one,
or as a ``RoundTrip``. Everything in it is on the split basis of the session being worked.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from analytics import lots as fifo
from analytics.exact import divided
from analytics.lots import ZERO
from schemas.base import SessionDate, down, quantise
from schemas.book import Side
from schemas.observations import BarFacts
from schemas.reasons.scan import ExitEventType
from schemas.trades import Direction, Fill, Lot, Match, OpenTrade, RoundTrip, TradeTally

BPS = 10_000


@dataclass(slots=True, kw_only=True)
class Trip:
    """Identity, lots and sums of one position; fields as in ``OpenTrade`` and ``TradeTally``."""

    trade_id: str
    position_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    intent_id: str
    decision_id: str | None
    direction: Direction
    entered_at: datetime
    entry_session: SessionDate
    initial_stop: Decimal | None
    lots: tuple[Lot, ...] = ()
    matches: list[Match] = field(default_factory=list)
    quantity_opened: Decimal = ZERO
    entry_notional: Decimal = ZERO
    quantity_closed: Decimal = ZERO
    exit_notional: Decimal = ZERO
    gross: Decimal = ZERO
    fees_in: Decimal = ZERO
    fees_out: Decimal = ZERO
    dividends: Decimal = ZERO
    transfers: Decimal = ZERO
    shares_in: Decimal = ZERO
    shares_out: Decimal = ZERO
    slippage_entry: Decimal | None = ZERO
    slippage_exit: Decimal | None = ZERO
    slippage_usd: Decimal | None = ZERO
    high: Decimal | None = None
    low: Decimal | None = None
    exit_high: Decimal | None = None
    exit_low: Decimal | None = None
    high_on: SessionDate | None = None
    low_on: SessionDate | None = None
    exit_high_on: SessionDate | None = None
    exit_low_on: SessionDate | None = None
    stopped_at: datetime | None = None
    sessions_held: int = 1
    exit_reasons: list[str] = field(default_factory=list)
    events: int = 0
    exited_at: datetime | None = None
    is_carried: bool = False
    """Held since before this session's first bar."""
    is_at_open: bool = False
    """Entered in this session, at the bar's opening print."""
    ended_on: SessionDate | None = None
    """Session of the fill that closed it, where that is an earlier one that was learnt of late."""

    @property
    def sign(self) -> int:
        return 1 if self.direction is Direction.LONG else -1

    @property
    def is_flat(self) -> bool:
        return not self.lots

    @property
    def average_entry(self) -> Decimal:
        return divided(self.entry_notional, self.quantity_opened, 6)

    def enter(self, lot: Lot, fill: Fill, bar: BarFacts | None) -> None:
        """Take over *lot*, which *fill* opened, with its part of the fee."""
        shares = abs(lot.quantity)
        if not self.quantity_opened:
            self.is_at_open = bar is not None and fill.arrival_price == bar.open
        self.lots += (lot,)
        self.quantity_opened += shares
        self.entry_notional += lot.price * shares
        self.fees_in += lot.fee
        self.slippage_entry = self._slip(self.slippage_entry, fill, shares)

    def leave(self, applied: fifo.Applied, fill: Fill, reason: str) -> None:
        """Book what *fill* closed."""
        shares = sum((match.quantity for match in applied.matches), ZERO)
        self.lots = applied.kept
        self.matches += applied.matches
        self.quantity_closed += shares
        self.exit_notional += fill.price * shares
        self.gross += sum((match.gross for match in applied.matches), ZERO)
        self.fees_out += sum((match.fee_out for match in applied.matches), ZERO)
        self.slippage_exit = self._slip(self.slippage_exit, fill, shares)
        self._exit_at(fill.price, fill.session_date)
        if reason == ExitEventType.EXIT_STOP and self.stopped_at is None:
            self.stopped_at = fill.executed_at
        self._close(reason, fill.executed_at)

    def take_in(self, lot: Lot) -> None:
        """Take over *lot*, which no fill opened."""
        self.lots += (lot,)
        self.quantity_opened += lot.quantity
        self.entry_notional += lot.price * lot.quantity
        self.shares_in += lot.quantity
        self.transfers += lot.price * lot.quantity
        self.slippage_entry = self.slippage_usd = None  # nobody quoted it

    def give_up(self, shares: Decimal, reason: str, at: datetime) -> Decimal:
        """Let *shares* go that no fill sold; returns their cost, which the book has lost."""
        self.lots, cost = fifo.take(self.lots, shares)
        self.shares_out += shares
        self.transfers -= cost
        self._close(reason, at)
        return cost

    def split(self, num: int, den: int, quantity_after: Decimal, cash: Decimal, at: datetime) -> Decimal:
        """Put everything on the new basis; returns what the fractions realised: *cash* less their cost.

        A split that leaves no share ends the trip, whose figures then stay on the basis before it.
        """
        self.lots, cost = fifo.split(self.lots, num, den, quantity_after)
        realised = cash - cost
        self.gross += realised
        if self.is_flat:
            self._close("SPLIT", at)
            return realised
        self.quantity_opened = Decimal(int(self.quantity_opened) * num // den)
        for name in ("quantity_closed", "shares_in", "shares_out"):
            setattr(self, name, Decimal(int(getattr(self, name)) * num // den))
        for name in ("high", "low", "exit_high", "exit_low"):
            price = getattr(self, name)
            setattr(self, name, None if price is None else divided(price * den, num, 6))
        for name in ("slippage_entry", "slippage_exit"):
            weighted = getattr(self, name)
            setattr(self, name, None if weighted is None else divided(weighted * num, den, 6))
        if self.initial_stop is not None:
            self.initial_stop = down(divided(self.initial_stop * den, num, 6))
        return realised

    def see(self, bar: BarFacts | None) -> None:
        """Let the session's bar count, as far as it lies inside the holding (strategy.md 9.3, daily)."""
        if bar is None or self.ended_on is not None or not (self.is_carried or self.is_at_open):
            return
        high, low = (bar.open, bar.open) if self.is_flat else (bar.high, bar.low)
        if self.high is None or high > self.high:
            self.high, self.high_on = high, bar.session_date
        if self.low is None or low < self.low:
            self.low, self.low_on = low, bar.session_date

    def _exit_at(self, price: Decimal, session: SessionDate) -> None:
        """Shares went at *price*: a point inside the holding."""
        if self.exit_high is None or price > self.exit_high:
            self.exit_high, self.exit_high_on = price, session
        if self.exit_low is None or price < self.exit_low:
            self.exit_low, self.exit_low_on = price, session

    def _slip(self, total: Decimal | None, fill: Fill, shares: Decimal) -> Decimal | None:
        """*total* and this fill's quantity times bps; a fill without arrival price leaves no honest total."""
        if total is None or fill.arrival_price is None:
            self.slippage_usd = None
            return None
        worse = fill.price - fill.arrival_price if fill.side is Side.BUY else fill.arrival_price - fill.price
        if self.slippage_usd is not None:
            self.slippage_usd += worse * shares
        return total + divided(worse * BPS * shares, fill.arrival_price, 6)

    def delist(self, cash: Decimal, at: datetime, session: SessionDate) -> Decimal:
        """End the trip for *cash*, without a fill; returns what that realised."""
        shares = abs(sum((lot.quantity for lot in self.lots), ZERO))
        realised = cash - fifo.cost(self.lots)
        self.lots = ()
        self.gross += realised
        self.quantity_closed += shares
        self.exit_notional += cash
        self._exit_at(divided(cash, shares, 6), session)
        self.slippage_exit = self.slippage_usd = None  # nobody quoted it
        self._close(ExitEventType.EXIT_DELISTING, at)
        return realised

    def _close(self, reason: str, at: datetime) -> None:
        if reason not in self.exit_reasons:
            self.exit_reasons.append(reason)
        self.exited_at = at


def resumed(trade: OpenTrade) -> Trip:
    """The trip of a position that was carried into this session."""
    names = (name for name in TradeTally.model_fields if name != "exit_reasons")
    sums = {name: getattr(trade.tally, name) for name in names}
    own = (name for name in OpenTrade.model_fields if name not in ("tally", "matches"))
    trip = Trip(
        **{name: getattr(trade, name) for name in own},
        **sums,
        matches=list(trade.matches),
        exit_reasons=list(trade.tally.exit_reasons),
        is_carried=True,
    )
    trip.sessions_held += 1
    return trip


def open_trade(trip: Trip) -> OpenTrade:
    """*trip* as it is carried into the next session."""
    names = (name for name in TradeTally.model_fields if name != "exit_reasons")
    tally = TradeTally(**{name: getattr(trip, name) for name in names}, exit_reasons=tuple(trip.exit_reasons))
    own = (name for name in OpenTrade.model_fields if name not in ("tally", "matches"))
    return OpenTrade(**{name: getattr(trip, name) for name in own}, matches=tuple(trip.matches), tally=tally)


def round_trip(trip: Trip, session: SessionDate) -> RoundTrip:
    """*trip*, flat, with every figure of strategy.md 9.2 and 9.3."""
    assert trip.is_flat, "a round trip ends flat"
    assert trip.exited_at is not None, "a round trip has ended"
    entry = trip.average_entry
    closed = trip.quantity_closed
    average_exit = divided(trip.exit_notional, closed, 6) if closed else None
    net = trip.gross - trip.fees_in - trip.fees_out + trip.dividends
    risk = None if trip.initial_stop is None else (entry - trip.initial_stop) * trip.sign
    complete = not (trip.shares_in or trip.shares_out)
    risk = risk if risk is not None and risk > 0 else None
    mae, mfe = _excursions(trip, entry)
    worst, best = _when(trip)
    efficiency = None
    if average_exit is not None and mfe is not None and mfe > 0:
        efficiency = quantise(float(divided((average_exit - entry) * trip.sign, mfe, 6)), 6)
    return RoundTrip(
        trade_id=trip.trade_id,
        position_id=trip.position_id,
        strategy_id=trip.strategy_id,
        sleeve_id=trip.sleeve_id,
        symbol=trip.symbol,
        intent_id=trip.intent_id,
        decision_id=trip.decision_id,
        direction=trip.direction,
        entered_at=trip.entered_at,
        exited_at=trip.exited_at,
        entry_session=trip.entry_session,
        exit_session=trip.ended_on or session,
        sessions_held=trip.sessions_held - (trip.ended_on is not None),
        quantity=trip.quantity_opened,
        average_entry=entry,
        average_exit=average_exit,
        gross=trip.gross,
        fees_in=trip.fees_in,
        fees_out=trip.fees_out,
        dividends=trip.dividends,
        net=net,
        transfers=trip.transfers,
        shares_in=trip.shares_in,
        shares_out=trip.shares_out,
        complete=complete,
        slippage_entry_bps=_mean_bps(trip.slippage_entry, trip.quantity_opened),
        slippage_exit_bps=_mean_bps(trip.slippage_exit, closed),
        slippage_usd=trip.slippage_usd,
        initial_stop=trip.initial_stop,
        unit_risk=risk,
        r_multiple=None
        if risk is None or not complete
        else quantise(float(divided(net, risk * trip.quantity_opened, 6)), 6),
        mae=mae,
        mfe=mfe,
        mae_session=worst if mae is not None else None,
        mfe_session=best if mfe is not None else None,
        seconds_to_stop=None
        if trip.stopped_at is None
        else int((trip.stopped_at - trip.entered_at).total_seconds()),
        stop_efficiency=efficiency,
        resolution="daily",
        exit_reasons=tuple(trip.exit_reasons),
        matches=tuple(trip.matches),
    )


def _mean_bps(weighted: Decimal | None, shares: Decimal) -> float | None:
    return None if weighted is None or not shares else quantise(float(divided(weighted, shares, 4)), 4)


def _excursions(trip: Trip, entry: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """(MAE, MFE) per share, signed; (None, None) while no bar lay inside the holding."""
    if trip.high is None or trip.low is None:
        return None, None
    high = trip.high if trip.exit_high is None else max(trip.high, trip.exit_high)
    low = trip.low if trip.exit_low is None else min(trip.low, trip.exit_low)
    return (low - entry, high - entry) if trip.direction is Direction.LONG else (entry - high, entry - low)


def _when(trip: Trip) -> tuple[SessionDate | None, SessionDate | None]:
    """Sessions of the worst and of the best price inside the holding; a bar's comes before an exit's alike."""
    high_on, low_on = trip.high_on, trip.low_on
    if trip.high is not None and trip.exit_high is not None and trip.exit_high > trip.high:
        high_on = trip.exit_high_on
    if trip.low is not None and trip.exit_low is not None and trip.exit_low < trip.low:
        low_on = trip.exit_low_on
    return (low_on, high_on) if trip.direction is Direction.LONG else (high_on, low_on)
