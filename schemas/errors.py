"""Four roots, named by what the caller must do next.

AvwapError
├── Denied      a rule of ours said no         record the code, go on with the next
├── Rejected    the outside said no, provably  record it; final for this attempt
├── Ambiguous   nobody knows yet               count it as live, in full; look it up; then act
└── Corrupt     what we kept is not what we wrote   stop entries, keep every byte, call a person
    └── ArtifactDivergence   a file exists with other bytes
"""

from typing import Final

SAID_MAX: Final = 100
"""Characters of a value that a message quotes."""


class AvwapError(Exception):
    """An error that carries its reason code and what is safe and what to do next."""

    exit_code = 1

    def __init__(self, code: str, message: str, *, safe: str = "", next: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.safe = safe
        self.next = next


class Denied(AvwapError):
    """A rule of ours said no."""

    exit_code = 3


class UsageFault(Denied):
    """The person asked for something that cannot be meant: usage or configuration (exit 2)."""

    exit_code = 2


class Rejected(AvwapError):
    """The outside said no, provably."""

    exit_code = 3


class Ambiguous(AvwapError):
    """The outcome is unknown; it counts as live until it is looked up."""

    exit_code = 1


class Corrupt(AvwapError):
    """What we kept is not what we wrote."""

    exit_code = 4


def _short(value: object) -> str:
    """A value as one may read it in a line: a whole record is told by its beginning."""
    said = repr(value)
    return said if len(said) <= SAID_MAX else f"{said[:SAID_MAX]}..."


class ArtifactDivergence(Corrupt):
    """A write met a file with other bytes; nothing was overwritten.

    Attributes: path (inside the data root), pointer (first differing JSON pointer), expected (on disk), actual.
    """

    def __init__(self, path: str, pointer: str, expected: object, actual: object) -> None:
        super().__init__(
            "ARTIFACT_DIVERGENCE",
            f"{path} at {pointer or '/'}: on disk {_short(expected)}, now {_short(actual)}",
            safe="the file on disk is untouched",
            next="avwap.toml or a flag changed since this session began: put it back, or let the session end first"
            if pointer == "/config_sha256"
            else "find out which input changed (avwap verify, avwap replay), or write a revision",
        )
        self.path = path
        self.pointer = pointer
        self.expected = expected
        self.actual = actual
