"""Of two machines with one book the one that took it over speaks, and the other, waking late, sends nothing.

python -m tools.drills.failover
"""

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from schemas.base import tick
from simulation.alpaca_server.faults import empty
from tools.drills.ground import BOOK, ON, Ground, Host, Stop, ground, opened, sha256
from tools.drills.notes import Notes, alone

SHOWS: Final = (
    "a book moved to a second machine by its folder alone: the old one wakes late and sends nothing"
)
WHO: Final = ("--operator", "drill", "--reason", "the old machine is gone")


def run(notes: Notes, root: Path) -> None:
    """The drill below *root*."""
    with ground(notes, root) as made:
        notes.step(
            "the old machine opens the session; nothing is bought yet, so no order of ours is at the broker"
        )
        old = opened(made)
        _nothing_to_see(made, old)
        _taken_over(made, old)


def _nothing_to_see(made: Ground, old: Host) -> None:
    notes = made.notes
    notes.step("a second machine gets the book's folder, and takes over before any order of ours exists")
    said = made.host("early", book_of=old).run("operator", "takeover", "--book", BOOK, *WHO)
    notes.expect(
        "the epoch stays, and it says so", (0, True), (said.code, "epoch    0: it stays" in said.text)
    )
    notes.step(
        "both run the cycle that enters; the second one's lists are from before the first one's orders"
    )
    twin = made.until_bought(old)
    first, held = made.writes(), made.holdings()
    for listing in ("orders", "positions"):
        made.faults.add(f"GET /v2/{listing}", empty(), times=99)
    twin.run("cycle", "--book", BOOK)
    made.faults.clear()
    again = made.writes()[len(first) :]
    taken = Counter(o.client_order_id for o in made.exchange.state.orders.values())
    sent_twice = sorted({name for method, name in first if method == "POST"} & {name for _, name in again})
    notes.expect("both made the same ids", True, bool(sent_twice))
    notes.expect("the broker took each id once", {1}, set(taken.values()))
    notes.expect("shares at the broker", held, made.holdings())
    for name in sent_twice:
        notes.keep(f"sent by both, taken once: {name}")


def _taken_over(made: Ground, old: Host) -> None:
    notes = made.notes
    notes.step("the old machine sleeps; a new one gets the book's folder and takes it over")
    before = made.stops()
    new = made.host("new", book_of=old)
    said = new.run("operator", "takeover", "--book", BOOK, *WHO)
    after = made.stops()
    notes.expect("the takeover is done", 0, said.code)
    notes.expect("every stop stands, no looser, a tick tighter at most", [], _changed(before, after))
    notes.expect(
        "and carries the new epoch", {"001"}, {stop.client_order_id[11:14] for stop in after.values()}
    )
    for symbol, stop in sorted(after.items()):
        notes.keep(f"stop {symbol} {stop.shares} at {stop.price:.2f}: {stop.client_order_id}")
    notes.step("the old machine wakes up late and runs the cycle that is due")
    sent = len(made.writes())
    woken = old.cycle(made.next_slot())
    notes.expect("it stops with FENCE_LOST", (3, True), (woken.code, "FENCE_LOST" in woken.text))
    notes.expect("requests of it that change anything", [], made.writes()[sent:])
    for line in woken.text.splitlines():
        notes.keep(f"old: {line}")
    notes.step("the new machine goes on")
    going = new.run("cycle", "--book", BOOK)
    notes.expect("its cycle", 0, going.code)
    if going.code:
        for line in going.text.splitlines():
            notes.keep(f"new: {line}")
    notes.expect("its record is sound", 0, new.run("verify", "--book", BOOK).code)
    notes.expect("the stops are still those", after, made.stops())
    for record in new.journal():
        if record["event"] == "epoch.raised":
            notes.keep(f"epoch.raised seq {record['seq']}: {record['data']}")
    for host in (old, new):
        path = host.book / str(ON) / "journal.jsonl"
        notes.keep(f"sha256 {sha256(path)} {host.name}: {path.relative_to(host.home)}")


def _changed(before: Mapping[str, Stop], after: Mapping[str, Stop]) -> list[str]:
    """Symbols whose stop is gone, or covers other shares, or stands lower or more than a tick higher than it did."""
    return [
        symbol
        for symbol, stop in sorted(before.items())
        if symbol not in after
        or after[symbol].shares != stop.shares
        or not stop.price <= after[symbol].price <= stop.price + tick(stop.price)
    ]


if __name__ == "__main__":
    sys.exit(alone(run))
