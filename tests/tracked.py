"""What the project consists of: the files that git tracks or would track, and the nine packages."""

import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = (
    "schemas", "ledger", "market", "strategies", "portfolio", "execution_v2", "analytics", "simulation",
    "flows",
)  # fmt: skip


@cache
def tracked() -> tuple[str, ...]:
    """Every file of the project, as POSIX paths from its root, sorted; new ones count at once."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(sorted(name for name in set(listed.stdout.split("\0")) if name and (ROOT / name).is_file()))


def sources(*folders: str) -> tuple[str, ...]:
    """The tracked Python files under *folders*."""
    return tuple(name for name in tracked() if name.endswith(".py") and name.partition("/")[0] in folders)


def text(name: str) -> str:
    """The text of a tracked file; bytes that are no text show as replacement characters."""
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def pyproject() -> dict[str, object]:
    """pyproject.toml, parsed."""
    return tomllib.loads(text("pyproject.toml"))
