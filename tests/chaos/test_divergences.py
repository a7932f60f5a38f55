"""Whatever replay finds holds back the entries of the cycle that found it, and the trim of that cycle is sold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from execution_v2.broker.port import Seen
from execution_v2.ports import CycleInputs, CycleResult, Ports
from execution_v2.reduce import empty_state
from ledger.journal import Journal
from ledger.memory import MemoryDisk
from schemas.base import Fact
from schemas.events import EntryAuthorised, OrderConfirmed, RebuildDecided, TickTaken
from schemas.journal import JournalRecord
from schemas.lifecycle import Lifecycle
from schemas.observations import BrokerPosition
from schemas.order_events import OrderRejected, OrderSubmitting
from schemas.tick import DivergenceCategory, Posture, Verdict
from simulation.fault_plan import Fault
from tests.execution_v2.watched import Watched, events
from tests.simulation.world import Want

C = DivergenceCategory
RISE = {3: ("50.00", "53.50", "50.00", "53.40")}


class Lied(Watched):
    """A book about whose record something is not true from a moment on."""

    lost: int | None = None
    """The number of a record that nobody finds any more."""
    flips = False
    """The disk says something else than was written."""
    breaks = False
    """The disk does not answer."""
    richer = False
    """The cycle begins with a dollar that no record brought."""

    def __init__(self, changes: Mapping[int, tuple[str, str, str, str]] | None = None, **facts: Any) -> None:
        """The tick that arms the book is taken as judged: nobody measured it."""
        super().__init__(changes, **facts)
        *rows, last = self.journal.records
        told = TickTaken.model_validate(last.data)
        tick = told.tick.model_copy(update={"verdict": Verdict(seq=last.seq, divergences=())})
        self.journal = Journal.open(MemoryDisk(), self.journal.path)
        self.journal.append([(row.event, row.ts, row.cycle, row.data) for row in rows])
        self.journal.append([(last.event, last.ts, None, told.model_copy(update={"tick": tick}))])

    def records(self) -> Sequence[JournalRecord]:
        return [record for record in self.journal.records if record.seq != self.lost]

    def bytes(self) -> bytes:
        if self.breaks:
            raise FileNotFoundError("no disk")
        disk: Any = self.journal._disk
        data: bytes = disk.read(self.journal.path)
        return data.replace(b'"genesis":true', b'"genesis":null') if self.flips else data

    def ports(self) -> Ports:
        return replace(super().ports(), records=self.records, reread=self.bytes)

    def inputs(self, slot: str, **changes: Any) -> CycleInputs:
        found = super().inputs(slot, carried=empty_state(), **changes)
        if self.richer:
            state = found.state
            found = replace(found, state=state.model_copy(update={"cash": state.cash + 1}))
        return found

    def say(self, *rows: tuple[str, Fact]) -> None:
        """Records that a run of this session left, after the last check."""
        self.journal.append([(event, self.clock.now(), "0945", data) for event, data in rows])


class Shows:
    """A line whose positions are others than the exchange's."""

    def __init__(self, inner: Any, change: Callable[[Any], Any]) -> None:
        self._inner, self._change = inner, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def positions(self) -> Any:
        read = self._inner.positions()
        return replace(read, value=self._change(read.value)) if isinstance(read, Seen) else read


def lose_a_record(made: Lied) -> None:
    made.lost = made.journal.records[-2].seq


def flip(made: Lied) -> None:
    made.flips = True


def enrich(made: Lied) -> None:
    made.richer = True


def silence(made: Lied) -> None:
    made.breaks = True


def tell_another_state(made: Lied) -> None:
    """The last cycle said that its records led somewhere else."""
    last = next(r for r in reversed(made.journal.records) if r.event == "tick.taken")
    data: Any = dict(last.data)
    data["tick"] = {**data["tick"], "verdict": {**data["tick"]["verdict"], "state_sha256": "f" * 64}}
    made.journal.append([("tick.taken", made.clock.now(), "0945", data)])


def authorise_unasked(made: Lied) -> None:
    told = EntryAuthorised(
        intent_id="int_x",
        strategy_id="S9",
        sleeve_id="S9",
        symbol="ZZZ",
        quantity=Decimal(1),
        limit=Decimal(1),
        stop=Decimal(1),
        gates=(),
    )
    made.say(("entry.authorised", told))


def move_an_ended_order(made: Lied) -> None:
    order = made.candidates.intents[0]
    some = {
        "ord_id": "ord_x",
        "client_order_id": "aw1-x",
        "leg": "T",
        "revision": 0,
        "attempt": 1,
        "risk_class": "REDUCE",
        "state": "CREATED",
        "strategy_id": order.strategy_id,
        "sleeve_id": order.sleeve_id,
        "intent_id": "int_x",
        "position_id": "pos_x",
        "symbol": "ZZZ",
        "side": "sell",
        "order_type": "limit",
        "time_in_force": "day",
        "quantity": "1",
        "filled": "0",
        "limit": "1.0000",
        "reason": "TRIM_R1",
        "session_date": made.inputs("x").session_date.isoformat(),
    }
    made.say(
        ("order.submitting", OrderSubmitting.model_validate({"order": some})),
        ("order.rejected", OrderRejected(ord_id="ord_x", reason="BROKER_REJECTED", raw="")),
        ("order.confirmed", OrderConfirmed(ord_id="ord_x", order_id="b-x")),
    )


