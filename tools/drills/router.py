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


@dataclass(frozen=True, slots=True)
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
    Row("1", "the replace of the stop was not answered", _unanswered, R.NOOP, C.EXISTING_AMBIGUOUS, STOPPED),
    Row(
        "2",
        "nothing is wished, nothing stands",
        lambda _: RouteInputs(desired=None),
        R.NOOP,
        C.NOTHING_TO_DO,
        NONE,
    ),
    Row(
        "3",
        "nothing is wished, the stop stands",
        lambda pit: _stopped(pit, None),
        R.CANCEL,
        C.EXPLICIT_CANCEL,
        NONE,
    ),
    Row("4", "a stop at a price that is no number", _invalid, R.BLOCK, C.ORDER_INVALID, STOPPED),
    Row(
        "5",
        "an entry that no gate was asked about",
        lambda _: _buy(entry_wish(), is_authorised=False),
        R.BLOCK,
        C.NOT_AUTHORISED,
        NONE,
    ),
    Row(
        "6",
        "an entry of less than a share",
        lambda _: _buy(entry_wish(Decimal("0.9"))),
        R.BLOCK,
        C.QTY_BELOW_ONE,
        NONE,
    ),
    Row(
        "6",
        "a stop where every share is claimed already",
        lambda _: RouteInputs(desired=stop_wish(), bound=Decimal(0)),
        R.BLOCK,
        C.NOTHING_TO_REDUCE,
        NONE,
    ),
    Row(
        "7",
        "a stop for more shares than are held",
        lambda _: RouteInputs(desired=stop_wish(Decimal(60)), bound=HELD),
        R.PLACE,
        C.NO_EXISTING_ORDER,
        STOPPED,
    ),
    Row(
        "8",
        "an entry without a fresh quote",
        lambda _: _buy(entry_wish(), has_quote=False),
        R.BLOCK,
        C.QUOTE_STALE,
        NONE,
    ),
    Row(
        "9",
        "an exit while the name is halted",
        lambda pit: _halted(pit, exit_wish(), has_stop=True),
        R.NOOP,
        C.HALT_STOP_KEPT,
        STOPPED,
    ),
    Row(
        "9",
        "a halted name without its stop",
        lambda pit: _halted(pit, stop_wish(), has_stop=False),
        R.PLACE,
        C.NO_EXISTING_ORDER,
        STOPPED,
    ),
    Row(
        "10",
        "the stop sold as much as is wished",
        lambda pit: _partly(pit, 10, stop_wish(Decimal(10))),
        R.CANCEL,
        C.ALREADY_FILLED_ENOUGH,
        NONE,
    ),
    Row(
        "11",
        "no stop stands",
        lambda _: RouteInputs(desired=stop_wish()),
        R.PLACE,
        C.NO_EXISTING_ORDER,
        STOPPED,
    ),
    Row(
        "12",
        "the stop that stands ends with the day",
        _for_a_day,
        R.CANCEL_THEN_PLACE,
        C.IMMUTABLE_FIELD,
        STOPPED,
    ),
    Row(
        "13",
        "an entry that works is wished at another price",
        lambda pit: _working(pit, PRICE),
        R.CANCEL,
        C.ENTRY_NOT_AMENDED,
        NONE,
    ),
    Row(
        "14",
        "the stop, less than a tick higher",
        lambda pit: _stopped(pit, stop_wish(stop=Decimal("47.009"))),
        R.NOOP,
        C.NO_CHANGE_BELOW_TICK,
        STOPPED,
    ),
    Row(
        "15",
        "the stop, lower",
        lambda pit: _stopped(pit, stop_wish(stop=Decimal("46.00"))),
        R.NOOP,
        C.WOULD_LOOSEN,
        STOPPED,
    ),
    Row(
        "15",
        "the stop, lower and for fewer shares",
        lambda pit: _stopped(pit, stop_wish(Decimal(30), Decimal("46.00"))),
        R.REPLACE,
        C.STOP_REPLACE,
        "stop 30 gtc at 47.00",
    ),
    Row(
        "16",
        "an entry that works, and would exceed the envelope",
        lambda pit: _working(pit, WAITS, fits_envelope=False),
        R.BLOCK,
        C.EXPOSURE_ENVELOPE,
        "buy 40 day at 48.00",
    ),
    Row(
        "17",
        "a tighter stop while the old one fires",
        lambda pit: _partly(pit, 4, stop_wish(stop=TIGHTER)),
        R.NOOP,
        C.STOP_FIRING,
        "stop 36 gtc at 47.00",
    ),
    Row(
        "18",
        "a tighter stop while the old one is merely accepted",
        _pending,
        R.NOOP,
        C.REPLACE_NOT_READY,
        STOPPED,
        slow=True,
    ),
    Row(
        "19",
        "a tighter stop",
        lambda pit: _stopped(pit, stop_wish(stop=TIGHTER)),
        R.REPLACE,
        C.STOP_REPLACE,
        "stop 40 gtc at 48.00",
    ),
    Row(
        "20",
        "a tighter stop, the window of replaces spent",
        lambda pit: _stopped(pit, stop_wish(stop=TIGHTER), has_budget=False),
        R.NOOP,
        C.BUDGET_SPENT,
        STOPPED,
    ),
    Row(
        "20",
        "a stop for fewer shares, the window spent",
        lambda pit: _stopped(pit, stop_wish(Decimal(10)), has_budget=False),
        R.REPLACE,
        C.RESERVED_BUDGET,
        "stop 10 gtc at 47.00",
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
