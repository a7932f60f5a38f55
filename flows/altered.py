"""The store as it might have been: what no morning of D may see is changed, removed or made up, the rest is kept.

An alteration takes what the store holds around the panel of D and gives it back altered, with a sentence on what
it did. Nothing here writes: an ``AlteredStore`` answers in the store's place, and what is derived from it lies in
a temporary folder. Draws come from the generator that is passed in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.random import Generator

from market.calendar import EPOCH
from market.facts import MarketFact
from market.rows import FIELDS, NULL, Bools, Rows, concatenated
from market.store import BarStore
from schemas.market import ActionKind, CorporateAction, FactKind

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
Actions = tuple[tuple[int, CorporateAction], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Where the sight of D ends: dates as days since 1970, the cut as an instant.

    p0, p: first and last day of the panel; d: the day itself. Rows of D and later, and whatever became known after
    the cut, are hidden. Dates between P and D are no sessions: their rows lie outside the panel, as those before P0.
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
        return (self.cut - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a store holds: rows in canonical order, actions with their vintage, and what was done to them."""

    rows: Rows
    actions: Actions
    said: str = ""


Alteration = Callable[[Told, Edges, Generator], Told]


class AlteredStore(BarStore):
    """*told* in place of the bars and actions of *base*; a sidecar made of it lies below *root*."""

    def __init__(self, root: Path, base: BarStore, told: Told) -> None:
        super().__init__(root, base.disk)
        self._told = told

    def rows(self) -> Rows:
        return self._told.rows

    def facts(self, kind: FactKind) -> tuple[tuple[int, MarketFact], ...]:
        if kind is not FactKind.ACTIONS:
            return super().facts(kind)
        return tuple(sorted(self._told.actions, key=lambda each: (*_identity(each[1]), each[0])))


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
    """What *store* holds around the panel; older and much later bars are left behind. Actions stay all."""
    rows = store.rows()
    near = (rows.day >= at.p0 - 2 * SESSIONS_BESIDE) & (rows.day <= at.later[-1])
    kept = near | _first_of(rows, at.benchmark)
    return Told(
        rows=rows.take(kept).compact(),
        actions=tuple((v, a) for v, a in store.facts(FactKind.ACTIONS) if isinstance(a, CorporateAction)),
        said=f"{int((~kept).sum()):,} of {len(rows):,} rows far from the panel left behind",
    )


def changed(told: Told, at: Edges, draw: Generator) -> Told:
    """Every hidden row gets other values; every hidden action another ratio."""
    hidden = _hidden(told.rows, at)
    values = told.rows.values.copy()
    values[:, hidden] = draw.choice(WILD, (len(FIELDS), int(hidden.sum())))
    actions = tuple(
        (v, a.model_copy(update={"ratio_num": 7, "ratio_den": 3}) if is_hidden(a, at) else a)
        for v, a in told.actions
    )
    return Told(
        rows=replace(told.rows, values=values).canonical(),
        actions=actions,
        said=f"{int(hidden.sum()):,} rows of D and later, or known after the cut, given wild values; "
        f"{_count(told.actions, at)} such actions another ratio",
    )


def removed(told: Told, at: Edges, draw: Generator) -> Told:
    """The store ends with what was known at the cut."""
    del draw
    hidden = _hidden(told.rows, at)
    return Told(
        rows=told.rows.take(~hidden).compact(),
        actions=tuple((v, a) for v, a in told.actions if not is_hidden(a, at)),
        said=f"{int(hidden.sum()):,} hidden rows and {_count(told.actions, at)} hidden actions removed",
    )


def added(told: Told, at: Edges, draw: Generator) -> Told:
    """Wild bars of D and later, on phantom dates too and of strangers; restatements and actions told after the cut."""
    rows = told.rows
    some = draw.choice(len(rows.symbols), min(SYMBOLS_ADDED_TO, len(rows.symbols)), replace=False)
    names = sorted({*STRANGERS, at.benchmark, *(rows.symbols[k] for k in some.tolist())})
    days = [*at.later[:5], *_phantoms(at)]
    late = _bars(names, days, draw)
    seen = np.flatnonzero(~_hidden(rows, at))
    picked = draw.choice(seen, min(RESTATED, len(seen)), replace=False) if len(seen) else seen
    last = np.flatnonzero((rows.day == at.p) & _is(rows, at.benchmark))
    restated = _wild(rows.take(np.union1d(picked, last)), draw)
    restated = replace(
        restated,
        known_at=at.cut_us + 1 + draw.integers(0, 10**12, len(restated)),
        vintage=np.full(len(restated), 10_000, np.int32),
    ).canonical()
    ghosts = _bars(names[:5], [at.p - 1 - k for k in range(7)], draw)
    ghosts = replace(ghosts, known_at=np.full(len(ghosts), at.cut_us + 1, np.int64)).canonical()
    more = _actions(names, at)
    return Told(
        rows=concatenated([rows, late, restated, ghosts]),
        actions=(*told.actions, *((10_000, each) for each in more)),
        said=f"{len(late):,} bars of D and later made up ({len(STRANGERS)} unknown symbols, "
        f"{len(days) - 5} phantom dates); {len(restated) + len(ghosts):,} restatements and {len(more)} actions "
        "told after the cut",
    )


