"""Row 15, between machines: processes with homes of their own, one exchange on loopback, the real adapter."""

from pathlib import Path

from flows.audit import audit
from flows.replay import replay
from flows.taking_over import take_over, told, unseen
from tests.chain.broker import BOOK, paper
from tests.chain.days import OPENED, market_of
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


def test_a_day_with_a_takeover_in_it_is_sealed_sound_and_replays_to_its_bytes(tmp_path: Path) -> None:
    with paper(market_of(tmp_path / "market"), tmp_path / "home", OPENED) as book:
        book.premarket()
        for slot in book.some("0930", "0935", "0940", "0945", "0950", "0955", "1000"):
            book.cycle(slot)
            stops = [o for o in book.exchange.open_orders() if o.stop is not None]
            if stops:
                break
        taken = take_over(book.house(), BOOK, "jo", "moved")
        assert (1, True, len(stops), ()) == (taken.epoch, taken.raised, len(taken.reissued), taken.left)
        assert (len(stops) + 2, None) == (len(told(taken)), unseen(BOOK, taken))
        for slot in book.some("1005", "1555"):
            assert 0 == book.cycle(slot).exit_code
        assert 0 == book.close().exit_code
        day = book.again()
    assert () == audit(day.house, BOOK, None, None, fresh=True, quiet=True)[1]
    verdict = replay(day.house, day)
    assert (True, ()) == (verdict.identical, verdict.divergences)
