"""A quantity changed behind the book is found, covered by what both hold, and taken when a person says so.

python -m tools.drills.position_sync
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from tools.drills.ground import BOOK, ON, Ground, Host, ground, opened, sha256
from tools.drills.notes import Notes, alone

SHOWS: Final = (
    "shares sold behind the book: finding, evidence, a stop for what is left, and the operator's accept"
)
SOLD: Final = 1
WHO: Final = ("--operator", "drill", "--reason", "sold on the broker's page")


def run(notes: Notes, root: Path) -> None:
    """The drill below *root*."""
    with ground(notes, root) as made:
        notes.step("the book opens its session and buys")
        host = opened(made)
        made.until_bought(host)
        symbol, held = max(made.holdings().items(), key=lambda row: (row[1], row[0]))
        _sold_by_hand(made, host, symbol, held)
        _accepted(made, host, symbol, held - SOLD)


def _sold_by_hand(made: Ground, host: Host, symbol: str, held: int) -> None:
    notes = made.notes
    notes.step(f"somebody cancels the stop of {symbol} on the broker's page and sells {SOLD} of {held} there")
    made.by_hand(symbol, SOLD, "sell")
    host.cycle(made.next_slot())
    found = _last(host, "sync.checked")
    named = {row["code"] for row in found["findings"] if row["subject"] == symbol}
    notes.expect("the cycle names it", True, "QTY_MISMATCH" in named)
    notes.expect("shares under a stop", held - SOLD, _covered(made, symbol))
    evidence = sorted(host.book.glob(f"{ON}/cycles/*/evidence/*/sha256sums"))
    notes.expect("evidence was kept", True, bool(evidence))
    for path in evidence:
        told = json.loads(path.with_name("summary.json").read_text(encoding="utf-8"))
        notes.keep(
            f"EVIDENCE_REF mode={told['mode']} id={path.parent.name} sha256={sha256(path)} "
            f"reason={told['reason']} path={path.parent.relative_to(host.book)}"
        )
    status = host.run("reconcile", "--book", BOOK)
    notes.expect("avwap reconcile differs", 3, status.code)


def _accepted(made: Ground, host: Host, symbol: str, left: int) -> None:
    notes = made.notes
    notes.step("the operator takes the broker's quantity for ours")
    said = host.run("operator", "accept", symbol, "--book", BOOK, "--qty", str(left), *WHO)
    notes.expect("it is journaled", 0, said.code)
    notes.step("the next cycle agrees")
    host.cycle(made.next_slot())
    found = _last(host, "sync.checked")
    notes.expect("the comparison", "IN_SYNC", found["status"])
    notes.expect("shares under a stop", left, _covered(made, symbol))
    notes.expect("avwap reconcile agrees in shares", True, _agrees(host, symbol))
    notes.expect("the record is sound", 0, host.run("verify", "--book", BOOK).code)
    act = _last(host, "operator.acted")
    notes.keep(f"operator.acted: {act}")


def _last(host: Host, event: str) -> dict[str, Any]:
    """The newest record of *event*; empty if there is none."""
    found = [record["data"] for record in host.journal() if record["event"] == event]
    last: dict[str, Any] = found[-1] if found else {"findings": [], "status": None}
    return last


def _covered(made: Ground, symbol: str) -> int:
    return made.stops()[symbol].shares if symbol in made.stops() else 0


def _agrees(host: Host, symbol: str) -> bool:
    rows = host.run("reconcile", "--book", BOOK, "--json").body["rows"]
    return all(row["status"] == "IN_SYNC" for row in rows if row["symbol"] == symbol)


if __name__ == "__main__":
    sys.exit(alone(run))
