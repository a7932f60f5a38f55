"""The store as it might have been: what no morning of D may see is changed, removed or made up, the rest is kept.

An alteration takes what the store holds around the panel of D and gives it back altered, with a sentence on what
it did. Nothing here writes: an ``AlteredStore`` answers in the store's place, and what is derived from it lies in
a temporary folder. Draws come from the generator that is passed in.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.random import Generator

from market.calendar import EPOCH
from market.facts import MarketFact, dated, identity, known_since
from market.rows import FIELDS, NULL, Bools, Rows, concatenated, microseconds
from market.store import BarStore
from schemas.market import (
    ActionKind,
    CorporateAction,
    EarningsEvent,
    EarningsTime,
    FactKind,
    Membership,
    SectorLine,
)

if TYPE_CHECKING:
    from market.calendar import Calendar
    from market.panel import Panel

SESSIONS_BESIDE: Final = 60
"""Sessions kept before P0 and after P: enough to alter, few enough that a large store stays quick."""
SYMBOLS_ADDED_TO: Final = 200
RESTATED: Final = 400
STRANGERS: Final = ("A0", "LOOKAHEAD", "MM-X", "ZZZZZZZZZZ")
"""Symbols that no store holds, before, among and after all others."""
WILD: Final = np.array([NULL, -1, 0, 1, 9_999, 123_400, 10**9, 10**12, 2**45, 2**61], np.int64)
LATER: Final = 10_000
"""Number of the vintage that brings what is made up."""
Facts = Mapping[FactKind, tuple[tuple[int, MarketFact], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Where the sight of D ends: dates as days since 1970, the cut as an instant.

    p0, p: first and last day of the panel; d: the day itself. Rows of D and later, and whatever became known after
    the cut, are hidden. Dates between P and D are no sessions: their rows are in sight, as bars that cannot be.
    """

    p0: int
    p: int
    d: int
    cut: datetime
    benchmark: str
    later: tuple[int, ...]
    """Sessions from D on that stand in the window."""

    @property
    def cut_us(self) -> int:
        return microseconds(self.cut)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a store holds: rows in canonical order, facts of each kind with their vintage, what was done to them."""

    rows: Rows
    facts: Facts
    said: str = ""


Alteration = Callable[[Told, Edges, Generator], Told]


class AlteredStore(BarStore):
    """*told* in place of the bars and facts of *base*; a sidecar made of it lies below *root*."""

    def __init__(self, root: Path, base: BarStore, told: Told) -> None:
        super().__init__(root, base.disk)
        self._told = told

    def rows(self) -> Rows:
        return self._told.rows

    def facts(self, kind: FactKind) -> tuple[tuple[int, MarketFact], ...]:
        return tuple(sorted(self._told.facts[kind], key=lambda each: (identity(each[1]), each[0])))


def edges(panel: "Panel", calendar: "Calendar") -> Edges:
    """The edges of the session that *panel* was made for."""
    today = calendar.index(panel.session_date)
    assert today is not None, "a panel is of a session"
    ends = min(today + SESSIONS_BESIDE, len(calendar.days))
    return Edges(
        p0=panel.sessions[0].toordinal() - EPOCH,
        p=panel.data_session.toordinal() - EPOCH,
        d=panel.session_date.toordinal() - EPOCH,
        cut=calendar.cut_at(panel.session_date),
        benchmark=panel.benchmark,
        later=tuple(calendar.days[today:ends]),
    )


def window(store: BarStore, at: Edges) -> Told:
    """What *store* holds around the panel; older and much later bars are left behind. Facts stay all."""
    rows, facts = store.rows(), {kind: store.facts(kind) for kind in FactKind}
    near = (rows.day >= at.p0 - 2 * SESSIONS_BESIDE) & (rows.day <= at.later[-1])
    kept = near | _first_of(rows, at.benchmark) | _is(rows, _renamed(facts))
    return Told(
        rows=rows.take(kept).compact(),
        facts=facts,
        said=f"{int((~kept).sum()):,} of {len(rows):,} rows far from the panel left behind",
    )


def changed(told: Told, at: Edges, draw: Generator) -> Told:
    """Every hidden row gets other values, every hidden fact says something else."""
    hidden = _hidden(told.rows, at)
    values = told.rows.values.copy()
    values[:, hidden] = draw.choice(WILD, (len(FIELDS), int(hidden.sum())))
    return Told(
        rows=replace(told.rows, values=values).canonical(),
        facts={
            kind: tuple((v, _otherwise(f) if is_hidden(f, at) else f) for v, f in own)
            for kind, own in told.facts.items()
        },
        said=f"{int(hidden.sum()):,} rows of D and later, or known after the cut, given wild values; "
        f"{_count(told.facts, at):,} facts known after the cut say something else",
    )


def removed(told: Told, at: Edges, draw: Generator) -> Told:
    """The store ends with what was known at the cut."""
    del draw
    hidden = _hidden(told.rows, at)
    return Told(
        rows=told.rows.take(~hidden).compact(),
        facts={
            kind: tuple((v, f) for v, f in own if not is_hidden(f, at)) for kind, own in told.facts.items()
        },
        said=f"{int(hidden.sum()):,} hidden rows and {_count(told.facts, at):,} hidden facts removed",
    )


def added(told: Told, at: Edges, draw: Generator) -> Told:
    """Wild bars of D and later, on phantom dates and of strangers too; restatements and facts told after the cut."""
    rows = told.rows
    some = draw.choice(len(rows.symbols), min(SYMBOLS_ADDED_TO, len(rows.symbols)), replace=False)
    names = sorted({*STRANGERS, at.benchmark, *(rows.symbols[k] for k in some.tolist())})
    days = [*at.later[:5], *_phantoms(at)]
    late = _bars(names, days, draw)
    seen = np.flatnonzero(~_hidden(rows, at))
    picked = draw.choice(seen, min(RESTATED, len(seen)), replace=False) if len(seen) else seen
    last = np.flatnonzero((rows.day == at.p) & _is(rows, {at.benchmark}))
    restated = _wild(rows.take(np.union1d(picked, last)), draw)
    restated = replace(
        restated,
        known_at=at.cut_us + 1 + draw.integers(0, 10**12, len(restated)),
        vintage=np.full(len(restated), LATER, np.int32),
    ).canonical()
    ghosts = _bars(names[:5], [at.p - 1 - k for k in range(7)], draw)
    ghosts = replace(ghosts, known_at=np.full(len(ghosts), at.cut_us + 1, np.int64)).canonical()
    more = _facts([at.benchmark, *names[:20]], at)
    return Told(
        rows=concatenated([rows, late, restated, ghosts]),
        facts={kind: (*told.facts[kind], *((LATER, f) for f in own)) for kind, own in more.items()},
        said=f"{len(late):,} bars of D and later made up ({len(STRANGERS)} unknown symbols, "
        f"{len(days) - 5} phantom dates); {len(restated) + len(ghosts):,} restatements and "
        f"{sum(map(len, more.values()))} facts told after the cut",
    )


def outside(told: Told, at: Edges, draw: Generator) -> Told:
    """Of the rows before P0 half are removed, half changed.

    Kept are the benchmark's first row and, of symbols that a change of symbol names, all: whether a store ever held
    the one, and who had a ticker before, are questions about the whole past.
    """
    rows = told.rows
    out = rows.day < at.p0
    out &= ~_is(rows, _renamed(told.facts)) & ~_first_of(rows, at.benchmark)
    kept = ~out | (draw.random(len(rows)) < 0.5)
    values = rows.values.copy()
    values[:, out] = draw.choice(WILD, (len(FIELDS), int(out.sum())))
    facts = dict(told.facts)
    for kind, matters in ((FactKind.ACTIONS, _matters_later), (FactKind.EARNINGS, lambda _: False)):
        facts[kind] = tuple((v, f) for v, f in told.facts[kind] if _day_of(f) >= at.p0 or matters(f))
    gone = sum(len(told.facts[kind]) - len(own) for kind, own in facts.items())
    return Told(
        rows=replace(rows, values=values).take(kept).canonical(),
        facts=facts,
        said=f"{int(out.sum()):,} rows before P0: {int((~kept).sum()):,} removed, the rest changed; "
        f"{gone} actions and reports before P0 removed",
    )


def shuffled(told: Told, at: Edges, draw: Generator) -> Told:
    """The same rows and facts, received in another order."""
    del at
    order = draw.permutation(len(told.rows))
    facts = {
        kind: tuple(own[k] for k in draw.permutation(len(own)).tolist()) for kind, own in told.facts.items()
    }
    return Told(
        rows=told.rows.take(order).canonical(),
        facts=facts,
        said=f"{len(order):,} rows and {sum(map(len, facts.values())):,} facts in another order",
    )


ALTERATIONS: Final[Mapping[str, Alteration]] = {
    "changed": changed,
    "removed": removed,
    "added": added,
    "outside": outside,
    "shuffled": shuffled,
}
OUTSIDE_THE_SNAPSHOT: Final = frozenset({"changed", "removed", "added", "shuffled"})
"""Alterations that may not even change ``data_version``: rows before P0 belong to the snapshot's name, these do not."""


