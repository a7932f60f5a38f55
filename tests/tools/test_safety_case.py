"""No law is without a test, no named test is missing, and the page is what the claims and a run make of it."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.tracked import PACKAGES, ROOT, sources, text
from tools.safety_case import (
    BEYOND,
    Case,
    Results,
    case,
    faults,
    is_good,
    judge,
    render,
    results_of,
    results_on,
    uncovered,
)
from tools.safety_claims import LAWS, Claim
from tools.safety_plane import CHAOS, INVARIANTS
from tools.test_record import CHANGED, Record, Tree, note, read, tree_of

LEARNING = frozenset(
    "sklearn torch tensorflow keras jax xgboost lightgbm catboost transformers onnxruntime openai anthropic"
    " langchain".split()
)
TREE = Tree(commit="c0ffee", is_clean=True, sha256="a" * 64)
HELD = "tests/ledger/test_journal.py::test_state_is_a_fold_over_the_records"


@pytest.fixture(scope="module")
def found() -> Case:
    return case()


def small(*claims: Claim) -> Case:
    return Case(laws=claims, invariants=(), promises=(), rows={row.number: () for row in CHAOS}, plants={})


def ran(*outcomes: tuple[str, str]) -> Record:
    return Record(tree=TREE, python="3.11.9", outcomes=dict(outcomes))


# --- the case as it stands --------------------------------------------------------------------------------


def test_every_law_has_a_test_and_every_named_test_exists(found: Case) -> None:
    assert () == faults(found)


def test_laws_invariants_and_rows_are_all_there_in_their_order(found: Case) -> None:
    assert [f"L{n}" for n in range(1, 11)] == [claim.name for claim in LAWS]
    assert [f"I{n}" for n in range(1, 15)] == [claim.name for claim in INVARIANTS]
    assert list(range(1, 22)) == [row.number for row in CHAOS] == [n for n in found.rows if n != BEYOND]


def test_every_scenario_of_the_chaos_suite_stands_in_its_row_or_beyond(found: Case) -> None:
    scenarios = {name.partition("::")[2] for names in found.rows.values() for name in names}
    there = {
        node.name
        for path in (ROOT / "tests/chaos").glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    assert there == scenarios


def test_the_page_is_what_the_claims_say_under_the_results_that_it_states(found: Case) -> None:
    page = text("docs/safety-case.md")
    assert render(found, results_on(page)) == page, "make safety-case writes it again"


def test_no_package_imports_a_library_that_learns_or_asks_a_model() -> None:
    imported = {
        name.partition(".")[0]
        for source in sources(*PACKAGES)
        for node in ast.walk(ast.parse(text(source)))
        for name in _imported(node)
    }
    assert set() == imported & LEARNING
    assert "pydantic" in imported, "imports are found at all"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


# --- what would be noticed --------------------------------------------------------------------------------


def test_a_law_without_a_test_and_a_test_that_does_not_exist_are_faults() -> None:
    bare = Claim(name="L1", text="x", tests=())
    gone = Claim(
        name="L2", text="x", tests=("tests/ledger/test_journal.py::test_gone", "tests/test_gone.py::test_a")
    )
    assert (
        "L1 has no test",
        "tests/ledger/test_journal.py::test_gone does not exist",
        "tests/test_gone.py::test_a does not exist",
    ) == faults(small(bare, gone))
    assert () == faults(small(Claim(name="L1", text="x", tests=(HELD,))))


def test_a_scenario_of_a_row_that_the_matrix_does_not_have_is_a_fault() -> None:
    odd = replace(small(Claim(name="L1", text="x", tests=(HELD,))), rows={99: (HELD,)})
    assert ("the matrix has no row 99",) == faults(odd)


def test_what_has_no_test_or_none_that_passed_is_not_covered() -> None:
    claims = small(
        Claim(name="L1", text="x", tests=(HELD,)),
        Claim(name="L2", text="x", tests=(), missing="A part."),
    )
    good = results_of(ran((HELD, "passed")), claims.tests)
    assert [("L2", "All of it: no test is named."), ("L2", "A part.")] == list(uncovered(claims, good))[:2]
    nothing = list(uncovered(claims, Results(facts={}, outcomes={})))
    assert [("All", "No run of the tests is recorded: `make test`, then `make safety-case`.")] == [
        line for line in nothing if line not in list(uncovered(claims, good))
    ]
    bad = results_of(ran((HELD, "skipped")), claims.tests)
    assert ("L1", "`test_state_is_a_fold_over_the_records`: 1 skipped.") == next(uncovered(claims, bad))
    assert ("L1", "`test_state_is_a_fold_over_the_records`: not run.") == next(
        uncovered(claims, results_of(ran(), claims.tests))
    )


def test_the_examples_of_one_test_are_told_together_and_one_failure_outweighs_them() -> None:
    record = ran((f"{HELD}[a]", "passed"), (f"{HELD}[b]", "failed"), (f"{HELD}[c]", "skipped"))
    result = results_of(record, [HELD]).outcomes[HELD]
    assert "1 failed, 1 passed, 1 skipped" == result
    assert (False, True, False) == (is_good(result), is_good("12 passed, 1 skipped"), is_good("1 skipped"))


def test_a_page_gives_back_the_results_it_was_made_with(found: Case) -> None:
    made = results_of(ran((f"{found.tests[0]}[x]", "passed"), (found.tests[1], "failed")), found.tests)
    assert made == results_on(render(found, made))
    assert Results(facts={}, outcomes={}) == results_on("")


# --- the record -------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A tree of one file, which no git knows."""
    (tmp_path / "a.py").write_text("a = 1\n")
    return tmp_path


