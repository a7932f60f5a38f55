"""What a cycle decided about an order or a quantity is kept beside the reads on which it decided."""

from typing import Any

from pydantic import TypeAdapter

from execution_v2.broker.port import Account, Fills, Orders, Positions
from execution_v2.desk import Desk
from execution_v2.evidence import build, evidence_id, keep
from execution_v2.orphans import ZERO, Verdict
from execution_v2.position_sync import SyncRow
from execution_v2.reconcile import Seeing, held
from ledger.canonical import artifact_bytes, digest, plain
from market.feed import Seen
from schemas.evidence import EvidenceMode, EvidenceSide, EvidenceSummary


def keep_row(
    desk: Desk, seeing: Seeing, row: SyncRow, mode: EvidenceMode = EvidenceMode.POSITION_SYNC
) -> str:
    """Evidence of a symbol's difference; its id."""
    return _keep(desk, seeing, mode, row.symbol, row.status, row.action)


def keep_orphan(desk: Desk, seeing: Seeing, verdict: Verdict) -> str:
    """Evidence of what is done about an order; its id. Orders of one symbol share the reads, and so the evidence."""
    return _keep(desk, seeing, EvidenceMode.REBUILD, verdict.order.symbol, verdict.code, verdict.action)


def _keep(desk: Desk, seeing: Seeing, mode: EvidenceMode, symbol: str, reason: str, action: str) -> str:
    inputs = desk.inputs
    name = evidence_id(inputs.book_id, inputs.session_date, inputs.slot, mode, symbol)
    if desk.ports.evidence is None or name in desk.kept:
        return name
    desk.kept.add(name)
    latest = seeing.latest
    fills = seeing.fills.value if isinstance(seeing.fills, Seen) else ()
    summary = EvidenceSummary(
        evidence_id=name,
        mode=mode,
        book_id=inputs.book_id,
        session_date=inputs.session_date,
        cycle=inputs.slot,
        symbol=symbol,
        reason=reason,
        action=action,
        ours=EvidenceSide(quantity=format(held(desk).get(symbol, ZERO), "f"), as_of=desk.at),
        broker=EvidenceSide(
            quantity=None if latest is None else format(latest.get(symbol, ZERO), "f"), as_of=seeing.as_of
        ),
        fills=tuple(sorted(fill.execution_id for fill in fills if fill.symbol == symbol)),
        config_sha256=digest(artifact_bytes(plain(desk.config.execution))),
    )
    keep(desk.ports.evidence, build(summary, _reads(seeing)))
    return name


def _reads(seeing: Seeing) -> dict[str, dict[str, Any]]:
    """The reads as they were answered."""
    reads: dict[str, tuple[Any, Any]] = {
        "account": (Account, seeing.account),
        "closed_orders": (Orders, seeing.closed),
        "orders": (Orders, seeing.working),
        "positions": (Positions, seeing.positions),
        "positions_again": (Positions, seeing.again),
        "fills": (Fills, seeing.fills),
    }
    return {
        name: TypeAdapter(kind).dump_python(read, mode="json")
        for name, (kind, read) in reads.items()
        if read is not None
    }
