"""The shadow agrees with every honest session; each lie of its records is named and clamped by the table."""

from collections.abc import Mapping
from typing import Any

import pytest

from execution_v2.divergence_state import Sent
from execution_v2.reduce import empty_state
from execution_v2.shadow import Shadow
from schemas.base import Fact
from schemas.events import (
    OperatorAct,
    OrderConfirmed,
    OrderFilled,
    OrderRejected,
    SyncChecked,
)
from schemas.tick import (
    DivergenceCategory,
    Posture,
    TickKind,
    Verdict,
)
from simulation.fault_plan import Fault
from tests.execution_v2.shadowed import Shadowed, authorised
from tests.execution_v2.watched import Watched
from tests.simulation.world import BOOK

C = DivergenceCategory

# -- what agrees ---------------------------------------------------------------------------------------------

FALLS = {3: ("50.00", "50.00", "46.00", "46.00")}
RISES = {n: (f"{50 + n}.00", f"{50 + n}.60", f"{50 + n}.00", f"{50 + n}.50") for n in range(2, 14)}


@pytest.mark.parametrize(
    ("changes", "script"),
    [
        ({}, {}),
        (FALLS, {}),
        (RISES, {}),
        (RISES, {"submit#2": Fault.ACK_LOST}),
        ({}, {"submit#1": Fault.REQUEST_LOST}),
        (RISES, {"replace#1": Fault.ACK_LOST}),
    ],
    ids=["quiet", "stopped", "ratcheted", "stop answer lost", "entry lost", "ratchet answer lost"],
)
def test_an_honest_session_has_nothing_to_find_at_any_check(
    changes: Mapping[int, tuple[str, str, str, str]], script: Mapping[str, Fault]
) -> None:
    made = Watched(changes, script=script)
    disk: Any = made.journal._disk
    for minute in (0, 5, 10, 20, 40, 60):
        shadow = Shadow(
            BOOK, empty_state(), lambda: made.journal.records, reread=lambda: disk.read(made.journal.path)
        )
        assert () == shadow.check(made.state).divergences
        made.cycle(minute, is_first=minute == 0)
        verdict = shadow.check(made.state)
        kinds = {row.category for row in verdict.divergences} - {C.REPLACE_RACE}
        assert set() == kinds
        assert verdict.seq == made.journal.records[-1].seq


def test_a_shadow_that_knows_this_cycle_alone_agrees_too() -> None:
    made = Watched(RISES)
    made.cycle(5)
    state, first = made.state, len(made.journal.records)
    shadow = Shadow(BOOK, state, lambda: made.journal.records[first:], is_whole=False)
    made.cycle(30)
    assert () == shadow.check(made.state).divergences


# -- each lie ------------------------------------------------------------------------------------------------


def test_a_live_state_that_no_record_made_is_a_state_hash() -> None:
    made = Shadowed()
    richer = made.day.state.model_copy(update={"cash": made.day.state.cash + 1})
    assert [C.STATE_HASH] == [row.category for row in made.check(richer)]
    (row,) = made.check(richer)
    assert (Posture.RED, True, 1.0) == (row.clamp, row.needs_ack, row.severity)


def test_before_the_first_entry_equal_values_do_and_unequal_ones_are_still_found() -> None:
    made = Shadowed()
    state = made.day.state
    poorer = state.model_copy(update={"cash": state.cash - 1})
    found = made.shadow.check(poorer, kind=TickKind.SPOT).divergences
    assert [C.STATE_HASH] == [row.category for row in found]
    made.check()
    assert ((), None) == (
        made.shadow.check(state, kind=TickKind.SPOT).divergences,
        made.shadow.check(state, kind=TickKind.SPOT).state_sha256,
    )


def test_before_every_entry_the_records_since_are_judged_all_the_same() -> None:
    made = Shadowed()
    assert () == made.shadow.check(made.day.state, kind=TickKind.SPOT).divergences
    made.note(("entry.authorised", authorised(made)))
    found = made.shadow.check(made.day.state, kind=TickKind.SPOT).divergences
    assert [C.DECISION] == [row.category for row in found]


def test_a_journal_that_folds_to_another_state_than_it_did_before_is_nondeterminism() -> None:
    made = Shadowed()
    verdict = made.shadow.check(made.day.state)
    for told, expected in ((verdict.state_sha256, []), ("f" * 64, [C.NONDETERMINISM])):
        again = _ticked(made, verdict.model_copy(update={"state_sha256": told}))
        assert expected == [row.category for row in again.check(made.day.state).divergences]


def _ticked(made: Shadowed, verdict: Verdict) -> Shadow:
    """A later cycle's shadow, over the same records and a tick that says *verdict*."""
    data: dict[str, Any] = {"tick": {"verdict": verdict.model_dump(mode="json")}}
    records = list(made.records())
    last = records[-1]
    told = last.model_copy(
        update={"seq": last.seq + 1, "prev": "0" * 64, "event": "tick.taken", "data": data}
    )
    shadow = Shadow(BOOK, empty_state(), lambda: [*records, told])
    shadow._records = lambda: records
    return shadow


def test_a_hole_between_two_records_is_a_ledger_gap_until_a_person_says_so() -> None:
    made = Shadowed()
    made.note(*[("sync.checked", SyncChecked(status="IN_SYNC", findings=()))] * 3)
    made.lost.add(made.seen + 2)
    assert [(C.LEDGER_GAP, Posture.RED, True)] == made.found()
    (row,) = made.check()
    later = Shadow(BOOK, empty_state(), made.records)  # the next cycle reads the same hole
    assert [row.divergence_id] == [each.divergence_id for each in later.check(made.day.state).divergences]
    acked = OperatorAct(verb="ack", operator="ann", reason="looked", subject=row.divergence_id)
    made.note(("operator.acted", acked), cycle=None)
    assert () == Shadow(BOOK, empty_state(), made.records).check(made.day.state).divergences