def is_hidden(fact: MarketFact, at: Edges) -> bool:
    """Whether *fact* was not known at the cut."""
    return known_since(fact) > at.cut


def _hidden(rows: Rows, at: Edges) -> Bools:
    told_late: Bools = (rows.known_at != NULL) & (rows.known_at > at.cut_us)
    return told_late | (rows.day >= at.d)


def _count(facts: Facts, at: Edges) -> int:
    return sum(is_hidden(fact, at) for own in facts.values() for _, fact in own)


def _is(rows: Rows, symbols: Collection[str]) -> Bools:
    found: Bools = np.array([name in symbols for name in rows.symbols], np.bool_)[rows.code]
    return found


def _first_of(rows: Rows, symbol: str) -> Bools:
    """The oldest row of the benchmark: a store that never held it is judged by another rule, rightly."""
    mask = np.zeros(len(rows), np.bool_)
    mask[np.flatnonzero(_is(rows, {symbol}))[:1]] = True
    return mask


def _renamed(facts: Facts) -> frozenset[str]:
    """Both names of every change of symbol."""
    changes = [fact for _, fact in facts[FactKind.ACTIONS] if _matters_later(fact)]
    return frozenset(
        name
        for fact in changes
        if isinstance(fact, CorporateAction)
        for name in (fact.symbol, fact.new_symbol)
        if name
    )