def outside(told: Told, at: Edges, draw: Generator) -> Told:
    """Of the rows before P0, and of those on no session between P and D, half are removed, half changed."""
    rows = told.rows
    out = (rows.day < at.p0) | ((rows.day > at.p) & (rows.day < at.d))
    kept = ~out | (draw.random(len(rows)) < 0.5) | _first_of(rows, at.benchmark)
    values = rows.values.copy()
    values[:, out] = draw.choice(WILD, (len(FIELDS), int(out.sum())))
    gone = tuple((v, a) for v, a in told.actions if a.ex_date.toordinal() - EPOCH >= at.p0)
    return Told(
        rows=replace(rows, values=values).take(kept).canonical(),
        actions=gone,
        said=f"{int(out.sum()):,} rows before P0 or between P and D: {int((~kept).sum()):,} removed, the rest "
        f"changed; {len(told.actions) - len(gone)} older actions removed",
    )


def shuffled(told: Told, at: Edges, draw: Generator) -> Told:
    """The same rows and actions, received in another order."""
    del at
    order = draw.permutation(len(told.rows))
    turned = tuple(told.actions[k] for k in draw.permutation(len(told.actions)).tolist())
    return Told(
        rows=told.rows.take(order).canonical(),
        actions=turned,
        said=f"{len(order):,} rows and {len(turned)} actions in another order",
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


def is_hidden(action: CorporateAction, at: Edges) -> bool:
    """Whether *action* was not known at the cut."""
    if action.known_at is not None:
        return action.known_at > at.cut
    return action.ex_date.toordinal() - EPOCH > at.d


def _hidden(rows: Rows, at: Edges) -> Bools:
    told_late: Bools = (rows.known_at != NULL) & (rows.known_at > at.cut_us)
    return told_late | (rows.day >= at.d)


def _count(actions: Actions, at: Edges) -> int:
    return sum(is_hidden(each, at) for _, each in actions)


def _is(rows: Rows, symbol: str) -> Bools:
    found: Bools = np.array([name == symbol for name in rows.symbols], np.bool_)[rows.code]
    return found


def _first_of(rows: Rows, symbol: str) -> Bools:
    """The oldest row of the benchmark: a store that never held it is judged by another rule, rightly."""
    mask = np.zeros(len(rows), np.bool_)
    mask[np.flatnonzero(_is(rows, symbol))[:1]] = True
    return mask


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
        vintage=np.full(count, 10_000, np.int32),
    ).canonical()


def _actions(names: list[str], at: Edges) -> tuple[CorporateAction, ...]:
    """For a few symbols a split that comes later, and a split, a dividend and a delisting told too late."""
    later, today = (date.fromordinal(day + EPOCH) for day in (at.later[1], at.d))
    after = at.cut + timedelta(microseconds=1)
    made: list[CorporateAction] = []
    for symbol in (at.benchmark, *names[:20]):
        split: dict[str, Any] = {"symbol": symbol, "kind": ActionKind.SPLIT, "ratio_num": 1, "ratio_den": 900}
        made.append(CorporateAction(**split, ex_date=later))
        made.append(CorporateAction(**split, ex_date=today, known_at=after))
        middle = date.fromordinal((at.p0 + at.p) // 2 + EPOCH)
        cash: dict[str, Any] = {"kind": ActionKind.CASH_DIVIDEND, "cash_usd": "9.000000"}
        made.append(CorporateAction(symbol=symbol, ex_date=middle, known_at=after, **cash))
        made.append(CorporateAction(symbol=symbol, ex_date=later, kind=ActionKind.DELISTING, known_at=after))
    return tuple(made)


def _identity(action: CorporateAction) -> tuple[str, date, str]:
    return (action.symbol, action.ex_date, action.kind)
