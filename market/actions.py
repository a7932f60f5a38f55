"""Which corporate actions count on D: what was known at the cut, each in its latest telling."""

from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import Final

from market.facts import Told, in_force
from market.symbols import Names
from schemas.market import ActionKind, CorporateAction

ADJUSTING: Final = frozenset({ActionKind.SPLIT, ActionKind.STOCK_DIVIDEND, ActionKind.SPIN_OFF})
BLOCKING_ON_EX_DATE: Final = frozenset(
    {ActionKind.SPLIT, ActionKind.STOCK_DIVIDEND, ActionKind.SYMBOL_CHANGE}
)
BLOCKING_FROM_ANNOUNCEMENT: Final = frozenset({ActionKind.SPIN_OFF, ActionKind.MERGER, ActionKind.DELISTING})
DIVIDEND_BLOCKS_FROM: Final = Fraction(5, 100)
"""A cash dividend of this share of the close moves the price as a split does (strategy.md 1.7)."""


def known_actions(
    actions: Iterable[Told[CorporateAction]], session_index: int
) -> tuple[CorporateAction, ...]:
    """Of *actions* those known at the cut; of several tellings of one action the latest."""
    return in_force(actions, session_index)


def renamed(actions: Iterable[CorporateAction], names: Names) -> tuple[CorporateAction, ...]:
    """*actions* under the ticker that their company has on the day of *names*, without those whose company has none."""
    owned = ((action, names.owner(action.symbol, action.ex_date)) for action in actions)
    return tuple(
        action if owner == action.symbol else action.model_copy(update={"symbol": owner})
        for action, owner in owned
        if owner is not None
    )


def named(action: CorporateAction) -> tuple[str, ...]:
    """The tickers that *action* is about: of a symbol change the new one too."""
    if action.kind is ActionKind.SYMBOL_CHANGE and action.new_symbol is not None:
        return (action.symbol, action.new_symbol)
    return (action.symbol,)


def factors(actions: Iterable[CorporateAction], upto: date) -> dict[str, tuple[tuple[date, Fraction], ...]]:
    """For each symbol its (ex_date, new shares per old) up to and including *upto*, oldest first."""
    found: dict[str, list[tuple[date, Fraction]]] = {}
    for action in actions:
        if action.kind in ADJUSTING and action.ratio_num and action.ratio_den and action.ex_date <= upto:
            ratio = Fraction(action.ratio_num, action.ratio_den)
            found.setdefault(action.symbol, []).append((action.ex_date, ratio))
    return {symbol: tuple(sorted(ratios)) for symbol, ratios in found.items()}


def is_unresolved(action: CorporateAction) -> bool:
    """Whether the action lacks the very number or name that would let anyone apply it."""
    if action.kind in (ActionKind.SPLIT, ActionKind.STOCK_DIVIDEND):
        return action.ratio_num is None
    if action.kind is ActionKind.CASH_DIVIDEND:
        return action.cash_usd is None
    if action.kind is ActionKind.SYMBOL_CHANGE:
        return action.new_symbol is None
    return action.ratio_num is None and action.cash_usd is None and action.new_symbol is None


def takes_effect(action: CorporateAction, previous: date, session: date) -> bool:
    """Whether *action* takes effect on *session*, the first after *previous*: also from a date between the two."""
    return previous < action.ex_date <= session


def blocks_entries(action: CorporateAction, previous: date, session: date, close_e4: int | None) -> bool:
    """Whether *action* forbids new entries in its symbol on *session* (``CORP_ACTION_TODAY``, strategy.md
    1.7).

    previous: P. close_e4: the symbol's close at P, 1e-4 USD; None (no bar) lets a cash dividend block.
    """
    if action.kind in BLOCKING_FROM_ANNOUNCEMENT:
        return True
    if not takes_effect(action, previous, session):
        return False
    if action.kind is ActionKind.CASH_DIVIDEND:
        if action.cash_usd is None or not close_e4:
            return True
        return Fraction(action.cash_usd) * 10_000 >= DIVIDEND_BLOCKS_FROM * close_e4
    return True