def leave_an_orphan(made: Lied) -> None:
    judged = RebuildDecided(
        client_order_id="aw1-x",
        order_id="b-1",
        symbol="ZZZ",
        quantity=Decimal(5),
        row=10,
        action="CANCEL",
        code="ORPHAN_ENTRY",
        evidence_id="ev_1",
    )
    made.say(("rebuild.decided", judged))


def show_strange_shares(made: Lied) -> None:
    """Somebody bought ZZZ by hand."""

    def also(rows: Any) -> Any:
        theirs = BrokerPosition(symbol="ZZZ", quantity=Decimal(7), average_price=Decimal("10.000000"))
        return (*rows, theirs)

    made.door = Shows(made.door, also)


LIES: dict[C, Callable[[Lied], None]] = {
    C.LEDGER_GAP: lose_a_record,
    C.CORRUPT: flip,
    C.STATE_HASH: enrich,
    C.NONDETERMINISM: tell_another_state,
    C.DECISION: authorise_unasked,
    C.ILLEGAL_TRANSITION: move_an_ended_order,
    C.ORPHAN: leave_an_orphan,
    C.CONTRADICTION: show_strange_shares,
    C.UNKNOWN: silence,
}


def found(result: CycleResult) -> set[C]:
    return {C(str(row["category"])) for row in events(result, "divergence.found")}


def warmed(changes: Mapping[int, tuple[str, str, str, str]] | None = None, **facts: Any) -> Lied:
    """A book that may enter in its next cycle."""
    made = Lied(changes, **facts)
    made.cycle(0, is_first=True)
    return made


@pytest.mark.parametrize("category", list(LIES))
def test_row_19_the_cycle_that_finds_a_divergence_enters_nothing_and_says_why(category: C) -> None:
    made = warmed()
    LIES[category](made)
    result = made.cycle(5)
    assert category in found(result)
    assert (0, []) == (made.held, events(result, "entry.authorised"))
    assert made.state.posture.posture in (Posture.ORANGE, Posture.RED)
    assert any(str(row["code"]).startswith("POSTURE_") for row in events(result, "entry.denied"))


def test_row_19_without_any_lie_that_cycle_enters() -> None:
    made = warmed()
    result = made.cycle(5)
    assert (161, set(), Posture.GREEN) == (made.held, found(result), made.state.posture.posture)
    assert Lifecycle.ACTIVE is made.state.lifecycle.state


@pytest.mark.parametrize("category", list(LIES))
def test_row_19_the_trim_of_the_cycle_that_finds_one_is_sold_and_the_rest_is_covered(category: C) -> None:
    made = warmed(RISE, want=Want(r1="53.00", r2="80.00"))
    made.cycle(5)
    assert [("ENTRY", 161)] == made.fills()
    LIES[category](made)
    result = made.cycle(20)
    assert category in found(result)
    assert [("ENTRY", 161), ("TRIM_R1", 80)] == made.fills()
    assert [81] == [shares for shares, _ in made.stops()]
    assert made.state.posture.posture in (Posture.ORANGE, Posture.RED)


def test_row_19_each_difference_is_told_once_in_a_cycle_and_once_in_the_next() -> None:
    made = warmed()
    made.flips = True
    for minute in (5, 10):
        told = [row["divergence_id"] for row in events(made.cycle(minute), "divergence.found")]
        assert len(told) == len(set(told)) > 0


def test_row_19_one_that_is_gone_is_closed_in_the_next_cycle_and_the_ladder_leads_back() -> None:
    made = warmed()
    made.breaks = True
    made.cycle(5)
    made.breaks = False
    result = made.cycle(10)
    assert set() == found(result)
    for minute in range(15, 60, 5):
        made.cycle(minute)
    assert 0 < made.held


def test_row_19_shares_that_the_broker_shows_fewer_of_are_a_position_and_what_both_hold_stays_covered() -> (
    None
):
    made = warmed(RISE, want=Want(r1="80.00", r2="90.00"))
    made.cycle(5)

    def fewer(rows: Any) -> Any:
        return tuple(row.model_copy(update={"quantity": row.quantity - 10}) for row in rows)

    made.door = Shows(made.door, fewer)
    result = made.cycle(10)
    assert {C.POSITION, C.CONTRADICTION} <= found(result)
    assert Posture.ORANGE is made.state.posture.posture
    assert [151] == [shares for shares, _ in made.stops()]


def test_row_19_a_gap_of_a_cycle_before_is_found_and_the_stop_is_placed_in_that_cycle() -> None:
    made = Lied(script={f"submit#{n}": Fault.NOT_SENT for n in range(2, 30)})
    made.cycle(5)
    assert (161, []) == (made.held, made.stops())
    made.door = made.faulty({})
    result = made.cycle(10)
    assert C.PROTECTION_GAP in found(result)
    assert [161] == [shares for shares, _ in made.stops()]
    assert made.state.posture.posture in (Posture.ORANGE, Posture.RED)


def test_row_19_a_replacement_that_was_given_up_is_a_race_until_its_fate_is_known() -> None:
    script = {"replace#1": Fault.ACK_LOST} | {f"lookup#{n}": Fault.READ_FAILED for n in range(1, 60)}
    made = Lied(RISE, want=Want(r1="53.00", r2="80.00"))
    made.cycle(5)
    made.door = made.faulty(script)
    result = made.cycle(20)
    assert {C.REPLACE_RACE} == found(result)
    assert Posture.ORANGE is made.state.posture.posture
    made.door = made.faulty({})
    assert C.REPLACE_RACE not in found(made.cycle(25)), "its fate is known, so it is closed"
    assert ([("ENTRY", 161), ("TRIM_R1", 80)], [81]) == (made.fills(), [shares for shares, _ in made.stops()])
