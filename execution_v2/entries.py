"""An entry is finished before the next is judged: sent, filled or missed, rest cancelled, stop placed.

So every entry meets the same facts whether or not a crash lay between (crash law). Each is checked against
the price of the moment (strategy.md 4.2), sized again, and put to every gate of phase S.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from execution_v2 import lifecycle, orders, sync
from execution_v2.broker.port import Account
from execution_v2.desk import Desk
from execution_v2.enforce import Authorised, judge, strategies_of
from execution_v2.gates.facts import OBSERVATIONS_ASKED, EntryOrder, GateFacts, Phase, SendMoment
from execution_v2.leave import cover
from execution_v2.measure import base_of
from execution_v2.send import cancel, enter
from execution_v2.sight import BAR_S, Sight, look_again
from execution_v2.sleeve_facts import since_the_close, sleeve_pnl
from execution_v2.sync import Observed
from execution_v2.tick import take
from execution_v2.transitions import WORKING
from execution_v2.window import watch
from market.calendar import NEW_YORK
from market.feed import Seen
from portfolio.arbiter import Peers, size_at
from portfolio.batch import candidates_fault, sizing_equity
from portfolio.decide import adv_shares20
from portfolio.exposure import Recount
from portfolio.moment import moment_of
from portfolio.sizing import Wish
from portfolio.sleeves import use_by_sleeve
from schemas.book import Leg, Order, OrderState, RiskClass, TimeInForce
from schemas.candidates import EntryModel, TradeIntent
from schemas.enforcement import AuthorisedEntry
from schemas.events import EntriesBlocked, EntryAuthorised, EntryDenied, GateVerdict
from schemas.header import Finding
from schemas.observations import AccountFacts, AssetFacts, QuoteFacts
from schemas.reasons.execution import CycleFault, EntryStop, OrderCause
from schemas.reasons.gates import FreshnessCode
from schemas.reasons.ledger import ReadFaultCode
from schemas.tick import TickKind
from strategies.entry import Quote, check_entry, entry_limit, planned_stop
from strategies.hold import Tape, by_session, check_hold, check_level


def run(desk: Desk, observed: Observed, sight: Sight) -> None:
    """Work through the authorised entries in their order; on intraday bars those that time is left for."""
    inputs, quotes = desk.inputs, sight.quotes
    if inputs.is_first and desk.passes_time:
        return
    if isinstance(inputs.enforcement, ReadFaultCode):
        _deny_all(desk, FreshnessCode[f"ENFORCEMENT_{inputs.enforcement}"])
        return
    intents, recount = _intents(desk), Recount()
    for row in inputs.enforcement.authorised:
        before = orders.entries_of(desk, row.intent_id)
        working = [order for order in before if not orders.is_over(order)]
        if not desk.has_time(RiskClass.INCREASE):
            desk.carry(row.intent_id)
            continue
        try:
            if working:
                finish(desk, working[-1], quotes)
            elif _may_try(desk, before):
                observed = _observe_again(desk, observed)
                take(desk, TickKind.SPOT, observed)
                _pursue(desk, row, intents.get(row.intent_id), observed, sight, recount)
        except AssertionError:  # one entry never holds up the next, nor the stops placed after them
            _deny(desk, row, CycleFault.INVARIANT_BROKEN, ())


def _may_try(desk: Desk, before: Sequence[Order]) -> bool:
    """Whether an intent may be tried after the orders *before*, all of them ended; how often, gate 17 says."""
    if desk.passes_time:
        return not any(order.filled for order in before)
    return all(order.state is OrderState.NEVER_SENT for order in before)


def _observe_again(desk: Desk, observed: Observed) -> Observed:
    """What was observed, read again where entries before this one took so long that it is old."""
    oldest = min((desk.at - at for at in observed.at.values()), default=timedelta(0), key=lambda age: -age)
    if not desk.passes_time or oldest.total_seconds() <= desk.config.execution.observation_again_s:
        return observed
    desk.import_fills()
    broker = desk.ports.broker
    return sync.check(desk, broker.account(), broker.positions(), broker.open_orders())


def finish_left(desk: Desk, quotes: Mapping[str, QuoteFacts]) -> None:
    """Finish entries that a process before left working: a broker refuses a stop while its buy works."""
    for order in tuple(desk.fold.orders.values()):
        if order.leg is Leg.ENTRY:
            finish(desk, order, quotes)


def finish(desk: Desk, order: Order, quotes: Mapping[str, QuoteFacts]) -> None:
    """End what an entry did not fill, and protect what it did."""
    if order.state in WORKING and order.order_id is None:
        desk.carry(order.ord_id)  # a fill told of it, and nobody its id: it is asked for again
    elif order.state in WORKING:
        # On daily bars the open's price is the only one: what it did not fill now, nothing will.
        missed = not order.filled and not desk.passes_time
        cause = OrderCause.ENTRY_MISSED_LIMIT if missed else OrderCause.ENTRY_WINDOW_ENDED
        cancel(desk, order, cause)
    quote = quotes.get(order.symbol)
    cover(desk, order.position_id, None if quote is None else quote.last)


def _pursue(
    desk: Desk,
    row: AuthorisedEntry,
    intent: TradeIntent | None,
    observed: Observed,
    sight: Sight,
    recount: Recount,
) -> None:
    if intent is None:
        fault = desk.inputs.candidates
        code = FreshnessCode[f"CANDIDATES_{fault}"] if isinstance(fault, ReadFaultCode) else None
        _deny(desk, row, code or EntryStop.INTENT_MISSING, ())
        return
    if desk.passes_time:
        look_again(desk, sight, (intent.symbol,))
    quotes = sight.quotes
    quote = quotes.get(intent.symbol)
    seen = Quote(ref=None) if quote is None else _quote(desk, quote)
    found = check_entry(intent, seen, desk.at, desk.config.entry)
    if not found and seen.ref is not None and desk.passes_time:
        found = check_model(desk, intent, seen.ref)
    if found or seen.ref is None:
        _deny(desk, row, found[0].code, found)
        return
    account = desk.ports.broker.account()  # after the entry before: its cash is spent, its shares are held
    facts = _facts(desk, observed, account, intent.symbol, quotes, recount)
    entry, sized = _sized(desk, row, intent, seen.ref, facts, account)
    if entry is None:
        _deny(desk, row, EntryStop.SIZE_ZERO, sized)
        return
    verdict = judge(entry, facts, desk.config.gates, Phase.S)
    if not isinstance(verdict, Authorised):
        findings = next((gate.findings for gate in verdict.gates if not gate.passed), ())
        _deny(desk, row, verdict.code, findings, verdict.gates)
        return
    _send(desk, verdict, row, intent, seen.ref, quotes)


def _send(
    desk: Desk,
    verdict: Authorised,
    row: AuthorisedEntry,
    intent: TradeIntent,
    ref: Decimal,
    quotes: Mapping[str, QuoteFacts],
) -> None:
    entry = verdict.entry
    assert entry.limit is not None, "gate 19 demands a limit"
    assert entry.stop is not None, "gate 6 demands a stop"
    order = orders.entry(
        desk, intent, row, quantity=entry.quantity, limit=entry.limit, stop=entry.stop, ref=ref
    )
    authorised = EntryAuthorised(
        intent_id=row.intent_id,
        strategy_id=row.strategy_id,
        sleeve_id=row.sleeve_id,
        symbol=row.symbol,
        quantity=entry.quantity,
        limit=entry.limit,
        stop=entry.stop,
        gates=verdict.gates,
    )
    desk.note(("entry.authorised", authorised))
    execution = desk.config.execution
    sent = watch(
        desk, enter(desk, verdict, order), execution.entry_window_s, partial_s=execution.partial_wait_s
    )
    finish(desk, sent, quotes)


def check_model(desk: Desk, intent: TradeIntent, ref: Decimal) -> tuple[Finding, ...]:
    """Why the intent's own entry model says no at this moment (strategy.md 4.1, 4.3); on daily bars it has no say."""
    if intent.entry.model is EntryModel.LIMIT_AT_LEVEL:
        return check_level(intent, ref)
    if intent.entry.model is not EntryModel.BOH_10M:
        return ()
    inputs, config = desk.inputs, desk.config.entry
    sessions = inputs.sessions[-config.boh_average_sessions - 1 :] or (inputs.session_date,)
    read = desk.ports.feed.bars((intent.symbol,), BAR_S, sessions[0], inputs.session_date)
    bars = by_session(read.value if isinstance(read, Seen) else ())
    opens_at = inputs.open_at.astimezone(NEW_YORK).timetz()
    opens: dict[date, datetime] = {day: datetime.combine(day, opens_at) for day in sessions}
    opens[inputs.session_date] = inputs.open_at
    tape = Tape(bars=bars, opens=opens)
    reasons, infos = check_hold(intent, ref, tape, inputs.session_date, desk.at, config)
    return (*reasons, *infos) if reasons else ()


