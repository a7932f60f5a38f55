"""A test that would not notice a changed line proves nothing of it: here lines are changed, and the tests asked.

    python -m tools.mutate               600 mutants of portfolio/ and the gates, drawn by a seed
    python -m tools.mutate --all         every one of them
    python -m tools.mutate --survivors   again those that survived, after a test was written for them

mutmut changes the code, in a copy below build/mutate, and runs the tests that reach the changed function. Each mutant
that no test notices is listed with its file, its change and the reason kept for it in docs/mutants.md. Exit 1 if fewer
than 85 of 100 are noticed, or one that is not has no reason there.
"""

import argparse
import difflib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = (
    "schemas", "ledger", "market", "strategies", "portfolio", "execution_v2", "analytics", "simulation", "flows",
)  # fmt: skip
MUTATED: Final = ("portfolio", "execution_v2")
ONLY: Final = ("portfolio/*.py", "execution_v2/gates/*.py")
TESTS: Final = (
    "tests/portfolio",
    "tests/execution_v2/test_gates.py",
    "tests/execution_v2/test_gates_bounds.py",
    "tests/execution_v2/test_gates_said.py",
    "tests/execution_v2/test_enforce.py",
    "tests/execution_v2/test_protections.py",
)
NAMED: Final = "test_an_intent_that_cannot_be_decided_is_blocked_with_its_error_and_the_next_goes_on"
"""It asserts the name of the function that failed; a mutated function has another."""
SAMPLE: Final = 600
SEED: Final = 1
SCORE_MIN: Final = 0.85
REASONS: Final = "docs/mutants.md"
PROFILE: Final = """
from hypothesis import Phase

settings.register_profile(
    "mutate", settings.get_profile("gate"), max_examples=25, phases=(Phase.explicit, Phase.generate)
)
"""
"""Fewer examples and no shrinking: a mutant is noticed by the first example that fails."""
KILLED: Final = frozenset({1, 3, 24, -24, 36, 152, 255})
"""Exit codes that mean that a test failed, or no longer ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """A mutant that no test noticed. ``change`` is its lines, the removed ones first; ``key`` finds its reason."""

    name: str
    file: str
    function: str
    change: tuple[str, ...]

    @property
    def key(self) -> str:
        """File, function and change: it stays the same while other lines come and go."""
        return f"{self.file} {self.function}: {' '.join(self.change)}"


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Mutate, run, list; the exit code is 1 where the score or a reason is missing."""
    parser = argparse.ArgumentParser(
        prog="make mutate", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--all", action="store_true", help="every mutant instead of a seeded sample")
    parser.add_argument("--survivors", action="store_true", help="only those that survived the last run")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    asked = parser.parse_args(arguments)
    work = root / "build" / "mutate"
    before = results(work) if asked.survivors else {}
    if asked.survivors and not before:
        print(
            "refused  no run to follow: build/mutate holds no result; run make mutate first", file=sys.stderr
        )
        return 2
    prepare(root, work)
    names = every(work)
    if asked.survivors:
        chosen = [name for name, code in before.items() if code not in KILLED and name in names]
    else:
        chosen = list(names) if asked.all else sample(names)
    print(f"mutants  {len(names):,}, of which {len(chosen):,} run", flush=True)
    done = mutmut(work, "run", "--max-children", str(asked.jobs), *chosen)
    if done != 0:
        print("failed   mutmut did not run; its last lines are above", file=sys.stderr)
        return 1
    codes = results(work)
    ran = {name: codes[name] for name in {*before, *chosen} if name in codes}
    ran |= {name: code for name, code in before.items() if name in names and name not in chosen}
    (work / "results.json").write_text(json.dumps(ran, sort_keys=True, indent=0))
    return told(ran, [survivor(work, name) for name, code in sorted(ran.items()) if code not in KILLED], root)


def prepare(root: Path, work: Path) -> None:
    """A copy of the code and its tests, and mutmut's configuration beside them; results of the last run stay."""
    kept = work / "results.json"
    saved = kept.read_text() if kept.is_file() else None
    shutil.rmtree(work, ignore_errors=True)
    for name in (*PACKAGES, "tests", "tools"):
        shutil.copytree(root / name, work / name, ignore=shutil.ignore_patterns("__pycache__"))
    if saved is not None:
        kept.write_text(saved)
    with (work / "tests" / "conftest.py").open("a") as handle:
        handle.write(PROFILE)
    others = [name for name in (*PACKAGES, "tools") if name not in MUTATED]
    settings = {
        "source_paths": MUTATED,
        "only_mutate": ONLY,
        "also_copy": others,
        "pytest_add_cli_args": (
            "-p", "no:cacheprovider", "--hypothesis-profile=mutate",
            f"--deselect=tests/portfolio/test_arbiter.py::{NAMED}",
        ),
        "pytest_add_cli_args_test_selection": TESTS,
    }  # fmt: skip
    lines = [f"{name} = {json.dumps(list(value))}" for name, value in settings.items()]
    lines += ["use_git_change_detection = false", "track_dependencies = false"]
    own = (root / "pyproject.toml").read_text(encoding="utf-8")
    (work / "pyproject.toml").write_text("\n".join([own, "[tool.mutmut]", *lines, ""]), encoding="utf-8")
    assert mutmut(work, "generate") == 0, "mutmut made no mutants"


_GENERATE: Final = """
from pathlib import Path
import mutmut.__main__ as m
Path("mutants").mkdir(exist_ok=True)
m.copy_src_dir(); m.copy_also_copy_files(); m.setup_source_paths(); m.create_mutants(1)
"""


def mutmut(work: Path, command: str, *arguments: str) -> int:
    """Run mutmut in *work*, in a fixed environment; ``generate`` only makes the mutants. Its exit code."""
    python = [sys.executable, "-c", _GENERATE] if command == "generate" else [sys.executable, "-m", "mutmut"]
    words = python if command == "generate" else [*python, command, *arguments]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    log = work / f"{command}.log"
    with log.open("w") as out:
        code = subprocess.run(
            words,
            cwd=work,
            env=kept | {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C", "PYTHONUTF8": "1"},
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if code != 0:
        print(log.read_text(errors="replace")[-2000:], file=sys.stderr)
    return code


def every(work: Path) -> tuple[str, ...]:
    """The name of every mutant, sorted."""
    return tuple(sorted(name for codes in _metas(work) for name in codes))


def sample(names: Iterable[str], count: int = SAMPLE, seed: int = SEED) -> list[str]:
    """*count* of *names*, by a digest of seed and name: a changed function leaves the others of the sample in it."""
    return sorted(sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())[:count])


def results(work: Path) -> dict[str, int | None]:
    """Exit code by mutant: of the run that has just ended, or of the one before; only those that ran."""
    kept = work / "results.json"
    before: dict[str, int | None] = json.loads(kept.read_text()) if kept.is_file() else {}
    now = {name: code for codes in _metas(work) for name, code in codes.items() if code is not None}
    return {**before, **now}


def _metas(work: Path) -> list[dict[str, int | None]]:
    found = sorted((work / "mutants").rglob("*.meta"))
    return [json.loads(path.read_text())["exit_code_by_key"] for path in found]


def survivor(work: Path, name: str) -> Survivor:
    """*name* with the lines that it changes."""
    module, _, function = name.rpartition(".")
    file = f"{module.replace('.', '/')}.py"
    original, number = re.fullmatch(r"(.*)__mutmut_(\d+)", function).groups()  # type: ignore[union-attr]
    text = (work / "mutants" / file).read_text(encoding="utf-8")
    one, other = _body(text, f"{original}__mutmut_orig"), _body(text, f"{original}__mutmut_{number}")
    rows = list(difflib.ndiff(one, other))
    lines = [f"{row[0]} {row[2:].strip()}" for row in rows if row[0] in "-+"]
    readable = original.removeprefix("x_") if original.startswith("x_") else original.split("ǁ", 1)[-1]
    return Survivor(
        name=name, file=file, function=readable.replace("ǁ", "."), change=tuple(sorted(lines, reverse=True))
    )


def _body(text: str, function: str) -> list[str]:
    """The lines of *function* below its name."""
    found = re.search(rf"^( *)def {re.escape(function)}\(", text, flags=re.MULTILINE)
    assert found is not None, f"mutmut wrote no {function}"
    rest = text[found.end() :].split("\n")
    end = next(
        (
            at
            for at, line in enumerate(rest[1:], 1)
            if line.strip() and not line.startswith((f"{found[1]} ", f"{found[1]})"))
        ),
        len(rest),
    )
    return rest[:end]


def reasons(text: str) -> dict[str, str]:
    """Key -> reason, of the lines ``| key | reason |``; a bar within a change is written ``\\|``."""
    found = {}
    for line in text.splitlines():
        cells = re.split(r"(?<!\\)\|", line)
        if len(cells) == 4 and cells[1].strip().startswith("`"):
            found[cells[1].strip().strip("`").replace("\\|", "|")] = cells[2].strip()
    return found


def told(ran: Mapping[str, int | None], survivors: Sequence[Survivor], root: Path) -> int:
    """Print the list and the score; the exit code."""
    kept = root / REASONS
    known = reasons(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    missing = 0
    for each in survivors:
        reason = known.get(each.key, "")
        missing += not reason
        print(f"survived {each.file} {each.function}  ({each.name.rpartition('_')[2]})")
        for line in each.change:
            print(f"         {line}")
        print(f"reason   {reason or f'NONE: kill it, or write one into {REASONS}'}")
    killed = len(ran) - len(survivors)
    score = killed / len(ran) if ran else 0.0
    print(f"score    {score:.1%}: {killed:,} of {len(ran):,} noticed; at least {SCORE_MIN:.0%} is wanted")
    if missing:
        print(f"missing  {missing:,} survivors have no reason in {REASONS}")
    return 1 if score < SCORE_MIN or missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
