"""For every code of the gates, what makes a good entry fail with it, and one such code for each gate."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any, Final

from portfolio.sleeves import Sharing
from schemas.book import Closing, LossRun, OrderState, OrderType, Side, StopOut, StrategyResult, TimeInForce
from schemas.lifecycle import Lifecycle, LifecycleState
from schemas.observations import AssetFacts, BrokerOrder, QuoteFacts
from schemas.posture import PostureState
from schemas.reasons import gates as reasons
from schemas.reasons.gates import LiveCode
from schemas.reasons.ledger import ReadFaultCode
from schemas.tick import Posture
from tests.execution_v2.gate_world import CLOSE_AT, NOW, PLAN, World
from tests.portfolio.books import CORE, D, P, order, position, usd


def out(session: date) -> StopOut:
    return StopOut(strategy_id=CORE, symbol="AAA", session_date=session)


def closed(*nets: str, by_stop: bool = False, symbol: str = "AAA", session: date = P) -> dict[str, Any]:
    """A book that closed positions for *nets* on *session*."""
    rows = tuple(
        Closing(
            strategy_id=CORE,
            sleeve_id=CORE,
            symbol=symbol,
            session_date=session,
            net=usd(net),
            cost=usd("5000"),
            by_stop=by_stop,
        )
        for net in nets
    )
    realised = sum((row.net for row in rows), Decimal(0))
    result = StrategyResult(strategy_id=CORE, realised=realised, at_open=Decimal(0))
    return {"closings": rows, "results": (result,)}


def foreign(side: Side) -> BrokerOrder:
    return BrokerOrder(
        order_id="theirs",
        client_order_id="x",
        symbol="AAA",
        side=side,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=Decimal(1),
        filled=Decimal(0),
        limit=usd("60"),
        status="open",
    )


def never_sent(*attempts: int) -> tuple[Any, ...]:
    """Orders of the intent that provably never left, each with its resends used up."""
    return tuple(
        order(
            "AAA", 10, ord_id=f"ord_{n}", intent_id="int_AAA", attempt=n, sends=3, state=OrderState.NEVER_SENT
        )
        for n in attempts
    )


def unreadable(name: str, fault: ReadFaultCode, world: World) -> World:
    return world.facts_with(**{f"{name.lower()}_fault": fault})


def at_posture(posture: Posture) -> PostureState:
    return PostureState(posture=posture, causes=("C2",))


def in_lifecycle(state: Lifecycle, world: World) -> World:
    return world.moment_with(lifecycle=LifecycleState(state=state))


def unreadable_decisions(fault: ReadFaultCode, world: World) -> World:
    return world.config_with(decision_enforce=True).facts_with(decisions=fault)


CASES: Final[dict[StrEnum, Callable[[World], World]]] = {
    LiveCode.LIVE_TRADING_OFF: lambda w: w.control_with(live_trading=False),
    **{
        code: partial(World.control_with, live_token_ok=False, live_token_fault=code)
        for code in (
            LiveCode.LIVE_TOKEN_MISSING,
            LiveCode.LIVE_TOKEN_FILE_MISSING,
            LiveCode.LIVE_TOKEN_FILE_EMPTY,
            LiveCode.LIVE_TOKEN_MISMATCH,
        )
    },
    LiveCode.LIVE_HOST_MISMATCH: lambda w: w.control_with(live_host_ok=None),
    reasons.KillSwitchCode.KILL_SWITCH_ENV: lambda w: w.control_with(kill_env=True),
    reasons.KillSwitchCode.KILL_SWITCH_FILE: lambda w: w.control_with(kill_file="KILL_SWITCH"),
    reasons.KillSwitchCode.KILL_SWITCH_PERSISTED: lambda w: w.book_with(killed=True),
    reasons.KillSwitchCode.KILL_SWITCH_UNREADABLE: lambda w: w.control_with(kill_unreadable="no permission"),
    reasons.RecordCode.LEDGER_UNAVAILABLE: lambda w: w.facts_with(record=None),
    reasons.RecordCode.JOURNAL_CORRUPT: lambda w: w.facts_with(record=(reasons.RecordCode.JOURNAL_CORRUPT,)),
    reasons.PhaseCCode.PHASE_C_DATE_MISSING: lambda w: w.config_with(phase_c=True, live_enable_date=None),
    reasons.PhaseCCode.PHASE_C_DATE_INVALID: lambda w: w.config_with(
        phase_c=True, live_enable_date="02.06.2016"
    ),
    reasons.PhaseCCode.PHASE_C_DATE_MISMATCH: lambda w: w.config_with(
        phase_c=True, live_enable_date="2016-06-01"
    ),
    reasons.PhaseCCode.PHASE_C_ALLOWLIST_NOT_SINGLE: lambda w: w.config_with(
        phase_c=True, allowlist=("AAA", "BBB")
    ),
    reasons.PhaseCCode.PHASE_C_STRATEGY_NOT_SINGLE: lambda w: w.facts_with(
        entry_strategies=frozenset({CORE, "S2_INDEX_TREND"})
    ),
    reasons.PhaseCCode.PHASE_C_SYMBOL_MISMATCH: lambda w: w.config_with(phase_c=True, allowlist=("BBB",)),
    reasons.AllowlistCode.ALLOWLIST_EMPTY: lambda w: w.config_with(allowlist=None, phase_c=False),
    reasons.AllowlistCode.ALLOWLIST_BLOCKED: lambda w: w.config_with(allowlist=("BBB",), phase_c=False),
    reasons.AllowlistCode.SYMBOL_MISSING: lambda w: w.entry_with(symbol="").config_with(allowlist=("",)),
    reasons.RiskCode.EQUITY_UNKNOWN: lambda w: w.facts_with(equity=None),
    reasons.RiskCode.STOP_MISSING: lambda w: w.entry_with(stop=None),
    reasons.RiskCode.STOP_WRONG_SIDE: lambda w: w.entry_with(stop=usd("50.00")),
    reasons.RiskCode.RISK_PER_TRADE_ABS: lambda w: w.limits_with(risk_per_trade_abs_max_usd=usd("31.99")),
    reasons.RiskCode.RISK_PER_TRADE_PCT: lambda w: w.limits_with(risk_per_trade_pct_max=usd("0.000319")),
    reasons.GrossCode.MARK_UNKNOWN: lambda w: w.facts_with(marks={"HELD": usd("50")}),
    # 500 held and 500 wished
    reasons.GrossCode.GROSS_EXPOSURE_ABS: lambda w: w.limits_with(gross_abs_max_usd=usd("999.99")),
    reasons.GrossCode.GROSS_EXPOSURE_PCT: lambda w: w.limits_with(gross_pct_max=usd("0.009999")),
    reasons.PositionsCode.POSITIONS_MAX: lambda w: w.limits_with(positions_max=1),
    reasons.EntriesCode.ENTRIES_PER_DAY_MAX: lambda w: w.limits_with(entries_per_day_max=0),
    reasons.FreshnessCode.OBSERVATION_INCOMPLETE: lambda w: w.facts_with(
        observed={"account": D, "orders": D}
    ),
    reasons.FreshnessCode.OBSERVATION_STALE: lambda w: w.facts_with(
        observed={"account": P, "positions": D, "orders": D}
    ),
    reasons.FreshnessCode.QUOTE_MISSING: lambda w: w.moment_with(quote=None),
    reasons.FreshnessCode.QUOTE_STALE: lambda w: w.moment_with(
        quote=QuoteFacts(symbol="AAA", last=usd("50"), as_of=NOW - timedelta(seconds=15.000001))
    ),
    reasons.FreshnessCode.QUOTE_CROSSED: lambda w: w.moment_with(
        quote=QuoteFacts(symbol="AAA", last=usd("50"), bid=usd("50.01"), ask=usd("50"), as_of=NOW)
    ),
    reasons.FreshnessCode.BROKER_CIRCUIT_OPEN: lambda w: w.moment_with(breaker_open=True),
    reasons.MarketCode.CLOCK_UNKNOWN: lambda w: w.moment_with(clock=None),
    reasons.MarketCode.NOT_A_SESSION: lambda w: w.clock_with(session_date=P),
    reasons.MarketCode.MARKET_CLOSED: lambda w: w.clock_with(is_open=False),
    reasons.MarketCode.ENTRY_WINDOW_CLOSED: lambda w: w.at(CLOSE_AT - timedelta(minutes=10)),
    reasons.MarketCode.SYMBOL_NOT_TRADABLE: lambda w: w.moment_with(
        asset=AssetFacts(symbol="AAA", is_tradable=False)
    ),
    reasons.MarketCode.SYMBOL_HALTED: lambda w: w.moment_with(
        asset=AssetFacts(symbol="AAA", is_tradable=True, is_halted=True)
    ),
    reasons.MarketCode.DAY_TRADE_GUARD: lambda w: w.moment_with(day_trades=3).facts_with(
        equity=usd("24999.99")
    ),
    reasons.MarketCode.ACCOUNT_RESTRICTED: lambda w: w.moment_with(restricted=True),
    reasons.SleeveCode.S2_CONFIG_INVALID: lambda w: w.facts_with(sleeve_faults=("not JSON",)),
    reasons.SleeveCode.S2_MISSING_SLEEVE: lambda w: w.config_with(sharing=Sharing()),
    # one position held, one wished; 500 held, 500 wished
    reasons.SleeveCode.S2_MAX_POSITIONS: lambda w: w.sleeve_with(max_concurrent_positions=1),
    reasons.SleeveCode.S2_MAX_GROSS_EXPOSURE: lambda w: w.sleeve_with(max_gross_exposure=usd("999.99")),
    reasons.SleeveCode.S2_MISSING_PNL: lambda w: w.facts_with(sleeve_pnl={CORE: None}),
    reasons.SleeveCode.S2_MAX_DAILY_LOSS: lambda w: w.sleeve_with(max_daily_loss=usd("1")).facts_with(
        sleeve_pnl={CORE: usd("-1")}
    ),
    reasons.SleeveCode.S2_SYMBOL_OVERLAP: lambda w: w.more_with(
        positions=(position("AAA", 1, strategy_id="OTHER"),)
    ),
    reasons.PostureGateCode.POSTURE_UNKNOWN: lambda w: w.moment_with(posture=None),
    reasons.PostureGateCode.POSTURE_ORANGE: lambda w: w.moment_with(posture=at_posture(Posture.ORANGE)),
    reasons.PostureGateCode.POSTURE_RED: lambda w: w.moment_with(posture=at_posture(Posture.RED)),
    reasons.PostureGateCode.POSTURE_SIZE_ZERO: lambda w: w.entry_with(scaled_to_zero=True),
    reasons.PostureGateCode.POSTURE_ONE_PER_CYCLE: lambda w: w.moment_with(
        posture=at_posture(Posture.YELLOW), entries_in_cycle=1
    ),
    reasons.LifecycleGateCode.LIFECYCLE_UNKNOWN: lambda w: w.moment_with(lifecycle=None),
    **{
        reasons.LifecycleGateCode[f"LIFECYCLE_{state}"]: partial(in_lifecycle, state)
        for state in Lifecycle
        if state not in (Lifecycle.ACTIVE, Lifecycle.THROTTLED)
    },
    reasons.LifecycleGateCode.LIFECYCLE_ONE_PER_CYCLE: lambda w: in_lifecycle(
        Lifecycle.THROTTLED, w
    ).moment_with(entries_in_cycle=1),
    reasons.QuarantineCode.REBUILD_NOT_RELEASED: lambda w: w.moment_with(held_up=None),
    reasons.QuarantineCode.SYMBOL_AMBIGUOUS: lambda w: w.overlapping().more_with(
        orders=(order("AAA", 5, ord_id="o", strategy_id="OTHER", state=OrderState.SUBMIT_UNKNOWN),)
    ),
    reasons.QuarantineCode.SYMBOL_FROZEN: lambda w: w.moment_with(held_up=frozenset({"AAA"})),
    reasons.QuarantineCode.SYMBOL_UNPROTECTED: lambda w: w.overlapping().more_with(
        positions=(position("AAA", 1, strategy_id="OTHER").model_copy(update={"plan": PLAN}),)
    ),
    reasons.QuarantineCode.BOOK_FROZEN: lambda w: w.moment_with(held_up=frozenset({"X", "Y", "Z"})),
    **{
        reasons.FreshnessCode[f"{name}_{fault}"]: partial(unreadable, name, fault)
        for name in ("CANDIDATES", "ENFORCEMENT")
        for fault in ReadFaultCode
    },
    **{
        reasons.DecisionCode[f"DECISION_{fault}"]: partial(unreadable_decisions, fault)
        for fault in ReadFaultCode
    },
    reasons.RepetitionCode.DUPLICATE_INTENT: lambda w: w.book_with(entry_intents_today=("int_AAA",)),
    reasons.RepetitionCode.ENTRY_WORKING: lambda w: w.book_with(
        orders=(order("AAA", 1, state=OrderState.LIVE),)
    ),
    reasons.RepetitionCode.POSITION_OPEN: lambda w: w.book_with(positions=(position("AAA", 1),)),
    reasons.RepetitionCode.ONE_SHOT_USED: lambda w: w.book_with(
        ended_today=(order("AAA", 5, filled=Decimal(5), state=OrderState.FILLED),)
    ),
    reasons.RepetitionCode.COOLDOWN_ACTIVE: lambda w: w.book_with(stop_outs=(out(P),)),
    reasons.RepetitionCode.ATTEMPTS_MAX: lambda w: w.book_with(ended_today=never_sent(1, 2, 3)),
    reasons.RepetitionCode.STOP_GUARD_LOCK: lambda w: w.protections_with(
        stop_guard={"stops": 2, "sessions": 1, "lock_sessions": 1}
    ).book_with(**closed("-1", "-1", by_stop=True)),
    reasons.RepetitionCode.DRAWDOWN_LOCK: lambda w: w.protections_with(
        drawdown_lock={"fraction": "0.10", "sessions": 1, "lock_sessions": 1}
    ).book_with(**closed("-10000")),
    reasons.RepetitionCode.LOW_PROFIT_LOCK: lambda w: w.protections_with(
        low_profit_lock={"trades": 2, "sessions": 1, "net_min_usd": "0", "lock_sessions": 1}
    ).book_with(**closed("-2", "1")),
    reasons.RepetitionCode.CONSEC_LOSS: lambda w: w.book_with(
        loss_runs=(LossRun(strategy_id=CORE, losses=5),)
    ),
    reasons.EnvelopeCode.EXPOSURE_ENVELOPE: lambda w: w.limits_with(symbol_pct_max=usd("0.004999")),
    reasons.EnvelopeCode.BUYING_POWER_UNKNOWN: lambda w: w.facts_with(buying_power=None),
    reasons.EnvelopeCode.BUYING_POWER: lambda w: w.facts_with(buying_power=usd("499.99")),
    reasons.EnvelopeCode.OPPOSITE_ORDER_WORKING: lambda w: w.moment_with(foreign=(foreign(Side.SELL),)),
    # A short with its stop above: what other gates ask of a short, they ask mirrored.
    reasons.OrderCode.SHORT_NOT_ALLOWED: lambda w: w.entry_with(side=Side.SELL, stop=usd("53.20")),
    reasons.OrderCode.QTY_INVALID: lambda w: w.entry_with(quantity=Decimal(0)),
    reasons.OrderCode.QTY_FRACTIONAL: lambda w: w.entry_with(quantity=usd("1.5")),
    reasons.OrderCode.PRICE_INVALID: lambda w: w.entry_with(limit=None),
    reasons.OrderCode.TICK_INVALID: lambda w: w.entry_with(limit=usd("50.001")),
    reasons.OrderCode.TIF_INVALID: lambda w: w.entry_with(time_in_force=TimeInForce.GTC),
    reasons.OrderCode.LIMIT_ABOVE_CAP: lambda w: w.entry_with(limit=usd("50.51")),
    reasons.OrderCode.NOTIONAL_MIN: lambda w: w.entry_with(
        quantity=Decimal(1), limit=usd("0.99"), stop=usd("0.90")
    ),
}


BREAKS: Final[dict[str, StrEnum]] = {
    "live": LiveCode.LIVE_TRADING_OFF,
    "kill_switch": reasons.KillSwitchCode.KILL_SWITCH_ENV,
    "record": reasons.RecordCode.LEDGER_UNAVAILABLE,
    "phase_c": reasons.PhaseCCode.PHASE_C_DATE_MISSING,
    "allowlist": reasons.AllowlistCode.ALLOWLIST_BLOCKED,
    "risk_per_trade": reasons.RiskCode.STOP_MISSING,
    "gross_exposure": reasons.GrossCode.MARK_UNKNOWN,
    "positions": reasons.PositionsCode.POSITIONS_MAX,
    "entries_per_day": reasons.EntriesCode.ENTRIES_PER_DAY_MAX,
    "decision": reasons.DecisionCode.DECISION_MISSING,
    "sleeve": reasons.SleeveCode.S2_MAX_DAILY_LOSS,
    "posture": reasons.PostureGateCode.POSTURE_ORANGE,
    "lifecycle": reasons.LifecycleGateCode.LIFECYCLE_PAUSED,
    "quarantine": reasons.QuarantineCode.SYMBOL_FROZEN,
    "freshness": reasons.FreshnessCode.CANDIDATES_MISSING,
    "market": reasons.MarketCode.ACCOUNT_RESTRICTED,
    "repetition": reasons.RepetitionCode.COOLDOWN_ACTIVE,
    "envelope": reasons.EnvelopeCode.BUYING_POWER_UNKNOWN,
    "order_validity": reasons.OrderCode.TIF_INVALID,
}
