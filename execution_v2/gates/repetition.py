"""Gate 17: an intent becomes one entry, a strategy has a symbol once at a time, and losses make it wait.

Judged before each send, from the journal's fold; the sessions only count how long a lock holds. An intent that
was sent, or may have been, in this session is not sent again, unless every order of it ended without a share: then it
is tried again, a bounded number of times.
"""

from execution_v2.attempts import ENTRY_ATTEMPTS_MAX, next_attempt
from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from execution_v2.protections import locks
from schemas.book import ENDED, BookState, Leg, Order
from schemas.header import Finding
from schemas.reasons.gates import RepetitionCode


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """An unknown history is a repeated one."""
    book, symbol = facts.book, entry.symbol
    if book is None:
        return (finding(RepetitionCode.DUPLICATE_INTENT, symbol, detail="the history is unknown"),)
    found: list[Finding] = []
    today = facts.session_date
    was_sent = entry.intent_id in book.entry_intents_today and book.session_date == today
    if was_sent and not _came_to_nothing(entry, book):
        found.append(finding(RepetitionCode.DUPLICATE_INTENT, symbol, entry.intent_id))
    mine = [order for order in (*book.orders, *book.ended_today) if _is_entry_of(order, entry)]
    for order in mine:
        if order.state not in ENDED:
            found.append(finding(RepetitionCode.ENTRY_WORKING, symbol, order.ord_id, detail=order.state))
    for position in book.positions:
        if (position.strategy_id, position.symbol) == (entry.strategy_id, symbol):
            found.append(finding(RepetitionCode.POSITION_OPEN, symbol, position.position_id))
    if _filled_today(mine, book, entry, facts):
        found.append(finding(RepetitionCode.ONE_SHOT_USED, symbol, today))
    for out in book.stop_outs:
        # To the end of the next session: one of P still blocks today, and so does today's own.
        if (out.strategy_id, out.symbol) == (
            entry.strategy_id,
            symbol,
        ) and out.session_date >= facts.data_session:
            found.append(
                finding(RepetitionCode.COOLDOWN_ACTIVE, symbol, out.session_date, facts.data_session)
            )
    tried = [order for order in mine if order.intent_id == entry.intent_id]
    attempt, _ = next_attempt(tried, entry.quantity, entry.limit)
    if attempt > ENTRY_ATTEMPTS_MAX:
        found.append(finding(RepetitionCode.ATTEMPTS_MAX, symbol, attempt, ENTRY_ATTEMPTS_MAX))
    found += _locked(entry, facts, book, config)
    return tuple(found)


def _locked(entry: EntryOrder, facts: GateFacts, book: BookState, config: EnforcementConfig) -> list[Finding]:
    """Protections that hold for this entry; rules that cannot be judged hold for all."""
    sessions = () if facts.moment is None else facts.moment.sessions
    known = bool(sessions) and sessions[-1] == facts.session_date
    found = locks(book, sessions if known else (), config.protections)
    if found is None:
        return [finding(RepetitionCode.STOP_GUARD_LOCK, facts.book_id, detail="the sessions are unknown")]
    return [
        finding(
            lock.code,
            lock.symbol or lock.strategy_id or facts.book_id,
            lock.observed,
            lock.threshold,
            "until avwap resume" if lock.sessions_left is None else f"{lock.sessions_left} sessions more",
        )
        for lock in found
        if lock.holds(entry.strategy_id, entry.symbol)
    ]


def _came_to_nothing(entry: EntryOrder, book: BookState) -> bool:
    """Whether every order of the intent is known to have ended without a share: another attempt is no second entry."""
    mine = [
        o
        for o in (*book.orders, *book.ended_today)
        if _is_entry_of(o, entry) and o.intent_id == entry.intent_id
    ]
    return bool(mine) and all(order.state in ENDED and not order.filled for order in mine)


def _is_entry_of(order: Order, entry: EntryOrder) -> bool:
    return order.leg is Leg.ENTRY and (order.strategy_id, order.symbol) == (entry.strategy_id, entry.symbol)


def _filled_today(mine: list[Order], book: BookState, entry: EntryOrder, facts: GateFacts) -> bool:
    """One filled entry per strategy, symbol and session, whether or not the position is still there."""
    by_order = any(order.filled > 0 and order.session_date == facts.session_date for order in mine)
    return by_order or any(
        position.entry_session == facts.session_date
        for position in book.positions
        if (position.strategy_id, position.symbol) == (entry.strategy_id, entry.symbol)
    )
