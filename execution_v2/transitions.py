"""What may become of an order is a table; a move outside it keeps the state and is reported.

The table of execution.md 3.2.
"""

from collections.abc import Mapping
from typing import Final

from schemas.book import ENDED, Order, OrderState

S = OrderState

_ANSWERS: Final = frozenset(
    {S.LIVE, S.PARTIAL, S.FILLED, S.CANCELLED, S.PARTIAL_CANCELLED, S.REPLACED, S.REJECTED, S.EXPIRED}
)
"""What a look-up of an order whose send was unknown can say."""
_MOVES: Final = frozenset(
    {
        S.PARTIAL,
        S.FILLED,
        S.CANCELLING,
        S.CANCELLED,
        S.PARTIAL_CANCELLED,
        S.EXPIRED,
        S.REPLACED,
        S.REJECTED,
        S.FROZEN,
    }
)
_REOPENED: Final = frozenset({S.FROZEN})
"""The broker shows an ended order open: one of us is wrong, and only a person or the broker can say who."""

WORKING: Final = frozenset({S.LIVE, S.PARTIAL})
"""The broker said that it holds it."""
COVERING: Final = frozenset({S.LIVE, S.PARTIAL, S.REPLACING, S.CANCELLING})
"""The broker has it and it may still sell; one of unknown fate covers nothing."""

NEXT: Final[Mapping[OrderState, frozenset[OrderState]]] = {
    # A successor in a PATCH is CREATED, and counted on the old order, until the venue says that it holds it.
    S.CREATED: frozenset({S.SUBMITTING, S.DENIED, S.NEVER_SENT, S.LIVE, S.PARTIAL, S.FILLED, S.REJECTED}),
    S.SUBMITTING: frozenset({S.LIVE, S.REJECTED, S.PARTIAL, S.FILLED, S.NEVER_SENT, S.SUBMIT_UNKNOWN}),
    S.SUBMIT_UNKNOWN: _ANSWERS | {S.NEVER_SENT, S.FROZEN, S.SUBMIT_UNKNOWN},
    S.LIVE: _MOVES | {S.REPLACING},
    S.PARTIAL: _MOVES,
    S.REPLACING: frozenset(
        {S.REPLACED, S.LIVE, S.FILLED, S.REPLACE_UNKNOWN, S.CANCELLED, S.PARTIAL_CANCELLED, S.EXPIRED}
    ),
    S.REPLACE_UNKNOWN: frozenset(
        {
            S.LIVE,
            S.REPLACED,
            S.FILLED,
            S.CANCELLED,
            S.PARTIAL_CANCELLED,
            S.EXPIRED,
            S.CANCELLING,
            S.FROZEN,
            S.REPLACE_UNKNOWN,
        }
    ),
    S.CANCELLING: frozenset(
        {S.CANCELLED, S.PARTIAL_CANCELLED, S.FILLED, S.CANCEL_UNKNOWN, S.EXPIRED, S.REJECTED}
    ),
    S.CANCEL_UNKNOWN: frozenset(
        {
            S.LIVE,
            S.PARTIAL,
            S.FILLED,
            S.CANCELLED,
            S.PARTIAL_CANCELLED,
            S.EXPIRED,
            S.REPLACED,
            S.FROZEN,
            S.CANCEL_UNKNOWN,
        }
    ),
    S.FROZEN: _ANSWERS | {S.NEVER_SENT, S.CANCELLING},
    # A resend under the same client id; a late answer overturns the proof of absence.
    S.NEVER_SENT: frozenset({S.SUBMITTING, S.CREATED, S.LIVE, S.PARTIAL, S.FILLED}),
    S.FILLED: _REOPENED,
    S.CANCELLED: _REOPENED,
    S.PARTIAL_CANCELLED: _REOPENED,
    S.REPLACED: _REOPENED,
    S.REJECTED: _REOPENED,
    S.EXPIRED: _REOPENED,
    S.DENIED: frozenset(),
}
assert set(NEXT) == set(OrderState), "a state without a row"
assert all(NEXT[state] <= _REOPENED for state in ENDED - {S.NEVER_SENT}), "an end that is none"

UNKNOWN: Final = frozenset({S.SUBMIT_UNKNOWN, S.REPLACE_UNKNOWN, S.CANCEL_UNKNOWN, S.FROZEN})
"""Nobody knows: live in full, looked up before anything else is done."""
IN_FLIGHT: Final[Mapping[OrderState, OrderState]] = {
    S.SUBMITTING: S.SUBMIT_UNKNOWN,
    S.REPLACING: S.REPLACE_UNKNOWN,
    S.CANCELLING: S.CANCEL_UNKNOWN,
}
"""A request was on the wire; found at load, it becomes the unknown beside it."""
FILL_MOVES: Final = frozenset(
    {S.CREATED, S.SUBMITTING, S.SUBMIT_UNKNOWN, S.LIVE, S.PARTIAL, S.FROZEN, S.NEVER_SENT}
)
"""States that a partial fill turns into PARTIAL; the others stay, with more filled."""


def is_settled(order: Order) -> bool:
    """Whether a person said how *order* ended: what the broker tells of it later is booked no second time."""
    return order.is_stated and (order.state in ENDED or order.frozen_from in ENDED)


def is_claimed(order: Order) -> bool:
    """Whether a person said that *order* works, and the broker has not shown it yet."""
    return order.is_stated and not is_settled(order)


def covers(order: Order) -> bool:
    """Whether the broker is known to hold *order*, so that its shares are covered."""
    return order.state in COVERING and not is_claimed(order)


def is_allowed(state: OrderState, to: OrderState) -> bool:
    """Whether an order in *state* may come to be in *to*."""
    return to in NEXT[state]
