"""Each law and each promise stands beside the tests that hold it and what they last came to; the rest is named as well.

python -m tools.safety_case            write docs/safety-case.md from the claims and the last run of the tests
python -m tools.safety_case --check    write nothing; exit 1 unless every named test passed in a run on this very tree

The claims are in ``tools/safety_claims.py`` and ``safety_plane.py``. Results come from ``build/tests.json``, which
``make test`` leaves; the page names the commit and the tree that they belong to. Without a recorded run the results on
the page stay, under their commit.
"""

import argparse
import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from schemas.header import CODE_VERSION
from tools.safety_claims import LAWS, PROMISES, Claim
from tools.safety_plane import CHAOS, INVARIANTS
from tools.test_record import ROOT, Record, Tree, read, tree_of

PAGE: Final = Path("docs") / "safety-case.md"
CHAOS_FOLDER: Final = Path("tests") / "chaos"
NOT_RUN: Final = "not run"
FACTS: Final = ("commit", "tree", "code version", "python", "tests in the run")
_RESULT: Final = re.compile(r"^\| `(tests/[^`]+)` \| ([^|]+) \|$", flags=re.MULTILINE)
_FACT: Final = re.compile(r"^\| (" + "|".join(FACTS) + r") \| ([^|]+) \|$", flags=re.MULTILINE)
_ROW: Final = re.compile(r"test_row_(\d+)_")
BEYOND: Final = 0
"""Stands for the row of a scenario that the matrix does not name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What tests last came to, and of what. facts: as the page states them. outcomes: node id -> result."""

    facts: Mapping[str, str]
    outcomes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All claims. rows: row of the chaos matrix -> its tests. plants: invariant -> planted bugs that break it."""

    laws: Sequence[Claim]
    invariants: Sequence[Claim]
    promises: Sequence[Claim]
    rows: Mapping[int, tuple[str, ...]]
    plants: Mapping[str, int]

    @property
    def claims(self) -> tuple[Claim, ...]:
        return (*self.laws, *self.invariants, *self.promises)

    @property
    def tests(self) -> tuple[str, ...]:
        """Every test named, once, in the order of the page."""
        named = (
            *(test for claim in self.claims for test in claim.tests),
            *(t for row in self.rows.values() for t in row),
        )
        return tuple(dict.fromkeys(named))


def case(root: Path = ROOT) -> Case:
    """The claims as they stand, with the rows' tests as the files hold them."""
    from simulation.seeds.plants import PLANTS

    plants = Counter(name for plant in PLANTS.values() for name in plant.caught_by)
    return Case(laws=LAWS, invariants=INVARIANTS, promises=PROMISES, rows=rows(root), plants=plants)


def rows(root: Path = ROOT) -> dict[int, tuple[str, ...]]:
    """Row number -> its scenarios, by file and place in it; every row has its key, also without one, and BEYOND."""
    found: dict[int, list[str]] = {BEYOND: [], **{row.number: [] for row in CHAOS}}
    for path in sorted((root / CHAOS_FOLDER).glob("test_*.py")):
        for name in tests_in(path):
            row = _ROW.match(name)
            number = BEYOND if row is None else int(row[1])
            found.setdefault(number, []).append(f"{path.relative_to(root).as_posix()}::{name}")
    return {number: tuple(names) for number, names in sorted(found.items())}


