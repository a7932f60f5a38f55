"""The regime only ever makes an entry smaller: two multipliers from one table, the drawdown guard, and a floor.

strategy.md 8.3. What is not known is taken for the worst. Nothing here is asked about an exit, and the numbers
are products in Decimal that are floored, so that no rounding gives back what a multiplier took.
"""

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from types import MappingProxyType
from typing import Final

from portfolio.limits import LimitsConfig, PortfolioConfig
from schemas.base import Scalar
from schemas.decisions import Controls, Modulation
from schemas.header import Finding
from schemas.reasons.ledger import ReadFaultCode
from schemas.reasons.portfolio import ModulationCode as Code
from schemas.regime import Regime, RegimeLabel

POLICY: Final = "E2@1"
"""Name and version of the table below; raised with any change to it."""
TABLE: Final[Mapping[str, tuple[Decimal, Decimal]]] = MappingProxyType(
    {
        RegimeLabel.RISK_ON: (Decimal("1.0"), Decimal("1.0")),
        RegimeLabel.NEUTRAL: (Decimal("0.6"), Decimal("0.7")),
        RegimeLabel.RISK_OFF: (Decimal("0.2"), Decimal("0.3")),
    }
)
"""Label -> (risk multiplier, new position multiplier); a label that is not here opens nothing."""
CONFIDENCE_MIN: Final = 0.60
HAIRCUT: Final = Decimal("0.5")
HAIRCUT_LABELS: Final = frozenset({RegimeLabel.RISK_ON, RegimeLabel.RISK_OFF, RegimeLabel.STRESSED})
"""NEUTRAL is the absence of votes: its row says so already."""
_ONE, _ZERO = Decimal(1), Decimal(0)
_UNREADABLE: Final = frozenset(
    {
        ReadFaultCode.CORRUPT,
        ReadFaultCode.SCHEMA_INVALID,
        ReadFaultCode.VERSION_UNSUPPORTED,
        ReadFaultCode.DIGEST_MISMATCH,
    }
)
"""There is a file, and nobody can say what label it holds; any other fault: there is none for this morning."""


def throttle(label: str | None, confidence: float | None) -> tuple[Decimal, Decimal, tuple[Finding, ...]]:
    """(risk multiplier, new position multiplier, what lowered them below the table's first row) of a label.

    A confidence that is unknown counts as too low.
    """
    if label is None:
        return _ZERO, _ZERO, (_finding(Code.MISSING_REGIME, "market", detail="no label"),)
    found: list[Finding] = []
    if label == RegimeLabel.STRESSED:
        found.append(_finding(Code.STRESSED_REGIME, "market", label))
    elif label not in TABLE:
        found.append(_finding(Code.UNKNOWN_REGIME, "market", label))
    risk, positions = TABLE.get(label, (_ZERO, _ZERO))
    if label in HAIRCUT_LABELS and (confidence is None or confidence < CONFIDENCE_MIN):
        found.append(_finding(Code.LOW_CONFIDENCE_HAIRCUT, "market", confidence, CONFIDENCE_MIN))
        risk, positions = risk * HAIRCUT, positions * HAIRCUT
    return risk, positions, tuple(found)


def modulation_of(
    regime: Regime | ReadFaultCode, data_session: date, limits: LimitsConfig, *, guarded: bool
) -> Modulation:
    """What the regime at the close of *data_session* makes of the book's *limits*.

    Args: guarded: whether the drawdown throttle of strategy.md 7.4 blocks.
    """
    label, confidence = None, None
    found: tuple[Finding, ...]
    if isinstance(regime, ReadFaultCode):
        code = Code.UNKNOWN_REGIME if regime in _UNREADABLE else Code.MISSING_REGIME
        risk, positions, found = _ZERO, _ZERO, (_finding(code, "regime.json", regime),)
    elif regime.data_session != data_session:
        told = regime.data_session.isoformat()
        risk, positions = _ZERO, _ZERO
        found = (_finding(Code.MISSING_REGIME, "regime.json", told, data_session.isoformat()),)
    else:
        label, confidence = regime.label, regime.confidence
        risk, positions, found = throttle(label, confidence)
    guard = _ZERO if guarded else _ONE
    if guarded:
        found = (*found, _finding(Code.DRAWDOWN_GUARDRAIL, "book", threshold=_text(limits.drawdown_max)))
    # The stricter of the two, not their product: a book that has fallen is not punished twice for one market.
    m, w = min(risk, guard), min(positions, guard)
    return Modulation(
        policy=POLICY,
        label=label,
        confidence=confidence,
        risk_multiplier=risk,
        new_position_multiplier=positions,
        drawdown_guard=guard,
        risk=m,
        new_positions=w,
        reasons=found,
        base=_controls(limits, _ONE, _ONE),
        modulated=_controls(limits, m, w),
    )


