"""Row 15, between machines: processes with homes of their own, one exchange on loopback, the real adapter."""

from pathlib import Path

from tools.drills import failover
from tools.drills.notes import Notes


def test_row_15_an_old_host_that_wakes_after_a_takeover_sends_nothing_and_equal_orders_are_taken_once(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    notes = Notes(say=said.append)
    failover.run(notes, tmp_path)
    assert [] == notes.failed, "\n".join(said)
    stated = [line.split("ok       ")[1].split(":")[0] for line in said if "    ok  " in line]
    assert {
        "the epoch stays, and it says so",
        "both made the same ids",
        "the broker took each id once",
        "every stop stands, no looser, a tick tighter at most",
        "it stops with FENCE_LOST",
        "requests of it that change anything",
        "its record is sound",
    } <= set(stated)
