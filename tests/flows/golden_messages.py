"""Messages as Slack gets them, kept byte for byte but for ids, which follow every byte of the files they are made from.

python -m tests.flows.golden_messages     writes them anew; the commit says which words changed, and why
"""

import json
import re
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from flows.day import Day, open_day
from flows.house import House
from flows.messages.absent import absent, absent_message
from flows.messages.daily import daily_summary
from flows.messages.enforcement import enforcement_summary
from flows.messages.execution import execution_alerts
from flows.messages.risk import risk_summary
from flows.run import run_range
from flows.settings import load
from flows.slack.blocks import payload
from flows.summary import scan_summary
from ledger import layout
from ledger.canonical import plain
from ledger.journal import parse_chain
from schemas.base import Fact
from schemas.book import OrderState
from schemas.events import CycleGap, OrderContradicted, OrderUnresolved, PositionFailed, StopEvent
from schemas.journal import ZEROS, JournalRecord
from schemas.outbox import Message
from tests.flows.worlds import NEXT, SEALED, build

FOLDER: Final = Path(__file__).resolve().parent / "messages"
_IDS: Final = re.compile(r"msg_[0-9a-f]{20}")
_FLAGS: Final = {
    "e2_regime_risk_modulation": True,
    "e3_risk_attribution_write": True,
    "e3_risk_attribution_summary_write": True,
}


def record(event: str, data: Fact, seq: int = 1, cycle: str | None = "1005") -> JournalRecord:
    """A journal record about *data*, of a cycle that no file stands for."""
    at = "2016-03-09T15:05:00Z"
    return JournalRecord.model_validate(
        {"seq": seq, "prev": ZEROS, "ts": at, "event": event, "cycle": cycle, "data": plain(data)}
    )


def trouble() -> tuple[JournalRecord, ...]:
    """A cycle in which everything went wrong that people are called for."""
    whose = {"position_id": "pos_1", "strategy_id": "S1_AVWAP_CORE", "sleeve_id": "core", "symbol": "A<B"}
    lost = StopEvent(
        **whose,
        quantity=Decimal(41),
        stop_before=Decimal("49.51"),
        stop_after=None,
        basis=None,
        reason="GONE",
    )
    frozen = OrderUnresolved(ord_id="ord_1", state=OrderState.FROZEN, cause="NO_ANSWER")
    carried = OrderUnresolved(ord_id="ord_2", state=OrderState.SUBMIT_UNKNOWN, cause="NO_ANSWER")
    failed = PositionFailed(**whose, code="INVARIANT", detail="more than is held & more")
    against = OrderContradicted(
        ord_id="ord_3", state=OrderState.CANCELLED, code="FILLED_AFTER_END", detail="a fill came"
    )
    gap = CycleGap(missed=3, first="0950", last="1000")
    rows = (
        ("cycle.gap", gap), ("stop.lost", lost), ("order.unresolved", frozen), ("order.unresolved", carried),
        ("position.failed", failed), ("order.contradicted", against),
    )  # fmt: skip
    return tuple(record(event, data, seq) for seq, (event, data) in enumerate(rows, 1))


def journal_of(day: Day) -> Sequence[JournalRecord]:
    """The records of *day*."""
    path = layout.journal(day.book_id, day.session)
    return parse_chain(day.house.disk.read(path), path).records


def messages(home: Path) -> dict[str, Message]:
    """Every kind of message, by the name of its golden, about the home that *home* is a copy of."""
    day = open_day(House(load(home)), "SIM", SEALED)
    calm = enforcement_summary(day)
    assert () == absent(day, day.house.calendar.close_at(day.session).replace(hour=23)), (
        "the session is whole"
    )
    missed = absent(open_day(day.house, "SIM", NEXT), day.house.calendar.open_at(NEXT))
    house = House(load(home, **_FLAGS))
    run_range(house, "SIM", NEXT, NEXT, lambda result: None, "test")
    felt = risk_summary(open_day(house, "SIM", NEXT))
    assert calm is not None
    assert felt is not None
    return {
        "scan": scan_summary(day),
        "enforcement": calm,
        "execution": execution_alerts(day, journal_of(day))[-1],
        "execution_trouble": execution_alerts(day, trouble())[0],
        "daily": daily_summary(day),
        "risk": felt,
        "absent": absent_message(missed[0]),
    }


def bytes_of(message: Message) -> bytes:
    """The body of ``chat.postMessage`` for *message* as it is kept."""
    body: dict[str, Any] = payload(message)
    del body["client_msg_id"]
    text = json.dumps(body, indent=1, ensure_ascii=False, sort_keys=True)
    return (_IDS.sub("msg_ID", text) + "\n").encode()


def main() -> None:
    """Write the goldens anew."""
    with tempfile.TemporaryDirectory() as folder:
        for name, message in messages(build(Path(folder) / "home")).items():
            (FOLDER / f"{name}.json").write_bytes(bytes_of(message))


if __name__ == "__main__":
    main()
