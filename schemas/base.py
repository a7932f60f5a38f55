"""A fact is a frozen record that forbids unknown fields; numbers that decide anything state their scale.

Money, prices and share counts are ``Decimal`` in memory and JSON strings of fixed scale on disk. A value
that does not fit its scale is refused, never rounded here: rounding is a decision, and belongs to whoever
made the number. Measures are floats already quantised to their field's scale (``quantise``), so that a
threshold compared in memory is the threshold a reader of the file would compare.
"""

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, NewType

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    WithJsonSchema,
)

SessionDate = NewType("SessionDate", date)
"""A date on which the exchange trades. Only ``market.calendar`` makes one from a plain date."""


_PLAIN: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class Fact(BaseModel):
    """Base of every record that reaches disk: frozen, closed to unknown fields."""

    # Built when first used: a command uses a few of the hundred and fifty models that its imports define.
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False, defer_build=True)


def quantise(value: float, scale: int) -> float | None:
    """*value* rounded half-even at *scale* decimals; ``None`` for NaN and infinities. Never -0.0."""
    if not math.isfinite(value):
        return None
    power = 10.0**scale
    scaled = value * power
    if not math.isfinite(scaled):
        return None
    return round(scaled) / power + 0.0


def _decimal(scale: int) -> Any:
    exponent = Decimal(1).scaleb(-scale)

    def fit(value: object) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, (Decimal, str, int)):
            raise ValueError(f"a decimal string of scale {scale} is wanted, not {type(value).__name__}")
        if isinstance(value, str) and _PLAIN.fullmatch(value) is None:
            raise ValueError(f"{value!r} is no plain decimal: digits, a point, digits")
        try:
            number = Decimal(value)
            fitted = number.quantize(exponent) if number.is_finite() else number
        except InvalidOperation:  # not a ValueError, so pydantic would let it through as a crash
            raise ValueError(f"{value!r} is no decimal of scale {scale}") from None
        if not number.is_finite():
            raise ValueError("a finite number is wanted")
        if fitted != number:
            raise ValueError(f"{value} has more than {scale} decimals")
        return fitted + 0  # -0 and 0 are one value and must be one spelling

    whole = r"^-?(0|[1-9][0-9]*)"
    pattern = whole + (rf"\.[0-9]{{{scale}}}$" if scale else "$")
    return Annotated[
        Decimal,
        BeforeValidator(fit),
        PlainSerializer(lambda v: format(v, "f"), return_type=str, when_used="json"),
        WithJsonSchema({"type": "string", "pattern": pattern}),
    ]


def _measure(scale: int) -> Any:
    power = 10.0**scale

    def quantised(value: float) -> float:
        if not math.isfinite(value):
            raise ValueError("a measure on disk is finite or null")
        if not math.isfinite(value * power) or round(value * power) / power != value:
            raise ValueError(f"{value!r} is not quantised to {scale} decimals")
        return value

    return Annotated[
        float, AfterValidator(quantised), WithJsonSchema({"type": "number", "description": f"scale {scale}"})
    ]


Price = _decimal(4)
"""USD per share, scale 4."""
Amount = _decimal(6)
"""USD, or an average price in USD, scale 6."""
Fraction4 = _decimal(4)
"""A fraction of a threshold that a kernel compares in whole basis points, scale 4."""
Fraction6 = _decimal(6)
"""A fraction (0.04, not 4), scale 6, as Decimal because it multiplies money."""
Fraction9 = _decimal(9)
"""A return or contribution, scale 9."""
Shares = _decimal(0)
"""Whole shares."""
Ratio4 = _measure(4)
Measure6 = _measure(6)
Measure4 = _measure(4)
Measure2 = _measure(2)


def _utc(value: object) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("an instant with its offset is wanted (UTC)")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("an instant outside the years 1 to 9999 in UTC") from None


def instant(value: datetime) -> str:
    """The one spelling of an instant: UTC, microseconds only where there are any, trailing Z."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


Instant = Annotated[
    datetime,
    BeforeValidator(_utc),
    PlainSerializer(instant, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]

Symbol = NewType("Symbol", str)
SYMBOL_PATTERN: Final = r"^[A-Z][A-Z0-9.\-]{0,9}$"

Scalar = str | int | float | bool | None


def tick(price: Decimal) -> Decimal:
    """The smallest price step at *price*: 0.01 from 1.00 USD on, 0.0001 below (SEC Rule 612)."""
    return Decimal("0.01") if price >= 1 else Decimal("0.0001")


def _to_tick(price: Decimal, rounding: str) -> Decimal:
    step = tick(price)
    return (price / step).to_integral_value(rounding=rounding) * step


def down(price: Decimal) -> Decimal:
    """*price* rounded down to its tick."""
    return _to_tick(price, "ROUND_FLOOR")


def up(price: Decimal) -> Decimal:
    """*price* rounded up to its tick."""
    return _to_tick(price, "ROUND_CEILING")
