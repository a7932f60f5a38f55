"""What the regime did to a size is taken apart step by step from the morning's record, and the steps add up.

Each step is asked of the functions that the morning used, with the exposure that the decision's own row of room
states. One decision is taken by itself: had the ones before it been smaller, it might have had more room. Source:
strategy.md 8.3 and 9.10.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from analytics.exact import divided
from portfolio.limits import LimitsConfig
from portfolio.modulation import HAIRCUT, POLICY, modulate, modulation_of
from portfolio.sizing import of_equity
from schemas.base import SessionDate
from schemas.decisions import Decision, Decisions, Modulation, Sizing
from schemas.reasons.ledger import ReadFaultCode
from schemas.reasons.portfolio import CapCode, DecisionInfo
from schemas.reasons.portfolio import ModulationCode as Code
from schemas.regime import Regime
from schemas.risk_attribution import (
    Component,
    Delta,
    DrawdownGuard,
    Outcome,
    Quantity,
    RegimeSeen,
    RiskEvent,
    Step,
)

COUNTED_UNDER: Final = {
    Step.MULTIPLIER: str(Code.RISK_MULTIPLIER),
    Step.HAIRCUT: str(Code.LOW_CONFIDENCE_HAIRCUT),
    Step.DRAWDOWN_GUARD: str(Code.DRAWDOWN_GUARDRAIL),
    Step.POSITION_CAP: str(Code.PER_POSITION_CAP),
    Step.GROSS_CAP: str(Code.MAX_GROSS_EXPOSURE),
    Step.MINIMUM: str(CapCode.BELOW_MIN_NOTIONAL),
}
HARD_CAPS: Final = (Step.POSITION_CAP, Step.GROSS_CAP)
_OF_SIZE: Final = frozenset({*map(str, CapCode), *map(str, Code), *map(str, DecisionInfo)})
"""Codes that lower a size, or say nothing of it."""
MICRO: Final = Decimal("0.000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskInputs:
    """A morning as it was decided.

    Attributes:
        session_date: D, whose entries were decided.
        regime: of that morning; or why it could not be read.
        drawdown: at the close before, as the snapshot states it; None: unknown.
        limits: the book's own, before any modulation.
    """

    session_date: SessionDate
    decisions: Decisions
    regime: Regime | ReadFaultCode
    drawdown: Decimal | None
    limits: LimitsConfig

    @property
    def is_guarded(self) -> bool:
        """Whether the drawdown throttle blocked the book (strategy.md 7.4)."""
        return self.drawdown is not None and abs(self.drawdown) >= self.limits.drawdown_max

    @property
    def asked(self) -> Modulation:
        """What modulated the morning; with E2 off, what would have."""
        made = self.decisions.modulation
        if made is not None:
            return made
        return modulation_of(self.regime, self.decisions.data_session, self.limits, guarded=self.is_guarded)


def events(inputs: RiskInputs) -> tuple[RiskEvent, ...]:
    """One event per sized decision of the book, in order of deciding; shadows have none.

    Errors: AssertionError where the derivation and an allowed decision's own quantity part.
    """
    made, modulation = inputs.decisions.modulation, inputs.asked
    return tuple(
        _event(inputs, modulation, row, row.sizing, is_on=made is not None)
        for row in inputs.decisions.verdicts
        if row.sizing is not None and row.shadow_verdict is None
    )


def is_by_size(row: Decision) -> bool:
    """Whether its size alone let *row* in or kept it out: whatever else was found would have blocked any size."""
    return all(reason.code in _OF_SIZE for reason in row.reasons)


def seen_of(modulation: Modulation) -> RegimeSeen:
    """The regime as *modulation* has it."""
    return RegimeSeen(
        label=modulation.label, confidence=modulation.confidence, throttle_policy=modulation.policy or POLICY
    )


def _event(
    inputs: RiskInputs, modulation: Modulation, row: Decision, sizing: Sizing, *, is_on: bool
) -> RiskEvent:
    q1 = int(row.q1 or 0)
    taken = _outcome(q1, row, sizing, modulation, inputs.limits)
    made = taken if is_on else _nothing(q1, sizing.price)
    _check(row, made, is_on=is_on)
    return RiskEvent(
        decision_id=row.decision_id,
        session_date=inputs.session_date,
        strategy_id=row.strategy_id,
        symbol=row.symbol,
        price=sizing.price,
        baseline=_quantity(q1, sizing.price),
        regime=seen_of(modulation),
        drawdown_guard=DrawdownGuard(
            applied=modulation.drawdown_guard == 0,
            drawdown=inputs.drawdown,
            threshold=inputs.limits.drawdown_max,
        ),
        hypothetical=None if is_on else taken,
        **dict(made),
    )


def steps(
    q1: int, sizing: Sizing, modulation: Modulation, gross: Decimal | None, minimum: Decimal
) -> Iterator[tuple[Step, int]]:
    """(step, shares left after it), from *q1* on.

    Args: gross: the book's worst case before this decision, USD; unknown leaves nothing. minimum: USD.
    """
    # The record has the multiplier with its haircut; the haircut halved it, which is undone exactly.
    has_haircut = any(found.code == Code.LOW_CONFIDENCE_HAIRCUT for found in modulation.reasons)
    full = modulation.risk_multiplier / HAIRCUT if has_haircut else modulation.risk_multiplier
    yield Step.MULTIPLIER, int(q1 * full)
    yield Step.HAIRCUT, int(q1 * modulation.risk_multiplier)
    yield Step.DRAWDOWN_GUARD, int(q1 * modulation.risk)
    most = (sizing.equity * modulation.modulated.symbol_pct_max).quantize(MICRO, ROUND_FLOOR)
    capped = min(int(q1 * modulation.risk), max(0, int(most // sizing.price)))
    yield Step.POSITION_CAP, capped
    left, _ = modulate(q1, modulation, symbol="", price=sizing.price, equity=sizing.equity, gross=gross)
    assert left <= capped, "the morning's own function leaves no more than the cap on a position"
    yield Step.GROSS_CAP, left
    yield Step.MINIMUM, left if left >= 1 and left * sizing.price >= minimum else 0


def _outcome(q1: int, row: Decision, sizing: Sizing, modulation: Modulation, limits: LimitsConfig) -> Outcome:
    gross = _gross_before(row, sizing, limits)
    before, components = q1, []
    for step, left in steps(q1, sizing, modulation, gross, limits.notional_usd_min):
        components.append(_component(step, left - before, sizing.price))
        before = left
    bound = {part.step for part in components if part.quantity < 0}
    codes = {COUNTED_UNDER[step] for step in bound}
    if before < q1:
        codes |= {found.code for found in modulation.reasons}
    return Outcome(
        modulated=_quantity(before, sizing.price),
        delta=_delta(q1, before, sizing.price),
        components=tuple(components),
        hard_caps_applied=tuple(sorted(COUNTED_UNDER[step] for step in HARD_CAPS if step in bound)),
        reason_codes=tuple(sorted(codes)),
    )


def _nothing(q1: int, price: Decimal) -> Outcome:
    """What E2 does while it is off."""
    return Outcome(
        modulated=_quantity(q1, price),
        delta=_delta(q1, q1, price),
        components=tuple(_component(step, 0, price) for step in Step),
        hard_caps_applied=(),
        reason_codes=(),
    )


def _gross_before(row: Decision, sizing: Sizing, limits: LimitsConfig) -> Decimal | None:
    """The book's worst case as this decision found it: its cap, less what the row of room says was left."""
    left = next((room.before for room in row.room if room.cap == CapCode.LIMIT_GROSS_EXPOSURE), None)
    if left is None:
        return None
    cap = min(of_equity(max(0, int(sizing.equity.scaleb(6))), limits.gross_pct_max), limits.gross_abs_max_usd)
    return Decimal(cap - left)


def _check(row: Decision, made: Outcome, *, is_on: bool) -> None:
    """What was allowed is what the steps leave, unless a cap that is none of the regime's came after them."""
    shares_a_symbol = any(found.code == CapCode.S3_OVERLAP_RISK for found in row.reasons)
    if is_on and row.q2 > 0 and not shares_a_symbol:
        assert made.modulated.quantity == row.q2, (
            f"{row.symbol}: {row.q2} shares were allowed, the steps leave {made.modulated.quantity}"
        )


def _quantity(shares: int, price: Decimal) -> Quantity:
    return Quantity(quantity=Decimal(shares), notional=shares * price)


def _component(step: Step, shares: int, price: Decimal) -> Component:
    assert shares <= 0, "a step only ever takes shares off"
    return Component(step=step, code=COUNTED_UNDER[step], quantity=Decimal(shares), notional=shares * price)


def _delta(before: int, after: int, price: Decimal) -> Delta:
    share = None if before == 0 else divided(after - before, before, 9)
    return Delta(
        quantity=Decimal(after - before),
        notional=(after - before) * price,
        quantity_fraction=share,
        notional_fraction=share,
    )
