"""A takeover raises the epoch once, sends every stop anew as it stands, and ends alike wherever it died."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from execution_v2.client_id import epoch_of, own_prefix
from execution_v2.ports import Ports
from execution_v2.takeover import Taken, take_over
from ledger import layout
from ledger.journal import Journal
from ledger.memory import MemoryDisk
from market.feed import ReadFailed
from schemas.book import Leg
from schemas.errors import Denied
from tests.chaos.lines import Died, Dying, counted
from tests.execution_v2.watched import DAY, Watched
from tests.simulation.world import BOOK, usd

PREFIX: Final = own_prefix(BOOK, "main")
TWO: Final = {"AAA": (161, usd("47.00")), "BBB": (161, usd("47.00"))}


class Moved(Watched):
    """Two positions with their stops, taken over at minute 10. *records_left*: after so many the process is gone."""

    records_left: int | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(more=("BBB",), **options)
        self.cycle(5)

    def ports(self) -> Ports:
        return replace(super().ports(), journal=self)

    def append(self, entries: Any) -> Any:
        if self.records_left == 0:
            raise Died
        if self.records_left is not None:
            self.records_left -= 1
        return self.journal.append(entries)

    def take(self, minute: float = 10, reason: str = "the old host is gone") -> Taken:
        return take_over(self.desk(minute), tuple(self.journal.records), "jo", reason)

    def at_broker(self) -> Mapping[str, tuple[int, Any]]:
        """Symbol -> shares and price of its only stop."""
        rows = [o for o in self.exchange.open_orders() if o.stop is not None]
        assert len(rows) == len({o.symbol for o in rows}), "one stop each"
        return {o.symbol: (int(o.quantity - o.filled), o.stop) for o in rows}

    def epochs(self) -> list[int | None]:
        """Of every order that works at the exchange."""
        return [epoch_of(PREFIX, o.client_order_id) for o in self.exchange.open_orders()]


def test_every_stop_is_sent_anew_under_the_raised_epoch_with_price_quantity_and_next_revision() -> None:
    made = Moved()
    assert (TWO, [0, 0]) == (made.at_broker(), made.epochs())
    heard = counted(made)
    taken = made.take()
    assert (1, True, 2, ()) == (taken.epoch, taken.raised, len(taken.reissued), taken.left)
    assert (TWO, [1, 1], 1) == (made.at_broker(), made.epochs(), made.state.epoch)
    assert [1, 1] == [o.revision for o in made.orders(Leg.STOP) if o in made.state.orders]
    assert (2, 0) == (len(heard.asked("replace")), len(heard.asked("submit", "cancel")))


def test_the_cycles_after_it_send_under_the_new_epoch_and_leave_the_stops_alone() -> None:
    made = Moved()
    made.take()
    heard = counted(made)
    made.cycle(15)
    assert ([], [1, 1]) == (heard.asked("submit", "replace", "cancel"), made.epochs())


def test_without_an_order_at_the_broker_the_epoch_stays() -> None:
    made = Watched(wanted=False)
    made.cycle(5)
    taken = take_over(made.desk(10), tuple(made.journal.records), "jo", "moved")
    assert (0, False, (), ()) == (taken.epoch, taken.raised, taken.reissued, taken.left)
    assert "epoch.raised" not in [r.event for r in made.journal.records]


def test_a_takeover_that_died_after_any_record_ends_as_the_undisturbed_one() -> None:
    for left in range(40):
        made = Moved()
        made.records_left = left
        try:
            made.take()
        except Died:
            assert TWO == made.at_broker(), f"{left}: a stop stands throughout"
        else:
            break
        made.records_left = None
        taken = made.take(10.5)
        assert (1, 2, ()) == (taken.epoch, len(taken.reissued), taken.left), f"died after {left} records"
        assert (TWO, [1, 1], 1) == (made.at_broker(), made.epochs(), made.state.epoch)
    assert left > 6, "the epoch, two exchanges and the end are more records than that"


@pytest.mark.parametrize("after", [False, True])
def test_a_takeover_that_died_around_any_request_ends_as_the_undisturbed_one(after: bool) -> None:
    for at in range(1, 60):
        made = Moved()
        made.door = Dying(made.door, at, after=after)
        try:
            made.take()
        except Died:
            made.door = made.broker
            taken = made.take(10.5)
        else:
            break
        assert (1, 2, ()) == (taken.epoch, len(taken.reissued), taken.left), f"died at request {at}"
        assert (TWO, [1, 1], 1) == (made.at_broker(), made.epochs(), made.state.epoch)
    assert at > 6


def test_what_a_dead_takeover_left_is_sent_anew_by_the_next_cycle() -> None:
    made = Moved()
    made.records_left = 1  # the epoch, and no stop
    with pytest.raises(Died):
        made.take()
    made.records_left = None
    assert ([0, 0], 1) == (made.epochs(), made.state.epoch)
    made.cycle(15)
    assert (TWO, [1, 1]) == (made.at_broker(), made.epochs())


def test_a_second_move_raises_the_epoch_again() -> None:
    made = Moved()
    made.take()
    taken = made.take(11, "back again")
    assert (2, True, [2, 2]) == (taken.epoch, taken.raised, made.epochs())


def test_another_move_after_one_that_died_does_not_share_its_epoch() -> None:
    made = Moved()
    made.records_left = 1
    with pytest.raises(Died):
        made.take()
    made.records_left = None
    assert (2, [2, 2]) == (made.take(11, "back again").epoch, made.epochs())


def test_an_order_of_unknown_fate_refuses_the_takeover_until_the_broker_tells() -> None:
    made = Moved()
    made.records_left = 3  # the epoch, what the router wants, and the first request's record
    with pytest.raises(Died):
        made.take()
    made.records_left = None
    heard = counted(made)
    made.door = _Blind(heard, "lookup")
    with pytest.raises(Denied, match=r"TAKEOVER_ORDER_UNSETTLED: .*AAA ord_"):
        made.take(10.5)
    assert [] == heard.asked("submit", "replace", "cancel")
    made.door = made.broker
    assert (1, [1, 1]) == (made.take(11).epoch, made.epochs())


@pytest.mark.parametrize("read", ["open_orders", "fills"])
def test_a_broker_that_cannot_be_read_refuses_the_takeover(read: str) -> None:
    made = Moved()
    heard = counted(made)
    made.door = _Blind(heard, read)
    with pytest.raises(Denied, match="TAKEOVER_BROKER_UNREAD"):
        made.take()
    assert ([], 0) == (heard.asked("submit", "replace", "cancel"), made.state.epoch)


class _Blind:
    """A line one of whose reads fails."""

    def __init__(self, inner: Any, read: str) -> None:
        self._inner = inner
        self._read = read

    def __getattr__(self, name: str) -> Any:
        if name != self._read:
            return getattr(self._inner, name)
        return lambda *request: ReadFailed(cause="down")


@pytest.mark.parametrize("shown", ["open_orders", "closed_orders"])
def test_a_host_of_before_sends_nothing_once_it_sees_the_epoch_working_or_ended(shown: str) -> None:
    made = Moved()
    asleep = [(r.event, r.ts, r.cycle, r.data) for r in made.journal.records]
    made.take()
    made.journal = Journal.open(MemoryDisk(), layout.journal(BOOK, DAY))
    made.journal.append(asleep)
    assert 0 == made.state.epoch
    heard = counted(made)
    made.door = _Moving(heard, shown)
    with pytest.raises(Denied, match=r"FENCE_LOST: .*of epoch 1, and this host is at 0"):
        made.cycle(15)
    assert [] == heard.asked("submit", "replace", "cancel")


class _Moving:
    """A line that shows what works at the exchange in the list *shown* alone."""

    def __init__(self, inner: Any, shown: str) -> None:
        self._inner = inner
        self._shown = shown

    def __getattr__(self, name: str) -> Any:
        if name not in ("open_orders", "closed_orders"):
            return getattr(self._inner, name)
        rows = self._inner.open_orders().value if name == self._shown else ()

        def read(*request: Any) -> Any:
            return replace(getattr(self._inner, name)(*request), value=rows)

        return read
