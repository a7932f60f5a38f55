"""A size is the smallest of what was wished and what every limit has left, in whole shares, exactly.

strategy.md 5, for one intent: the kernel below works on e4 (int, 1e-4 USD) and ppm (int, 1e-6), rounds
amounts down, never up, and knows no float; ``size`` is its face in Decimal, with a finding for each cap that
bound. Caps on more than the symbol (sleeve, sector, shared risk) come as what they have left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from portfolio.exposure import Exposure
from portfolio.limits import PortfolioConfig, SizingPrice
from portfolio.modulation import modulate
from schemas.base import Scalar
from schemas.candidates import TradeIntent
from schemas.decisions import Modulation, Room, RoomUnit, Sizing
from schemas.header import Finding
from schemas.reasons.portfolio import CapCode

PPM: Final = 1_000_000
EQUITY_USD_MAX: Final = Decimal(500_000_000)
"""Keeps every product below within an int64 (strategy.md 0)."""
CapsLeft = Mapping[CapCode, Decimal | None]
"""Cap in force -> USD that it has left, None if unknown; a cap that is not here is not in force."""
_WIDER: Final = (CapCode.S2_MAX_GROSS_EXPOSURE, CapCode.LIMIT_SECTOR)
_NO_MORE: Final[CapsLeft] = MappingProxyType({})


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
    before_overlap: int
    """What was left for ``S3_OVERLAP_RISK`` to judge."""
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


def size(
    wish: Wish,
    *,
    equity: Decimal,
    exposure: Exposure,
    config: PortfolioConfig,
    left: CapsLeft = _NO_MORE,
    correlation: int | None = None,
    modulation: Modulation | None = None,
) -> Sized:
    """How many shares of *wish* the book may buy now.

    Args:
        equity: E in USD, the smaller of snapshot equity and observed account equity; 0 or less sizes to 0.
        exposure: the book's, with what the batch reserved before this intent.
        left: of S2_MAX_GROSS_EXPOSURE, LIMIT_SECTOR and S3_OVERLAP_RISK, where they are in force.
        correlation: rho in ppm with what is held or allowed; None: there is nothing, or it was not asked.
        modulation: what the regime makes of the book's limits; None while E2 is off.
    Errors: AssertionError if the wish is not sizable (ask ``is_sizable``) or equity exceeds 500 M USD.
    """
    assert wish.is_sizable, f"{wish.symbol}: no size without 0 < stop < price and an amount"
    assert equity <= EQUITY_USD_MAX, "equity beyond the kernel's range"
    price, level = e4(wish.price), e4(wish.level)
    unit = price - e4(wish.stop)
    equity_e6 = max(0, int(equity.scaleb(6)))

    distance = distance_ppm(price, level)
    nearness = distance_scale_ppm(distance, ppm(config.distance_ref), ppm(config.distance_scale_min))
    penalty = penalty_ppm(correlation, ppm(config.corr_min), ppm(config.corr_penalty_max))
    scale = round_half_even(nearness * (PPM - penalty), PPM)
    q0 = min(
        share_of(equity_e6, ppm(wish.risk_fraction)) * scale // (unit * PPM),
        share_of(equity_e6, ppm(wish.notional_fraction)) * scale // (price * PPM),
    )
    rooms = _rooms(wish, equity_e6, exposure, config, left)
    q1 = min(q0, *(room.quantity for room in rooms))
    findings = [_bound(room, wish, q0) for room in rooms if room.quantity < q0]
    modulated = q1
    if modulation is not None:
        modulated, lowered = modulate(
            q1, modulation, symbol=wish.symbol, price=wish.price, equity=equity, gross=exposure.gross
        )
        findings += lowered
    shared = _shared_risk(wish, left)
    q2 = min(modulated, *(room.quantity for room in shared)) if shared else modulated
    findings += [_bound(room, wish, modulated) for room in shared if room.quantity < modulated]
    if q2 < 1 or q2 * wish.price < config.limits.notional_usd_min:
        minimum = config.limits.notional_usd_min
        findings.append(_finding(CapCode.BELOW_MIN_NOTIONAL, wish.symbol, q2 * wish.price, minimum, ""))
        q2 = 0
    assert 0 <= q2 <= modulated <= q1 <= q0, "a minimum and a cap only ever lower a quantity"
    return Sized(
        sizing=Sizing(
            equity=equity,
            price=wish.price,
            stop=wish.stop,
            unit_risk=wish.price - wish.stop,
            distance=_fraction(distance),
            distance_scale=_fraction(nearness),
            correlation=None if correlation is None else _fraction(correlation),
            correlation_penalty=_fraction(penalty),
            scale=_fraction(scale),
        ),
        q0=q0,
        q1=q1,
        before_overlap=modulated,
        q2=q2,
        findings=tuple(findings),
        rooms=(*rooms, *shared),
    )


def _rooms(
    wish: Wish, equity_e6: int, exposure: Exposure, config: PortfolioConfig, more: CapsLeft
) -> tuple[CapRoom, ...]:
    limits = config.limits
    held = exposure.of(wish.symbol)
    unit_risk = wish.price - wish.stop

    def left(cap: Decimal, used: Decimal | None) -> Decimal | None:
        return None if used is None else cap - used

    gross = gross_max(equity_e6, config)
    reserved = exposure.cash_reserved
    cash = None if exposure.cash is None or reserved is None else exposure.cash - reserved
    rows = [
        room(CapCode.LIMIT_RISK_PER_TRADE, risk_max(equity_e6, config), unit_risk),
        room(
            CapCode.LIMIT_SYMBOL_CONCENTRATION,
            left(of_equity(equity_e6, limits.symbol_pct_max), held),
            wish.price,
        ),
    ]
    if limits.symbol_notional_usd_max is not None:
        rows.append(
            room(CapCode.LIMIT_SYMBOL_NOTIONAL, left(limits.symbol_notional_usd_max, held), wish.price)
        )
    rows.append(room(CapCode.LIMIT_GROSS_EXPOSURE, left(gross, exposure.gross), wish.price))
    rows += [room(cap, more[cap], wish.price) for cap in _WIDER if cap in more]
    rows.append(room(CapCode.LIMIT_BUYING_POWER, cash, wish.price))
    return (*rows, _adv_room(wish.adv_shares20, limits.adv_participation_max))


def room(cap: CapCode, before: Decimal | None, per_share: Decimal) -> CapRoom:
    """What *before*, USD, is in whole shares; unknown is none."""
    shares = 0 if before is None else max(0, e4(before) // e4(per_share))
    return CapRoom(cap=cap, unit=RoomUnit.USD, before=before, per_share=per_share, quantity=shares)


def _shared_risk(wish: Wish, left: CapsLeft) -> tuple[CapRoom, ...]:
    """The cap on the open risk of all strategies in the symbol, where it is in force."""
    cap = CapCode.S3_OVERLAP_RISK
    return (room(cap, left[cap], wish.price - wish.stop),) if cap in left else ()


def _bound(room: CapRoom, wish: Wish, wanted: int) -> Finding:
    detail = f"{room.quantity} of {wanted} shares"
    return _finding(room.cap, wish.symbol, room.before, wanted * room.per_share, detail)


def _adv_room(adv_shares20: Decimal | None, participation_max: Decimal) -> CapRoom:
    before = None if adv_shares20 is None else participation_max * adv_shares20
    return CapRoom(
        cap=CapCode.LIMIT_ADV_PARTICIPATION,
        unit=RoomUnit.SHARES,
        before=None if before is None else before.quantize(Decimal("0.000001"), ROUND_FLOOR),
        per_share=Decimal(1),
        quantity=0 if before is None else max(0, int(before)),
    )


def risk_max(equity_e6: int, config: PortfolioConfig) -> Decimal:
    """The cap on the risk of one trade, USD: the smaller of its percentage of equity and its dollars."""
    limits = config.limits
    cap: Decimal = min(of_equity(equity_e6, limits.risk_per_trade_pct_max), limits.risk_per_trade_abs_max_usd)
    return cap


def gross_max(equity_e6: int, config: PortfolioConfig) -> Decimal:
    """The book's cap on gross exposure, USD: the smaller of its percentage of equity and its dollars."""
    limits = config.limits
    cap: Decimal = min(of_equity(equity_e6, limits.gross_pct_max), limits.gross_abs_max_usd)
    return cap


def of_equity(equity_e6: int, fraction: Decimal) -> Decimal:
    """*fraction* of equity, USD, floored at scale 4."""
    return Decimal(share_of(equity_e6, ppm(fraction))).scaleb(-4)


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


def penalty_ppm(rho: int | None, lowest: int, most: int) -> int:
    """pi: 0 up to *lowest*, then growing to *most* at 1; half-even. *rho* None: no other symbol, so none."""
    if rho is None or rho <= lowest:
        return 0
    return min(round_half_even(most * (rho - lowest), PPM - lowest), most)


def round_half_even(numerator: int, denominator: int) -> int:
    """numerator / denominator to the nearest integer, ties to even; *denominator* > 0."""
    floor, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and floor % 2 == 1):
        return floor + 1
    return floor


def e4(value: Decimal) -> int:
    """*value* USD in 1e-4 USD, rounded down: room that is not whole is no room."""
    return int(value.scaleb(4).to_integral_value(rounding=ROUND_FLOOR))


@lru_cache(maxsize=256)
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
