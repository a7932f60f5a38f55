"""Gate 16: an entry is sent only while the market is open by our calendar and by the broker's clock alike.

Never in the first cycle of a session, when the morning's stops are still being looked at, nor in the last ten
minutes; an early close moves that end with it.
"""

from datetime import timedelta
from typing import Final

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, SendMoment, finding
from schemas.header import Finding
from schemas.reasons.gates import MarketCode

FIRST_CYCLE: Final = timedelta(minutes=5)
"""The first cycle belongs to what is held: it ends where the second one begins (execution.md 1.1)."""
LAST_MINUTES: Final = timedelta(minutes=10)
CLOCK_SKEW_MAX: Final = timedelta(seconds=60)
"""How far two clocks may lie apart and still tell the same time (starting value)."""


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """Clock, session, hours, window, and whether the broker lets the account trade."""
    moment, book_id = facts.moment, facts.book_id
    if moment is None or moment.clock is None:
        return (finding(MarketCode.CLOCK_UNKNOWN, book_id, detail="the broker's clock was not read"),)
    clock, now = moment.clock, moment.now
    found: list[Finding] = []
    if abs(clock.now - now) > CLOCK_SKEW_MAX:
        found.append(finding(MarketCode.CLOCK_UNKNOWN, book_id, clock.now, now, "two clocks, two times"))
    if clock.session_date != facts.session_date:
        found.append(
            finding(
                MarketCode.NOT_A_SESSION, book_id, clock.session_date, facts.session_date, "at the broker"
            )
        )
    elif (clock.open_at, clock.close_at) != (moment.open_at, moment.close_at):
        detail = f"the broker's session is {clock.open_at:%H:%M} to {clock.close_at:%H:%M} UTC"
        found.append(finding(MarketCode.CLOCK_UNKNOWN, book_id, clock.close_at, moment.close_at, detail))
    if not (clock.is_open and moment.open_at <= now < moment.close_at):
        found.append(finding(MarketCode.MARKET_CLOSED, book_id, now, moment.close_at))
    found += _window(entry, moment)
    if moment.restricted is not False:
        found.append(finding(MarketCode.ACCOUNT_RESTRICTED, book_id, moment.restricted, False))
    return tuple(sorted(found, key=lambda row: _ORDER[row.code]))


def _window(entry: EntryOrder, moment: SendMoment) -> list[Finding]:
    first, last = moment.open_at + FIRST_CYCLE, moment.close_at - LAST_MINUTES
    if moment.now < first:
        return [finding(MarketCode.ENTRY_WINDOW_CLOSED, entry.symbol, moment.now, first, "not before")]
    if moment.now >= last:
        return [finding(MarketCode.ENTRY_WINDOW_CLOSED, entry.symbol, moment.now, last, "before")]
    return []


_ORDER: Final = {str(code): number for number, code in enumerate(MarketCode)}
