"""Gate 16: an entry is sent only while the market is open by our calendar and by the broker's clock alike.

Never in the first cycle of a session, when the morning's stops are still being looked at, nor in the last ten
minutes; an early close moves that end with it. Nor in a symbol that is halted, nor for an account that may not.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, SendMoment, finding
from schemas.header import Finding
from schemas.reasons.gates import MarketCode

FIRST_CYCLE: Final = timedelta(minutes=5)
"""The first cycle belongs to what is held: it ends where the second one begins (execution.md 1.1)."""
LAST_MINUTES: Final = timedelta(minutes=10)
CLOCK_SKEW_MAX: Final = timedelta(seconds=60)
"""How far two clocks may lie apart and still tell the same time (starting value)."""
DAY_TRADES_MAX: Final = (
    3  # FINRA Rule 4210(f)(8)(B): the fourth within five sessions makes a pattern day trader,
)
DAY_TRADER_EQUITY_USD: Final = Decimal(25_000)  # whom less equity than this bars from trading


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """Clock, session, hours, window, and whether the broker lets symbol and account trade."""
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
    found += _asset(entry, moment)
    if moment.restricted is not False:
        found.append(finding(MarketCode.ACCOUNT_RESTRICTED, book_id, moment.restricted, False))
    found += _day_trades(facts, moment)
    return tuple(sorted(found, key=lambda row: _ORDER[row.code]))


def _window(entry: EntryOrder, moment: SendMoment) -> list[Finding]:
    first, last = moment.open_at + FIRST_CYCLE, moment.close_at - LAST_MINUTES
    if moment.now < first:
        return [finding(MarketCode.ENTRY_WINDOW_CLOSED, entry.symbol, moment.now, first, "not before")]
    if moment.now >= last:
        return [finding(MarketCode.ENTRY_WINDOW_CLOSED, entry.symbol, moment.now, last, "before")]
    return []


def _asset(entry: EntryOrder, moment: SendMoment) -> list[Finding]:
    """No answer of a broker that was asked is a no; of halts not every broker speaks, and silence is none."""
    asset, symbol = moment.asset, entry.symbol
    if asset is None or asset.symbol != symbol:
        detail = "the broker was asked and does not list it"
        return [finding(MarketCode.SYMBOL_NOT_TRADABLE, symbol, detail=detail)] if moment.assets_asked else []
    found = []
    if not asset.is_tradable:
        found.append(finding(MarketCode.SYMBOL_NOT_TRADABLE, symbol, asset.is_tradable, True))
    if asset.is_halted:
        found.append(finding(MarketCode.SYMBOL_HALTED, symbol, asset.is_halted, False))
    return found


def _day_trades(facts: GateFacts, moment: SendMoment) -> list[Finding]:
    """An entry's stop may go off on its own day: with three behind it that would be the fourth.

    An equity that nobody knows counts as too little.
    """
    trades, equity = moment.day_trades, facts.equity
    if trades is None or trades < DAY_TRADES_MAX:
        return []
    if equity is not None and equity >= DAY_TRADER_EQUITY_USD:
        return []
    detail = f"day trades, with an equity below {DAY_TRADER_EQUITY_USD}"
    return [finding(MarketCode.DAY_TRADE_GUARD, facts.book_id, trades, DAY_TRADES_MAX - 1, detail)]


_ORDER: Final = {str(code): number for number, code in enumerate(MarketCode)}
