"""The shadow agrees with every honest session; each lie about one is named, weighed and clamped by the table."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_v2.divergence import (
    ROWS,
    contradiction_row,
    divergence_id,
    gap_row,
    gravity,
    position_row,
    stale,
    standing,
)
from execution_v2.divergence_state import Measured, Sent
from execution_v2.reduce import empty_state
from execution_v2.shadow import Shadow
from schemas.base import Fact
from schemas.book import BookState
from schemas.events import (
    EntryAuthorised,
    OperatorAct,
    OrderConfirmed,
    OrderFilled,
    OrderRejected,
    RebuildDecided,
    ReplaceEnded,
    RouterDecided,
    SyncChecked,
)
from schemas.header import Finding
from schemas.journal import JournalRecord
from schemas.lifecycle import LifecycleState
from schemas.order_events import OrderReplacing, OrderSubmitting, OrderUnresolved, RouterFacts
from schemas.posture import PostureState
from schemas.tick import (
    Contradicting,
    ContradictionGrade,
    Divergence,
    DivergenceCategory,
    Posture,
    TickKind,
    Verdict,
)
from simulation.fault_plan import Fault
from tests.execution_v2.watched import Watched
from tests.simulation.world import BOOK, usd

C = DivergenceCategory
Entry = tuple[str, Fact]


class Shadowed:
    """A watched session after its entry, and a shadow that has checked it as a cycle does when it begins."""

    def __init__(self, *, reads_disk: bool = False) -> None:
        self.day = Watched()
        for minute in (5, 10, 15, 20):
            if not self.day.held:
                self.day.cycle(minute)
        assert self.day.held, "a book that enters nothing has nothing to lie about"
        self.journal = self.day.journal
        self.lost: set[int] = set()
        self.shadow = Shadow(BOOK, empty_state(), self.records, reread=self.bytes if reads_disk else None)
        self.flipped: tuple[bytes, bytes] | None = None
        assert self.check() == ()
        self.seen = len(self.records())

    def records(self) -> Sequence[JournalRecord]:
        return [record for record in self.journal.records if record.seq not in self.lost]

    def bytes(self) -> bytes:
        disk: Any = self.journal._disk
        data: bytes = disk.read(self.journal.path)
        return data if self.flipped is None else data.replace(*self.flipped)

    def note(self, *rows: Entry, cycle: str | None = "1000") -> None:
        """Write *rows* into the journal, as a cycle would."""
        now = self.day.clock.now()
        self.journal.append([(event, now, cycle, data) for event, data in rows])

    def check(self, state: BookState | None = None, measured: Measured | None = None) -> Sequence[Divergence]:
        return self.shadow.check(state or self.day.state, measured).divergences

    def found(self, **facts: Any) -> list[tuple[C, Posture, bool]]:
        """Category, clamp and whether a person is needed, of each finding."""
        measured = Measured(**facts) if facts else None
        return [(row.category, row.clamp, row.needs_ack) for row in self.check(measured=measured)]


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
    made.note(("entry.authorised", _authorised(made)))
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


def test_a_gate_that_failed_and_an_entry_that_was_authorised_all_the_same_are_a_decision() -> None:
    made = Shadowed()
    told = _authorised(made)
    shut = told.gates[0].model_copy(
        update={"passed": False, "findings": (Finding(code="KILL_SWITCH_ENV", subject="env"),)}
    )
    other = told.model_copy(update={"gates": (shut, *told.gates[1:]), "symbol": "BBB", "intent_id": "int_b"})
    made.note(("entry.authorised", other))
    assert [(C.DECISION, Posture.ORANGE, False)] == made.found()


@pytest.mark.parametrize(
    "gates",
    [
        lambda rows: rows[1:],
        lambda rows: (rows[1], rows[0], *rows[2:]),
        lambda rows: (rows[0].model_copy(update={"passed": False}), *rows[1:]),
    ],
    ids=["one was not asked", "out of order", "failed without a finding"],
)
def test_gates_that_were_not_asked_as_the_table_says_are_a_decision(gates: Callable[[Any], Any]) -> None:
    made = Shadowed()
    told = _authorised(made)
    made.note(
        ("entry.authorised", told.model_copy(update={"gates": gates(told.gates), "symbol": "BBB"})),
    )
    assert {C.DECISION} == {row[0] for row in made.found()}


def test_an_entry_into_what_the_record_shows_open_or_sent_as_nobody_authorised_is_a_decision() -> None:
    made = Shadowed()
    made.note(("entry.authorised", _authorised(made)))
    assert [C.DECISION] == [row[0] for row in made.found()]
    assert "/gates/repetition" == made.check()[0].pointer
    unasked = Shadowed()
    entry = next(o for o in unasked.day.state.ended_today if o.leg == "E")
    again = entry.model_copy(update={"ord_id": "ord_b", "client_order_id": "aw1-b", "intent_id": "int_b"})
    unasked.note(("order.submitting", OrderSubmitting(order=again)))
    assert [(C.DECISION, Posture.ORANGE, False)] == unasked.found()


def test_a_denial_by_another_code_than_its_first_failing_gate_is_a_decision() -> None:
    made = Watched(wanted=True)
    made.cycle(5)
    denied = made.cycle(10)
    row = next((r for r in denied.records if r.event == "entry.denied"), None)
    assert row is None  # filled: not tried again
    shadowed = Shadowed()
    told = _authorised(shadowed)
    shut = told.gates[1].model_copy(
        update={"passed": False, "findings": (Finding(code="KILL_SWITCH_ENV", subject="env"),)}
    )
    data = {
        "intent_id": "int_b",
        "strategy_id": told.strategy_id,
        "sleeve_id": told.sleeve_id,
        "symbol": "BBB",
        "findings": [],
        "gates": [g.model_dump(mode="json") for g in (told.gates[0], shut, *told.gates[2:])],
    }
    for code, expected in (("KILL_SWITCH_ENV", []), ("QUOTE_STALE", [C.DECISION])):
        shadowed.journal.append([("entry.denied", shadowed.day.clock.now(), "1000", {**data, "code": code})])
        assert expected == [each[0] for each in shadowed.found()]


def test_a_router_row_that_its_own_facts_do_not_lead_to_is_a_decision() -> None:
    made = Shadowed()
    (row,) = [r for r in made.records() if r.event == "router.decided"]
    told = RouterDecided.model_validate(row.data)
    assert isinstance(told.facts, RouterFacts)
    made.note(("router.decided", told))
    assert [] == made.found()
    made.note(("router.decided", told.model_copy(update={"decision": "CANCEL"})))
    assert [(C.DECISION, Posture.ORANGE, False)] == made.found()
    assert "PLACE NO_EXISTING_ORDER" == made.check()[0].expected


def _authorised(made: Shadowed) -> EntryAuthorised:
    row = next(r for r in made.records() if r.event == "entry.authorised")
    return EntryAuthorised.model_validate(row.data)


@pytest.mark.parametrize(
    ("observed", "clamp", "severity"),
    [
        ("160", Posture.ORANGE, 0.6),
        ("100", Posture.RED, 1.0),
        ("-161", Posture.RED, 1.0),
        ("161", None, None),
    ],
)
def test_shares_that_book_and_broker_count_differently_are_a_position(
    observed: str, clamp: Posture | None, severity: float | None
) -> None:
    made = Shadowed()
    made.note(("sync.checked", _compared(observed)))
    found = [(row.clamp, row.severity) for row in made.check() if row.category is C.POSITION]
    assert ([] if clamp is None else [(clamp, severity)]) == found


def _compared(observed: str, detail: str = "") -> SyncChecked:
    finding = Finding(
        code="QTY_MISMATCH", subject="AAA", observed=observed, threshold="161", detail=detail or "YELLOW"
    )
    return SyncChecked(status="QTY_MISMATCH", findings=(finding,))


def test_a_difference_that_a_later_comparison_does_not_repeat_is_closed() -> None:
    made = Shadowed()
    made.note(("sync.checked", _compared("160")))
    assert [C.POSITION] == [row[0] for row in made.found()]
    made.note(("sync.checked", SyncChecked(status="IN_SYNC", findings=())))
    assert [] == made.found()


def test_an_own_order_that_nothing_explains_is_an_orphan_and_an_adopted_stop_is_none() -> None:
    for code, expected in (("ORPHAN_ENTRY", [(C.ORPHAN, Posture.ORANGE, False)]), ("REPLACEMENT_FOUND", [])):
        made = Shadowed()
        judged = RebuildDecided(
            client_order_id="aw1-x",
            order_id="b-1",
            symbol="AAA",
            quantity=Decimal(5),
            row=10,
            action="CANCEL",
            code=code,
            evidence_id="ev_1",
        )
        made.note(("rebuild.decided", judged))
        assert expected == made.found()


def test_a_record_that_the_table_refuses_is_an_illegal_transition_and_counts() -> None:
    made = Shadowed()
    entry = next(o for o in made.day.state.ended_today if o.leg == "E")
    ack = OrderConfirmed(ord_id=entry.ord_id, order_id="b-1")
    made.note(("order.confirmed", ack), ("order.confirmed", ack))
    (row,) = made.check()
    assert (C.ILLEGAL_TRANSITION, Posture.ORANGE, 2) == (row.category, row.clamp, row.count)


def test_two_legs_that_work_and_a_replacement_that_was_given_up_are_a_race() -> None:
    made = Shadowed()
    stop = next(o for o in made.day.state.orders if o.leg == "S")
    heir = stop.model_copy(
        update={
            "ord_id": "ord_heir",
            "client_order_id": "aw1-heir",
            "order_id": None,
            "replaces": stop.ord_id,
            "stop": usd("47.50"),
        }
    )
    lost = OrderUnresolved(ord_id=stop.ord_id, state="REPLACE_UNKNOWN", cause="ANSWER_LOST")
    gave_up = ReplaceEnded(
        ord_id=stop.ord_id,
        successor_ord_id=heir.ord_id,
        position_id=stop.position_id,
        symbol="AAA",
        terminal="GAVE_UP_NEW_MAYBE_LIVE",
        points=4,
        queries=5,
        wall_s=30.0,
    )
    made.note(
        ("order.replacing", OrderReplacing(ord_id=stop.ord_id, successor=heir)),
        ("order.unresolved", lost),
        ("replace.ended", gave_up),
    )
    assert [(C.REPLACE_RACE, Posture.ORANGE, False)] == made.found()
    # The broker shows the old one open and the new one, too: both may sell.
    made.note(
        ("order.confirmed", OrderConfirmed(ord_id=stop.ord_id, order_id=stop.order_id or "")),
        ("order.confirmed", OrderConfirmed(ord_id=heir.ord_id, order_id="b-77")),
    )
    (row,) = made.check()
    assert (C.REPLACE_RACE, "ord_heir", "both work") == (row.category, row.ord_id, row.actual)


@pytest.mark.parametrize(
    ("grade", "expected"),
    [("C1", []), ("C2", [(Posture.ORANGE, 0.6)]), ("C3", [(Posture.RED, 1.0)])],
)
def test_a_contradiction_weighs_by_its_grade(grade: str, expected: list[tuple[Posture, float]]) -> None:
    made = Shadowed()
    told = Contradicting(grade=ContradictionGrade(grade), subject="AAA", code="QTY_MISMATCH")
    found = made.check(measured=Measured(contradictions=(told,)))
    assert expected == [(row.clamp, row.severity) for row in found]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(60, []), (66, [(Posture.ORANGE, 0.2)]), (330, [(Posture.ORANGE, 1.0)]), (331, [(Posture.RED, 1.0)])],
)
def test_a_gap_over_the_error_line_grows_with_its_seconds(
    seconds: float, expected: list[tuple[Posture, float]]
) -> None:
    found = Shadowed().check(measured=Measured(gaps={"pos_a": seconds}))
    assert expected == [(row.clamp, row.severity) for row in found]


def test_without_a_verdict_of_this_cycle_it_is_stale_and_never_good() -> None:
    (row,) = standing(None, BOOK)
    assert (C.STALE_VERDICT, Posture.ORANGE, 0.5) == (row.category, row.clamp, row.severity)
    good = Verdict(seq=1, divergences=())
    assert () == standing(good, BOOK)


def test_a_record_that_nobody_can_read_is_unknown_and_the_rest_is_folded_all_the_same() -> None:
    made = Shadowed()
    state = made.day.state
    now = made.day.clock.now()
    made.journal.append([("no.such", now, "1000", {}), ("order.confirmed", now, "1000", {"ord_id": 7})])
    found = made.shadow.check(state).divergences
    assert {C.UNKNOWN, C.LEDGER_GAP} == {row.category for row in found}
    assert {Posture.ORANGE, Posture.RED} == {row.clamp for row in found}


def test_a_tick_that_leads_elsewhere_than_it_was_recorded_is_a_decision() -> None:
    from execution_v2.divergence_decisions import Decisions
    from execution_v2.reduce import Fold
    from schemas.events import TickTaken
    from tests.execution_v2.ticks import quiet

    told = TickTaken(slot="1000", tick=quiet(), posture=PostureState(), lifecycle=LifecycleState())
    data = told.model_dump(mode="json")
    record = JournalRecord(seq=9, prev="0" * 64, ts=quiet().at, event="tick.taken", cycle="1000", data=data)
    worse = PostureState(posture=Posture.ORANGE)
    for posture, expected in ((PostureState(), []), (worse, ["/posture/posture"])):
        checks = Decisions(lambda before, tick, made=posture: (made, LifecycleState()))  # type: ignore[misc]
        assert expected == [row.pointer for row in checks.check(Fold(empty_state()), record)]


# -- laws ----------------------------------------------------------------------------------------------------


def test_the_same_difference_has_the_same_id_in_every_cycle_and_is_noted_once_in_each() -> None:
    one, two = Shadowed(), Shadowed()
    gaps = Measured(gaps={"pos_a": 100.0})
    first, second = one.shadow.check(one.day.state, gaps), two.shadow.check(two.day.state, gaps)
    assert first.divergences[0].divergence_id == second.divergences[0].divergence_id
    assert divergence_id(BOOK, C.PROTECTION_GAP, "pos_a") == first.divergences[0].divergence_id
    assert 1 == len(one.shadow.news(first))
    assert () == one.shadow.news(one.shadow.check(one.day.state, gaps))
    assert 1 == len(two.shadow.news(second))


@given(st.lists(st.tuples(st.sampled_from(list(C)), st.integers(1, 9)), max_size=12))
def test_gravity_grows_with_each_divergence_and_never_beyond_three(rows: list[tuple[C, int]]) -> None:
    made = [
        stale(BOOK).model_copy(update={"category": c, "severity": ROWS[c].severity, "count": n})
        for c, n in rows
    ]
    sums = [gravity(made[:n]) for n in range(len(made) + 1)]
    assert sums == sorted(sums)
    assert sums[-1] <= 3.0
    expected = sum(ROWS[c].severity * min(n, 3) for c, n in rows)
    assert min(3.0, expected) == pytest.approx(sums[-1], abs=1e-4)


@given(st.integers(-500, 500), st.integers(-500, 500))
def test_positions_weigh_the_more_the_further_they_are_apart(ours: int, theirs: int) -> None:
    row = position_row(Decimal(ours), Decimal(theirs))
    assert (row is None) == (ours == theirs)
    if row is not None:
        severe = ours * theirs < 0 or abs(ours - theirs) * 4 >= max(abs(ours), abs(theirs))
        assert (Posture.RED if severe else Posture.ORANGE) is row.clamp


@given(st.floats(0, 10_000), st.floats(0, 10_000))
def test_a_longer_gap_never_weighs_less(one: float, other: float) -> None:
    weights = [
        0.0 if row is None else row.severity for row in (gap_row(min(one, other)), gap_row(max(one, other)))
    ]
    assert weights == sorted(weights)


def test_only_what_is_wrong_with_the_record_itself_needs_a_person() -> None:
    needs = {category for category, row in ROWS.items() if row.needs_ack}
    assert {C.LEDGER_GAP, C.CORRUPT, C.STATE_HASH, C.NONDETERMINISM} == needs
    assert all(ROWS[c].clamp is Posture.RED for c in needs)
    assert contradiction_row(ContradictionGrade.C1) is None
