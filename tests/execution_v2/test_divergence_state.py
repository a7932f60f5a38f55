"""What stands wrong is found whatever the records say, and every difference weighs by the table."""

from decimal import Decimal

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
from execution_v2.divergence_state import Measured
from schemas.events import (
    OrderConfirmed,
    RebuildDecided,
    ReplaceEnded,
    SyncChecked,
)
from schemas.header import Finding
from schemas.order_events import OrderReplacing, OrderUnresolved
from schemas.tick import (
    Contradicting,
    ContradictionGrade,
    DivergenceCategory,
    Posture,
    Verdict,
)
from tests.execution_v2.shadowed import Shadowed
from tests.simulation.world import BOOK, usd

C = DivergenceCategory


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
