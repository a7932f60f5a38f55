"""What a gate and a decision say is kept word for word: subject, numbers and detail of each finding are read by people.

    python -m tests.said     writes what they say now over what was kept

Every code has its case, and each case its whole answer in a file beside the tests of its package.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from execution_v2.gates.facts import Phase
from portfolio.decide import Caught, run
from schemas.book import Leg
from schemas.decisions import Decision, Decisions
from schemas.reasons.ledger import ReadFaultCode
from schemas.reasons.portfolio import IntentCode
from tests.execution_v2.gate_cases import CASES
from tests.execution_v2.gate_world import NOW, OPEN_AT, PLAN, World, good
from tests.portfolio.books import CORE, P, book, config_with, order, position, sharing, snapshot
from tests.portfolio.test_arbiter import MET, SIM, TREND, WISH, broken, of

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
    worlds["two clocks"] = lambda world: world.clock_with(now=NOW + timedelta(seconds=61))
    worlds["too early"] = lambda world: world.at(OPEN_AT)
    worlds["no sessions"] = lambda world: world.protections_with(cooldown_sessions=3).moment_with(sessions=())
    worlds["sessions of another day"] = lambda world: world.protections_with(cooldown_sessions=3).moment_with(
        sessions=(P,)
    )
    worlds["worth more than its limit"] = lambda world: world.limits_with(
        symbol_pct_max=Decimal("0.1")
    ).facts_with(marks={**world.facts.marks, "AAA": Decimal(10_000)})
    worlds["a position under its stop"] = lambda world: world.overlapping().more_with(
        positions=(position("AAA", 10, strategy_id=TREND).model_copy(update={"plan": PLAN}),),
        orders=(
            order(
                "AAA", 10, strategy_id=TREND, leg=Leg.STOP, stop=Decimal(45), position_id=f"pos_{TREND}_AAA"
            ),
        ),
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


LATER: Final = date(2016, 6, 3)
PLANNED: Final = position("AAA", strategy_id=TREND).model_copy(update={"plan": PLAN})
DECISION_CASES: Final[Mapping[str, Callable[[], Decisions]]] = {
    **MET,
    "a book of tomorrow": lambda: of(WISH, book=book().model_copy(update={"session_date": LATER})),
    "a corrupt snapshot": lambda: of(WISH, snapshot=ReadFaultCode.CORRUPT),
    "a stale snapshot": lambda: of(WISH, snapshot=ReadFaultCode.STALE_INPUT),
    "no equity": lambda: of(WISH, snapshot=snapshot(None)),
    "equity of nothing": lambda: of(WISH, snapshot=snapshot("0")),
    "a fall of more than all": lambda: of(WISH, snapshot=snapshot(drawdown="1.5")),
    "one share": lambda: of(
        WISH, config=config_with(notional_usd_min="0", risk_per_trade_abs_max_usd="3.20")
    ),
    "a shadow among sectors": lambda: of(
        WISH, how=sharing(shadows={"S1_AVWAP_SHADOW": CORE}), sectors={"AAA": "X"}
    ),
    "a share of a position that has only its plan": lambda: of(
        WISH, book=book([PLANNED]), how=sharing(allow_symbol_overlap=True, allow_unsleeved=True)
    ),
}
"""Every code's, and what lies beside them."""


def decisions() -> dict[str, Any]:
    """Case -> the whole of its decisions."""
    return {name: decided(name) for name in sorted(DECISION_CASES)}


def decided(name: str) -> dict[str, Any]:
    """The decisions of one case; an error is told by its kind, for its words are Python's."""
    made = (
        DECISION_CASES[name]() if name != IntentCode.ARBITER_ERROR else run(broken(WISH), SIM, None, _caught)
    )
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
