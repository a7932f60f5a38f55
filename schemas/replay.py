"""A replay's verdict says what a day gave when it was recomputed, file by file, so that a later one can be compared.

``replay/<SESSION_DATE>.json`` lies beside the days, outside every seal; the newest replay of a day replaces it.
"""

from typing import ClassVar

from schemas.base import Fact, Scalar
from schemas.header import Artifact
from schemas.tick import DivergenceCategory


class ReplayDivergence(Fact):
    """One place where recomputing gave something else."""

    category: str
    """Where it shows: BYTES, MISSING, UNEXPECTED, CALL, JOURNAL, STAGE, or BEHAVIOUR of another build."""
    safety: DivergenceCategory | None
    """The category that a cycle's own check gives it (execution.md 11); null: a change of behaviour is none."""
    file: str
    pointer: str
    """JSON pointer; of a journal, the line's number counted from 0 leads it. Empty: the whole file."""
    expected: Scalar
    """As recorded; a list or an object is told by its beginning."""
    actual: Scalar
    """As recomputed."""


class ReplayTally(Fact):
    """Divergences of one category."""

    now: int
    before: int
    """In the verdict that this one replaces."""


class ReplayVerdict(Artifact):
    """``replay/<SESSION_DATE>.json``: one sealed session, recomputed from its recordings."""

    SCHEMA: ClassVar[str] = "avwap.replay"
    STAGE: ClassVar[str] = "replay"

    files: int
    """Of the day, compared or taken as recorded."""
    identical: bool
    """Nothing diverged; a change of behaviour under another build is no divergence."""
    same_build: bool
    """Sealed under the code version that recomputed it."""
    taken: tuple[str, ...]
    """Files taken as recorded, since a revision or a change of settings came after them."""
    divergences: tuple[ReplayDivergence, ...]
    counts: dict[str, ReplayTally]
    """By category of ``safety``; those with none, now and before, are left out."""
