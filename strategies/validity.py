"""An intent is valid or it is not, whoever reads it; every fault is reported, in strategy.md 3.2's order."""

from datetime import datetime
from decimal import Decimal

from schemas.candidates import TradeIntent
from schemas.header import Finding
from schemas.reasons.scan import IntentCode
from schemas.strategy_registry import StrategyStatus, strategy


def validate_intent(
    intent: TradeIntent, now: datetime | None, quantity: Decimal | None = None
) -> tuple[Finding, ...]:
    """Every reason why *intent* may not be acted on; empty when there is none.

    *now*: the instant of the reader's clock, ``None`` where staleness is not asked. *quantity*: a given share
    count to be judged with it, ``None`` when there is none yet.
    """
    found: list[Finding] = []
    subject = intent.symbol or intent.intent_id

    def add(code: IntentCode, observed: str | None, threshold: str | None = None) -> None:
        found.append(Finding(code=code, subject=subject, observed=observed, threshold=threshold))

    meta = strategy(intent.strategy_id)
    if not intent.strategy_id or not intent.sleeve_id:
        add(IntentCode.MISSING_STRATEGY_ID, f"{intent.strategy_id}/{intent.sleeve_id}", "strategy and sleeve")
    if meta is None:
        add(IntentCode.UNKNOWN_STRATEGY, intent.strategy_id)
    elif meta.status is StrategyStatus.RETIRED:
        add(IntentCode.STRATEGY_RETIRED, intent.strategy_id)
    if not intent.symbol:
        add(IntentCode.MISSING_SYMBOL, intent.symbol)
    if meta is not None and intent.side not in meta.sides:
        add(IntentCode.INVALID_SIDE, intent.side, ", ".join(meta.sides))
    if meta is not None and intent.entry.model not in meta.entry_models:
        add(IntentCode.ENTRY_MODEL_NOT_ALLOWED, intent.entry.model, ", ".join(meta.entry_models))
    amounts = [intent.intended_notional_fraction, intent.intended_risk_fraction]
    if quantity is not None:
        amounts.append(quantity)
    if min(amounts) <= 0:
        add(IntentCode.INVALID_QTY, format(min(amounts), "f"), "above 0")
    if not _are_levels_valid(intent):
        plan = intent.exit_plan
        levels = (intent.stop_plan.initial_stop, intent.entry.entry_ref, plan.r1, plan.r2)
        add(IntentCode.INVALID_LEVELS, " ".join(format(x, "f") for x in levels), "0 < stop < entry < r1 < r2")
    if intent.valid_until <= intent.valid_from:
        add(IntentCode.INVALID_VALID_UNTIL, intent.valid_until.isoformat(), intent.valid_from.isoformat())
    if not intent.model_version or not intent.data_version:
        add(IntentCode.MISSING_VERSION, f"{intent.model_version}/{intent.data_version}")
    if now is not None and now >= intent.valid_until:
        add(IntentCode.STALE_INTENT, now.isoformat(), intent.valid_until.isoformat())
    return tuple(found)


def _are_levels_valid(intent: TradeIntent) -> bool:
    stop, entry, plan = intent.stop_plan.initial_stop, intent.entry, intent.exit_plan
    return bool(0 < stop < entry.entry_ref < plan.r1 < plan.r2 and stop < entry.limit_cap < plan.r1)
