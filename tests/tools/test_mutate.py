"""The sample is one of the seed, a survivor is shown as its change, and each needs a reason to pass."""

from pathlib import Path

import pytest

from tools import mutate
from tools.mutate import Survivor, reasons, sample, survivor, told

NAMES = [f"portfolio.x.x_f__mutmut_{n}" for n in range(1000)]
MUTATED = '''
def x_f__mutmut_orig(
    a: int
) -> int:
    """One."""
    if a > 0:
        return a

    return 0


def x_f__mutmut_1(
    a: int
) -> int:
    """One."""
    if a >= 0:
        return a

    return 0


class Moment:
    def xǁMomentǁg__mutmut_orig(self) -> int:
        return 1

    def xǁMomentǁg__mutmut_1(self) -> int:
        return 2

    def other(self) -> int:
        return 3
'''


def of(work: Path) -> tuple[Survivor, Survivor]:
    file = work / "mutants" / "portfolio" / "x.py"
    file.parent.mkdir(parents=True)
    file.write_text(MUTATED, encoding="utf-8")
    return (
        survivor(work, "portfolio.x.x_f__mutmut_1"),
        survivor(work, "portfolio.x.xǁMomentǁg__mutmut_1"),
    )


def test_the_same_names_give_the_same_sample_in_whatever_order_they_come() -> None:
    drawn = sample(NAMES)
    assert 600 == len(set(drawn))
    assert drawn == sample(reversed(NAMES))
    assert drawn != sample(NAMES, seed=2)
    assert NAMES[:3] == sample(NAMES[:3])


def test_new_mutants_leave_most_of_the_sample_in_it() -> None:
    more = [f"portfolio.y.x_g__mutmut_{n}" for n in range(50)]
    assert len(set(sample(NAMES)) - set(sample([*NAMES, *more]))) <= 50


def test_a_survivor_is_the_lines_that_differ(tmp_path: Path) -> None:
    function, method = of(tmp_path)
    assert ("portfolio/x.py", "f") == (function.file, function.function)
    assert ("- if a > 0:", "+ if a >= 0:") == function.change
    assert ("Moment.g", ("- return 1", "+ return 2")) == (method.function, method.change)


def test_a_reason_is_found_by_file_function_and_change_and_a_bar_is_escaped() -> None:
    text = "# Mutants\n\n| change | reason |\n|---|---|\n| `a.py f: - x \\| y + x` | the same |\n"
    assert {"a.py f: - x | y + x": "the same"} == reasons(text)


@pytest.mark.parametrize(
    ("killed", "reason", "code"), [(17, True, 0), (16, True, 0), (10, True, 1), (17, False, 1)]
)
def test_the_score_and_a_missing_reason_decide_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], killed: int, reason: bool, code: int
) -> None:
    one, other = of(tmp_path)
    (tmp_path / "docs").mkdir()
    lines = [f"| `{each.key}` | because |" for each in (one, other) if reason or each is one]
    (tmp_path / mutate.REASONS).write_text("\n".join(lines), encoding="utf-8")
    ran: dict[str, int | None] = {one.name: 0, other.name: 33}
    ran.update({f"k{n}": 1 for n in range(killed)})
    assert code == told(ran, [one, other], tmp_path)
    said = capsys.readouterr().out
    assert f"score    {killed / (killed + 2):.1%}: {killed} of {killed + 2} noticed" in said
    assert ("missing  1 survivors" in said) is (not reason)


def test_without_a_run_there_are_no_survivors_to_ask_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 2 == mutate.main(["--survivors"], tmp_path)
    assert "run make mutate first" in capsys.readouterr().err
    assert [] == list(tmp_path.iterdir())
