"""Losses close the door behind them: what a book's own closed positions say decides when it may enter again.

Every lock follows from the journals' fold alone, so it survives a restart and is lifted by nobody's forgetting.
Sessions are counted as the exchange counts them. A rule that is null is off; each is asked twice, of the whole
book and of each strategy by itself. Gate 17 refuses by them, ``avwap status`` shows what ends each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field, model_validator

from schemas.base import Amount, Fact, Fraction6
from schemas.book import BookState, Closing
from schemas.reasons.gates import RepetitionCode

WINDOW_MAX: Final = 60
"""Sessions that a rule may look back and lock together: the fold keeps closings a little longer."""
Count = Annotated[int, Field(ge=1, le=WINDOW_MAX)]


class _Windowed(Fact):
    sessions: Count
    """How many sessions it looks back on, the one it closes included."""
    lock_sessions: Count
    """For how many sessions after that one it locks, besides the rest of that one."""

    @model_validator(mode="after")
    def _fits(self) -> "_Windowed":
        if self.sessions + self.lock_sessions > WINDOW_MAX:
            raise ValueError(f"sessions + lock_sessions may come to {WINDOW_MAX} at most")
        return self


class StopGuard(_Windowed):
    """So many positions closed by their stops."""

    stops: Annotated[int, Field(ge=1)]


class DrawdownLock(_Windowed):
    """So deep a fall of realised equity from its highest point in the window, as a fraction of that point."""

    fraction: Annotated[Fraction6, Field(gt=0, le=1)]


class LowProfitLock(_Windowed):
    """A symbol whose closed positions, at least so many, came to less than so much. Locks that symbol."""

    trades: Annotated[int, Field(ge=1)]
    net_min_usd: Amount


class Rules(Fact):
    """The rules of one scope. All null: none."""

    cooldown_sessions: Count | None = None
    """Sessions after a stop-out in which its symbol waits, where longer than the one that always holds."""
    stop_guard: StopGuard | None = None
    drawdown_lock: DrawdownLock | None = None
    low_profit_lock: LowProfitLock | None = None
    losses_max: Annotated[int, Field(ge=1)] | None = None
    """Losing positions in a row (CONSEC_LOSS); a person ends this lock with ``avwap resume``."""


class Protections(Fact):
    """The rules of one book."""

    book: Rules = Rules(losses_max=8)
    """Over the positions of all strategies; locks all of them."""
    strategy: Rules = Rules(losses_max=5)
    """Over each strategy's own positions; locks that strategy."""
    strategies: dict[str, Rules] = Field(default_factory=dict)
    """Strategy -> rules of its own instead."""

    def of(self, strategy_id: str) -> Rules:
        """The rules of one strategy."""
        return self.strategies.get(strategy_id, self.strategy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """One door that is shut.

    Attributes:
        code: which rule.
        strategy_id, symbol: whom it holds; None: every one.
        since: the session that shut it; None where it is counted, not dated.
        sessions_left: sessions after this one that it still holds; None: until a person resumes.
        observed, threshold: what was found, and where the rule begins.
    """

    code: RepetitionCode
    strategy_id: str | None
    symbol: str | None
    since: date | None
    sessions_left: int | None
    observed: Decimal | int
    threshold: Decimal | int

    def holds(self, strategy_id: str, symbol: str) -> bool:
        """Whether an entry of *strategy_id* in *symbol* waits for it."""
        return self.strategy_id in (None, strategy_id) and self.symbol in (None, symbol)


def locks(state: BookState, sessions: Sequence[date], config: Protections) -> tuple[Lock, ...] | None:
    """Every lock that holds on the last of *sessions*, in the order of the codes; the book's before a strategy's.

    Args:
        sessions: the session and those before it, oldest first, without a gap.
    Returns: None where a rule is set and cannot be judged, as the sessions are not known.
    """
    names = sorted({row.strategy_id for row in state.closings} | {run.strategy_id for run in state.loss_runs})
    scopes: list[tuple[str | None, Rules]] = [(None, config.book)]
    scopes += [(name, config.of(name)) for name in names if name]
    dated = any(rules != Rules(losses_max=rules.losses_max) for _, rules in scopes)
    if dated and not sessions:
        return None
    index = {day: number - len(sessions) + 1 for number, day in enumerate(sessions)}
    found = [lock for name, rules in scopes for lock in _of_scope(name, rules, state, index)]
    order = {code: number for number, code in enumerate(RepetitionCode)}
    return tuple(sorted(found, key=lambda lock: order[lock.code]))


def _of_scope(name: str | None, rules: Rules, state: BookState, index: Mapping[date, int]) -> list[Lock]:
    """*index*: session -> how many sessions it lies after the present one, so never above 0."""
    rows = [row for row in state.closings if name in (None, row.strategy_id) and row.session_date in index]
    found = [*_cooldown(name, rules, rows, index), *_losses(name, rules, state)]
    if rules.stop_guard is not None:
        found += _stop_guard(name, rules.stop_guard, rows, index)
    if rules.drawdown_lock is not None:
        found += _drawdown(name, rules.drawdown_lock, rows, index, state)
    if rules.low_profit_lock is not None:
        found += _low_profit(name, rules.low_profit_lock, rows, index)
    return found


def _cooldown(
    name: str | None, rules: Rules, rows: Sequence[Closing], index: Mapping[date, int]
) -> list[Lock]:
    wait = rules.cooldown_sessions
    if wait is None:
        return []
    last = {row.symbol: row.session_date for row in rows if row.by_stop}
    return [
        Lock(
            code=RepetitionCode.COOLDOWN_ACTIVE,
            strategy_id=name,
            symbol=symbol,
            since=day,
            sessions_left=wait + index[day],
            observed=-index[day],
            threshold=wait,
        )
        for symbol, day in sorted(last.items())
        if wait + index[day] >= 0
    ]


def _losses(name: str | None, rules: Rules, state: BookState) -> list[Lock]:
    losses = next((run.losses for run in state.loss_runs if run.strategy_id == (name or "")), 0)
    if rules.losses_max is None or losses < rules.losses_max:
        return []
    return [
        Lock(
            code=RepetitionCode.CONSEC_LOSS,
            strategy_id=name,
            symbol=None,
            since=None,
            sessions_left=None,
            observed=losses,
            threshold=rules.losses_max,
        )
    ]


def _windows(
    rule: _Windowed, rows: Sequence[Closing], index: Mapping[date, int]
) -> list[tuple[date, list[Closing]]]:
    """Sessions that closed something and whose lock would still hold, newest first, each with its window's rows."""
    days = sorted({row.session_date for row in rows if index[row.session_date] >= -rule.lock_sessions})
    return [
        (
            day,
            [row for row in rows if index[day] - rule.sessions < index[row.session_date] <= index[day]],
        )
        for day in reversed(days)
    ]


def _stop_guard(
    name: str | None, rule: StopGuard, rows: Sequence[Closing], index: Mapping[date, int]
) -> list[Lock]:
    stopped = [row for row in rows if row.by_stop]
    for day, window in _windows(rule, stopped, index):
        if len(window) >= rule.stops:
            lock = (RepetitionCode.STOP_GUARD_LOCK, name, None, day, index, rule, len(window), rule.stops)
            return [_dated(*lock)]
    return []


def _drawdown(
    name: str | None,
    rule: DrawdownLock,
    rows: Sequence[Closing],
    index: Mapping[date, int],
    state: BookState,
) -> list[Lock]:
    """The fall from the window's peak to what the session ended with. A strategy's own results move the curve alone."""
    realised = sum((row.realised for row in state.results), Decimal(0))
    now = state.starting_capital + state.net_flows + realised
    for day, window in _windows(rule, rows, index):
        value = now - sum((row.net for row in rows if index[row.session_date] > index[day]), Decimal(0))
        value -= sum((row.net for row in window), Decimal(0))
        peak = value
        for row in window:
            value += row.net
            peak = max(peak, value)
        # Cross-multiplied; without a positive peak there is no fraction, and no equity to lose either.
        if peak <= 0 or peak - value >= rule.fraction * peak:
            fall = Decimal(1) if peak <= 0 else ((peak - value) / peak).quantize(Decimal("0.000001"))
            lock = (RepetitionCode.DRAWDOWN_LOCK, name, None, day, index, rule, fall, rule.fraction)
            return [_dated(*lock)]
    return []


def _low_profit(
    name: str | None, rule: LowProfitLock, rows: Sequence[Closing], index: Mapping[date, int]
) -> list[Lock]:
    found = []
    for symbol in sorted({row.symbol for row in rows}):
        mine = [row for row in rows if row.symbol == symbol]
        for day, window in _windows(rule, mine, index):
            net = sum((row.net for row in window), Decimal(0))
            if len(window) >= rule.trades and net < rule.net_min_usd:
                code = RepetitionCode.LOW_PROFIT_LOCK
                found.append(_dated(code, name, symbol, day, index, rule, net, rule.net_min_usd))
                break
    return found


def _dated(
    code: RepetitionCode,
    name: str | None,
    symbol: str | None,
    day: date,
    index: Mapping[date, int],
    rule: _Windowed,
    observed: Decimal | int,
    threshold: Decimal | int,
) -> Lock:
    return Lock(
        code=code,
        strategy_id=name,
        symbol=symbol,
        since=day,
        sessions_left=rule.lock_sessions + index[day],
        observed=observed,
        threshold=threshold,
    )
