"""Row 17, on disk: a journal that broke in its middle stops entries and no exit, and is put right without loss."""

from pathlib import Path

import pytest

from execution_v2.broker.port import Broker, Seen
from execution_v2.reduce import fold_records
from flows.day import Day
from flows.house import House
from flows.pipeline import Outcome, run_premarket
from flows.run import session_for_cycle
from flows.stages import opening
from flows.stages.cycle import calls_path, cycle
from flows.stages.slots import Slot, slots
from flows.world import open_world
from ledger import layout
from ledger.canonical import parse_canonical_line
from ledger.journal import JournalCorrupt, parse_chain
from ledger.spill import LATE
from schemas.book import BookState
from schemas.journal import JournalRecord
from tests.chain.days import BOOK, TRIM_DAY, Ground


class Broken:
    """A session whose two first cycles ran; then a byte of its journal is another, and the third is due."""

    def __init__(self, ground: Ground, home: Path) -> None:
        self._ground, self._home = ground, ground.fresh(home, TRIM_DAY)
        day, world = self.day(), open_world(self.house(), BOOK)
        session = opening.open_session(day, world, None)
        run_premarket(day, world, session, Outcome(day))
        self.first, self.second, self.close = slots(day)
        for slot in (self.first, self.second):
            cycle(day, world, session, slot)
        self.path = home / "ledger" / layout.journal(BOOK, day.session)
        self.whole = self.path.read_bytes()

    def house(self) -> House:
        return self._ground.house(self._home)

    def day(self) -> Day:
        return self._ground.day(self.house(), TRIM_DAY)

    def flip(self, event: str) -> None:
        """One letter of the first record of *event* that the second cycle wrote."""
        lines = self.whole.splitlines(keepends=True)
        at = next(
            n for n, line in enumerate(lines) if f'"{event}"'.encode() in line and b'"cycle":"0935"' in line
        )
        lines[at] = lines[at].replace(b'"ts":"2', b'"ts":"3', 1)
        self.path.write_bytes(b"".join(lines))

    def run(self, slot: Slot) -> None:
        """The cycle, in a new process."""
        house = self.house()
        day, world = self._ground.day(house, TRIM_DAY), open_world(house, BOOK)
        try:
            cycle(day, world, session_for_cycle(house, day, world, lambda: None), slot)
        finally:
            world.close()

    def sent(self, folder: str) -> list[tuple[str, str]]:
        """Side and kind of every order that the cycle sent."""
        data = self.house().disk.read(calls_path(self.day(), folder))
        calls = map(parse_canonical_line, data.splitlines(keepends=True))
        return [
            (call["request"]["side"], call["request"]["order_type"])
            for call in calls
            if call["op"] == "submit"
        ]

    def told(self) -> tuple[tuple[str, list[str]], str]:
        """Posture with its causes, and lifecycle, as the waiting records say."""
        lines = self.house().disk.read(layout.spill(BOOK)).splitlines(keepends=True)
        rows = {row["event"]: row["data"] for row in map(parse_canonical_line, lines)}
        moved = rows["posture.changed"]
        return (moved["after"], moved["causes"][:3]), rows["lifecycle.changed"]["after"]

    def held(self) -> dict[str, int]:
        """Shares at the exchange."""
        seen = self._outside().positions()
        return {row.symbol: int(row.quantity) for row in seen.value} if isinstance(seen, Seen) else {}

    def covered(self) -> dict[str, int]:
        """Shares under a stop at the exchange."""
        seen = self._outside().open_orders()
        rows = seen.value if isinstance(seen, Seen) else ()
        return {row.symbol: int(row.quantity - row.filled) for row in rows if row.stop is not None}

    def carried(self) -> BookState:
        """The state that the session began with."""
        return opening.carried_into(self.day()).state

    def _outside(self) -> Broker:
        world = open_world(self.house(), BOOK)
        world.clock.step(self.close.at)
        return world.broker

    def records(self) -> tuple[JournalRecord, ...]:
        return parse_chain(self.path.read_bytes(), str(self.path)).records


@pytest.mark.parametrize("event", ["order.filled", "order.submitting"])
def test_it_sells_what_is_due_enters_nothing_and_says_what_broke(
    tiny_ground: Ground, tmp_path: Path, event: str
) -> None:
    made = Broken(tiny_ground, tmp_path / "home")
    made.flip(event)
    broken = made.path.read_bytes()
    with pytest.raises(JournalCorrupt, match="line"):
        made.run(made.close)
    assert [("sell", "limit")] == made.sent("1600"), "the trim of the day, and no entry"
    assert broken == made.path.read_bytes()
    assert (("RED", ["JOURNAL_CORRUPT", "CORRUPT", "RECORD_FAILING"]), "EMERGENCY") == made.told()
    assert made.held() == made.covered()


def test_what_a_break_hides_is_told_and_keeps_its_stop(tiny_ground: Ground, tmp_path: Path) -> None:
    made = Broken(tiny_ground, tmp_path / "home")
    made.flip("tick.taken")
    with pytest.raises(JournalCorrupt):
        made.run(made.close)
    assert [] == made.sent("1600")
    assert "EMERGENCY" == made.told()[1]
    assert made.held() == made.covered()


def test_once_the_file_is_restored_what_waited_is_written_late_and_nothing_is_sold_twice(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    made = Broken(tiny_ground, tmp_path / "home")
    made.flip("order.filled")
    with pytest.raises(JournalCorrupt):
        made.run(made.close)
    left = made.held()
    made.path.write_bytes(made.whole)
    made.run(made.close)
    records = made.records()
    assert 1 == sum(record.event == LATE for record in records)
    assert "EMERGENCY" == fold_records(made.carried(), records).lifecycle.state, (
        "a person has not answered yet"
    )
    assert ([], left, left) == (made.sent("1600-2"), made.held(), made.covered())
