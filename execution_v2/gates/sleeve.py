"""Gate 11: a strategy enters within its sleeve: what that may open, hold and lose; and it shares no symbol.

The rules are those that decided (strategy.md 7.3), asked once more of the facts of the moment. What a sleeve has
earned in the session and nobody knows counts as lost.
"""

from collections.abc import Iterator

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from portfolio.limits import Sleeve
from schemas.header import Finding
from schemas.reasons.gates import SleeveCode


def check_book(facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """Whether the configuration, and what was stated of the day's profit, can be meant."""
    faults = (*config.sharing.faults, *facts.sleeve_faults)
    return tuple(
        finding(SleeveCode.S2_CONFIG_INVALID, facts.book_id, detail=fault) for fault in dict.fromkeys(faults)
    )


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """The book's answer, the sleeve's caps with this entry in it, and who else holds the symbol."""
    return (*check_book(facts, config), *_sleeve(entry, facts, config), *_overlap(entry, facts, config))


def _sleeve(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> Iterator[Finding]:
    sharing, strategy_id = config.sharing, entry.strategy_id
    if strategy_id not in sharing.sleeves and not sharing.allow_unsleeved:
        yield finding(SleeveCode.S2_MISSING_SLEEVE, strategy_id)
    sleeve_id = sharing.sleeve_of(strategy_id)
    caps = sharing.caps_of(sleeve_id)
    if caps is not None:
        yield from _use(entry, facts, caps)
        yield from _loss(facts, caps)


def _use(entry: EntryOrder, facts: GateFacts, caps: Sleeve) -> Iterator[Finding]:
    """Positions and gross of the sleeve, this entry included; an addition to one's own takes no second slot."""
    uses, exposure = facts.sleeve_uses, facts.exposure
    used = None if uses is None or exposure is None else uses.get(caps.sleeve_id)
    most = caps.max_concurrent_positions
    if most is not None:
        is_new = exposure is not None and (entry.strategy_id, entry.symbol) not in exposure.slots
        after = None if used is None else used.positions + is_new
        if after is None or after > most:
            yield finding(SleeveCode.S2_MAX_POSITIONS, caps.sleeve_id, after, most, "with this entry")
    cap = caps.max_gross_exposure
    if cap is not None:
        gross = None if used is None or used.gross is None else used.gross + entry.notional
        if gross is None or gross > cap:
            yield finding(SleeveCode.S2_MAX_GROSS_EXPOSURE, caps.sleeve_id, gross, cap, "with this entry")


def _loss(facts: GateFacts, caps: Sleeve) -> Iterator[Finding]:
    if caps.max_daily_loss is None:
        return
    earned, floor = facts.sleeve_pnl.get(caps.sleeve_id), -caps.max_daily_loss
    if earned is None:
        yield finding(SleeveCode.S2_MISSING_PNL, caps.sleeve_id, None, floor)
    elif earned <= floor:
        yield finding(SleeveCode.S2_MAX_DAILY_LOSS, caps.sleeve_id, earned, floor)


def _overlap(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> Iterator[Finding]:
    if config.sharing.allow_symbol_overlap or facts.exposure is None:
        return  # without an exposure the gates of gross, positions and entries refuse already
    if entry.symbol not in facts.exposure.symbols:
        return  # a slot has its symbol there, and most entries are in one that nobody has
    others = {owner for owner, symbol in facts.exposure.slots if symbol == entry.symbol} - {entry.strategy_id}
    for strategy_id in sorted(others):
        yield finding(SleeveCode.S2_SYMBOL_OVERLAP, entry.symbol, strategy_id)
