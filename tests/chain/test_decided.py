"""What was decided is what binds: a verdict changed by hand, before the gates or after, lets nothing in."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.day import Day
from flows.house import House
from flows.pipeline import PREMARKET, Outcome, run_morning
from flows.replay import replay
from flows.sound import judge
from flows.stages.opening import open_session
from flows.world import open_world
from ledger.artifacts import Loaded, revise
from ledger.canonical import artifact_bytes
from schemas.candidates import Candidates
from schemas.decisions import Decisions, Verdict
from schemas.enforcement import Enforcement
from tests.chain.days import BOOK, OPENED, Ground, play
from tests.chain.test_day import codes_told, cycles_and_close, damage, entries_of

Body = dict[str, Any]


def opened(ground: Ground, at: Path, **flags: Any) -> tuple[House, Day]:
    """The book's first session: two entries are decided, and decisions bind."""
    house = ground.house(ground.fresh(at / "home"), portfolio_decision_enforce=True, **flags)
    return house, ground.day(house, OPENED)


def morning(house: House, day: Day, before_enforcement: Callable[[], None]) -> Outcome:
    """The premarket, with a hand in it between the decisions and the gates."""
    world, outcome = open_world(house, BOOK), Outcome(day)
    run_morning(day, world, open_session(day, world, None), outcome)
    for name, run in PREMARKET:
        if name == "enforcement":
            before_enforcement()
        outcome.attempt(name, lambda run=run: run(day))  # type: ignore[misc]
    return outcome


def of(day: Day, name: str, model: Any) -> Any:
    found = day.read(name, model)
    assert isinstance(found, Loaded), found
    return found.artifact


def codes(day: Day) -> set[str]:
    return {row.code for row in of(day, "enforcement.json", Enforcement).refused}


def with_more_shares(data: bytes) -> bytes:
    body: Body = json.loads(data)
    first = next(row for row in body["verdicts"] if row["q2"] != "0")
    first["q2"] = str(int(first["q2"]) + 1)
    return artifact_bytes(body)


def with_a_block_lifted(data: bytes) -> bytes:
    body: Body = json.loads(data)
    body["verdicts"][0] |= {"verdict": "ALLOW", "q2": "5"}
    return artifact_bytes(body)


def nothing() -> None:
    """No hand at all."""


