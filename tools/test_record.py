"""What a run of the tests came to is kept with the tree that it ran on, so that a result can be told from a memory.

``build/tests.json``: the outcome of every test of the last run. A narrower run on the same tree adds to it; a run on
another tree begins anew.
"""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
RECORD: Final = Path("build") / "tests.json"
CHANGED: Final = "changed while the tests ran"
GENERATED: Final = frozenset({"docs/safety-case.md"})
"""What is written from the record cannot be part of what the record is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What was tested. commit: that was checked out; None: no git here. is_clean: nothing was changed beside it.
    sha256: of every file of the project, changed or new ones as they lie there."""

    commit: str | None
    is_clean: bool
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The last run: what was tested, by which interpreter, and node id -> passed, skipped or failed."""

    tree: Tree
    python: str
    outcomes: Mapping[str, str]


def note(outcomes: Mapping[str, str], tested: Tree, root: Path = ROOT) -> None:
    """Keep *outcomes* of tests of the project; those of files planted elsewhere are none of ours.

    Args: tested: the tree as the run began; a tree that has changed since vouches for nothing.
    """
    ours = {node: outcome for node, outcome in outcomes.items() if node.startswith("tests/")}
    if not ours:
        return
    tree, before = tested, read(root)
    if tree_of(root).sha256 != tested.sha256:
        tree = replace(tested, is_clean=False, sha256=CHANGED)
    is_same = before is not None and before.tree.sha256 == tree.sha256 != CHANGED
    kept = dict(before.outcomes) if before is not None and is_same else {}
    record = Record(tree=tree, python=platform.python_version(), outcomes=kept | ours)
    path = root / RECORD
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")  # two runs at once: one of them is the last, whole
    partial.write_text(json.dumps(asdict(record), indent=0, sort_keys=True), encoding="utf-8")
    partial.replace(path)


def read(root: Path = ROOT) -> Record | None:
    """The last run; None if none is recorded."""
    try:
        found = json.loads((root / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Record(tree=Tree(**found["tree"]), python=found["python"], outcomes=found["outcomes"])


def tree_of(root: Path = ROOT) -> Tree:
    """The project as it lies there now."""
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed is None:
        names = [str(path.relative_to(root)) for path in root.rglob("*.py")]
    else:
        names = [name for name in listed.split("\0") if name]
    whole = hashlib.sha256()
    for name in sorted(set(names) - GENERATED):
        path = root / name
        if path.is_file():
            whole.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    changed = [line[3:] for line in (_git(root, "status", "--porcelain") or "").splitlines()]
    commit = _git(root, "rev-parse", "HEAD")
    return Tree(
        commit=None if commit is None else commit.strip(),
        is_clean=not set(changed) - GENERATED,
        sha256=whole.hexdigest(),
    )


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