@cache
def tests_in(path: Path) -> tuple[str, ...]:
    """Names of the tests that the file defines; none of a file that is not there."""
    if not path.is_file():
        return ()
    tree = ast.parse(path.read_bytes())
    return tuple(n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_"))


def faults(found: Case, root: Path = ROOT) -> tuple[str, ...]:
    """What makes the case untrue whatever the results: a law without a test, a test that does not exist."""
    bare = [f"{claim.name} has no test" for claim in found.laws if not claim.tests]
    gone = [
        test
        for test in found.tests
        if test.partition("::")[2] not in tests_in(root / test.partition("::")[0])
    ]
    strange = [number for number in found.rows if number not in {BEYOND, *(row.number for row in CHAOS)}]
    return (
        *bare,
        *(f"{test} does not exist" for test in gone),
        *(f"the matrix has no row {number}" for number in strange),
    )


def results_of(record: Record, tests: Iterable[str]) -> Results:
    """What *record* says of *tests*, all examples of a test taken together."""
    by_test: dict[str, Counter[str]] = {}
    for node, outcome in record.outcomes.items():
        by_test.setdefault(node.partition("[")[0], Counter())[outcome] += 1
    commit = record.tree.commit or "not known"
    facts = {
        "commit": commit if record.tree.is_clean else f"{commit}, with changes beside it",
        "tree": record.tree.sha256,
        "code version": CODE_VERSION,
        "python": record.python,
        "tests in the run": f"{len(record.outcomes):,}",
    }
    return Results(facts=facts, outcomes={test: _told(by_test.get(test, Counter())) for test in tests})


def results_on(page: str) -> Results:
    """The results that *page* states."""
    facts = {name: fact for name, fact in _FACT.findall(page) if fact != NOT_RUN}
    return Results(facts=facts, outcomes=dict(_RESULT.findall(page)))


def _told(count: Counter[str]) -> str:
    named = [f"{count[kind]} {kind}" for kind in ("failed", "passed", "skipped") if count[kind]]
    return ", ".join(named) or NOT_RUN


def is_good(result: str) -> bool:
    """Whether a test held its claim: something passed and nothing failed."""
    return "passed" in result and "failed" not in result


# --- the page ---------------------------------------------------------------------------------------------


def render(found: Case, results: Results) -> str:
    """The page: the same claims and results give the same bytes."""
    return "\n".join(_lines(found, results)) + "\n"


def _lines(found: Case, results: Results) -> Iterator[str]:
    yield "# Safety case"
    yield ""
    yield "Written by `make safety-case`; what is changed by hand is lost. Each promise stands beside the tests that"
    yield "hold it and what they came to in the run below. What no test holds is listed at the [end](#not-covered)."
    yield ""
    yield from _table(("results belong to", ""), [(name, results.facts.get(name, NOT_RUN)) for name in FACTS])
    yield "`make check` fails unless every test named here passed on the tree at hand, so the claims are held in later"
    yield "commits too; the results stay those of the run above until the page is written again."
    yield ""
    for title, claims in (
        ("Laws", found.laws),
        ("Invariants", found.invariants),
        ("Promises", found.promises),
    ):
        yield f"## {title}"
        yield ""
        for claim in claims:
            yield f"### {claim.name}: {claim.text}"
            yield ""
            if found.plants.get(claim.name):
                bugs = found.plants[claim.name]
                yield f"Checked at every step of the seeds; `make prove-harness` plants bugs for it to notice: {bugs}."
                yield ""
            yield from _tests(claim.tests, results)
    yield "## Chaos matrix"
    yield ""
    for row in CHAOS:
        yield f"### Row {row.number}: {row.trouble}"
        yield ""
        yield f"Outcome: {row.outcome}."
        yield ""
        yield from _tests(found.rows[row.number], results)
    if found.rows.get(BEYOND):
        yield "### Beyond the matrix"
        yield ""
        yield from _tests(found.rows[BEYOND], results)
    yield "## Not covered"
    yield ""
    yield from _table(("claim", "what no test would notice"), list(uncovered(found, results)))


def uncovered(found: Case, results: Results) -> Iterator[tuple[str, str]]:
    """(claim, what is missing): claims and rows without a test, parts known to be untried, tests that did not pass."""
    if not results.facts:
        yield "All", "No run of the tests is recorded: `make test`, then `make safety-case`."
    for claim in found.claims:
        yield from _gaps(claim.name, claim.tests, claim.missing, results)
    for row in CHAOS:
        yield from _gaps(f"Row {row.number}", found.rows[row.number], row.missing, results)


def _gaps(name: str, tests: Sequence[str], missing: str, results: Results) -> Iterator[tuple[str, str]]:
    if not tests:
        yield name, "All of it: no test is named."
    if missing:
        yield name, missing
    for test in tests:
        result = results.outcomes.get(test, NOT_RUN)
        if results.facts and not is_good(result):
            yield name, f"`{test.partition('::')[2]}`: {result}."


def _tests(tests: Sequence[str], results: Results) -> Iterator[str]:
    if not tests:
        yield "No test."
        yield ""
        return
    told = [(f"`{test}`", results.outcomes.get(test, NOT_RUN)) for test in tests]
    yield from _table(("test", "last result"), told)


def _table(columns: tuple[str, str], told: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield f"| {columns[0]} | {columns[1]} |"
    yield "|---|---|"
    for left, right in told:
        yield f"| {left} | {right} |"
    yield ""


# --- the command ------------------------------------------------------------------------------------------


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Write the page, or with --check judge it. Exit 0 if the case stands, 1 if not."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.safety_case",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="write nothing; judge the last run on this tree")
    asked = parser.parse_args(arguments)
    found, record, path = case(root), read(root), root / PAGE
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    results = results_on(page) if record is None else results_of(record, found.tests)
    wrong: tuple[str, ...] = faults(found, root)
    if asked.check:
        wrong += judge(found, record, page, tree_of(root))
    elif not wrong:
        path.parent.mkdir(exist_ok=True)
        path.write_text(render(found, results), encoding="utf-8")
        print(
            f"wrote    {PAGE}"
            + ("" if record is not None else " with the results that it had: no run is recorded")
        )
        wrong = tuple(_failed(results))
    told = Counter(
        "good" if is_good(results.outcomes.get(test, NOT_RUN)) else "other" for test in found.tests
    )
    gaps = len(list(uncovered(found, results)))
    print(
        f"claims   {len(found.claims)} and {len(CHAOS)} rows, {len(found.tests)} tests: {told['good']} passed"
    )
    print(f"gaps     {gaps} lines under Not covered")
    for line in wrong:
        print(f"wrong    {line}", file=sys.stderr)
    return 1 if wrong else 0


def judge(found: Case, record: Record | None, page: str, tree: Tree) -> tuple[str, ...]:
    """Why the case does not stand on *tree*: tests that did not pass in the last run, or a page that says otherwise."""
    stale = (
        []
        if render(found, results_on(page)) == page
        else [f"{PAGE} is not what the claims say: make safety-case"]
    )
    if record is None:
        return (*stale, "no run of the tests is recorded: make test")
    if record.tree.sha256 != tree.sha256:
        return (*stale, "the recorded run was of another tree: make test")
    results = results_of(record, found.tests)
    missed = [f"{test}: {NOT_RUN}" for test, result in results.outcomes.items() if result == NOT_RUN]
    return (*stale, *_failed(results), *missed)


def _failed(results: Results) -> Iterator[str]:
    return (f"{test}: {result}" for test, result in results.outcomes.items() if "failed" in result)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
