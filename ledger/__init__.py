"""Is it byte for byte what we wrote, and what came before it? Every file of the record goes through here.

Beside the names below: ``ledger.layout`` (where things lie), ``ledger.seal.seal``, ``ledger.verify.verify``,
which keep the names of their modules.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ledger.artifacts import Context, Loaded, ReadFault, Written, read, revise, write, write_once
    from ledger.canonical import (
        artifact_bytes,
        digest,
        first_difference,
        line_bytes,
        parse,
        parse_canonical,
        plain,
    )
    from ledger.check import Fault
    from ledger.disk import Disk, LocalDisk
    from ledger.faulty import FaultyDisk, SimulatedCrash
    from ledger.journal import Journal, JournalCorrupt, fold
    from ledger.lock import BookLock, Fence
    from ledger.memo import Memo
    from ledger.seal import Sealed, last_sealed, listing, read_manifest, sessions_of
    from ledger.verify import Report

__all__ = [
    "BookLock",
    "Context",
    "Disk",
    "Fault",
    "FaultyDisk",
    "Fence",
    "Journal",
    "JournalCorrupt",
    "Loaded",
    "LocalDisk",
    "Memo",
    "ReadFault",
    "Report",
    "Sealed",
    "SimulatedCrash",
    "Written",
    "artifact_bytes",
    "digest",
    "first_difference",
    "fold",
    "last_sealed",
    "line_bytes",
    "listing",
    "parse",
    "parse_canonical",
    "plain",
    "read",
    "read_manifest",
    "revise",
    "sessions_of",
    "write",
    "write_once",
]

_HOMES: Final = {
    "artifacts": "Context Loaded ReadFault Written read revise write write_once",
    "canonical": "artifact_bytes digest first_difference line_bytes parse parse_canonical plain",
    "check": "Fault",
    "disk": "Disk LocalDisk",
    "faulty": "FaultyDisk SimulatedCrash",
    "journal": "Journal JournalCorrupt fold",
    "lock": "BookLock Fence",
    "memo": "Memo",
    "seal": "Sealed last_sealed listing read_manifest sessions_of",
    "verify": "Report",
}


def __getattr__(name: str) -> Any:
    """A public name, from its module, which is imported only then: a command that reads a file needs no lock."""
    for module, names in _HOMES.items():
        if name in names.split():
            return getattr(importlib.import_module(f"ledger.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
