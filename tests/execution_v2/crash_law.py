"""What a process that dies inside the day may change: when its slot's work is done, and how often a stop is exchanged.

Equal are cash, holdings, fills and their prices, every order by its client id, the folded state, and each file that
the law of the daily chain binds (``tests.chain.law``). Lawful, and named by ``Difference``:

LATER: the instants of a slot that died come later, by what the restart took.
STOP_REVISED: a restart covers what is held before it goes on, so that a stop which was making room for a trim is
exchanged more often, under its next revisions; the one that works at the end is the same.
ENTRY_ABSENT: an entry whose fate was unknown came too late, and did not come at all.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from ledger.canonical import first_difference, plain
from schemas.base import SessionDate
from schemas.book import Leg
from tests.chain.law import DIGESTS, files_of, last_stops, state_of
from tests.execution_v2.crash_day import LONG, SHORT, Place

LATER_MAX_S: Final = 120
_INSTANTS: Final = frozenset({"entered_at", "executed_at", "as_of"})
_ENDS: Final = frozenset({"ended_at"})
_NAMES: Final = frozenset({"client_order_id", "ord_id", "order_id", "revision", "replaces"})
_HASHES: Final = DIGESTS | {"state_sha256"}


class Difference(StrEnum):
    """A lawful way to differ from the day that nothing disturbed."""

    LATER = "LATER"
    STOP_REVISED = "STOP_REVISED"
    ENTRY_ABSENT = "ENTRY_ABSENT"


def outcome(place: Place, rerun: frozenset[tuple[SessionDate, str]]) -> dict[str, Any]:
    """All that is compared, as plain values. *rerun*: slots that were run more than once on either side."""
    account = place.venue.state
    found: dict[str, Any] = {
        "cash": str(account.cash),
        "holdings": {symbol: str(held) for symbol, (held, _) in sorted(account.holdings.items())},
        "fills": [
            [fill.symbol, str(fill.side), str(fill.quantity), str(fill.price), fill.client_order_id]
            for fills in account.fills.values()
            for fill in fills
        ],
        # An order that we ended did so when we came to ask for it: later after a restart, or once more.
        "orders": {o.client_order_id: _without(_ENDS, plain(o)) for o in account.orders.values()},
    }
    for session in (LONG, SHORT):
        day = place.day(session)
        again = {slot for on, slot in rerun if on == session}
        found[f"state {session}"] = _without(_HASHES, state_of(day))
        found[f"files {session}"] = _without(_HASHES, dict(files_of(day, again)))
        found[f"stops {session}"] = last_stops(day)
    return found


def lawful(whole: Place, resumed: Place) -> set[Difference]:
    """How *resumed* lawfully differs. Errors: AssertionError, naming the first place that no law allows."""
    rerun = frozenset(
        (session, name[:4])
        for place in (whole, resumed)
        for session in (LONG, SHORT)
        for name in place.day(session).cycles()
        if "-" in name
    )
    left, right = outcome(whole, rerun), outcome(resumed, rerun)
    found: set[Difference] = set()
    if _absent(left, right):
        _check_absent(whole, resumed)
        return {Difference.ENTRY_ABSENT}
    assert whole.exposures == resumed.exposures, "more or less was held when a cycle ended"
    late = list(_later(left, right))
    assert all(0 <= seconds <= LATER_MAX_S for seconds in late), f"instants moved by {late} s"
    if late:
        found.add(Difference.LATER)
    left, right = _without(_INSTANTS, left), _without(_INSTANTS, right)
    if first_difference(left, right) is not None:
        found.add(Difference.STOP_REVISED)
        left, right = _unrevised(whole, left), _unrevised(resumed, right)
    parted = first_difference(left, right)
    assert parted is None, f"{parted.pointer}: {parted.expected!r} undisturbed, {parted.actual!r} resumed"
    return found


def _absent(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether an entry of the undisturbed day never filled."""
    return bool({row[0] for row in left["fills"]} - {row[0] for row in right["fills"]})


def _check_absent(whole: Place, resumed: Place) -> None:
    """Less may be held, never more; that all of it has its stop is seen as each cycle ends (``crash_day``)."""
    for name, worth in resumed.exposures.items():
        assert worth <= whole.exposures[name], (
            f"{name}: {worth} at stake, {whole.exposures[name]} undisturbed"
        )
    booked = {row["symbol"]: row["quantity"] for row in state_of(resumed.day(SHORT))["positions"]}
    held = {symbol: str(quantity) for symbol, (quantity, _) in resumed.venue.state.holdings.items()}
    assert held == booked, "book and venue differ"


def _later(left: Any, right: Any) -> Iterator[float]:
    """Seconds by which the instants of *right* come after those of *left*, where they differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in left.keys() & right.keys():
            if key in _INSTANTS and left[key] != right[key]:
                moved = datetime.fromisoformat(right[key]) - datetime.fromisoformat(left[key])
                yield moved.total_seconds()
            else:
                yield from _later(left[key], right[key])
    elif isinstance(left, list) and isinstance(right, list):
        for one, other in zip(left, right, strict=False):
            yield from _later(one, other)


def _unrevised(place: Place, told: dict[str, Any]) -> dict[str, Any]:
    """*told* without the stops that ended, and without the names of those that work."""
    stops: set[str] = set()
    for session in (LONG, SHORT):
        state = state_of(place.day(session))
        for order in (*state["orders"], *state["ended_today"]):
            if order["leg"] == Leg.STOP:
                stops |= {str(order[key]) for key in ("client_order_id", "ord_id", "order_id")}
    told = told | {
        "orders": {name: order for name, order in told["orders"].items() if name not in stops},
        "stops at the venue": sorted(
            (o.symbol, str(o.quantity), str(o.stop))
            for o in place.venue.state.orders_open()
            if o.client_order_id in stops
        ),
    }
    return dict(_anonymous(told, stops))


def _anonymous(value: Any, stops: set[str]) -> Any:
    if isinstance(value, dict):
        named = any(str(value.get(key)) in stops for key in _NAMES)
        return {
            key: "a stop" if isinstance(each, str) and each in stops else _anonymous(each, stops)
            for key, each in value.items()
            if key != "stops_sent" and not (named and key in _NAMES)
        }
    if isinstance(value, list):
        kept = [each for each in value if not (isinstance(each, dict) and _is_past(each, stops))]
        return [_anonymous(each, stops) for each in kept]
    return value


def _is_past(row: Mapping[str, Any], stops: set[str]) -> bool:
    """Whether *row* tells of a stop that does not work any more."""
    named = any(str(row.get(key)) in stops for key in _NAMES)
    return named and str(row.get("state", row.get("state_after", ""))) in ("REPLACED", "CANCELLED")


def _without(keys: frozenset[str], value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(keys, each) for key, each in value.items() if key not in keys}
    return [_without(keys, each) for each in value] if isinstance(value, list) else value