def _sized(
    desk: Desk,
    row: AuthorisedEntry,
    intent: TradeIntent,
    ref: Decimal,
    facts: GateFacts,
    account: object,
) -> tuple[EntryOrder | None, tuple[Finding, ...]]:
    """The entry at this cycle's limit and stop': the smaller of its size now and the authorised quantity."""
    limit = entry_limit(ref, intent, desk.config.entry)
    stop = planned_stop(ref, intent, desk.config.entry)
    inputs = desk.inputs
    adv = {} if isinstance(inputs.candidates, ReadFaultCode) else adv_shares20(inputs.candidates)
    wish = Wish(
        symbol=intent.symbol,
        price=limit,
        stop=stop,
        level=intent.entry.level,
        notional_fraction=intent.intended_notional_fraction,
        risk_fraction=intent.intended_risk_fraction,
        adv_shares20=adv.get(intent.symbol),
    )
    known: AccountFacts | ReadFaultCode = ReadFaultCode.MISSING
    if isinstance(account, Seen):
        known = account.value
    equity = sizing_equity(inputs.snapshot, known)
    if equity is None or facts.exposure is None or not wish.is_sizable:
        return None, ()
    gates = desk.config.gates
    sized = size_at(
        wish,
        intent.strategy_id,
        moment_of(facts.exposure, gates.sharing, inputs.sectors),
        equity=equity,
        config=gates.portfolio,
        sharing=gates.sharing,
        # How symbols move together, and what the regime takes, is in the authorised quantity, which bounds this one.
        peers=Peers(sectors=inputs.sectors),
        modulation=None,
        shared_risk={},
    )
    decided = min(Decimal(sized.q2), Decimal(row.quantity))
    if decided < 1:
        return None, sized.findings
    scaled = (decided * size_factor(desk)).to_integral_value(rounding="ROUND_FLOOR")
    entry = EntryOrder(
        intent_id=row.intent_id,
        decision_id=row.decision_id,
        strategy_id=row.strategy_id,
        sleeve_id=row.sleeve_id,
        symbol=row.symbol,
        side=row.side,
        rank=row.rank,
        # Scaled to nothing, it is judged by the other gates as it was meant.
        quantity=scaled or decided,
        limit=limit,
        limit_cap=intent.entry.limit_cap,
        stop=stop,
        time_in_force=TimeInForce.DAY,
        scaled_to_zero=not scaled,
    )
    return entry, ()


