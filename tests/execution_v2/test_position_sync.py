"""Each status of a difference by a case worked out by hand, and what no difference may ever ask for."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_v2.config import ExecutionConfig
from execution_v2.position_sync import Floor, SyncAction, SyncFacts, SyncRow, cash_drifts, sync_row
from execution_v2.remedy import RemedyFacts, remedy
from schemas.reasons.sync import RemedyCode, SyncStatus


def row(ours: object, broker: object, **over: Any) -> SyncRow:
    """The row of AAA."""
    theirs = None if broker is None else Decimal(str(broker))
    return sync_row(SyncFacts(symbol="AAA", ours=Decimal(str(ours)), broker=theirs, **over))


def test_a_split_that_nobody_has_booked_is_suspected_whatever_the_quantities_say() -> None:
    for broker in (100, 200, 150):
        found = row(100, broker, awaited=(2, 1))
        assert (SyncStatus.SPLIT_SUSPECTED, (2, 1), Decimal(100)) == (
            found.status,
            found.ratio,
            found.protect,
        )
    assert SyncStatus.UNKNOWN is row(100, None, awaited=(2, 1)).status
    assert SyncStatus.PHANTOM is row(100, 0, awaited=(2, 1), **FLAT).status


NONE: dict[str, Any] = {}
FLAT = {"before": Decimal(0)}
CASES: list[tuple[SyncStatus, SyncAction, Floor | None, int | None, object, object, dict[str, Any]]] = [
    (SyncStatus.IN_SYNC, SyncAction.NONE, None, None, 100, 100, NONE),
    (SyncStatus.LAGGING, SyncAction.READ_AGAIN, None, None, 100, 40, {"young": (Decimal(60),)}),
    (SyncStatus.LAGGING, SyncAction.READ_AGAIN, None, None, 0, 100, {"young": (Decimal(-50), Decimal(-50))}),
    (
        SyncStatus.FILLS_MISSING,
        SyncAction.IMPORT_FILLS,
        Floor.YELLOW,
        None,
        100,
        70,
        {"unbooked": Decimal(-30)},
    ),
    (
        SyncStatus.FILLS_MISSING,
        SyncAction.IMPORT_FILLS,
        Floor.YELLOW,
        None,
        100,
        0,
        {"unbooked": Decimal(-100)},
    ),
    (SyncStatus.SPLIT_APPLIED, SyncAction.APPLY_SPLIT, None, None, 101, 50, {"split": (1, 2)}),
    (SyncStatus.SPLIT_APPLIED, SyncAction.APPLY_SPLIT, None, None, 101, "50.5", {"split": (1, 2)}),
    (SyncStatus.SPLIT_APPLIED, SyncAction.APPLY_SPLIT, None, None, 200, 100, {"split": (2, 1)}),
    (SyncStatus.SPLIT_SUSPECTED, SyncAction.COVER, Floor.ORANGE, 100, 100, 300, NONE),
    (SyncStatus.SPLIT_SUSPECTED, SyncAction.COVER, Floor.ORANGE, 10, 100, 10, NONE),
    (SyncStatus.PHANTOM, SyncAction.CLOSE_OURS, Floor.ORANGE, None, 100, 0, FLAT),
    (SyncStatus.UNKNOWN, SyncAction.NONE, None, None, 100, 0, NONE),
    (SyncStatus.UNKNOWN, SyncAction.NONE, None, None, 100, 0, {"before": Decimal(100)}),
    (SyncStatus.UNKNOWN, SyncAction.NONE, None, None, 100, None, FLAT),
    (SyncStatus.RECOVERED, SyncAction.BOOK_AND_PROTECT, Floor.ORANGE, None, 0, 100, {"has_own_order": True}),
    (SyncStatus.EXTERNAL, SyncAction.COUNT, Floor.ORANGE, None, 0, 100, NONE),
    (SyncStatus.EXTERNAL, SyncAction.COUNT, Floor.ORANGE, None, 0, -100, NONE),
    (SyncStatus.QTY_MISMATCH, SyncAction.PROTECT_LESSER, Floor.ORANGE, 76, 100, 76, NONE),
    (SyncStatus.QTY_MISMATCH, SyncAction.PROTECT_LESSER, Floor.ORANGE, 100, 100, 133, NONE),
    (SyncStatus.QTY_MISMATCH_SEVERE, SyncAction.PROTECT_LESSER, Floor.RED, 75, 100, 75, NONE),
    (SyncStatus.QTY_MISMATCH_SEVERE, SyncAction.PROTECT_LESSER, Floor.RED, 100, 100, 134, NONE),
    (SyncStatus.SIGN_MISMATCH, SyncAction.PROTECT_LESSER, Floor.RED, 0, 100, -100, NONE),
    (SyncStatus.RESIDUAL_FRACTION, SyncAction.REPORT, None, None, 0, "0.4", NONE),
    (SyncStatus.RESIDUAL_FRACTION, SyncAction.REPORT, None, None, 100, "100.4", NONE),
]


@pytest.mark.parametrize(("status", "action", "floor", "protect", "ours", "broker", "over"), CASES)
def test_a_difference_has_its_status(
    status: SyncStatus,
    action: SyncAction,
    floor: Floor | None,
    protect: int | None,
    ours: object,
    broker: object,
    over: dict[str, Any],
) -> None:
    found = row(ours, broker, **over)
    assert (status, action, floor, protect) == (found.status, found.action, found.floor, found.protect)


def test_every_status_of_a_symbol_has_a_case() -> None:
    assert set(SyncStatus) - {SyncStatus.CASH_DRIFT} == {status for status, *_ in CASES}


def test_a_share_short_is_no_residue() -> None:
    assert SyncStatus.QTY_MISMATCH is row(100, "99.6").status  # a stop for 100 would sell more than is held


def test_only_what_is_explained_writes_no_evidence_and_freezes_nothing() -> None:
    quiet = {
        status for status, *_, ours, broker, over in CASES if not row(ours, broker, **over).wants_evidence
    }
    assert {
        SyncStatus.IN_SYNC,
        SyncStatus.LAGGING,
        SyncStatus.SPLIT_APPLIED,
        SyncStatus.RESIDUAL_FRACTION,
    } == quiet
    entered = {status for status, *_, ours, broker, over in CASES if not row(ours, broker, **over).freezes}
    assert quiet | {SyncStatus.FILLS_MISSING} == entered


@pytest.mark.parametrize(("difference", "drifts"), [("100", False), ("100.01", True), ("-100.01", True)])
def test_cash_drifts_beyond_a_thousandth_of_equity(difference: str, drifts: bool) -> None:
    ours = Decimal(50_000)
    assert drifts is cash_drifts(ours, ours + Decimal(difference), Decimal(100_000))


numbers = st.integers(-500, 500).map(Decimal)
books = st.builds(
    SyncFacts,
    symbol=st.just("AAA"),
    ours=numbers,
    broker=st.none() | numbers | st.integers(-50, 50).map(lambda n: Decimal(n) / 10),
    before=st.none() | numbers,
    unbooked=numbers,
    young=st.lists(numbers, max_size=3).map(tuple),
    split=st.none() | st.sampled_from([(2, 1), (1, 2), (3, 2)]),
    has_own_order=st.booleans(),
)


@given(books)
def test_in_sync_means_read_and_equal_and_nothing_else(facts: SyncFacts) -> None:
    found = sync_row(facts)
    assert (facts.broker is not None and facts.ours == facts.broker) is (found.status is SyncStatus.IN_SYNC)
    assert found == sync_row(facts)


@given(books)
def test_nothing_asked_for_could_raise_a_position_or_cross_zero(facts: SyncFacts) -> None:
    found = sync_row(facts)
    if found.protect is not None:
        assert facts.broker is not None
        assert 0 <= found.protect <= min(abs(facts.ours), abs(facts.broker))
        assert facts.ours * facts.broker > 0 or found.protect == 0
    assert (found.action is SyncAction.CLOSE_OURS) <= (facts.broker == 0 and facts.before == 0)
    wished = remedy(found, GOOD, ExecutionConfig(remedy_mode="plan", remedy_max_usd=Decimal(10**6)))
    if wished.quantity:
        assert facts.broker is not None
        assert abs(facts.broker - wished.quantity) < abs(facts.broker)
        assert (facts.broker - wished.quantity) * facts.broker >= 0


GOOD = RemedyFacts(
    has_fence=True,
    has_unknown_order=False,
    is_killed=False,
    is_emergency=False,
    drawdown=Decimal("0.01"),
    price=Decimal(50),
    of_symbol=0,
    of_session=0,
)
ASKED = [
    (RemedyCode.REMEDY_DENIED_FENCE, {"has_fence": False}),
    (RemedyCode.REMEDY_DENIED_UNKNOWN_ORDER, {"has_unknown_order": True}),
    (RemedyCode.REMEDY_DENIED_KILL_SWITCH, {"is_killed": None}),
    (RemedyCode.REMEDY_DENIED_KILL_SWITCH, {"is_killed": True}),
    (RemedyCode.REMEDY_DENIED_LIFECYCLE, {"is_emergency": None}),
    (RemedyCode.REMEDY_DENIED_DRAWDOWN, {"drawdown": None}),
    (RemedyCode.REMEDY_DENIED_DRAWDOWN, {"drawdown": Decimal("0.10")}),
    (RemedyCode.REMEDY_DENIED_COUNT, {"of_symbol": 1}),
    (RemedyCode.REMEDY_DENIED_COUNT, {"of_session": 3}),
    (RemedyCode.REMEDY_DENIED_NOTIONAL, {"price": None}),
    (RemedyCode.REMEDY_DENIED_NOTIONAL, {"price": Decimal(251)}),
]
SENDING = ExecutionConfig(remedy_mode="execute", remedy_operator="jo", remedy_reason="double fill")


@pytest.mark.parametrize(("code", "over"), ASKED)
def test_a_remedy_is_denied_by_each_of_its_questions(code: RemedyCode, over: dict[str, Any]) -> None:
    facts = RemedyFacts(**({name: getattr(GOOD, name) for name in RemedyFacts.__slots__} | over))
    found = remedy(row(100, 120), facts, SENDING)
    assert (code, Decimal(0)) == (found.code, found.quantity)


def test_twenty_shares_too_many_are_sold_planned_or_left_by_the_mode() -> None:
    found = [remedy(row(100, 120), GOOD, SENDING.model_copy(update={"remedy_mode": mode})) for mode in MODES]
    assert [
        (RemedyCode.REMEDY_OFF, Decimal(0)),
        (RemedyCode.REMEDY_PLANNED, Decimal(20)),
        (RemedyCode.REMEDY_SENT, Decimal(20)),
    ] == [(each.code, each.quantity) for each in found]


MODES = ("off", "plan", "execute")


@pytest.mark.parametrize(
    ("code", "ours", "broker"),
    [
        (RemedyCode.REMEDY_DENIED_WOULD_RAISE, 100, 80),
        (RemedyCode.REMEDY_DENIED_WOULD_RAISE, 100, -80),
        (RemedyCode.REMEDY_DENIED_NOT_OURS, 0, 80),
    ],
)
def test_a_remedy_never_buys_and_never_sells_what_is_not_ours(
    code: RemedyCode, ours: int, broker: int
) -> None:
    assert code is remedy(row(ours, broker), GOOD, SENDING).code


def test_nothing_is_sent_without_who_and_why() -> None:
    nobody = SENDING.model_copy(update={"remedy_reason": ""})
    assert RemedyCode.REMEDY_DENIED_OPERATOR is remedy(row(100, 120), GOOD, nobody).code
