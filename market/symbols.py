"""A ticker is a name that companies hand on: on D a company's history is that of every name it had before."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from schemas.market import ActionKind, CorporateAction

Span = tuple[str, date | None, date | None]
"""(ticker, from, until): rows of the ticker with from <= date < until; None is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Symbol changes in force on one day, (ex_date, old, new) by ex_date."""

    changes: tuple[tuple[date, str, str], ...] = ()

    @property
    def tickers(self) -> frozenset[str]:
        """Every ticker that a change touches; the others are what they always were."""
        return frozenset(name for _, old, new in self.changes for name in (old, new))

    def owner(self, symbol: str, on: date) -> str:
        """The ticker on D of whoever was called *symbol* on *on*; told on the ex-date, the old name's holder."""
        name, since, is_first = symbol, on, True
        for ex, old, new in self.changes:
            if old == name and (ex >= since if is_first else ex > since):
                name, since, is_first = new, ex, False
        return name

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
                (ex, new == name, old)
                for ex, old, new in self.changes
                if name in (old, new) and (until is None or ex < until)
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
    found = {
        (action.ex_date, action.symbol, action.new_symbol)
        for action in actions
        if action.kind is ActionKind.SYMBOL_CHANGE
        and action.new_symbol is not None
        and action.new_symbol != action.symbol
        and action.ex_date <= session
        and traded_before(action.symbol, action.ex_date)
    }
    return Names(changes=tuple(sorted(found)))
