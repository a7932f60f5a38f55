"""A recorded cycle replays to the same journal without a broker, and a changed question is found by its number."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from execution_v2.broker.port import SubmitOrder, Unresolved
from execution_v2.broker.recorded import RecordingBroker, RecordingEnded, ReplayBroker, ReplayDiverged
from execution_v2.cycle import run_cycle
from execution_v2.ports import CycleInputs, Ports
from ledger.canonical import parse
from ledger.disk import LocalDisk
from ledger.journal import Journal
from schemas.base import instant
from schemas.book import OrderType, Side, TimeInForce
from schemas.cycle import CycleKind
from schemas.errors import Corrupt
from tests.simulation.world import CONFIG, DAYS, Want, World, bar, usd

BARS = {("AAA", DAYS[0]): bar("50.10", "51.00", "49.50", "50.80")}


class Recorded:
    """The entries cycle of a day with its calls and its journal."""

    def __init__(self, root: Path) -> None:
        self.world = World(disk=LocalDisk(root), bars=BARS, wants={DAYS[0]: [Want()]})
        self.world.run(DAYS[0], until="0930")
        self.world.at += timedelta(minutes=5)
        self.inputs: CycleInputs = self.world.inputs(DAYS[0], "0935", CycleKind.ENTRIES)
        self.lines: list[bytes] = []
        broker = RecordingBroker(self.world.sim, self.world.sim, lambda: self.world.at, self.lines.append)
        self.records = run_cycle(self.inputs, ports(broker, self.fresh(root / "live")), CONFIG).records

    def fresh(self, root: Path) -> Journal:
        return Journal.open(LocalDisk(root), "journal.jsonl")

    def replay(self, root: Path, lines: list[bytes], inputs: CycleInputs | None = None) -> ReplayBroker:
        """Replays; checks that what was journaled is what was recorded."""
        broker = ReplayBroker(lines)
        again = run_cycle(inputs or self.inputs, ports(broker, self.fresh(root)), CONFIG)
        assert self.records == again.records
        return broker


def ports(door: Any, journal: Journal) -> Ports:
    return Ports(broker=door, feed=door, journal=journal, now=door.now, pause=lambda seconds: None)


def test_a_replay_asks_the_same_and_ends_with_the_same_records(tmp_path: Path) -> None:
    made = Recorded(tmp_path)
    assert 0 == made.replay(tmp_path / "again", made.lines).unasked
    assert {"submit", "fills", "account", "quotes", "now"} <= {line_op(line) for line in made.lines}


def test_the_brokers_calendar_is_replayed_as_it_was_answered(tmp_path: Path) -> None:
    sim, lines = Recorded(tmp_path).world.sim, list[bytes]()
    asked = (DAYS[0], DAYS[-1])
    seen = RecordingBroker(sim, sim, lambda: None, lines.append).calendar(*asked)  # type: ignore[arg-type,return-value]
    assert list(DAYS) == [each.session for each in seen.value]  # type: ignore[union-attr]
    assert seen == ReplayBroker(lines).calendar(*asked)
    with pytest.raises(ReplayDiverged):
        ReplayBroker(lines).calendar(DAYS[0], DAYS[0])


def line_op(line: bytes) -> str:
    return str(parse(line)["op"])


def test_a_changed_decision_is_found_at_its_call_with_both_values(tmp_path: Path) -> None:
    made = Recorded(tmp_path)
    altered = [line.replace(b'"quantity":"150"', b'"quantity":"149"') for line in made.lines]
    with pytest.raises(ReplayDiverged) as found:
        made.replay(tmp_path / "again", altered)
    submits = [number for number, line in enumerate(made.lines, start=1) if line_op(line) == "submit"]
    assert (submits[0], "149", "150") == (found.value.n, found.value.expected, found.value.actual)


def test_a_recording_that_a_crash_cut_short_says_where(tmp_path: Path) -> None:
    made = Recorded(tmp_path)
    with pytest.raises(RecordingEnded, match="the recording holds 3"):
        made.replay(tmp_path / "again", made.lines[:3])


def test_a_replay_that_stops_early_leaves_calls_unasked(tmp_path: Path) -> None:
    made = Recorded(tmp_path)
    broker = ReplayBroker(made.lines)
    assert instant(broker.now()) == "2026-03-02T14:35:00Z"
    assert len(made.lines) - 1 == broker.unasked


def test_a_damaged_line_is_corruption(tmp_path: Path) -> None:
    made = Recorded(tmp_path)
    with pytest.raises(Corrupt):
        ReplayBroker([made.lines[0][:-9]]).now()


def test_an_unresolved_answer_survives_its_recording(tmp_path: Path) -> None:
    class Mute:
        def submit(self, request: Any) -> Unresolved:
            return Unresolved(cause="READ_TIMEOUT", sent="yes")

    made = Recorded(tmp_path)
    lines: list[bytes] = []
    mute: Any = Mute()
    request = SubmitOrder(
        client_order_id="a",
        symbol="AAA",
        side=Side.BUY,
        quantity=usd("1"),
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        limit=usd("1.10"),
    )
    said = RecordingBroker(mute, mute, lambda: made.world.at, lines.append).submit(request)
    assert said == ReplayBroker(lines).submit(request)
    with pytest.raises(ReplayDiverged):
        ReplayBroker(lines).submit(replace(request, limit=usd("1.11")))
