"""Whoever asks later why a quantity was believed finds the reads it rested on, under one digest in one log line.

Building is pure; keeping goes through a port. Evidence that cannot be written is said, and stops nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from ledger.canonical import artifact_bytes, digest, plain
from schemas.errors import AvwapError
from schemas.evidence import EvidenceMode, EvidenceSummary
from schemas.ids import content_id
from schemas.reasons.sync import EvidenceCode

SUMS = "sha256sums"
SUMMARY = "summary.json"


class EvidencePort(Protocol):
    """Where evidence is kept, and where its line is said. Paths are inside the book's folder."""

    def keep(self, evidence_id: str, files: Mapping[str, bytes]) -> str:
        """Write *files* and return their folder. Errors: ``AvwapError`` or ``OSError`` where the disk will not."""
        ...

    def say(self, line: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Files by their path inside the folder of *evidence_id*; *sha256* is that of ``sha256sums``."""

    evidence_id: str
    mode: EvidenceMode
    reason: str
    files: Mapping[str, bytes]
    sha256: str


def evidence_id(book_id: str, session: date, cycle: str, mode: EvidenceMode, symbol: str) -> str:
    """One piece of evidence per mode and symbol of a cycle."""
    return content_id("ev_", book_id, session, cycle, mode.value, symbol)


def build(summary: EvidenceSummary, inputs: Mapping[str, Mapping[str, Any]]) -> Evidence:
    """The files of *summary* and of the recorded reads *inputs* (name -> the answer as JSON values)."""
    files = {SUMMARY: artifact_bytes(plain(summary))}
    files |= {f"inputs/{name}.json": artifact_bytes(read) for name, read in sorted(inputs.items())}
    sums = "".join(f"{digest(data)}  {name}\n" for name, data in sorted(files.items())).encode()
    return Evidence(
        evidence_id=summary.evidence_id,
        mode=summary.mode,
        reason=summary.reason,
        files={**files, SUMS: sums},
        sha256=digest(sums),
    )


def keep(port: EvidencePort | None, evidence: Evidence) -> bool:
    """Write the files and say where they are. Returns: whether they are on disk; no failure is an error."""
    if port is None:
        return False
    try:
        path = port.keep(evidence.evidence_id, evidence.files)
    except (AvwapError, OSError):
        port.say(reference(evidence, EvidenceCode.EVIDENCE_UNWRITTEN, "-"))
        return False
    port.say(reference(evidence, evidence.reason, path))
    return True


def reference(evidence: Evidence, reason: str, path: str) -> str:
    """The line that is grepped for."""
    return (
        f"EVIDENCE_REF mode={evidence.mode.value} id={evidence.evidence_id} sha256={evidence.sha256} "
        f"reason={reason} path={path}"
    )
