"""Before the open, every held position with a corporate action of D is named, with what its shares and stop become."""

from fractions import Fraction

from execution_v2.splits import split_quantity
from flows.day import Day
from market.actions import ADJUSTING, BLOCKING_ON_EX_DATE
from market.calendar import Calendar
from market.panel import Panel
from portfolio.settled import SESSIONS_BACK
from schemas.base import down
from schemas.book import Position
from schemas.market import ActionKind, CorporateAction, HeldAction

_UNTOUCHED = frozenset({ActionKind.CASH_DIVIDEND, ActionKind.SYMBOL_CHANGE})
"""Shares and stop stay what they are."""


def held_actions(day: Day, panel: Panel) -> tuple[HeldAction, ...]:
    """The rows of ``market.json``: each position carried into D whose symbol has an action on D."""
    today = panel.told_today()
    if not today:
        return ()
    from flows.stages.opening import carried_into

    held = sorted(carried_into(day).state.positions, key=lambda p: (p.symbol, p.strategy_id))
    return tuple(_row(action, p) for p in held for action in today if action.symbol == p.symbol)


def _row(action: CorporateAction, position: Position) -> HeldAction:
    quantity = stop = None
    if action.kind in _UNTOUCHED:
        quantity, stop = position.quantity, position.stop_price
    elif action.kind in ADJUSTING - {ActionKind.SPIN_OFF} and action.ratio_num and action.ratio_den:
        quantity = split_quantity(position.quantity, action.ratio_num, action.ratio_den)
        ratio = Fraction(action.ratio_num, action.ratio_den)
        if position.stop_price is not None:
            stop = down(position.stop_price * ratio.denominator / ratio.numerator)
    return HeldAction(
        symbol=action.symbol, kind=action.kind, ex_date=action.ex_date, ratio_num=action.ratio_num,
        ratio_den=action.ratio_den, cash_usd=action.cash_usd, new_symbol=action.new_symbol,
        position_id=position.position_id, strategy_id=position.strategy_id, sleeve_id=position.sleeve_id,
        quantity=position.quantity, quantity_expected=quantity, stop=position.stop_price, stop_expected=stop,
    )  # fmt: skip


def names_of_recent(panel: Panel, calendar: Calendar) -> dict[str, set[str]]:
    """Symbol on D -> every ticker of its actions of the last sessions that change shares, prices or names."""
    first = calendar.previous(panel.session_date, SESSIONS_BACK)
    names: dict[str, set[str]] = {}
    for told in panel.told:
        owner = panel.names.owner(told.symbol, told.ex_date)
        is_recent = (
            told.kind in ADJUSTING | BLOCKING_ON_EX_DATE and first <= told.ex_date <= panel.session_date
        )
        if owner is not None and is_recent:
            names.setdefault(owner, set()).update({told.symbol, told.new_symbol or told.symbol})
    return names
