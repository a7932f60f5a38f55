"""A day's seal lists the digest of every file of the day and of the seal before, and vouches for itself."""

from typing import ClassVar

from pydantic import Field

from schemas.base import Fact, SessionDate
from schemas.header import Artifact

SHA256_PATTERN = r"^[0-9a-f]{64}$"


class SealedFile(Fact):
    """One file under the seal."""

    path: str = Field(description="inside the day's folder")
    sha256: str = Field(pattern=SHA256_PATTERN)
    bytes: int = Field(ge=0)


class PreviousSeal(Fact):
    """The seal of the session sealed before this one."""

    session_date: SessionDate
    sha256: str = Field(pattern=SHA256_PATTERN, description="of the bytes of its manifest.json")


class Manifest(Artifact):
    """``manifest.json``. Its own sha256 is the day's seal."""

    SCHEMA: ClassVar[str] = "manifest"
    STAGE: ClassVar[str] = "seal"

    files: tuple[SealedFile, ...] = Field(description="sorted by path; all but manifest.json and report.html")
    previous: PreviousSeal | None = Field(description="null in the first session of a book")
    content_sha256: str = Field(
        pattern=SHA256_PATTERN,
        description="of this file's canonical bytes without this key, so that the newest seal, which no "
        "later one names, still shows a changed byte of its own",
    )
