"""Positions are worked on one by one: a broken invariant about one never holds up the exit of another (L3)."""

from collections.abc import Callable

from execution_v2.desk import Desk
from schemas.events import PositionFailed
from schemas.reasons.execution import CycleFault


def each(desk: Desk, work: Callable[[str], None]) -> None:
    """Do *work* for the id of every position held now; what breaks about one is journaled, and the next is its turn."""
    for name in [p.position_id for p in desk.fold.freeze().positions]:
        try:
            work(name)
        except AssertionError as broken:
            failed(desk, name, CycleFault.INVARIANT_BROKEN, str(broken))


def failed(desk: Desk, name: str, code: CycleFault, detail: str) -> None:
    """Tell what is wrong about a position, and leave it for the next cycle."""
    position = desk.fold.positions.get(name) or next(
        (p for p in desk.inputs.state.positions if p.position_id == name), None
    )
    desk.carry(name)
    if position is not None:
        told = PositionFailed(
            position_id=name,
            strategy_id=position.strategy_id,
            sleeve_id=position.sleeve_id,
            symbol=position.symbol,
            code=code,
            detail=detail,
        )
        desk.note(("position.failed", told))
