"""Whose past depends on the day it is asked: bars or facts told late or twice, and names that changed hands."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from market.actions import ADJUSTING
from market.calendar import EPOCH, Calendar
from market.facts import Told, identity
from market.rows import FIELDS
from market.sidecar import SYMBOL_SHIFT, Sidecar
from schemas.market import ActionKind, CorporateAction


def retold_symbols(held: Sidecar, calendar: Calendar) -> frozenset[str]:
    """Symbols of which some D sees bars, actions or reports otherwise than a later D that sees them too."""
    odd = np.unique(held.key[held.odd] >> SYMBOL_SHIFT).tolist()
    found = {held.symbols[k] for k in odd} | _twice(held.actions) | _twice(held.earnings)
    for arrival, _, action in held.actions:
        if action.kind is ActionKind.SYMBOL_CHANGE:
            found |= {action.symbol, action.new_symbol or action.symbol}
        elif arrival > _needed(action, calendar):
            found.add(action.symbol)
    return frozenset(found)


def _needed(action: CorporateAction, calendar: Calendar) -> int:
    """The first D that needs *action*: a split on its ex-date; a dividend a day later, when P is its ex-date."""
    on = int(np.searchsorted(calendar.days, action.ex_date.toordinal() - EPOCH))
    return on if action.kind in ADJUSTING else on + 1


def _twice(told: Iterable[Told[Any]]) -> set[str]:
    """Symbols with a fact that more than one vintage tells."""
    seen: dict[tuple[Any, ...], tuple[int, int]] = {}
    found = set()
    for arrival, vintage, fact in told:
        if seen.setdefault(identity(fact), (arrival, vintage)) != (arrival, vintage):
            found.add(fact.symbol)
    return found


def groups(held: Sidecar, names: Sequence[str], most: int) -> Iterator[list[str]]:
    """*names* in lists of at most *most* bars together or one name; all that a symbol change touches are one list."""
    changes = [each for _, _, each in held.actions if each.kind is ActionKind.SYMBOL_CHANGE]
    tied = {name for each in changes for name in (each.symbol, each.new_symbol) if name is not None}
    together = [name for name in names if name in tied]
    if together:
        yield together
    current: list[str] = []
    bars = 0
    for name in names:
        if name in tied:
            continue
        own = len(_rows(held, name))
        if current and bars + own > most:
            yield current
            current, bars = [], 0
        current.append(name)
        bars += own
    if current:
        yield current


def only(held: Sidecar, names: Sequence[str]) -> Sidecar:
    """The sidecar as it would be if the store held nothing but *names*; its data versions are not kept."""
    kept = tuple(sorted(set(names).intersection(held.symbols)))
    rows = [_rows(held, name) for name in kept]
    at = (
        np.concatenate([np.arange(each.start, each.stop) for each in rows]) if rows else np.zeros(0, np.int64)
    )
    code = np.repeat(np.arange(len(kept), dtype=np.int64), [len(each) for each in rows])
    is_odd = np.zeros(len(held.key), np.bool_)
    is_odd[held.odd] = True
    none = np.zeros(0, np.int32)
    wanted = frozenset(names)

    def own(told: tuple[Told[Any], ...]) -> tuple[Told[Any], ...]:
        return tuple(each for each in told if each[2].symbol in wanted)

    return replace(
        held,
        symbols=kept,
        plain=False,
        key=(code << SYMBOL_SHIFT) | held.session[at],
        session=held.session[at],
        arrival=held.arrival[at],
        flag=held.flag[at],
        odd=np.flatnonzero(is_odd[at]),
        phantom_code=none,
        phantom_day=none,
        phantom_arrival=none,
        actions=own(held.actions),
        membership=(),
        sectors=(),
        earnings=own(held.earnings),
        versions=(),
        **{name: getattr(held, name)[at] for name in FIELDS},
    )


def _rows(held: Sidecar, name: str) -> range:
    k = held.symbols.index(name)
    lo, hi = np.searchsorted(held.key, [k << SYMBOL_SHIFT, (k + 1) << SYMBOL_SHIFT])
    return range(int(lo), int(hi))
