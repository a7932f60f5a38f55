"""Each row of the router's table, met at an exchange: what is decided and why, and which orders stand afterwards.

python -m tools.drills.router
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from execution_v2.router import Decision, Desired, Route, RouteInputs, route
from market.calendar import Calendar
from schemas.book import Order, OrderState, RiskClass, TimeInForce
from schemas.reasons.execution import RouteCode
from tools.drills.notes import Notes, alone
from tools.drills.pit import HELD, PRICE, Pit, entry_wish, exit_wish, stop_wish

SHOWS: Final = "every row of the router's table at an exchange: the decision, its reason, what stands then"
NONE: Final = "none"
STOPPED: Final = "stop 40 gtc at 47.00"
WAITS: Final = Decimal("48.00")
"""A buy's limit below the market."""
TIGHTER: Final = Decimal("48.00")
R, C = Route, RouteCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of execution.md 6: how it comes about, and what is to come of it. *slow*: a venue that takes seconds."""

    row: str
    what: str
    pose: Callable[[Pit], RouteInputs]
    route: Route
    reason: RouteCode
    left: str
    slow: bool = False


def _stop(pit: Pit) -> Order:
    return pit.place(stop_wish())


def _buy(wish: Desired | None, existing: Order | None = None, **facts: Any) -> RouteInputs:
    """An entry that every gate let pass, unless *facts* says otherwise."""
    made = RouteInputs(desired=wish, existing=existing, risk=RiskClass.INCREASE, is_authorised=True)
    return replace(made, **facts)


def _unanswered(pit: Pit) -> RouteInputs:
    order = _stop(pit).model_copy(update={"state": OrderState.REPLACE_UNKNOWN})
    return RouteInputs(desired=stop_wish(stop=TIGHTER), existing=order)


def _invalid(pit: Pit) -> RouteInputs:
    return RouteInputs(desired=stop_wish(stop=Decimal("NaN")), existing=_stop(pit))


def _for_a_day(pit: Pit) -> RouteInputs:
    day = replace(stop_wish(), time_in_force=TimeInForce.DAY)
    return RouteInputs(desired=stop_wish(), existing=pit.place(day))


def _stopped(pit: Pit, wish: Desired | None, **facts: Any) -> RouteInputs:
    """*wish* beside the stop that stands."""
    return replace(RouteInputs(desired=wish, existing=_stop(pit)), **facts)


def _halted(pit: Pit, wish: Desired, *, has_stop: bool) -> RouteInputs:
    if has_stop:
        _stop(pit)
    return RouteInputs(desired=wish, is_halted=pit.halt())


def _partly(pit: Pit, shares: int, wish: Desired) -> RouteInputs:
    return RouteInputs(desired=wish, existing=pit.traded(_stop(pit), shares))


def _pending(pit: Pit) -> RouteInputs:
    order = _stop(pit)
    return RouteInputs(desired=stop_wish(stop=TIGHTER), existing=order, is_ready=pit.is_ready(order))


def _working(pit: Pit, limit: Decimal, **facts: Any) -> RouteInputs:
    return _buy(entry_wish(limit=limit), pit.place(entry_wish(limit=WAITS)), **facts)


ROWS: Final = (
    Row(
        row="1",
        what="the replace of the stop was not answered",
        pose=_unanswered,
        route=R.NOOP,
        reason=C.EXISTING_AMBIGUOUS,
        left=STOPPED,
    ),
    Row(
        row="2",
        what="nothing is wished, nothing stands",
        pose=lambda _: RouteInputs(desired=None),
        route=R.NOOP,
        reason=C.NOTHING_TO_DO,
        left=NONE,
    ),
    Row(
        row="3",
        what="nothing is wished, the stop stands",
        pose=lambda pit: _stopped(pit, None),
        route=R.CANCEL,
        reason=C.EXPLICIT_CANCEL,
        left=NONE,
    ),
    Row(
        row="4",
        what="a stop at a price that is no number",
        pose=_invalid,
        route=R.BLOCK,
        reason=C.ORDER_INVALID,
        left=STOPPED,
    ),
    Row(
        row="5",
        what="an entry that no gate was asked about",
        pose=lambda _: _buy(entry_wish(), is_authorised=False),
        route=R.BLOCK,
        reason=C.NOT_AUTHORISED,
        left=NONE,
    ),
    Row(
        row="6",
        what="an entry of less than a share",
        pose=lambda _: _buy(entry_wish(Decimal("0.9"))),
        route=R.BLOCK,
        reason=C.QTY_BELOW_ONE,
        left=NONE,
    ),
    Row(
        row="6",
        what="a stop where every share is claimed already",
        pose=lambda _: RouteInputs(desired=stop_wish(), bound=Decimal(0)),
        route=R.BLOCK,
        reason=C.NOTHING_TO_REDUCE,
        left=NONE,
    ),
    Row(
        row="7",
        what="a stop for more shares than are held",
        pose=lambda _: RouteInputs(desired=stop_wish(Decimal(60)), bound=HELD),
        route=R.PLACE,
        reason=C.NO_EXISTING_ORDER,
        left=STOPPED,
    ),
    Row(
        row="8",
        what="an entry without a fresh quote",
        pose=lambda _: _buy(entry_wish(), has_quote=False),
        route=R.BLOCK,
        reason=C.QUOTE_STALE,
        left=NONE,
    ),
    Row(
        row="9",
        what="an exit while the name is halted",
        pose=lambda pit: _halted(pit, exit_wish(), has_stop=True),
        route=R.NOOP,
        reason=C.HALT_STOP_KEPT,
        left=STOPPED,
    ),
    Row(
        row="9",
        what="a halted name without its stop",
        pose=lambda pit: _halted(pit, stop_wish(), has_stop=False),
        route=R.PLACE,
        reason=C.NO_EXISTING_ORDER,
        left=STOPPED,
    ),
    Row(
        row="10",
        what="the stop sold as much as is wished",
        pose=lambda pit: _partly(pit, 10, stop_wish(Decimal(10))),
        route=R.CANCEL,
        reason=C.ALREADY_FILLED_ENOUGH,
        left=NONE,
    ),
    Row(
        row="11",
        what="no stop stands",
        pose=lambda _: RouteInputs(desired=stop_wish()),
        route=R.PLACE,
        reason=C.NO_EXISTING_ORDER,
        left=STOPPED,
    ),
    Row(
        row="12",
        what="the stop that stands ends with the day",
        pose=_for_a_day,
        route=R.CANCEL_THEN_PLACE,
        reason=C.IMMUTABLE_FIELD,
        left=STOPPED,
    ),
    Row(
        row="13",
        what="an entry that works is wished at another price",
        pose=lambda pit: _working(pit, PRICE),
        route=R.CANCEL,
        reason=C.ENTRY_NOT_AMENDED,
        left=NONE,
    ),
    Row(
        row="14",
        what="the stop, less than a tick higher",
        pose=lambda pit: _stopped(pit, stop_wish(stop=Decimal("47.009"))),
        route=R.NOOP,
        reason=C.NO_CHANGE_BELOW_TICK,
        left=STOPPED,
    ),
    Row(
        row="15",
        what="the stop, lower",
        pose=lambda pit: _stopped(pit, stop_wish(stop=Decimal("46.00"))),
        route=R.NOOP,
        reason=C.WOULD_LOOSEN,
        left=STOPPED,
    ),
    Row(
        row="15",
        what="the stop, lower and for fewer shares",
        pose=lambda pit: _stopped(pit, stop_wish(Decimal(30), Decimal("46.00"))),
        route=R.REPLACE,
        reason=C.STOP_REPLACE,
        left="stop 30 gtc at 47.00",
    ),
    Row(
        row="16",
        what="an entry that works, and would exceed the envelope",
        pose=lambda pit: _working(pit, WAITS, fits_envelope=False),
        route=R.BLOCK,
        reason=C.EXPOSURE_ENVELOPE,
        left="buy 40 day at 48.00",
    ),
    Row(
        row="17",
        what="a tighter stop while the old one fires",
        pose=lambda pit: _partly(pit, 4, stop_wish(stop=TIGHTER)),
        route=R.NOOP,
        reason=C.STOP_FIRING,
        left="stop 36 gtc at 47.00",
    ),
    Row(
        row="18",
        what="a tighter stop while the old one is merely accepted",
        pose=_pending,
        route=R.NOOP,
        reason=C.REPLACE_NOT_READY,
        left=STOPPED,
        slow=True,
    ),
    Row(
        row="19",
        what="a tighter stop",
        pose=lambda pit: _stopped(pit, stop_wish(stop=TIGHTER)),
        route=R.REPLACE,
        reason=C.STOP_REPLACE,
        left="stop 40 gtc at 48.00",
    ),
    Row(
        row="20",
        what="a tighter stop, the window of replaces spent",
        pose=lambda pit: _stopped(pit, stop_wish(stop=TIGHTER), has_budget=False),
        route=R.NOOP,
        reason=C.BUDGET_SPENT,
        left=STOPPED,
    ),
    Row(
        row="20",
        what="a stop for fewer shares, the window spent",
        pose=lambda pit: _stopped(pit, stop_wish(Decimal(10)), has_budget=False),
        route=R.REPLACE,
        reason=C.RESERVED_BUDGET,
        left="stop 10 gtc at 47.00",
    ),
)


def run(notes: Notes, _root: Path) -> None:
    """The drill; it leaves nothing on disk."""
    hours = Calendar(2024, 2024)
    for row in ROWS:
        walked(notes, row, hours)


def walked(notes: Notes, row: Row, hours: Calendar) -> Decision:
    """One row: its situation is made at an exchange, the router is asked, and what it decided is carried out."""
    notes.step(f"row {row.row}: {row.what}")
    pit = Pit(hours, latency_s=2 if row.slow else 0)
    asked = row.pose(pit)
    decision = route(asked)
    notes.expect("decided", f"{row.route} by {row.reason}", f"{decision.route} by {decision.reason}")
    left = pit.carry_out(decision, asked.existing)
    notes.expect("orders that stand", row.left, left)
    also = "".join(f", {code}" for code in decision.also)
    notes.keep(f"row {row.row}: {decision.route} by {decision.reason}{also}; stands: {left}")
    return decision


if __name__ == "__main__":
    sys.exit(alone(run))
