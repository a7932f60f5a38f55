"""A remedy that every question lets pass is sent as a sale like any other: recorded first, and bounded by what is held.

The shares become ours by record before they are offered, so that what is not sold stays counted and protected.
"""

from decimal import Decimal
from typing import Final

from execution_v2.desk import Desk
from execution_v2.findings import keep_row
from execution_v2.orders import sale
from execution_v2.orphans import in_order
from execution_v2.position_sync import SyncRow
from execution_v2.reconcile import Seeing
from execution_v2.remedy import REMEDIABLE, RemedyFacts, remedy
from execution_v2.risk_class import reduction
from execution_v2.send import reduce
from execution_v2.transitions import UNKNOWN
from market.feed import Seen
from schemas.book import Leg, Position
from schemas.events import PositionAdjusted, RemedyDecided
from schemas.evidence import EvidenceMode
from schemas.ids import content_id
from schemas.observations import ControlObservation
from schemas.reasons.execution import SyncCode
from schemas.reasons.sync import AdjustCode, RemedyCode

REMEDY: Final = "REMEDY"
"""Why such a sale was sent."""


def consider(desk: Desk, seeing: Seeing, row: SyncRow) -> None:
    """Decide about *row*, say so, and sell if the answer is that."""
    if row.status not in REMEDIABLE:
        return
    config = desk.config.execution
    decided = remedy(row, _facts(desk, seeing, row.symbol), config)
    operator = config.remedy_operator or None
    told = RemedyDecided(
        symbol=row.symbol,
        code=decided.code,
        quantity=decided.quantity,
        operator=operator,
        evidence_id=keep_row(desk, seeing, row, EvidenceMode.REMEDY),
    )
    desk.note(("remedy.decided", told))
    held = [p for p in desk.fold.freeze().positions if p.symbol == row.symbol]
    if decided.code is RemedyCode.REMEDY_SENT and held:
        _send(desk, held[0], decided.quantity)


def _send(desk: Desk, position: Position, quantity: Decimal) -> None:
    inputs, config = desk.inputs, desk.config.execution
    adjusted = PositionAdjusted(
        event_id=content_id("adj_", inputs.book_id, inputs.session_date, position.position_id, inputs.slot),
        kind=AdjustCode.EXTERNAL_ADJUST,
        position_id=position.position_id,
        strategy_id=position.strategy_id,
        sleeve_id=position.sleeve_id,
        symbol=position.symbol,
        quantity_before=position.quantity,
        quantity_after=position.quantity + quantity,
        operator=config.remedy_operator,
        reason=config.remedy_reason,
        at=desk.at,
    )
    desk.note(("position.adjusted", adjusted))
    wish = sale(desk, desk.fold.positions[position.position_id], Leg.TRIM, quantity, REMEDY)
    made = reduction(wish, desk.fold.positions.values(), desk.fold.orders.values())
    if made is not None:
        reduce(desk, made)


def _facts(desk: Desk, seeing: Seeing, symbol: str) -> RemedyFacts:
    state = desk.fold.freeze()
    sent = [o for o in (*state.orders, *state.ended_today) if o.reason == REMEDY]
    frozen = any(q.symbol == symbol and q.code == SyncCode.UNCLASSIFIED_ORPHAN for q in state.quarantined)
    unknown = any(o.symbol == symbol and o.state in UNKNOWN for o in state.orders)
    orders = in_order(seeing.working.value) if isinstance(seeing.working, Seen) else ()
    strange = any(o.symbol == symbol and desk.by_client_id(o.client_order_id) is None for o in orders)
    control = desk.inputs.control
    killed = None
    if isinstance(control, ControlObservation):
        killed = state.killed or control.kill_env or control.kill_file is not None
        killed = killed or control.kill_unreadable is not None
    capital = state.starting_capital + state.net_flows
    equity = seeing.account.value.equity if isinstance(seeing.account, Seen) else None
    return RemedyFacts(
        has_fence=desk.ports.record_fault()
        is None,  # the journal takes records from the fence's holder alone
        has_unknown_order=frozen or unknown or strange,
        is_killed=killed,
        is_emergency=False,  # no record of this book can put it into EMERGENCY
        drawdown=None if equity is None or capital <= 0 else (capital - equity) / capital,
        price=desk.inputs.marks.get(symbol),
        of_symbol=sum(1 for order in sent if order.symbol == symbol),
        of_session=len(sent),
    )
