"""What a gate and a decision say is kept word for word: subject, numbers and detail of each finding are read by people.

    python -m tests.said     writes what they say now over what was kept

Every code has its case, and each case its whole answer in a file beside the tests of its package.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from execution_v2.gates.facts import Phase
from portfolio.decide import Caught, run
from schemas.decisions import Decision
from schemas.reasons.portfolio import IntentCode
from tests.execution_v2.gate_cases import CASES
from tests.execution_v2.gate_world import World, good
from tests.portfolio.test_arbiter import MET, SIM, WISH, broken

HERE: Final = Path(__file__).resolve().parent
GATES: Final = HERE / "execution_v2" / "said_gates.json"
DECISIONS: Final = HERE / "portfolio" / "said_decisions.json"


def gate_cases() -> dict[str, Callable[[World], World]]:
    """Case -> what it makes of a good world."""
    worlds: dict[str, Callable[[World], World]] = {str(code): make for code, make in CASES.items()}
    worlds["no book"] = lambda world: world.facts_with(book=None, exposure=None)
    worlds["no facts"] = lambda world: world.facts_with(
        control=None, equity=None, buying_power=None, record=None, sleeve_uses=None, entry_strategies=None
    )
    return dict(sorted(worlds.items()))


def found(case: str) -> dict[str, Any]:
    """What each failing gate finds at the send (S), and in the morning (E)."""
    world = gate_cases()[case](good())
    return {
        str(phase): {
            row.gate: [finding.model_dump(mode="json") for finding in row.findings]
            for row in world.judged(phase).gates
            if not row.passed
        }
        for phase in (Phase.S, Phase.E)
    }


def gates() -> dict[str, Any]:
    """Case -> what the gates find."""
    return {case: found(case) for case in gate_cases()}


def decisions() -> dict[str, Any]:
    """Case -> the whole of its decisions."""
    return {name: decided(name) for name in sorted(MET)}


def decided(name: str) -> dict[str, Any]:
    """The decisions of one case; an error is told by its kind, for its words are Python's."""
    made = MET[name]() if name != IntentCode.ARBITER_ERROR else run(broken(WISH), SIM, None, _caught)
    return made.model_dump(mode="json")


def _caught(decide: Callable[[], Decision]) -> Decision | Caught:
    try:
        return decide()
    except ValueError as error:
        return Caught(kind=type(error).__name__, detail="in the middle of it")


def spelt(answers: Mapping[str, Any]) -> str:
    """*answers* as the files keep them: one line a case, so that a change shows as that case."""
    rows = [
        f"{json.dumps(name)}: {json.dumps(answer, sort_keys=True, default=_text, ensure_ascii=False)}"
        for name, answer in answers.items()
    ]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _text(value: object) -> str:
    assert isinstance(value, Decimal), f"{value!r} is not spelt in an artifact"
    return format(value, "f")


if __name__ == "__main__":
    for path, answers in ((GATES, gates()), (DECISIONS, decisions())):
        path.write_text(spelt(answers), encoding="utf-8")
        print(f"wrote    {path.relative_to(HERE.parent)}")
