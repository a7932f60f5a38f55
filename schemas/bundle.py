"""A bundle's index says what is in the archive, where each part is from, and what a check of it must find again.

``evidence.json`` in an evidence archive. Everything in it but ``replay`` follows from the other members, so whoever
receives the archive derives it anew and compares.
"""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from schemas.base import Fact, Scalar
from schemas.header import Artifact, InputRef
from schemas.replay import ReplayDivergence


class MemberRole(StrEnum):
    """What a member of the archive is."""

    DAY = "day"
    """A file of the session's folder, as it lies in the ledger."""
    INPUT = "input"
    """A file of another session that one of the day's files was made from."""
    CONFIG = "config"
    """The settings in force when the archive was made, without secrets."""
    EXTRACT = "extract"
    """What the day says of one symbol."""


class Member(Fact):
    """One file of the archive."""

    path: str
    role: MemberRole
    bytes: int
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class BundleFault(Fact):
    """Something in the day that is not as it was written, as verifying the packed files finds it."""

    code: str
    path: str
    pointer: str
    expected: Scalar
    actual: Scalar
    detail: str


class BundleReplay(Fact):
    """What recomputing the day gave when the archive was made."""

    identical: bool | None
    """Null: it was not recomputed."""
    why_not: str
    """Code of why it was not; empty if it was."""
    divergences: tuple[ReplayDivergence, ...]


class EvidenceBundle(Artifact):
    """``evidence.json``: the index of one archive. Its header's inputs are the day's files."""

    SCHEMA: ClassVar[str] = "avwap.bundle"
    STAGE: ClassVar[str] = "evidence"

    symbol: str | None
    """The symbol that the extract is of; null: the whole day, and no extract."""
    seal_sha256: str | None
    """Digest of the day's seal; null: it has none yet."""
    members: tuple[Member, ...]
    """Sorted by path; all but this index and ``sha256sums``."""
    outside: tuple[InputRef, ...]
    """Inputs that the day's files name and that are not packed: the market's bars, above all."""
    records: int
    """Of the day's journal."""
    records_of_symbol: int | None
    faults: tuple[BundleFault, ...]
    """Seals, chains, schemas and links of the packed day; empty: it is sound."""
    replay: BundleReplay