def _facts(
    desk: Desk,
    observed: Observed,
    account: Account,
    symbol: str,
    quotes: Mapping[str, QuoteFacts],
    recount: Recount,
) -> GateFacts:
    """What the gates may know of this moment. *account* was read after the entry before: its cash is spent."""
    inputs, state = desk.inputs, desk.fold.freeze()
    known = account.value if isinstance(account, Seen) else None
    # A quote of an earlier day may be of another basis; the close of P is on today's.
    told = {name: quote.last for name, quote in quotes.items() if quote.as_of >= inputs.open_at}
    marks = {**inputs.marks, **told}
    cash = None if known is None else min(known.cash, known.buying_power)
    observed_at = dict(observed.at)
    if isinstance(account, Seen):
        observed_at["account"] = account.as_of
    wished, sharing = inputs.candidates, desk.config.gates.sharing
    # What others hold here is valued at what it cost where no price of it is known: it is counted, never nothing.
    valued = {row.symbol: Decimal(row.average_entry) for row in observed.external} | marks
    counted = state.model_copy(update={"positions": (*state.positions, *observed.external)})
    exposure = recount.measure(counted, valued, inputs.session_date, cash=cash, foreign=observed.foreign)
    earned = sleeve_pnl(
        sharing, since_the_close(state, marks, inputs.snapshot, inputs.session_date), inputs.stated_pnl
    )
    return GateFacts(
        book_id=inputs.book_id,
        session_date=inputs.session_date,
        data_session=inputs.data_session,
        control=None if isinstance(inputs.control, ReadFaultCode) else inputs.control,
        book=state,
        exposure=exposure,
        marks=marks,
        equity=None if known is None else known.equity,
        buying_power=None if known is None else known.buying_power,
        decisions=inputs.decisions,
        candidates_fault=candidates_fault(wished, inputs.book_id, inputs.session_date, inputs.data_session),
        enforcement_fault=None,
        observed={name: inputs.session_date if name in observed_at else None for name in OBSERVATIONS_ASKED},
        record=desk.record_faults(),
        sleeve_uses=use_by_sleeve(exposure, sharing),
        sleeve_pnl=earned.by_sleeve,
        sleeve_faults=earned.faults,
        entry_strategies=strategies_of(wished),
        moment=SendMoment(
            now=desk.at,
            open_at=inputs.open_at,
            close_at=inputs.close_at,
            clock=desk.clock(),
            observed_at=observed_at,
            quote=quotes.get(symbol),
            restricted=None if known is None else known.restricted,
            day_trades=None if known is None else known.day_trades,
            asset=_asset(desk, symbol),
            assets_asked=desk.passes_time,
            breaker_open=not isinstance(inputs.control, ReadFaultCode)
            and inputs.control.breaker_open is True,
            held_up=observed.frozen if observed.is_whole else None,
            foreign=observed.foreign,
            sessions=inputs.sessions,
            posture=state.posture if desk.is_judged else None,
            lifecycle=state.lifecycle if desk.is_judged else None,
            size_factor=size_factor(desk),
            entries_in_cycle=_entries_in_slot(desk),
        ),
    )


