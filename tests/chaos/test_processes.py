"""Rows 9, 15 and 21: whoever dies, wakes late or cannot be told, one process speaks and one order stands per id."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import pytest

from execution_v2.broker.port import Seen
from execution_v2.client_id import own_prefix
from execution_v2.ports import Ports
from ledger import layout
from ledger.journal import Journal
from ledger.memory import MemoryDisk
from schemas.book import Leg
from schemas.errors import Denied
from schemas.observations import BrokerPosition
from schemas.reasons.ledger import LedgerCode
from tests.chaos.lines import Counting, Died, Dying, counted
from tests.execution_v2.watched import DAY, Watched, events
from tests.simulation.world import BOOK, Want, usd

RISE: Final = {
    3: ("50.00", "53.50", "50.00", "53.40"),
    8: ("53.40", "53.40", "48.00", "48.50"),
}
"""Bought at 09:35, trimmed and ratcheted to 50.00 at 09:50, and stopped out at 10:10."""
MINUTES: Final = (5, 20, 45)
UNDISTURBED: Final = [("ENTRY", 161), ("TRIM_R1", 80), ("STOP", 81)]


def morning() -> Watched:
    return Watched(RISE, want=Want(r1="53.00", r2="80.00"))


def sold_and_bought(made: Watched) -> list[tuple[str, int]]:
    """Every execution as booked; why a stop was placed as it was is no matter once it filled."""
    return [("STOP" if reason.startswith("STOP") else reason, shares) for reason, shares in made.fills()]


# -- row 9 ---------------------------------------------------------------------------------------------------


def test_row_9_the_undisturbed_day_has_an_entry_a_ratchet_a_trim_and_a_stop_out() -> None:
    made = morning()
    for minute in MINUTES:
        made.cycle(minute)
    assert (UNDISTURBED, 0, []) == (sold_and_bought(made), made.held, made.working())


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("minute", MINUTES)
def test_row_9_a_death_around_any_request_changes_neither_shares_nor_orders(minute: int, after: bool) -> None:
    whole = morning()
    for each in MINUTES:
        whole.cycle(each)
    at = 0
    while True:
        at += 1
        made = morning()
        for before in MINUTES[: MINUTES.index(minute)]:
            made.cycle(before)
        made.door = Dying(made.door, at, after=after)
        try:
            made.cycle(minute)
        except Died:
            made.door = made.broker
            made.cycle(minute)  # the next process, in the same slot
        else:
            break  # every request of the cycle had its turn
        for later in MINUTES[MINUTES.index(minute) + 1 :]:
            made.cycle(later)
        assert (UNDISTURBED, 0, []) == (sold_and_bought(made), made.held, made.working()), f"request {at}"
        assert whole.state.cash == made.state.cash, f"request {at}"
    assert at > 10


# -- row 15 --------------------------------------------------------------------------------------------------


class Fenced(Watched):
    """A process that has lost its book to another after ``records_left`` more records."""

    records_left: int | None = None

    def ports(self) -> Ports:
        return replace(super().ports(), journal=self)

    def append(self, entries: Any) -> Any:
        if self.records_left == 0:
            raise Denied(LedgerCode.FENCE_LOST, "another process holds the book")
        if self.records_left is not None:
            self.records_left -= 1
        return self.journal.append(entries)


def test_row_15_a_process_without_its_fence_sends_nothing_wherever_it_wakes() -> None:
    for left in range(20):
        made = Fenced(RISE, want=Want(r1="53.00", r2="80.00"))
        made.cycle(5)
        heard = counted(made)
        made.records_left = left
        with suppress(Denied):
            made.cycle(20)
        announced = {
            str(row["client_order_id"])
            for record in made.journal.records
            for row in (record.data.get("order"), record.data.get("successor"))
            if isinstance(row, dict)
        }
        sent = {request.client_order_id for request in heard.asked("submit", "replace")}
        assert sent <= announced, "what left was written down first, by whoever held the book"
        if not left:
            assert [] == heard.calls


def test_row_15_two_hosts_with_one_record_send_one_order_under_one_id() -> None:
    made = Watched()
    heard = counted(made)
    asleep = [(r.event, r.ts, r.cycle, r.data) for r in made.journal.records]
    made.cycle(5)
    # The old host wakes with what it knew before, and its broker shows nothing of what the other did.
    made.journal = Journal.open(MemoryDisk(), layout.journal(BOOK, DAY))
    made.journal.append(asleep)
    made.door = _Before(heard)
    made.cycle(5.5)
    buys = [o for o in made.exchange.state.orders.values() if o.side == "buy"]
    assert (1, 161) == (len(buys), made.held)
    assert 161 == sum(shares for shares, _ in made.stops())


class _Before:
    """Reads that are older than the other host's work; look-ups and requests are answered by the venue of now."""

    def __init__(self, inner: Counting) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self._inner, name)
        if name not in ("open_orders", "closed_orders", "positions"):
            return ask

        def read(*request: Any) -> Any:
            return replace(ask(*request), value=())

        return read


def test_row_15_an_own_order_of_a_higher_epoch_at_the_broker_silences_the_old_host() -> None:
    made = Watched()
    made.cycle(5)
    heard = counted(made)
    prefix = own_prefix(BOOK, "main")

    def newer(read: Any) -> Any:
        rows = tuple(
            row.model_copy(
                update={"client_order_id": row.client_order_id.replace(f"{prefix}000", f"{prefix}001")}
            )
            for row in read.value
        )
        return replace(read, value=rows)

    made.door = _Answering(heard, {"open_orders": newer})
    with pytest.raises(Denied, match="FENCE_LOST"):
        made.cycle(10)
    assert [] == heard.asked("submit", "replace", "cancel")


class _Answering:
    """A line some of whose reads are answered otherwise."""

    def __init__(self, inner: Any, instead: Mapping[str, Any]) -> None:
        self._inner = inner
        self._instead = instead

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self._inner, name)
        if name not in self._instead:
            return ask
        return lambda *request: self._instead[name](ask(*request))


# -- row 21 --------------------------------------------------------------------------------------------------


class _FullShelf:
    """Evidence that cannot be written."""

    def keep(self, evidence_id: str, files: Mapping[str, bytes]) -> str:
        raise OSError(f"no space for {len(files)} files of {evidence_id}")

    def say(self, line: str) -> None:
        self.said = line


class Unheard(Watched):
    """A book whose evidence writer is down."""

    def ports(self) -> Ports:
        return replace(super().ports(), evidence=_FullShelf())


def test_row_21_an_evidence_writer_that_is_down_holds_up_no_stop_and_no_exit() -> None:
    made = Unheard(RISE, want=Want(r1="53.00", r2="80.00"))
    made.cycle(5)
    more = BrokerPosition(symbol="BBB", quantity=usd("7"), average_price=usd("10.00"))

    def richer(read: Any) -> Any:
        return replace(read, value=(*read.value, more)) if isinstance(read, Seen) else read

    made.door = _Answering(made.door, {"positions": richer})
    result = made.cycle(20)
    assert [row for row in events(result, "sync.checked")[0]["findings"] if row["subject"] == "BBB"]
    assert ([("ENTRY", 161), ("TRIM_R1", 80)], [(81, usd("50.00"))]) == (sold_and_bought(made), made.stops())
    assert 1 == len(made.orders(Leg.TRIM))
