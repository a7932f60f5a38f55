"""A drill says what it does, what came of it and what to keep, and fails where one outcome is not the stated one."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True, kw_only=True)
class Notes:
    """The record of one drill. *say* prints a line; ``kept`` is the evidence; ``failed`` what differed."""

    say: Callable[[str], None] = print
    steps: int = 0
    kept: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def step(self, what: str) -> None:
        """A new step of the drill."""
        self.steps += 1
        self.say(f"{self.steps:>2}  {what}")

    def ran(self, command: str) -> None:
        """A command that was run, as one would type it."""
        self.say(f"    $ {command}")

    def expect(self, what: str, wanted: Any, found: Any) -> None:
        """One outcome, and whether it is the stated one."""
        if wanted == found:
            self.say(f"    ok       {what}: {found}")
        else:
            self.say(f"    DIFFERS  {what}: {wanted} was wanted, and it is {found}")
            self.failed.append(what)

    def keep(self, line: str) -> None:
        """A line of the evidence."""
        self.kept.append(line)

    def end(self) -> int:
        """Tell the evidence and the verdict; the exit code."""
        self.say("")
        self.say("keep with the record of this drill:")
        for line in self.kept:
            self.say(f"  {line}")
        self.say("")
        if self.failed:
            self.say(f"failed   {len(self.failed)} outcomes differ: {'; '.join(self.failed)}")
            return 1
        self.say(f"passed   {self.steps} steps, every outcome as stated")
        return 0


def alone(drill: Callable[[Notes, Path], None]) -> int:
    """Run one drill in a folder that is gone afterwards; the exit code."""
    notes = Notes()
    with tempfile.TemporaryDirectory() as root:
        drill(notes, Path(root))
    return notes.end()
