"""The gates stand in one table: its order is the order of verdicts, and a gate not in it is not asked.

Numbers are those of execution.md 2. ``check_book`` is the part of a gate that asks nothing of a single entry.
"""

from dataclasses import dataclass
from typing import Final

from execution_v2.gates import (
    allowlist,
    decision,
    entries_per_day,
    envelope,
    freshness,
    gross_exposure,
    kill_switch,
    lifecycle,
    live,
    market,
    order_validity,
    phase_c,
    positions,
    posture,
    quarantine,
    record,
    repetition,
    risk_per_trade,
    sleeve,
)
from execution_v2.gates.facts import BookCheck, Check, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One row: its number and name, the phases in which it is asked, and its question."""

    number: int
    name: str
    phases: frozenset[Phase]
    check: Check
    check_book: BookCheck | None = None


_BOTH: Final = frozenset(Phase)
_SEND: Final = frozenset({Phase.S})

GATES: Final = (
    Gate(number=1, name="live", phases=_BOTH, check=live.check, check_book=live.check_book),
    Gate(
        number=2,
        name="kill_switch",
        phases=_BOTH,
        check=kill_switch.check,
        check_book=kill_switch.check_book,
    ),
    Gate(number=3, name="record", phases=_BOTH, check=record.check, check_book=record.check_book),
    Gate(number=4, name="phase_c", phases=_BOTH, check=phase_c.check, check_book=phase_c.check_book),
    Gate(number=5, name="allowlist", phases=_BOTH, check=allowlist.check),
    Gate(number=6, name="risk_per_trade", phases=_BOTH, check=risk_per_trade.check),
    Gate(number=7, name="gross_exposure", phases=_BOTH, check=gross_exposure.check),
    Gate(number=8, name="positions", phases=_BOTH, check=positions.check),
    Gate(number=9, name="entries_per_day", phases=_BOTH, check=entries_per_day.check),
    Gate(number=10, name="decision", phases=_BOTH, check=decision.check, check_book=decision.check_book),
    Gate(number=11, name="sleeve", phases=_BOTH, check=sleeve.check, check_book=sleeve.check_book),
    Gate(number=12, name="posture", phases=_SEND, check=posture.check),
    Gate(number=13, name="lifecycle", phases=_SEND, check=lifecycle.check),
    Gate(number=14, name="quarantine", phases=_SEND, check=quarantine.check),
    Gate(number=15, name="freshness", phases=_BOTH, check=freshness.check, check_book=freshness.check_book),
    Gate(number=16, name="market", phases=_SEND, check=market.check),
    Gate(number=17, name="repetition", phases=_SEND, check=repetition.check),
    Gate(number=18, name="envelope", phases=_BOTH, check=envelope.check),
    Gate(number=19, name="order_validity", phases=_BOTH, check=order_validity.check),
)
assert [gate.number for gate in GATES] == sorted({gate.number for gate in GATES}), "the order is the number's"