def size_factor(desk: Desk) -> Decimal:
    """What is left of a decided quantity on what is known now (execution.md 9.5): quantised, so exact as text."""
    by_state = lifecycle.size_factor(desk.fold.lifecycle, desk.config.lifecycle)
    return min(Decimal(str(desk.fold.posture.factor)), by_state)


def _entries_in_slot(desk: Desk) -> int:
    """Entries of this slot, also of a process that died in it: a slow cycle has one, however often it is begun."""
    read, slot = desk.ports.records, base_of(desk.inputs.slot)
    known = desk.records if read is None else read()
    return sum(row.event == "entry.authorised" and base_of(row.cycle or "") == slot for row in known)


def _asset(desk: Desk, symbol: str) -> AssetFacts | None:
    """Whether *symbol* trades now, as the broker says; on daily bars it is not asked."""
    if not desk.passes_time:
        return None
    read = desk.ports.broker.assets((symbol,))
    return next((row for row in read.value if row.symbol == symbol), None) if isinstance(read, Seen) else None


def _quote(desk: Desk, quote: QuoteFacts) -> Quote:
    age = Decimal(str((desk.at - quote.as_of).total_seconds()))
    ref = quote.last if quote.ask is None else quote.ask
    return Quote(ref=ref, age_s=age, bid=quote.bid, ask=quote.ask, spread_asked=quote.ask is not None)


def _intents(desk: Desk) -> Mapping[str, TradeIntent]:
    candidates = desk.inputs.candidates
    if isinstance(candidates, ReadFaultCode):
        return {}
    return {intent.intent_id: intent for intent in candidates.intents}


def _deny(
    desk: Desk,
    row: AuthorisedEntry | TradeIntent,
    code: str,
    findings: Sequence[Finding],
    gates: tuple[GateVerdict, ...] = (),
) -> None:
    denied = EntryDenied(
        intent_id=row.intent_id,
        strategy_id=row.strategy_id,
        sleeve_id=row.sleeve_id,
        symbol=row.symbol,
        code=code,
        findings=tuple(findings),
        gates=gates,
    )
    desk.note(("entry.denied", denied))


def _deny_all(desk: Desk, code: str) -> None:
    """Without a readable enforcement nobody is authorised: told once, and of each intent that we can name."""
    wished = desk.inputs.candidates
    also = (FreshnessCode[f"CANDIDATES_{wished}"],) if isinstance(wished, ReadFaultCode) else ()
    desk.note(("entries.blocked", EntriesBlocked(codes=(code, *also))))
    for intent in _intents(desk).values():
        _deny(desk, intent, code, ())