@pytest.mark.parametrize("event", ["order.filled", "order.confirmed", "order.rejected"])
def test_news_of_an_order_that_nobody_announced_is_a_ledger_gap(event: str) -> None:
    made = Shadowed()
    fill = next(r for r in made.records() if r.event == "order.filled")
    strange = OrderFilled.model_validate({**fill.data, "ord_id": "ord_none", "execution_id": "new"})
    news: dict[str, Fact] = {
        "order.filled": strange,
        "order.confirmed": OrderConfirmed(ord_id="ord_none", order_id="b-9"),
        "order.rejected": OrderRejected(ord_id="ord_none", reason="BROKER_REJECTED", raw=""),
    }
    made.note((event, news[event]))
    assert (C.LEDGER_GAP, Posture.RED, True) in made.found()
    assert "ord_none" == made.check()[0].ord_id


def test_a_request_that_left_before_its_record_is_a_ledger_gap() -> None:
    made = Shadowed()
    order = made.day.state.orders[0]
    at = next(r.seq for r in made.records() if r.event == "order.submitting" and order.ord_id in str(r.data))
    said = Sent(client_order_id=order.client_order_id, after_seq=at)
    early = Sent(client_order_id=order.client_order_id, after_seq=at - 1)
    never = Sent(client_order_id="aw1-nobody", after_seq=at)
    assert [] == made.found(sent=(said,))
    assert [C.LEDGER_GAP] == [row[0] for row in made.found(sent=(early,))]
    assert [C.LEDGER_GAP] == [row[0] for row in made.found(sent=(never,))]


def test_bytes_on_disk_that_say_something_else_are_corrupt() -> None:
    made = Shadowed(reads_disk=True)
    made.note(("sync.checked", SyncChecked(status="IN_SYNC", findings=())))
    made.flipped = (b'"status":"IN_SYNC"', b'"status":"IN_SINK"')
    again = Shadow(BOOK, empty_state(), made.records, reread=made.bytes)
    found = {row.category for row in again.check(made.day.state).divergences}
    assert {C.CORRUPT} == found


def test_a_disk_that_does_not_answer_is_unknown_and_the_records_in_memory_are_folded() -> None:
    made = Shadowed()

    def gone() -> bytes:
        raise FileNotFoundError(made.journal.path)

    shadow = Shadow(BOOK, empty_state(), made.records, reread=gone)
    for _ in range(2):
        found = shadow.check(made.day.state).divergences
        assert [(C.UNKNOWN, Posture.ORANGE, 1)] == [(row.category, row.clamp, row.count) for row in found]


def test_a_record_that_names_another_before_it_and_a_broken_file_are_corrupt() -> None:
    made = Shadowed()
    assert [(C.CORRUPT, Posture.RED, True)] == made.found(is_corrupt=True)
    made.note(("sync.checked", SyncChecked(status="IN_SYNC", findings=())))
    *rest, last = made.records()
    forged = [*rest, last.model_copy(update={"prev": "a" * 64})]
    shadow = Shadow(BOOK, empty_state(), lambda: forged)
    assert [C.CORRUPT] == [row.category for row in shadow.check(made.day.state).divergences]


def test_records_that_wait_for_their_disk_are_no_break_and_state_no_digest() -> None:
    made = Shadowed()
    made.note(("sync.checked", SyncChecked(status="IN_SYNC", findings=())))
    *rest, last = made.records()
    waiting = [*rest, last.model_copy(update={"prev": "0" * 64})]
    verdict = Shadow(BOOK, empty_state(), lambda: waiting).check(made.day.state)
    assert ((), None) == (verdict.divergences, verdict.state_sha256)


def test_records_written_late_are_numbered_anew_and_folded_anew() -> None:
    made = Shadowed()
    made.note(*[("sync.checked", SyncChecked(status=status, findings=())) for status in ("A", "B")])
    assert [] == made.found()
    made.lost = set()
    *rest, one, two = made.records()
    late = one.model_copy(update={"event": "journal.late", "data": {"records": 2, "first_at": str(one.ts)}})
    moved = [row.model_copy(update={"seq": row.seq + 1, "prev": "0" * 64}) for row in (one, two)]
    made.shadow._records = lambda: [*rest, late, *moved]
    assert () == made.check()


def test_a_record_that_the_table_refuses_is_an_illegal_transition_and_counts() -> None:
    made = Shadowed()
    entry = next(o for o in made.day.state.ended_today if o.leg == "E")
    ack = OrderConfirmed(ord_id=entry.ord_id, order_id="b-1")
    made.note(("order.confirmed", ack), ("order.confirmed", ack))
    (row,) = made.check()
    assert (C.ILLEGAL_TRANSITION, Posture.ORANGE, 2) == (row.category, row.clamp, row.count)


def test_a_record_that_nobody_can_read_is_unknown_and_the_rest_is_folded_all_the_same() -> None:
    made = Shadowed()
    state = made.day.state
    now = made.day.clock.now()
    made.journal.append([("no.such", now, "1000", {}), ("order.confirmed", now, "1000", {"ord_id": 7})])
    found = made.shadow.check(state).divergences
    assert {C.UNKNOWN, C.LEDGER_GAP} == {row.category for row in found}
    assert {Posture.ORANGE, Posture.RED} == {row.clamp for row in found}
