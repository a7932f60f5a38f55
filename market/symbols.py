"""A ticker is a name that companies hand on: on D a company's history is that of every name it had before."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from schemas.market import ActionKind, CorporateAction

Span = tuple[str, date | None, date | None]
"""(ticker, from, until): rows of the ticker with from <= date < until; None is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From the open of *ex* on the company called *old* is called *new*.

    displaces: whether another company's bars stand under *new* before; its name is then gone.
    """

    ex: date
    old: str
    new: str
    displaces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Symbol changes in force on one day, by ex-date."""

    changes: tuple[Change, ...] = ()

    @property
    def tickers(self) -> frozenset[str]:
        """Every ticker that a change touches; the others are what they always were."""
        return frozenset(name for change in self.changes for name in (change.old, change.new))

    def owner(self, symbol: str, on: date, *, is_bar: bool = False) -> str | None:
        """The ticker on D of whoever was called *symbol* on *on*; ``None`` if another company has that name since.

        What is told of the old name on the very ex-date is about the company that gave it up; a bar is not.
        """
        name, since, is_first = symbol, on, not is_bar
        while True:
            left = [
                c for c in self.changes if c.old == name and (c.ex >= since if is_first else c.ex > since)
            ]
            lost = [c for c in self.changes if c.new == name and c.displaces and c.ex > since]
            if not left or (lost and lost[0].ex < left[0].ex):
                return None if lost else name
            name, since, is_first = left[0].new, left[0].ex, False

    def spans(self, symbol: str) -> tuple[Span, ...]:
        """Where the bars of the company that is called *symbol* on D lie, oldest first.

        Back from D: bars of a ticker up to the day on which it was handed over, then those of the name before.
        What others traded under one of these names, before or after, is not among them.
        """
        found: list[Span] = []
        name: str = symbol
        until: date | None = None
        while True:
            events = [
                (c.ex, c.new == name, c.old)
                for c in self.changes
                if name in (c.old, c.new) and (until is None or c.ex < until)
            ]
            if not events:
                return ((name, None, until), *reversed(found))
            ex, is_taken_over, old = max(events)
            found.append((name, ex, until))
            if not is_taken_over:
                return tuple(reversed(found))
            name, until = old, ex


def names_on(
    actions: Iterable[CorporateAction], session: date, traded_before: Callable[[str, date], bool]
) -> Names:
    """The changes among *actions*, known at the cut, that are effective on *session*.

    traded_before: whether the store has a bar of a ticker before a date. A change from a name without any hands
    nothing over: its vendor put the new name on the old bars already.
    """
    found: list[Change] = []
    told = (a for a in actions if a.kind is ActionKind.SYMBOL_CHANGE and a.ex_date <= session)
    for action in sorted(told, key=lambda each: (each.ex_date, each.symbol, each.new_symbol or "")):
        ex, old, new = action.ex_date, action.symbol, action.new_symbol
        if new is None or new == old or not traded_before(old, ex):
            continue
        displaces = traded_before(new, ex) or any(change.new == new and change.ex < ex for change in found)
        found.append(Change(ex=ex, old=old, new=new, displaces=displaces))
    return Names(changes=tuple(dict.fromkeys(found)))
