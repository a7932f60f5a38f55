"""Is it byte for byte what we wrote, and what came before it? Every file of the record goes through here.

Beside the names below: ``ledger.layout`` (where things lie), ``ledger.seal.seal``, ``ledger.verify.verify``,
which keep the names of their modules.
"""

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