def test_undisturbed_what_was_allowed_is_entered_under_its_decision(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    house, day = opened(tiny_ground, tmp_path)
    assert 0 == morning(house, day, nothing).exit_code
    decided = of(day, "decisions.json", Decisions)
    allowed = {row.decision_id: row for row in decided.verdicts if row.q2 > 0}
    assert allowed
    authorised = of(day, "enforcement.json", Enforcement).authorised
    assert {name: row.q2 for name, row in allowed.items()} == {
        row.decision_id: row.quantity for row in authorised
    }
    wished = {row.intent_id: row for row in of(day, "candidates.json", Candidates).intents}
    for row in decided.verdicts:
        intent = wished[row.intent_id]
        assert (intent.strategy_id, intent.sleeve_id) == (row.strategy_id, row.sleeve_id)
    assert [] == [use for use in decided.sleeves.uses if use.sleeve_id != "S1_AVWAP_CORE"]


@pytest.mark.parametrize("how", [with_more_shares, with_a_block_lifted])
def test_a_verdict_changed_before_the_gates_is_refused_by_its_digest(
    tiny_ground: Ground, tmp_path: Path, how: Callable[[bytes], bytes]
) -> None:
    house, day = opened(tiny_ground, tmp_path)
    morning(house, day, lambda: damage(day, "decisions.json", how))
    assert () == of(day, "enforcement.json", Enforcement).authorised
    assert {"DECISION_DIGEST_MISMATCH"} == codes(day)


def test_a_verdict_changed_after_the_gates_stops_every_entry_of_the_cycle(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    house, day = opened(tiny_ground, tmp_path)
    morning(house, day, nothing)
    damage(day, "decisions.json", with_more_shares)
    cycles_and_close(house, day)
    assert [] == entries_of(day)
    assert "ENFORCEMENT_STALE_INPUT" in codes_told(day)


def revised(house: House, day: Day) -> None:
    """A correction beside the decisions: the first entry is taken back."""
    found = day.read("decisions.json", Decisions)
    assert isinstance(found, Loaded)
    first = next(row for row in found.artifact.verdicts if row.q2 > 0)
    rows = tuple(
        row.model_copy(update={"verdict": Verdict.BLOCK, "q2": row.q2 - row.q2}) if row is first else row
        for row in found.artifact.verdicts
    )
    body = found.artifact.model_copy(update={"verdicts": rows})
    body = body.model_copy(update={"binding": body.rebound})
    revise(house.disk, day.path("decisions.json"), body, day.ctx, found.header.inputs)


def test_the_latest_revision_binds_and_names_what_it_supersedes(tiny_ground: Ground, tmp_path: Path) -> None:
    house, day = opened(tiny_ground, tmp_path)
    morning(house, day, lambda: revised(house, day))
    found = day.read("decisions.json", Decisions)
    assert isinstance(found, Loaded)
    assert ("decisions.json", day.path("decisions.r2.json")) == (found.header.supersedes, found.ref.path)
    allowed = {row.intent_id for row in found.artifact.verdicts if row.q2 > 0}
    enforced = of(day, "enforcement.json", Enforcement)
    assert allowed == {row.intent_id for row in enforced.authorised}
    assert "DECISION_BLOCKED" in codes(day)


def test_a_superseded_revision_changed_by_hand_breaks_the_chain(tiny_ground: Ground, tmp_path: Path) -> None:
    house, day = opened(tiny_ground, tmp_path)

    def both() -> None:
        revised(house, day)
        damage(day, "decisions.json", with_more_shares)

    morning(house, day, both)
    assert () == of(day, "enforcement.json", Enforcement).authorised
    assert {"DECISION_STALE_INPUT"} == codes(day)


def test_a_fault_in_the_sleeves_blocks_the_morning_and_the_config_check_names_it(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    house, day = opened(tiny_ground, tmp_path, s2_sleeves_json='{"S9_NOBODY": {}}')
    morning(house, day, nothing)
    assert ("S2_CONFIG_INVALID",) == of(day, "decisions.json", Decisions).batch.codes[:1]
    assert () == of(day, "enforcement.json", Enforcement).authorised
    assert any("S9_NOBODY" in line for line in judge(tmp_path, s2_sleeves_json='{"S9_NOBODY": {}}').faults)


def test_a_day_with_shadows_and_a_stated_profit_is_recomputed_to_the_byte(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    flags: dict[str, Any] = {
        "shadow_strategy_ids": "S1_AVWAP_SHADOW=S1_AVWAP_CORE",
        "s2_daily_pnl_json": '{"S1_AVWAP_CORE": -12.5}',
    }
    home = tiny_ground.fresh(tmp_path / "home")
    assert 0 == play(tiny_ground.house(home, **flags), OPENED).exit_code
    # Tomorrow's environment says something else of the profit: what the morning recorded is what counts.
    house = tiny_ground.house(home, shadow_strategy_ids=flags["shadow_strategy_ids"])
    day = tiny_ground.day(house, OPENED)
    assert replay(house, day).identical
    decided = of(day, "decisions.json", Decisions)
    shadows = [row for row in decided.verdicts if row.shadow_verdict is not None]
    real = {row.intent_id: row for row in decided.verdicts if row.shadow_verdict is None}
    assert real.keys() == {row.shadow_of for row in shadows}
    assert [real[row.shadow_of].q2 for row in shadows] == [row.shadow_q2 for row in shadows]
    assert Decimal("-12.5") == decided.sleeves.uses[0].pnl
    enforced = of(day, "enforcement.json", Enforcement)
    assert {"S1_AVWAP_CORE"} == {row.strategy_id for row in (*enforced.authorised, *enforced.refused)}
