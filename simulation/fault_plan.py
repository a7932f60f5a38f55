"""What goes wrong, and at which call, is a pure function of a seed and the call's number, or stands in a script.

Splits, gaps and days without trade belong to the tape; latencies of requests to ``IntradayConfig``. Here is what can
happen at the port itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from simulation.chance import Chance


class Fault(StrEnum):
    """One thing that goes wrong at one call."""

    REQUEST_LOST = "request_lost"
    """It never arrives; the caller waits for its time-out."""
    NOT_SENT = "not_sent"
    """The connection is refused: the caller knows that nothing left."""
    ACCEPTED_504 = "accepted_504"
    """It arrives, and a gateway answers 504."""
    ACK_LOST = "ack_lost"
    """It arrives, and the answer does not."""
    LATE_ARRIVAL = "late_arrival"
    """It arrives seconds after the caller has given up."""
    BODY_CUT = "body_cut"
    """It arrives, and the answer is cut short."""
    RESET = "reset"
    """The connection is reset; whether it arrived, nobody knows."""
    STALL = "stall"
    """Nothing is heard until the time-out; a request may land after it."""
    DUPLICATE_ACK = "duplicate_ack"
    """It is delivered twice, and the first answer is heard."""
    DUPLICATE_ID = "duplicate_id"
    """It is delivered twice, and the second answer is heard: the client id was used."""
    RATE_LIMITED = "rate_limited"
    HELD_BURST = "held_burst"
    """This sale and some after it are told that their shares are held."""
    REJECT_BURST = "reject_burst"
    """This order and some after it are rejected without a good reason."""
    PARTIAL_THEN_REJECT = "partial_then_reject"
    FILL_AFTER_CANCEL_ACK = "fill_after_cancel_ack"
    FILLED_BEFORE_CANCEL = "filled_before_cancel"
    REPLACE_FILLS_FIRST = "replace_fills_first"
    REPLACE_REJECTED_LATER = "replace_rejected_later"
    """The exchange of orders is accepted, and refused afterwards: the old order stays."""
    HALT = "halt"
    """The symbol stops trading for minutes."""
    READ_FAILED = "read_failed"
    STALE_OLD = "stale_old"
    """An earlier answer, with its instant."""
    STALE_FRESH = "stale_fresh"
    """An earlier answer, said to be of now."""
    EMPTY = "empty"
    PARTIAL_PAGE = "partial_page"
    NOT_SEEN_YET = "not_seen_yet"
    """A look-up does not find what is there."""
    CLOCK_SKEW = "clock_skew"
    UPDATES_LATE = "updates_late"
    UPDATES_DOUBLED = "updates_doubled"
    UPDATES_REORDERED = "updates_reordered"
    UPDATES_DROPPED = "updates_dropped"
    STREAM_MUTE = "stream_mute"
    """Connected, and silent for some calls; what happened meanwhile is never told."""
    STREAM_DOWN = "stream_down"


F = Fault
_WRITE: Final = (
    F.REQUEST_LOST,
    F.NOT_SENT,
    F.ACCEPTED_504,
    F.ACK_LOST,
    F.LATE_ARRIVAL,
    F.BODY_CUT,
    F.RESET,
    F.STALL,
    F.DUPLICATE_ACK,
    F.RATE_LIMITED,
)
_READ: Final = (F.READ_FAILED, F.STALL, F.STALE_OLD)
_NASTY_READ: Final = (*_READ, F.STALE_FRESH)
POSSIBLE: Final[Mapping[str, tuple[Fault, ...]]] = MappingProxyType(
    {
        "submit": (*_WRITE, F.DUPLICATE_ID, F.HELD_BURST, F.REJECT_BURST, F.PARTIAL_THEN_REJECT, F.HALT),
        "replace": (*_WRITE, F.DUPLICATE_ID, F.REPLACE_FILLS_FIRST, F.REPLACE_REJECTED_LATER),
        "cancel": (*_WRITE, F.FILL_AFTER_CANCEL_ACK, F.FILLED_BEFORE_CANCEL),
        "lookup": (F.READ_FAILED, F.STALL, F.NOT_SEEN_YET),
        "account": _NASTY_READ,
        "positions": (*_NASTY_READ, F.EMPTY),
        "open_orders": (*_NASTY_READ, F.PARTIAL_PAGE),
        "closed_orders": (*_NASTY_READ, F.PARTIAL_PAGE),
        "fills": (*_NASTY_READ, F.PARTIAL_PAGE),
        "events": (F.READ_FAILED, F.STALL),
        "assets": _READ,
        "clock": (F.READ_FAILED, F.STALL, F.CLOCK_SKEW),
        "calendar": (F.READ_FAILED, F.STALL),
        "quotes": _NASTY_READ,
        "day_bars": _READ,
        "bars": _READ,
        "updates": (
            F.UPDATES_LATE,
            F.UPDATES_DOUBLED,
            F.UPDATES_REORDERED,
            F.UPDATES_DROPPED,
            F.STREAM_MUTE,
            F.STREAM_DOWN,
        ),
    }
)
"""Operation -> what can go wrong with it."""

_WRITES: Final = frozenset({"submit", "replace", "cancel"})
Place = int | str
"""A call's number; or ``op``, ``symbol``, ``op/symbol``, with ``#n`` for the n-th such call (from 1; else the first) or
``#*`` for every one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Which fault comes at which call. Without a script and with rate 0: none."""

    seed: int = 0
    rate: float = 0.0
    """The probability that a call is disturbed."""
    write_rate: float | None = None
    """That of a request that changes something, of which there are far fewer; None: the same."""
    script: Mapping[Place, Fault] = field(default_factory=dict)

    def at(self, number: int, op: str, places: Mapping[str, int]) -> Fault | None:
        """The fault of call *number*. *places*: how often each of its names was called, this call included."""
        if self.script:
            named: list[Place] = [number]
            for name, count in places.items():
                named += [f"{name}#{count}", f"{name}#*", *([name] if count == 1 else [])]
            found = next((self.script[each] for each in named if each in self.script), None)
            if found is not None:
                return found
        rate = self.write_rate if self.write_rate is not None and op in _WRITES else self.rate
        if not rate:
            return None
        chance = Chance(self.seed, f"fault/{number}")
        if not chance.happens(rate):
            return None
        among = POSSIBLE.get(op, ())
        return chance.pick(among) if among else None

    def how(self, number: int) -> Chance:
        """The draws that say how the fault of call *number* goes."""
        return Chance(self.seed, f"how/{number}")
