"""A dry cycle does all that a cycle does but send: it reads the broker, plans on a copy, and keeps what it would do.

The book's record is read and not changed, its lock is not asked. What was made lies under ``dry/``, marked, in files
that no reader takes for the day's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

from execution_v2.broker.port import CancelOrder, Denied, Outcome, ReplaceOrder, SubmitOrder
from execution_v2.broker.recorded import RecordingBroker
from flows.clocks import PlanningClock
from flows.day import Day
from flows.house import House
from flows.overlay import Overlay
from flows.stages import cycle, opening, premarket
from flows.stages.slots import Slot
from flows.world import World, open_world
from ledger import layout
from ledger.artifacts import Written
from ledger.canonical import artifact_bytes, digest, line_bytes, parse_canonical, plain
from schemas.book import Order
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from execution_v2.broker.port import Broker

MARK: Final = "dry_run"
PLAN: Final = "plan.json"
_ARTIFACTS: Final = ("execution.json", "stops.json")


class ReadingBroker:
    """*broker*, of which everything may be asked and nothing is sent. ``wished``: what would have been, in order."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self.wished: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    def submit(self, request: SubmitOrder) -> Outcome:
        """Denied."""
        return self._deny("submit", request)

    def replace(self, request: ReplaceOrder) -> Outcome:
        """Denied."""
        return self._deny("replace", request)

    def cancel(self, request: CancelOrder) -> Outcome:
        """Denied."""
        return self._deny("cancel", request)

    def _deny(self, op: str, request: SubmitOrder | ReplaceOrder | CancelOrder) -> Outcome:
        row = {"op": op} | {
            name: None if value is None else str(value) for name, value in asdict(request).items()
        }
        if all(_wish(row) != _wish(each) for each in self.wished):
            self.wished.append(row)
        return Denied(code=EdgeCode.DRY_RUN)


def _wish(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is tried again is one wish; a replace is tried again under the next id."""
    return {**row, "client_order_id": None} if row["op"] == "replace" else dict(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a cycle would do. ``written``: the plan, beside its artifacts; ``wished``: requests, in order."""

    written: Written
    wished: Sequence[dict[str, Any]]


def plan(day: Day, slot: Slot, *, entries: bool = True) -> Planned:
    """Run *slot* of an open session without its effects, as if it began now.

    Errors: ``UsageFault`` SESSION_NOT_OPEN; whatever a cycle raises.
    """
    copy = replace(day, house=copied(day.house, day.book_id))
    world = open_world(copy.house, day.book_id)
    try:
        return plan_in(day, copy, slot, world, entries=entries)
    finally:
        world.close()


def copied(house: House, book_id: str) -> House:
    """*house* on a disk that shows the record of *book_id* and keeps what is written to itself."""
    return house.with_disk(Overlay(house.disk, layout.book(book_id), lambda _: True))


def plan_in(day: Day, copy: Day, slot: Slot, outside: World, *, entries: bool = True) -> Planned:
    """As ``plan``, in a world that was opened on *copy*, the day on a house that is ``copied``."""
    outside.clock.step(slot.at)
    broker = ReadingBroker(outside.broker)
    clock = outside.clock if outside.is_stepped else PlanningClock(outside.clock)
    world = replace(outside, broker=cast("Broker", broker), clock=clock)
    session = opening.resume_session(copy, None)
    folder = _folder(copy, session, slot)
    copy.write(f"cycles/{folder}/{premarket.CONTROL}", opening.control_now(copy, world), ())
    lines: list[bytes] = []
    door = RecordingBroker(world.broker, world.feed, clock.now, lines.append)
    cycle.act(copy, session, slot, folder, door, world.pause, entries=entries)
    cycle.write_artifacts(copy, session, folder)
    known = {order.order_id: order for order in session.state().orders}
    wished = [told(row, known.get(row.get("order_id"))) for row in broker.wished]
    records = cycle.records_of(session.journal.records, folder)
    files = {"calls.jsonl": b"".join(lines), "records.jsonl": b"".join(line_bytes(plain(r)) for r in records)}
    for name in _ARTIFACTS:
        body = parse_canonical(copy.house.disk.read(copy.path(f"cycles/{folder}/{name}")))
        files[name] = artifact_bytes({**body, MARK: True})
    body = {
        MARK: True,
        "book_id": day.book_id,
        "session_date": day.session.isoformat(),
        "slot": folder,
        "would_send": wished,
        "files": {name: digest(data) for name, data in sorted(files.items())},
    }
    at = layout.dry(day.book_id, day.session, folder)
    for name, data in sorted(files.items()):
        day.house.disk.write(f"{at}/{name}", data)
    data = artifact_bytes(body)
    day.house.disk.write(f"{at}/{PLAN}", data)
    written = Written(path=f"{at}/{PLAN}", sha256=digest(data), status="written")
    return Planned(written=written, wished=tuple(wished))


def told(wish: Mapping[str, Any], order: Order | None) -> dict[str, Any]:
    """A request with what it is about: of a replace or a cancel, which names its order by id alone, that *order*.

    ``quantity_before``: shares that were left of it, as a replace counts them.
    """
    if order is None:
        return dict(wish)
    before = {
        "quantity": order.quantity - order.filled,
        "limit": order.limit,
        "stop": order.stop,
    }
    return {
        **wish,
        "symbol": order.symbol,
        "side": order.side.value,
        "order_type": order.order_type.value,
        **{f"{name}_before": None if value is None else str(value) for name, value in before.items()},
    }


def shown(wished: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """*wished* as rows of one table, what a replace changes as ``before -> after``, what a cancel ends as it stands."""
    rows = []
    for wish in wished:
        row = {name: wish.get(name) or "" for name in ("op", "symbol", "side", "order_type")}
        for name in ("quantity", "limit", "stop"):
            before, after = wish.get(f"{name}_before"), wish.get(name)
            parts = [each for each in (before, after) if each]
            row[name] = " -> ".join(dict.fromkeys(parts))
        rows.append(row | {"id": wish.get("client_order_id") or wish.get("order_id") or ""})
    return rows


def _folder(copy: Day, session: opening.Session, slot: Slot) -> str:
    """A name that no run of the slot has used: a plan of a slot that ran shows what a run after it would do."""
    number, name = 1, slot.name
    while cycle.records_of(session.journal.records, name) or copy.house.disk.exists(
        cycle.calls_path(copy, name)
    ):
        number += 1
        name = f"{slot.name}-{number}"
    return name
