"""Whatever comes in whatever order: nothing broken lets an entry pass, no cap is exceeded, no exit is refused."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution_v2 import enforce
from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts
from execution_v2.gates.table import GATES
from schemas.header import Finding
from tests.execution_v2.gate_model import Model, block

STEPS = 500
BLOCKS = 400


def test_two_hundred_thousand_steps_exceed_no_cap_pass_no_broken_gate_and_refuse_no_exit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    counted: Counter[str] = Counter()

    @settings(max_examples=BLOCKS, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(seed=st.integers(0, 2**63))
    def one(seed: int) -> None:
        counted.update(block(seed, STEPS))

    one()
    with capsys.disabled():
        told = ", ".join(f"{count:,} {what}" for what, count in sorted(counted.items()))
        print(f"\n  gate laws: {told}")
    assert counted["steps"] >= 200_000
    assert all(counted[what] > 1_000 for what in ("entered", "refused", "broken", "reduced", "cancelled"))


def blocks(count: int) -> None:
    for seed in range(count):
        block(seed, STEPS)


@pytest.mark.parametrize("missing", [gate.name for gate in GATES])
def test_the_steps_would_notice_a_gate_that_is_not_asked(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enforce, "GATES", tuple(gate for gate in GATES if gate.name != missing))
    with pytest.raises(AssertionError, match=r"let pass|not asked"):
        blocks(20)


CAPS = ("risk_per_trade", "gross_exposure", "positions", "entries_per_day", "sleeve", "envelope")


@pytest.mark.parametrize("open_wide", CAPS)
def test_the_bookkeeper_would_notice_a_cap_that_always_says_yes(
    open_wide: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its own sums can tell: the gate is asked and reported like any other."""
    gates = tuple(replace(g, check=_yes) if g.name == open_wide else g for g in GATES)
    monkeypatch.setattr(enforce, "GATES", gates)
    monkeypatch.setattr(Model, "broken", lambda model: None)
    with pytest.raises(AssertionError, match=r"risk|gross|worst|positions|entries|cash|two strategies"):
        blocks(60)


def _yes(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    return ()
