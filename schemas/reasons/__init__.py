"""Every reason code, in one registry; within a module's enums definition order is precedence.

A module per owner, an enum per gate or table. A code that two tables share (``UNIT_RISK_TOO_WIDE``) is one
word with one meaning. ``tests/test_trust.py`` demands a runbook line for each.
"""

from enum import StrEnum
from importlib import import_module
from typing import Final

_OWNERS: Final = (
    "ledger",
    "market",
    "scan",
    "portfolio",
    "gates",
    "execution",
    "sync",
    "lifecycle",
    "posture",
    "analytics",
    "messages",
    "edge",
)


def all_codes() -> dict[str, type[StrEnum]]:
    """Code -> the first enum that declares it, in registry order."""
    found: dict[str, type[StrEnum]] = {}
    for owner in _OWNERS:
        module = import_module(f"schemas.reasons.{owner}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, StrEnum) and value is not StrEnum:
                for member in value:
                    found.setdefault(str(member), value)
    return found
