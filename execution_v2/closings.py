"""A position that went flat leaves its result behind; a run of losses is counted until a win or a person ends it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from schemas.book import Closing, LossRun, Position, StrategyResult

KEPT: Final = timedelta(days=100)
"""Longer than the sixty sessions that a rule may look back and lock together."""
BREAKEVEN: Final = Decimal("0.0001")
"""Of what was paid: a result within one basis point is neither won nor lost (execution.md 10)."""
RESUME: Final = "resume"
"""The operator's verb that starts the loss count anew."""


def closing(position: Position, net: Decimal, session: date, *, by_stop: bool) -> Closing:
    """What *position* came to, *net* being its cash in and out, fees and dividends included."""
    return Closing(
        strategy_id=position.strategy_id,
        sleeve_id=position.sleeve_id,
        symbol=position.symbol,
        session_date=session,
        net=net,
        cost=position.average_entry * position.quantity_opened,
        by_stop=by_stop,
    )


def kept(rows: Iterable[Closing], session: date) -> list[Closing]:
    """Those of *rows* that a rule of *session* or later may still ask for."""
    return [row for row in rows if row.session_date >= session - KEPT]


def counted(runs: Sequence[LossRun], row: Closing) -> list[LossRun]:
    """*runs* after *row*: the book's and its strategy's, each one longer, ended, or as it was at breakeven."""
    if abs(row.net) <= BREAKEVEN * row.cost:
        return list(runs)
    before = {run.strategy_id: run.losses for run in runs}
    for name in ("", row.strategy_id):
        before[name] = before.get(name, 0) + 1 if row.net < 0 else 0
    return [LossRun(strategy_id=name, losses=losses) for name, losses in sorted(before.items()) if losses]


def added(results: Mapping[str, StrategyResult], row: Closing) -> dict[str, StrategyResult]:
    """*results* by strategy, with what *row* came to."""
    name = row.strategy_id
    before = results.get(name, StrategyResult(strategy_id=name, realised=Decimal(0), at_open=Decimal(0)))
    return {**results, name: before.model_copy(update={"realised": before.realised + row.net})}


def opened(results: Mapping[str, StrategyResult], positions: Iterable[Position]) -> dict[str, StrategyResult]:
    """*results* as a session opens with *positions*: from here its profit is counted."""
    stands = {name: row.realised for name, row in results.items()}
    for position in positions:
        stands[position.strategy_id] = stands.get(position.strategy_id, Decimal(0)) + position.cash_flow
    known = {name: row.realised for name, row in results.items()}
    return {
        name: StrategyResult(strategy_id=name, realised=known.get(name, Decimal(0)), at_open=at_open)
        for name, at_open in stands.items()
    }
