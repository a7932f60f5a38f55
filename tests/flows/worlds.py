"""A small home with a market and a few sealed sessions, and a way to run ``avwap`` on a copy of it."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from flows.cli import main
from flows.house import House
from flows.run import run_range
from flows.settings import Settings
from market.synthetic import tiny

SEED: Final = 7
BARS: Final = (date(2015, 1, 2), date(2016, 6, 30))
FIRST: Final = date(2016, 3, 7)
SEALED: Final = date(2016, 3, 9)
"""The last session that the home has run."""
NEXT: Final = date(2016, 3, 10)
FOUR: Final = ["why", "safe", "next"]
DAY: Final = f"ledger/SIM/{SEALED}"
DISPOSABLE: Final = ("index.sqlite", "lock", "calendar", "sidecar")
"""What may come and go without a trace: caches, and the book's lock, whose number counts who asked."""


def build(home: Path) -> Path:
    """A market of twelve names, and the SIM book from FIRST to SEALED."""
    house = House(Settings(home=home))
    house.root.mkdir(parents=True)
    tiny(SEED, *BARS, house.calendar).install(house.store)
    done = run_range(house, "SIM", FIRST, SEALED, lambda result: None, "test")
    assert done.exit_code == 0, "the home's own sessions are sound"
    return home


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command did: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def body(self) -> dict[str, Any]:
        """Standard output as the one JSON object that it must be."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        assert self.out.count("\n") == 1, "one object, one line"
        return found

    @property
    def labels(self) -> list[str]:
        """The first words of the lines of a refusal."""
        return [line.split(" ", 1)[0] for line in self.err.splitlines() if line and line[0] != " "]


def avwap(home: Path | None, *words: str) -> Said:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    more = [] if home is None else ["--home", str(home)]
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([*words, *more])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return Said(code=code, out=out.getvalue(), err=err.getvalue())


def process(home: Path, *words: str, **env: str) -> "subprocess.Popen[str]":
    """Start a command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", "from flows.cli import main; main()", *words, "--home", str(home)],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def tree(home: Path, beside: Sequence[str] = DISPOSABLE) -> dict[str, str]:
    """Path -> digest of every file below *home* that is no cache and no lock."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file()
        and not any(name in part for part in path.relative_to(home).parts for name in beside)
    }


def copy(home: Path, to: Path) -> Path:
    """A copy of *home* at *to*."""
    return shutil.copytree(home, to)


def refused(said: Said, code: int, reason: str, head: str) -> None:
    """*said* is one refusal in four lines: what, why, what is safe, what next."""
    assert code == said.code, said.err
    assert "" == said.out
    assert [head, *FOUR] == said.labels, said.err
    assert f"{head:<8} {reason}   (exit {code})" == said.err.splitlines()[0]


def unchanged(home: Path, code: int, reason: str, *words: str) -> Said:
    """The refusal of a command, told to a person and as JSON, that changes no file of *home*."""
    before = tree(home)
    said = avwap(home, *words)
    refused(said, code, reason, {2: "usage", 3: "refused", 4: "corrupt"}[code])
    body = avwap(home, *words, "--json").body
    assert (reason, code) == (body["error"], body["exit"])
    assert all(body[each] for each in FOUR)
    assert before == tree(home)
    return said


def dated(command: str, book: str, on: object) -> tuple[str, ...]:
    more = {"cycle": ("--slot", "0935"), "why": ("SPY",)}.get(command, ())
    return (command, "--book", book, "--date", str(on), *more)
