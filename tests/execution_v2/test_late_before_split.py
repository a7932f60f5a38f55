"""What filled before a split counts in shares of before it, however late it is told."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from execution_v2.actions import import_events
from execution_v2.broker.port import Seen
from execution_v2.desk import Desk
from schemas.base import SessionDate
from schemas.book import Leg, Side
from schemas.market import ActionKind
from schemas.observations import BrokerFill, CorporateEvent
from tests.analytics.books import CAPITAL, book_state, position
from tests.analytics.journal_of import order
from tests.execution_v2.watched import DAY, HOURS, Watched
from tests.simulation.world import DAYS

STOP = order(DAYS[0], Leg.STOP, "STOP_INITIAL", symbol="AAA", quantity=10, stop="49.00")


@dataclass
class Morning:
    """A broker that tells, on a split's morning, of four shares that a stop sold the evening before."""

    def events(self, session: SessionDate) -> Any:
        split = CorporateEvent(
            event_id="split_1",
            kind=ActionKind.SPLIT,
            symbol="AAA",
            ratio_num=2,
            ratio_den=1,
            cash=0,
            at=HOURS.open_at(session),
            session_date=session,
        )
        return Seen(as_of=HOURS.open_at(session), value=(split,))

    def fills(self, since: SessionDate) -> Any:
        sold = [
            self._fill("x1", DAYS[0], 4, "48.90"),
            self._fill("x2", DAY, 1, "24.40"),
        ]
        return Seen(as_of=HOURS.open_at(DAY), value=tuple(f for f in sold if f.session_date >= since))

    @staticmethod
    def _fill(name: str, session: SessionDate, shares: int, price: str) -> BrokerFill:
        return BrokerFill(
            execution_id=name,
            order_id="o-1",
            client_order_id=STOP.client_order_id,
            symbol="AAA",
            side=Side.SELL,
            quantity=Decimal(shares),
            price=price,
            fee=0,
            executed_at=HOURS.close_at(session) - timedelta(minutes=1),
            session_date=session,
        )


def test_the_evenings_sale_is_booked_before_the_split_and_the_mornings_after_it() -> None:
    watched = Watched()
    before = book_state(DAY, CAPITAL, [position("AAA", 10, "50.00")], orders=[STOP])
    state = before.model_copy(update={"previous_session": DAYS[0]})
    broker: Any = Morning()
    desk = Desk(watched.inputs("0935", state=state), replace(watched.ports(), broker=broker), watched.config)
    import_events(desk)
    desk.import_fills()
    told = [(r.event, r.data.get("execution_id")) for r in desk.records]
    assert [("order.filled", "x1"), ("action.applied", None), ("order.filled", "x2")] == told
    # Six of ten are left, the split makes twelve of them, and one is sold.
    assert [11] == [p.quantity for p in desk.fold.freeze().positions]