def _matters_later(fact: MarketFact) -> bool:
    return isinstance(fact, CorporateAction) and fact.kind is ActionKind.SYMBOL_CHANGE


def _day_of(fact: MarketFact) -> int:
    return dated(fact).toordinal() - EPOCH


def _phantoms(at: Edges) -> list[int]:
    sessions = set(at.later)
    return [day for day in range(at.d + 1, at.d + 12) if day not in sessions]


def _wild(rows: Rows, draw: Generator) -> Rows:
    return replace(rows, values=draw.choice(WILD, rows.values.shape))


def _bars(names: list[str], days: list[int], draw: Generator) -> Rows:
    count = len(names) * len(days)
    ordered = tuple(sorted(names))
    return Rows(
        symbols=ordered,
        code=np.repeat(np.arange(len(ordered), dtype=np.int32), len(days)),
        day=np.tile(np.array(days, np.int32), len(ordered)),
        values=draw.choice(WILD, (len(FIELDS), count)),
        known_at=np.full(count, NULL, np.int64),
        vintage=np.full(count, LATER, np.int32),
    ).canonical()


def _otherwise(fact: MarketFact) -> MarketFact:
    """The same fact, saying something else."""
    match fact:
        case CorporateAction():
            return fact.model_copy(update={"ratio_num": 7, "ratio_den": 3})
        case Membership():
            return fact.model_copy(update={"end": fact.start + timedelta(days=1)})
        case SectorLine():
            return fact.model_copy(update={"sector": "Elsewhere"})
        case EarningsEvent():
            return fact.model_copy(update={"at": EarningsTime.BEFORE_OPEN})


def _facts(names: list[str], at: Edges) -> dict[FactKind, list[MarketFact]]:
    """For each name a split that comes later, and of every kind something told too late."""
    later, today = (date.fromordinal(day + EPOCH) for day in (at.later[1], at.d))
    middle = date.fromordinal((at.p0 + at.p) // 2 + EPOCH)
    after = at.cut + timedelta(microseconds=1)
    made: dict[FactKind, list[MarketFact]] = {kind: [] for kind in FactKind}
    for symbol in names:
        split: dict[str, Any] = {"symbol": symbol, "kind": ActionKind.SPLIT, "ratio_num": 1, "ratio_den": 900}
        cash: dict[str, Any] = {"kind": ActionKind.CASH_DIVIDEND, "cash_usd": "9.000000"}
        renamed: dict[str, Any] = {"kind": ActionKind.SYMBOL_CHANGE, "new_symbol": STRANGERS[1]}
        made[FactKind.ACTIONS] += [
            CorporateAction(**split, ex_date=later),
            CorporateAction(**split, ex_date=today, known_at=after),
            CorporateAction(symbol=symbol, ex_date=middle, known_at=after, **cash),
            CorporateAction(symbol=symbol, ex_date=later, kind=ActionKind.DELISTING, known_at=after),
            CorporateAction(symbol=symbol, ex_date=today, known_at=after, **renamed),
        ]
        made[FactKind.MEMBERSHIP].append(Membership(symbol=symbol, start=middle, end=today, known_at=after))
        made[FactKind.SECTORS].append(
            SectorLine(symbol=symbol, as_of=middle, sector="Elsewhere", known_at=after)
        )
        made[FactKind.EARNINGS] += [
            EarningsEvent(symbol=symbol, date=day, known_at=after) for day in (middle, today)
        ]
    return made
