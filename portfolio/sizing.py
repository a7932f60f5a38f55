"""A size is the smallest of what was wished and what every limit has left, in whole shares, exactly.

strategy.md 5, for one intent: the kernel below works on e4 (int, 1e-4 USD) and ppm (int, 1e-6), rounds
amounts down, never up, and knows no float; ``size`` is its face in Decimal, with a finding for each cap that
bound. Sleeve and sector caps have no row here until a book configures sleeves or a sector map.
"""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from portfolio.exposure import Exposure
from portfolio.limits import PortfolioConfig, SizingPrice
from schemas.base import Scalar
from schemas.candidates import TradeIntent
from schemas.decisions import Room, RoomUnit, Sizing
from schemas.header import Finding
from schemas.reasons.portfolio import CapCode

PPM: Final = 1_000_000
EQUITY_USD_MAX: Final = Decimal(500_000_000)
"""Keeps every product below within an int64 (strategy.md 0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What sizing needs of an intent: prices in USD at scale 4, fractions of equity at scale 6."""

    symbol: str
    price: Decimal
    stop: Decimal
    level: Decimal
    notional_fraction: Decimal
    risk_fraction: Decimal
    adv_shares20: Decimal | None

    @property
    def is_sizable(self) -> bool:
        """Whether a size is defined: amounts and prices above 0, and the stop below the price."""
        wished = self.notional_fraction > 0 and self.risk_fraction > 0
        return wished and 0 < self.stop < self.price and self.level > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CapRoom:
    """What one cap has left, before this intent: ``quantity`` is it in whole shares of *per_share* each."""

    cap: CapCode
    unit: RoomUnit
    before: Decimal | None
    per_share: Decimal
    quantity: int

    def record(self, taken: int) -> Room:
        """The row for ``decisions.json`` once *taken* shares are allowed."""
        after = None if self.before is None else self.before - taken * self.per_share
        return Room(
            cap=self.cap, unit=self.unit, before=self.before, after=after, quantity=Decimal(self.quantity)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """Quantities of strategy.md 5, the numbers they come from, and a finding for each limit that bound."""

    sizing: Sizing
    q0: int
    q1: int
    q2: int
    findings: tuple[Finding, ...]
    rooms: tuple[CapRoom, ...]


def wish_of(intent: TradeIntent, adv_shares20: Decimal | None, config: PortfolioConfig) -> Wish:
    """The wish of *intent* as it stands before the open, at the book's sizing price."""
    entry = intent.entry
    at_cap = config.sizing_price is SizingPrice.LIMIT_CAP
    return Wish(
        symbol=intent.symbol,
        price=entry.limit_cap if at_cap else entry.entry_ref,
        stop=intent.stop_plan.initial_stop,
        level=entry.level,
        notional_fraction=intent.intended_notional_fraction,
        risk_fraction=intent.intended_risk_fraction,
        adv_shares20=adv_shares20,
    )


def size(wish: Wish, *, equity: Decimal, exposure: Exposure, config: PortfolioConfig) -> Sized:
    """How many shares of *wish* the book may buy now.

    Args:
        equity: E in USD, the smaller of snapshot equity and observed account equity; 0 or less sizes to 0.
        exposure: the book's, with what the batch reserved before this intent.
    Errors: AssertionError if the wish is not sizable (ask ``is_sizable``) or equity exceeds 500 M USD.
    """
    assert wish.is_sizable, f"{wish.symbol}: no size without 0 < stop < price and an amount"
    assert equity <= EQUITY_USD_MAX, "equity beyond the kernel's range"
    price, level = e4(wish.price), e4(wish.level)
    unit = price - e4(wish.stop)
    equity_e6 = max(0, int(equity.scaleb(6)))

    distance = distance_ppm(price, level)
    scale = distance_scale_ppm(distance, ppm(config.distance_ref), ppm(config.distance_scale_min))
    q0 = min(
        share_of(equity_e6, ppm(wish.risk_fraction)) * scale // (unit * PPM),
        share_of(equity_e6, ppm(wish.notional_fraction)) * scale // (price * PPM),
    )
    rooms = _rooms(wish, equity_e6, exposure, config)
    q1 = min(q0, *(room.quantity for room in rooms))
    q2 = q1 if q1 >= 1 and q1 * wish.price >= config.limits.notional_usd_min else 0

    findings = [
        _finding(room.cap, wish.symbol, room.before, q0 * room.per_share, f"{room.quantity} of {q0} shares")
        for room in rooms
        if room.quantity < q0
    ]
    if q2 == 0:
        minimum = config.limits.notional_usd_min
        findings.append(_finding(CapCode.BELOW_MIN_NOTIONAL, wish.symbol, q1 * wish.price, minimum, ""))
    assert 0 <= q2 <= q1 <= q0, "a minimum and a cap only ever lower a quantity"
    return Sized(
        sizing=Sizing(
            equity=equity,
            price=wish.price,
            stop=wish.stop,
            unit_risk=wish.price - wish.stop,
            distance=_fraction(distance),
            distance_scale=_fraction(scale),
            scale=_fraction(scale),
        ),
        q0=q0,
        q1=q1,
        q2=q2,
        findings=tuple(findings),
        rooms=rooms,
    )


def _rooms(wish: Wish, equity_e6: int, exposure: Exposure, config: PortfolioConfig) -> tuple[CapRoom, ...]:
    limits = config.limits
    held = exposure.of(wish.symbol)
    unit_risk = wish.price - wish.stop

    def of_equity(fraction: Decimal) -> Decimal:
        return Decimal(share_of(equity_e6, ppm(fraction))).scaleb(-4)

    def left(cap: Decimal, used: Decimal | None) -> Decimal | None:
        return None if used is None else cap - used

    def room(cap: CapCode, before: Decimal | None, per_share: Decimal) -> CapRoom:
        shares = 0 if before is None else max(0, e4(before) // e4(per_share))
        return CapRoom(cap=cap, unit=RoomUnit.USD, before=before, per_share=per_share, quantity=shares)

    risk = min(of_equity(limits.risk_per_trade_pct_max), limits.risk_per_trade_abs_max_usd)
    gross = gross_max(equity_e6, config)
    reserved = exposure.cash_reserved
    cash = None if exposure.cash is None or reserved is None else exposure.cash - reserved
    rows = [
        room(CapCode.LIMIT_RISK_PER_TRADE, risk, unit_risk),
        room(CapCode.LIMIT_SYMBOL_CONCENTRATION, left(of_equity(limits.symbol_pct_max), held), wish.price),
    ]
    if limits.symbol_notional_usd_max is not None:
        rows.append(
            room(CapCode.LIMIT_SYMBOL_NOTIONAL, left(limits.symbol_notional_usd_max, held), wish.price)
        )
    rows.append(room(CapCode.LIMIT_GROSS_EXPOSURE, left(gross, exposure.gross), wish.price))
    rows.append(room(CapCode.LIMIT_BUYING_POWER, cash, wish.price))
    return (*rows, _adv_room(wish.adv_shares20, limits.adv_participation_max))


def _adv_room(adv_shares20: Decimal | None, participation_max: Decimal) -> CapRoom:
    before = None if adv_shares20 is None else participation_max * adv_shares20
    return CapRoom(
        cap=CapCode.LIMIT_ADV_PARTICIPATION,
        unit=RoomUnit.SHARES,
        before=None if before is None else before.quantize(Decimal("0.000001"), ROUND_FLOOR),
        per_share=Decimal(1),
        quantity=0 if before is None else max(0, int(before)),
    )


def gross_max(equity_e6: int, config: PortfolioConfig) -> Decimal:
    """The book's cap on gross exposure, USD: the smaller of its percentage of equity and its dollars."""
    limits = config.limits
    of_equity = Decimal(share_of(equity_e6, ppm(limits.gross_pct_max))).scaleb(-4)
    cap: Decimal = min(of_equity, limits.gross_abs_max_usd)
    return cap


# --- the kernel: integers in, integers out ---


def share_of(equity_e6: int, fraction_ppm: int) -> int:
    """floor(E * fraction) in e4. *equity_e6* >= 0 in 1e-6 USD; split so that no product leaves an int64."""
    whole, rest = divmod(equity_e6, 10**8)
    return whole * fraction_ppm + rest * fraction_ppm // 10**8


def distance_ppm(price_e4: int, level_e4: int) -> int:
    """d = max(0, price / level - 1), half-even at scale 6."""
    return max(0, round_half_even((price_e4 - level_e4) * PPM, level_e4))


def distance_scale_ppm(distance: int, reference: int, minimum: int) -> int:
    """g = max(minimum, 1 - min(d / reference, 1)), the quotient half-even at scale 6."""
    return max(minimum, PPM - min(round_half_even(distance * PPM, reference), PPM))


def round_half_even(numerator: int, denominator: int) -> int:
    """numerator / denominator to the nearest integer, ties to even; *denominator* > 0."""
    floor, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and floor % 2 == 1):
        return floor + 1
    return floor


def e4(value: Decimal) -> int:
    """*value* USD in 1e-4 USD, rounded down: room that is not whole is no room."""
    return int(value.scaleb(4).to_integral_value(rounding=ROUND_FLOOR))


def ppm(fraction: Decimal) -> int:
    """A fraction of scale 6 in 1e-6."""
    return int(fraction.scaleb(6))


def _fraction(value_ppm: int) -> Decimal:
    return Decimal(value_ppm).scaleb(-6)


def _finding(
    code: CapCode, symbol: str, observed: Decimal | None, threshold: Decimal, detail: str
) -> Finding:
    return Finding(
        code=code, subject=symbol, observed=_text(observed), threshold=_text(threshold), detail=detail
    )


def _text(value: Decimal | None) -> Scalar:
    return None if value is None else format(value, "f")
