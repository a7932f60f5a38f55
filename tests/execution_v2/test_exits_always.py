"""With every gate shut and every file that entries read broken, what is held is left exactly as it would have been."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution_v2.ports import CycleInputs
from execution_v2.protections import Protections
from ledger.memory import MemoryDisk
from schemas.base import SessionDate
from schemas.book import LossRun
from schemas.cycle import CycleKind
from schemas.reasons.ledger import ReadFaultCode
from tests.execution_v2.test_laws import LAST, SYMBOLS, weeks
from tests.portfolio.books import control
from tests.simulation import world as worlds
from tests.simulation.world import DAYS, LIQUID, Want, World, bar

SHUT = ("control", "candidates", "decisions", "enforcement", "snapshot", "killed", "losses")


@dataclass(kw_only=True)
class Shut(World):
    """From the second day on, what *shut* names is broken or set; the first day entered as ever."""

    shut: frozenset[str] = frozenset()

    def inputs(self, session: SessionDate, slot: str, kind: CycleKind) -> CycleInputs:
        made = super().inputs(session, slot, kind)
        if session == DAYS[0]:
            return made
        over: dict[str, Any] = {
            name: ReadFaultCode.CORRUPT
            for name in ("candidates", "decisions", "enforcement", "snapshot")
            if name in self.shut
        }
        if "control" in self.shut:
            over["control"] = control(kill_env=True, kill_file="KILL_SWITCH", live_trading=False)
        runs = (LossRun(strategy_id="", losses=99),) if "losses" in self.shut else made.state.loss_runs
        killed = "killed" in self.shut
        return replace(
            made, **over, state=made.state.model_copy(update={"killed": killed, "loss_runs": runs})
        )


def sells(made: World) -> list[tuple[str, ...]]:
    """Everything that was done for what is held: stops, trims, exits, cancels, and what came of them."""
    told: list[tuple[str, ...]] = []
    for day in DAYS[:LAST]:
        for record in made.journal(day).records:
            if record.event.startswith(("order.", "stop.", "position.")):
                told.append((record.event, str(record.cycle), str(sorted(record.data.items()))))
    return told


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(week=weeks(), shut=st.sets(st.sampled_from(SHUT), min_size=1), limits=st.booleans())
def test_no_combination_of_shut_gates_and_broken_files_changes_one_exit(
    week: dict[str, Any], shut: set[str], limits: bool
) -> None:
    wants: dict[SessionDate, list[Want]] = {DAYS[0]: week["wants"].get(DAYS[0], [])}
    given_week = week | {"wants": wants}
    free, bound = (
        Shut(
            disk=MemoryDisk(),
            adv=dict.fromkeys(SYMBOLS, LIQUID),
            shut=frozenset(names),
            **given_week,
        )
        for names in ((), shut)
    )
    free.run(*DAYS[:LAST])
    bound.run(DAYS[0])
    with pytest.MonkeyPatch.context() as patch:
        if limits:
            patch.setattr(worlds, "CONFIG", nothing_allowed())
        bound.run(*DAYS[1:LAST])
    assert sells(free) == sells(bound)


def nothing_allowed() -> Any:
    """Every limit of the book at 0, every rule of the protections at its strictest."""
    gates = worlds.CONFIG.gates
    none = {name: 0 for name in type(gates.limits).model_fields if name.endswith("_max") or "_max_" in name}
    limits = gates.limits.model_copy(update=none)
    strict = Protections.model_validate({"book": {"losses_max": 1, "cooldown_sessions": 60}})
    portfolio = gates.portfolio.model_copy(update={"limits": limits})
    changed = gates.model_copy(
        update={"portfolio": portfolio, "allowlist": (), "protections": strict, "decision_enforce": True}
    )
    return replace(worlds.CONFIG, gates=changed)


def test_with_all_of_it_shut_a_stop_still_sells_what_is_held() -> None:
    bars = {
        ("AAA", DAYS[0]): bar("50.10", "51.00", "49.50", "50.80"),
        ("AAA", DAYS[1]): bar("49.00", "49.10", "45.00", "46.00"),
    }
    made = Shut(disk=MemoryDisk(), bars=bars, wants={DAYS[0]: [Want()]}, shut=frozenset(SHUT))
    assert 1 == len(made.run(DAYS[0]).positions)
    state = made.run(DAYS[1])
    assert () == state.positions
    assert [True] == [row.by_stop for row in state.closings]
