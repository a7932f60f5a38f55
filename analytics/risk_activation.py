"""Before modulation is turned on, its two sides are laid beside each other, at the prices that were; a person decides.

Per morning what was let in and what would have been; per closed trade its net at either size. It advises nothing and
changes no setting. Source: strategy.md 9.10, E3.4.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from analytics.attribution_path import SESSIONS_A_YEAR, WINDOW_MIN, own_drawdown
from analytics.exact import divided
from analytics.lots import ZERO
from analytics.risk_events import is_by_size
from schemas.activation import Activation, Path, RegimeSides, SessionSides, Sides
from schemas.base import SessionDate, quantise
from schemas.decisions import Decision, Decisions
from schemas.reasons.portfolio import CapCode
from schemas.risk_attribution import RegimeSeen, RiskEvent
from schemas.trades import RoundTrip

QUESTIONS: Final = (
    "Each entry is taken by itself: where earlier ones are smaller, a later one may find more room than it had.",
    "The regime also lowers how many positions and entries are allowed: what a count refused is on neither side.",
    "Entries that were not made on the realised side have no trade, so that their net is on neither path.",
    "A trade's net is scaled with its size at the same prices: no other slippage, no other minimum fee.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One session: what was decided that morning, and the trades that it closed."""

    session: SessionDate
    regime: RegimeSeen
    decisions: Decisions
    events: tuple[RiskEvent, ...]
    closed: tuple[RoundTrip, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sizes:
    """Shares of one decision without modulation, with it, and as it was made."""

    price: Decimal
    without: int
    with_: int
    realised: int


def run(days: Sequence[Decided], starting_capital: Decimal) -> Activation:
    """The sides of *days*, oldest first. *starting_capital*: USD, above 0; falls and volatility are over it."""
    assert days, "a range has a session"
    assert starting_capital > 0, "what a fall is measured against is there"
    sizes: dict[str, _Sizes] = {}
    rows = []
    for day in days:
        mine = dict(_sizes(day))
        sizes |= mine
        rows.append(_session(day, mine))
    nets = [_nets(day.closed, sizes) for day in days]
    return Activation(
        first=days[0].session,
        last=days[-1].session,
        policy=days[-1].regime.throttle_policy,
        sessions=tuple(rows),
        regimes=_regimes(rows),
        trades=sum(count for _, _, count, _ in nets),
        trades_elsewhere=sum(count for _, _, _, count in nets),
        without=_path([net for net, _, _, _ in nets], starting_capital),
        with_=_path([net for _, net, _, _ in nets], starting_capital),
        questions=QUESTIONS,
    )


def _sizes(day: Decided) -> Iterator[tuple[str, _Sizes]]:
    """(intent_id, sizes) of every decision that a size alone could have let in."""
    told = {event.decision_id: event for event in day.events}
    for row in day.decisions.verdicts:
        event = told.get(row.decision_id)
        if event is None or not is_by_size(row):
            continue
        made = int(row.q2)
        if event.hypothetical is None:
            without, with_ = _unmodulated(row, event), made
        else:
            without, with_ = made, min(made, int(event.hypothetical.modulated.quantity))
        yield row.intent_id, _Sizes(price=event.price, without=without, with_=with_, realised=made)


def _unmodulated(row: Decision, event: RiskEvent) -> int:
    """What modulation had found: q1. What is below the minimum without any regime was never let in."""
    by_itself = all(
        part.quantity == 0 for part in event.components if part.code != CapCode.BELOW_MIN_NOTIONAL
    )
    return 0 if row.q2 == 0 and by_itself else int(event.baseline.quantity)


def _session(day: Decided, sizes: Mapping[str, _Sizes]) -> SessionSides:
    either = [row for row in sizes.values() if row.without or row.with_]
    return SessionSides(
        session_date=day.session,
        label=day.regime.label,
        realised="without" if day.decisions.modulation is None else "with",
        entries=len(either),
        notional=Sides(
            without=sum((row.without * row.price for row in either), ZERO),
            with_=sum((row.with_ * row.price for row in either), ZERO),
        ),
    )


def _regimes(rows: Sequence[SessionSides]) -> tuple[RegimeSides, ...]:
    found = []
    for label in sorted({row.label for row in rows}, key=lambda label: label or ""):
        mine = [row for row in rows if row.label == label]
        without = sum((row.notional.without for row in mine), ZERO)
        with_ = sum((row.notional.with_ for row in mine), ZERO)
        found.append(
            RegimeSides(
                label=label,
                sessions=len(mine),
                entries=sum(row.entries for row in mine),
                notional=Sides(without=without, with_=with_),
                left=divided(with_, without, 9) if without else None,
            )
        )
    return tuple(found)


def _nets(closed: Sequence[RoundTrip], sizes: Mapping[str, _Sizes]) -> tuple[Decimal, Decimal, int, int]:
    """(net without, net with, trades told, trades left out) of one session's closed trades."""
    without, with_, told = ZERO, ZERO, 0
    for trade in closed:
        size = sizes.get(trade.intent_id)
        if size is not None and size.realised > 0:
            told += 1
            without += divided(trade.net * size.without, size.realised, 6)
            with_ += divided(trade.net * size.with_, size.realised, 6)
    return without, with_, told, len(closed) - told


def _path(nets: Sequence[Decimal], capital: Decimal) -> Path:
    n, units = len(nets), [int(net.scaleb(6)) for net in nets]
    volatility = None
    if n >= WINDOW_MIN:
        spread = n * sum(unit * unit for unit in units) - sum(units) ** 2
        deviation = math.sqrt(spread / (n * (n - 1))) / 1e6 / float(capital)
        volatility = quantise(deviation * math.sqrt(SESSIONS_A_YEAR), 6)
    return Path(net=sum(nets, ZERO), drawdown_max=own_drawdown(nets, capital)[1], volatility=volatility)