def test_a_narrower_run_on_the_same_tree_adds_and_one_on_another_begins_anew(project: Path) -> None:
    note(
        {"tests/test_a.py::test_a": "passed", "tests/test_a.py::test_b": "failed"}, tree_of(project), project
    )
    note({"tests/test_a.py::test_b": "passed"}, tree_of(project), project)
    record = read(project)
    assert record is not None
    assert {"tests/test_a.py::test_a": "passed", "tests/test_a.py::test_b": "passed"} == record.outcomes
    (project / "a.py").write_text("a = 2\n")
    note({"tests/test_a.py::test_b": "failed"}, tree_of(project), project)
    record = read(project)
    assert record is not None
    assert {"tests/test_a.py::test_b": "failed"} == record.outcomes


def test_tests_that_were_planted_elsewhere_leave_no_record(project: Path) -> None:
    note({"../elsewhere/test_planted.py::test_a": "failed"}, tree_of(project), project)
    assert read(project) is None


def test_a_tree_that_changed_while_its_tests_ran_vouches_for_nothing(project: Path) -> None:
    began = tree_of(project)
    (project / "a.py").write_text("a = 3\n")
    for _ in range(2):
        note({"tests/test_a.py::test_a": "passed"}, began, project)
    record = read(project)
    assert record is not None
    assert (CHANGED, False) == (record.tree.sha256, record.tree.is_clean)


# --- the judgement -----------------------------------------------------------------------------------------


def test_the_case_stands_only_on_a_run_of_this_very_tree_in_which_every_named_test_passed(
    found: Case,
) -> None:
    here = Record(tree=TREE, python="3.11.9", outcomes=dict.fromkeys(found.tests, "passed"))
    page = render(found, results_of(here, found.tests))
    first = found.tests[0]
    assert () == judge(found, here, page, TREE)
    assert ("no run of the tests is recorded: make test",) == judge(found, None, page, TREE)
    assert ("the recorded run was of another tree: make test",) == judge(
        found, here, page, replace(TREE, sha256="b" * 64)
    )
    missed = replace(here, outcomes=dict.fromkeys(found.tests[1:], "passed"))
    assert (f"{first}: not run",) == judge(found, missed, page, TREE)
    failed = replace(here, outcomes={**here.outcomes, first: "failed"})
    assert (f"{first}: 1 failed",) == judge(found, failed, page, TREE)
    by_hand = page.replace("Same inputs", "Other inputs")
    assert ("docs/safety-case.md is not what the claims say: make safety-case",) == judge(
        found, here, by_hand, TREE
    )


# --- the gate ---------------------------------------------------------------------------------------------


def test_the_required_job_is_red_unless_every_other_job_is_green() -> None:
    jobs = yaml.safe_load(text(".github/workflows/ci.yml"))["jobs"]
    required = jobs["required"]
    assert set(required["needs"]) == set(jobs) - {"required"}
    assert "always()" == required["if"], "a job that is skipped because another failed would count as passed"
    asked = required["steps"][0]["run"]
    assert [] == [name for name in required["needs"] if f"needs.{name}.result" not in asked]


def test_scenarios_seeds_and_planted_bugs_are_in_the_gate_and_in_a_job_of_their_own() -> None:
    jobs = yaml.safe_load(text(".github/workflows/ci.yml"))["jobs"]
    assert "make chaos" in [step.get("run") for step in jobs["chaos"]["steps"]]
    chaos = text("Makefile").partition("\nchaos:")[2].partition("\n\n")[0]
    assert [] == [part for part in ("tests/chaos", "tools.soak", "tools.prove_harness") if part not in chaos]
    parts = re.findall(r"^part \d+ ([a-z-]+)$", text(".ci/run"), flags=re.MULTILINE)
    assert {"check", "prove-seeds"} <= set(parts)
    timed = re.findall(r"^part (\d+) ([a-z-]+)$", text(".ci/run"), flags=re.MULTILINE)
    minutes = [int(n) for n, name in timed if name != "prove-seeds"]  # which runs beside the tests
    assert 20 >= sum(minutes)
