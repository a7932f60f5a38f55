"""What is known at a tick is counted from the desk as it lies, and nothing of it is judged here.

Statuses of the position sync are graded once, in one table: what execution.md 5.1 names keeps the floor named there,
so shares that somebody else put into the account weigh like a mismatch, and not like a contradiction of sign.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from execution_v2 import coverage
from execution_v2.desk import Desk
from execution_v2.gates import kill_switch, live
from execution_v2.position_sync import SEVERE_FRACTION, Floor
from execution_v2.sync import Observed
from execution_v2.transitions import UNKNOWN, covers
from schemas.base import quantise
from schemas.book import Leg, Order, OrderState
from schemas.header import Finding
from schemas.observations import ControlObservation
from schemas.reasons.execution import ContradictionCode, SyncCode
from schemas.reasons.gates import RecordCode
from schemas.reasons.ledger import ReadFaultCode
from schemas.reasons.sync import OrphanCode, SyncStatus
from schemas.tick import Contradicting, ContradictionGrade, Tick, TickKind, Verdict

SLOT_S: Final = 300
CREDIT_MAX_S: Final = 2 * SLOT_S
"""Active seconds that one cycle can be credited: what lies further back was watched by nobody."""
GAP_ERROR_S: Final = 60
"""A coverage gap over this is a breach (execution.md 8.4, starting value)."""
_BENIGN: Final = frozenset(
    {
        SyncStatus.LAGGING,
        SyncStatus.FILLS_MISSING,
        SyncStatus.SPLIT_APPLIED,
        SyncStatus.RESIDUAL_FRACTION,
        SyncStatus.CASH_DRIFT,
        SyncCode.FOREIGN_ORDER,
        SyncCode.CASH_MISMATCH,
    }
)
_GRADES: Final[Mapping[str, ContradictionGrade]] = {
    SyncStatus.QTY_MISMATCH: ContradictionGrade.C2,
    SyncStatus.QTY_MISMATCH_SEVERE: ContradictionGrade.C3,
    SyncStatus.SIGN_MISMATCH: ContradictionGrade.C3,
    SyncStatus.PHANTOM: ContradictionGrade.C2,
    SyncStatus.EXTERNAL: ContradictionGrade.C2,
    SyncStatus.RECOVERED: ContradictionGrade.C2,
    SyncStatus.SPLIT_SUSPECTED: ContradictionGrade.C2,
    SyncStatus.CASH_DRIFT: ContradictionGrade.C1,
    SyncCode.CASH_MISMATCH: ContradictionGrade.C1,
    SyncCode.SYMBOL_MISSING_INTERNAL: ContradictionGrade.C2,
    SyncCode.SYMBOL_MISSING_BROKER: ContradictionGrade.C2,
    SyncCode.STOP_QTY_MISMATCH: ContradictionGrade.C2,
    SyncCode.UNCLASSIFIED_ORPHAN: ContradictionGrade.C2,
    OrphanCode.LEDGER_BROKER_CONTRADICTION: ContradictionGrade.C3,
}
"""What a finding of the comparison weighs; what has no grade here is explained, or told elsewhere."""
_FLOORS: Final = frozenset(Floor)
_OVERTURNING: Final = frozenset({ContradictionCode.PROOF_OVERTURNED, ContradictionCode.FILL_AFTER_END})


def tick_of(desk: Desk, kind: TickKind, observed: Observed, verdict: Verdict | None) -> Tick:
    """What the desk knows now. *kind* as ``kind_now`` gives it."""
    findings = None if desk.synced is None else desk.synced.findings
    named = tuple(f for f in findings or () if not _is_acknowledged(desk, f))
    unknown = [
        o for o in desk.fold.orders.values() if o.state in UNKNOWN and o.state is not OrderState.FROZEN
    ]
    frozen = [o for o in desk.fold.orders.values() if o.state is OrderState.FROZEN]
    gaps = open_gaps(desk, kind).values()
    account, control = desk.tally.account_read, desk.inputs.control
    faults = desk.record_faults() or ()
    clock = desk.clock()
    is_open = desk.inputs.open_at <= desk.at < desk.inputs.close_at
    return Tick(
        kind=kind,
        at=desk.at,
        is_first=is_first(desk),
        active_s=_credit(desk) if kind is TickKind.BEGIN else 0,
        sightings=desk.tally.sightings(desk.at),
        elapsed_s=quantise((desk.at - desk.began_at).total_seconds(), 2) if desk.passes_time else None,
        contradictions=contradictions(desk),
        has_positions=desk.tally.has_positions,
        is_in_sync=findings is not None and observed.is_whole and all(f.code in _BENIGN for f in named),
        has_synced=findings is not None and observed.is_whole,
        unknown_orders=len(unknown),
        unknown_oldest_s=max((_unknown_s(desk, order) for order in unknown), default=None),
        ambiguous_symbols=len({order.symbol for order in unknown}),
        frozen_orders=len(frozen),
        gave_up=len(desk.fold.gave_up),
        overturned=tuple(
            sorted(row.symbol for row in desk.fold.quarantined.values() if row.code in _OVERTURNING)
        ),
        external=tuple(sorted({f.subject for f in named if f.code == SyncStatus.EXTERNAL})),
        syncs=tuple(sorted({f.detail for f in named if f.detail in _FLOORS})),
        gap_s=max((round(gap) for gap in gaps), default=0),
        gap_breaches=sum(gap > GAP_ERROR_S for gap in gaps),
        is_covered=is_covered(desk),
        record_faults=tuple(faults),
        is_corrupt=RecordCode.JOURNAL_CORRUPT in faults,
        verdict=verdict,
        equity=None if account is None else account.equity,
        net_flows=desk.fold.net_flows,
        is_held=not observed.is_whole,
        is_released=observed.is_whole and clock is not None and clock.is_open == is_open,
        is_breaker_open=isinstance(control, ControlObservation) and control.breaker_open is True,
        quotes_asked=desk.tally.quotes_asked,
        quotes_answered=desk.tally.quotes_answered,
        requests=desk.tally.requests,
        throttled=desk.tally.throttled,
        killed_by=_killed_by(desk),
        may_arm=desk.config.lifecycle.auto_arm
        and (
            desk.inputs.book_id != live.LIVE_BOOK
            or (isinstance(control, ControlObservation) and not live.faults(control, live.LIVE_BOOK))
        ),
    )


def base_of(slot: str) -> str:
    """The slot of a cycle's folder, whichever run of it."""
    return slot.partition("-")[0]


