"""Two strategies in one symbol are settled by static rules, never by whose signal is better, and it is written down.

strategy.md 7.2, I3 to I7, and 7.6. What the book holds, works or leaves in a symbol stands; of two wishes the first
in arbitration order wins. Nothing is netted: a buy and a sell never become one smaller order.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from portfolio.exposure import total
from schemas.book import ENDED, BookState, Leg, Order, Position, Side
from schemas.candidates import TradeIntent
from schemas.decisions import Conflict
from schemas.header import Finding
from schemas.reasons.portfolio import CapCode, IntentCode

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the book has in one symbol before the batch.

    Attributes:
        entries: working entries, and those of unknown fate.
        exits: exits that work, and exits or stops that sold something in this session.
        risk: what its positions lose from mark to stop, USD; None if a mark or a stop is not known.
    """

    positions: tuple[Position, ...] = ()
    entries: tuple[Order, ...] = ()
    exits: tuple[Order, ...] = ()
    risk: Decimal | None = _ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An intent that the batch allowed, and the USD that it may lose."""

    intent_id: str
    strategy_id: str
    side: Side
    risk: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """A meeting in which an intent came second: by which rule, and what stood there first."""

    rule: IntentCode | CapCode
    winner: str
    winner_strategy_id: str

    def record(self, loser: TradeIntent, before: int | None, after: int) -> Conflict:
        """The row of ``decisions.json``: what *loser* would have got but for this, and what it got."""
        return Conflict(
            rule=self.rule,
            symbol=loser.symbol,
            winner=self.winner,
            winner_strategy_id=self.winner_strategy_id,
            loser=loser.intent_id,
            loser_strategy_id=loser.strategy_id,
            quantity_before=None if before is None else Decimal(before),
            quantity_after=Decimal(after),
        )


def standing_of(book: BookState, marks: Mapping[str, Decimal]) -> dict[str, Standing]:
    """What *book* has, by symbol; a symbol that is not here has nothing."""
    positions: dict[str, list[Position]] = defaultdict(list)
    for position in sorted(book.positions, key=lambda row: (row.strategy_id, row.position_id)):
        positions[position.symbol].append(position)
    entries: dict[str, list[Order]] = defaultdict(list)
    exits: dict[str, list[Order]] = defaultdict(list)
    for order in sorted((*book.orders, *book.ended_today), key=lambda row: row.ord_id):
        if order.leg is Leg.ENTRY and order.state not in ENDED:
            entries[order.symbol].append(order)
        elif _leaves(order):
            exits[order.symbol].append(order)
    return {
        symbol: Standing(
            positions=tuple(positions[symbol]),
            entries=tuple(entries[symbol]),
            exits=tuple(exits[symbol]),
            risk=total(_open_risk(row, marks.get(symbol)) for row in positions[symbol]),
        )
        for symbol in sorted({*positions, *entries, *exits})
    }


def _leaves(order: Order) -> bool:
    """Whether *order* is an exit in progress or done. A stop that only waits is protection, and a trim stays."""
    if order.leg is Leg.EXIT:
        return order.state not in ENDED or order.filled > 0
    return order.leg is Leg.STOP and order.filled > 0


def _open_risk(position: Position, mark: Decimal | None) -> Decimal | None:
    plan = position.plan
    stop = position.stop_price if plan is None or position.stop_price is not None else plan.initial_stop
    if mark is None or stop is None:
        return None
    lost: Decimal = position.quantity * (mark - stop)
    return max(_ZERO, lost)


def blocking_clashes(
    intent: TradeIntent, standing: Standing, taken: Iterable[Taken], *, overlap: bool
) -> Iterator[Clash]:
    """I5 to I7: every reason why another strategy's claim on the symbol blocks *intent*, in table order."""
    held = [row for row in standing.positions if row.strategy_id != intent.strategy_id]
    earlier = tuple(taken)
    if not overlap:
        yield from (_intent(IntentCode.SYMBOL_CONFLICT, row) for row in earlier if row.side is intent.side)
        yield from (_position(IntentCode.S2_SYMBOL_OVERLAP, row) for row in held)
    yield from (_intent(IntentCode.S3_OPPOSING_INTENT, row) for row in earlier if row.side is not intent.side)
    yield from (
        _position(IntentCode.S3_OPPOSING_POSITION, row) for row in held if not _is_along(intent.side, row)
    )
    for order in standing.exits:
        if order.strategy_id != intent.strategy_id:
            yield Clash(
                rule=IntentCode.S3_EXIT_IN_PROGRESS,
                winner=order.ord_id,
                winner_strategy_id=order.strategy_id,
            )


def sharing_clashes(intent: TradeIntent, standing: Standing, taken: Iterable[Taken]) -> tuple[Clash, ...]:
    """With overlap allowed: whom *intent* would share the symbol, and so its risk, with."""
    held = [
        row
        for row in standing.positions
        if row.strategy_id != intent.strategy_id and _is_along(intent.side, row)
    ]
    earlier = [row for row in taken if row.side is intent.side]
    rule = CapCode.S3_OVERLAP_RISK
    return (*(_position(rule, row) for row in held), *(_intent(rule, row) for row in earlier))


def risk_in(standing: Standing, taken: Iterable[Taken]) -> Decimal | None:
    """Open risk in the symbol, all strategies and what the batch allowed, USD; None: not known."""
    return total((standing.risk, *(row.risk for row in taken)))


def standing_findings(intent: TradeIntent, standing: Standing) -> Iterator[Finding]:
    """I3 and I4: the strategy's own position, and anybody's working entry, in the symbol."""
    for position in standing.positions:
        if position.strategy_id == intent.strategy_id:
            yield Finding(
                code=IntentCode.SYMBOL_ALREADY_HELD, subject=intent.symbol, observed=position.position_id
            )
    for order in standing.entries:
        yield Finding(code=IntentCode.OPEN_ORDER_EXISTS, subject=intent.symbol, observed=order.ord_id)


def _is_along(side: Side, position: Position) -> bool:
    """Whether an order of *side* would add to *position*'s direction."""
    is_long: bool = position.quantity > 0
    return is_long == (side is Side.BUY)


def _position(rule: IntentCode | CapCode, row: Position) -> Clash:
    return Clash(rule=rule, winner=row.position_id, winner_strategy_id=row.strategy_id)


def _intent(rule: IntentCode | CapCode, row: Taken) -> Clash:
    return Clash(rule=rule, winner=row.intent_id, winner_strategy_id=row.strategy_id)