def asked(
    regime: Regime | ReadFaultCode | None, data_session: date, limits: LimitsConfig, *, guarded: bool
) -> Modulation | None:
    """``modulation_of``, or None where E2 is off: *regime* None."""
    return None if regime is None else modulation_of(regime, data_session, limits, guarded=guarded)


def effective(config: PortfolioConfig, modulation: Modulation | None) -> PortfolioConfig:
    """*config* with the modulated limits in place of its own; itself without a modulation."""
    if modulation is None:
        return config
    limits = config.limits.model_copy(update=dict(modulation.modulated))
    return config.model_copy(update={"limits": limits})


def modulate(
    quantity: int,
    modulation: Modulation,
    *,
    symbol: str,
    price: Decimal,
    equity: Decimal,
    gross: Decimal | None,
) -> tuple[int, tuple[Finding, ...]]:
    """What is left of *quantity* (q1, after the caps), and why: the policy's reasons, then each bound that lowered
    what the one before it had left.

    Args:
        price, equity: USD; equity is E, the smaller of snapshot and account.
        gross: the book's worst case with what the batch allowed before; unknown leaves nothing.
    """
    if quantity == 0:
        return 0, ()
    m, caps = modulation.risk, modulation.modulated
    if m == 0:
        detail = f"0 of {quantity} shares"
        return 0, (*modulation.reasons, _finding(Code.RISK_MULTIPLIER, symbol, _text(m), "1", detail))
    position = _floored(equity * caps.symbol_pct_max)
    room = None
    if gross is not None:
        room = _floored(min(equity * caps.gross_pct_max, caps.gross_abs_max_usd) - gross)
    bounds = (
        (Code.RISK_MULTIPLIER, int(quantity * m), m),
        (Code.PER_POSITION_CAP, _shares(position, price), position),
        (Code.MAX_GROSS_EXPOSURE, _shares(room, price), room),
    )
    left, lowered = quantity, []
    for code, most, seen in bounds:
        if most < left:
            asked_for = "1" if code is Code.RISK_MULTIPLIER else _text(left * price)
            lowered.append(_finding(code, symbol, _text(seen), asked_for, f"{most} of {left} shares"))
            left = most
    assert 0 <= left <= quantity, "a modulation only ever lowers a quantity"
    return left, (*modulation.reasons, *lowered) if lowered else ()


def _controls(limits: LimitsConfig, m: Decimal, w: Decimal) -> Controls:
    return Controls(
        positions_max=int(limits.positions_max * w),
        entries_per_day_max=int(limits.entries_per_day_max * w),
        gross_pct_max=_floored(limits.gross_pct_max * m),
        gross_abs_max_usd=_floored(limits.gross_abs_max_usd * m),
        symbol_pct_max=_floored(limits.symbol_pct_max * m),
    )


def _floored(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.000001"), ROUND_FLOOR)


def _shares(usd: Decimal | None, price: Decimal) -> int:
    """Whole shares of *price* that *usd* pays for; unknown or negative pays for none."""
    return 0 if usd is None else max(0, int(usd // price))


def _finding(
    code: Code, subject: str, observed: Scalar = None, threshold: Scalar = None, detail: str = ""
) -> Finding:
    return Finding(code=code, subject=subject, observed=observed, threshold=threshold, detail=detail)


def _text(value: Decimal | None) -> Scalar:
    return None if value is None else format(value, "f")