def kind_now(desk: Desk, kind: TickKind) -> TickKind:
    """*kind*, or SPOT where a run of this slot, dead or whole, has had that tick already: nothing is earned twice."""
    last = desk.fold.ticked
    if last is None or last.session_date != desk.inputs.session_date:
        return kind
    again = last.slot == base_of(desk.inputs.slot) and (kind is TickKind.BEGIN or last.kind is TickKind.END)
    return TickKind.SPOT if again else kind


def is_first(desk: Desk) -> bool:
    """Whether this is the first cycle of its session, in whichever run."""
    last = desk.fold.ticked
    if last is None or last.session_date != desk.inputs.session_date:
        return True
    return last.first_slot == base_of(desk.inputs.slot)


def is_covered(desk: Desk) -> bool:
    """Whether confirmed stops or working exits would sell every share that a plan of ours protects."""
    for position in desk.fold.positions.values():
        if position.plan is None:
            continue
        sells = desk.fold.orders_of(position.position_id, Leg.STOP, Leg.TRIM, Leg.EXIT)
        covered = sum((o.quantity - o.filled for o in sells if covers(o)), Decimal(0))
        if covered < position.quantity:
            return False
    return True


def _credit(desk: Desk) -> int:
    inputs, last = desk.inputs, desk.fold.ticked
    is_today = last is not None and last.session_date == inputs.session_date
    since: datetime = last.began_at if last is not None and is_today else inputs.open_at
    passed = coverage.regular_seconds(since, desk.at, inputs.open_at, inputs.close_at)
    return min(int(passed), CREDIT_MAX_S)


def _unknown_s(desk: Desk, order: Order) -> int:
    """Active seconds of not knowing: a slot for every cycle that ended so, then those of this one."""
    began = next(
        (r.ts for r in desk.records if r.event != "cycle.began" and r.data.get("ord_id") == order.ord_id),
        desk.records[0].ts if desk.records else desk.at,
    )
    return order.carries * SLOT_S + max(0, int((desk.at - began).total_seconds()))


def open_gaps(desk: Desk, kind: TickKind) -> Mapping[str, float]:
    """Regular seconds of every gap that is open, by position; before an entry those that BEGIN found."""
    if not desk.passes_time:
        return {}
    if kind is not TickKind.SPOT or desk.gaps is None:
        inputs = desk.inputs
        desk.gaps = coverage.fold(inputs.state, desk.records, inputs.gaps, inputs.open_at, inputs.close_at)
    inputs = desk.inputs
    return {
        row.position_id: coverage.regular_seconds(row.open_since, desk.at, inputs.open_at, inputs.close_at)
        for row in desk.gaps
        if row.open_since is not None
    }


def contradictions(desk: Desk) -> tuple[Contradicting, ...]:
    """What the last comparison of this cycle found to differ, graded."""
    findings = () if desk.synced is None else desk.synced.findings
    return tuple(row for finding in findings if (row := _graded(desk, finding)) is not None)


def _graded(desk: Desk, finding: Finding) -> Contradicting | None:
    grade = _GRADES.get(finding.code)
    if grade is None or _is_acknowledged(desk, finding):
        return None
    if finding.code == SyncStatus.QTY_MISMATCH:
        grade = _of_quantities(finding, grade)
    return Contradicting(grade=grade, subject=finding.subject, code=finding.code)


def _is_acknowledged(desk: Desk, finding: Finding) -> bool:
    """Shares of others that a person has seen: they count against the limits, and against nobody's word."""
    return finding.code == SyncStatus.EXTERNAL and finding.subject in desk.fold.known_external


def _of_quantities(finding: Finding, grade: ContradictionGrade) -> ContradictionGrade:
    """One share is little; a quarter of the larger side is much, whoever compared."""
    theirs, ours = Decimal(str(finding.observed or 0)), Decimal(str(finding.threshold or 0))
    apart, larger = abs(theirs - ours), max(abs(theirs), abs(ours))
    if apart <= 1:
        return ContradictionGrade.C1
    return ContradictionGrade.C3 if apart >= SEVERE_FRACTION * larger else grade


def _killed_by(desk: Desk) -> tuple[str, ...]:
    control = desk.inputs.control
    known = None if isinstance(control, ReadFaultCode) else control
    return tuple(
        finding.code for finding in kill_switch.sources(known, desk.inputs.book_id, desk.fold.killed)
    )
