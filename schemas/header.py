"""Every artifact opens with the same header: what it is, whose, which day, from which inputs, by which rules.

No wall clock, host, pid or absolute path: two runs of one day must give one file.
"""

from typing import ClassVar, Final

from pydantic import Field

from schemas.base import Fact, Scalar, SessionDate

CODE_VERSION: Final = "4"
"""The declared behaviour version. Raised with any change that alters artifact bytes; a comment edit does not."""


class InputRef(Fact):
    """One file that a stage read: path inside the data root, and the sha256 of its bytes."""

    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Finding(Fact):
    """One reason, in the one shape that checks, gates and verdicts share."""

    code: str
    subject: str
    observed: Scalar = None
    threshold: Scalar = None
    detail: str = ""


class Header(Fact):
    """The fields that open every artifact file, beside the payload's own."""

    schema_: str = Field(alias="schema", serialization_alias="schema")
    schema_version: int
    book_id: str
    session_date: SessionDate
    stage: str
    inputs: tuple[InputRef, ...]
    config_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    code_version: str
    supersedes: str | None = None
    """Only in a revision: the file name that this one corrects. Left out of the bytes when absent."""


class Artifact(Fact):
    """Base of a stage's result. On disk it is one object: the header's keys and the payload's, side by side.

    A stage's pure ``run`` returns one of these without knowing paths, digests or config: the edge adds the header.
    """

    SCHEMA: ClassVar[str]
    VERSION: ClassVar[int] = 1
    STAGE: ClassVar[str]
    AS_WRITTEN: ClassVar[frozenset[str]] = frozenset()
    """Fields whose validated value is already the JSON value that is written, its floats finite: no copy is made."""
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset()
    """Fields that are left out of the bytes while None: a feature that is off leaves no trace of itself."""
