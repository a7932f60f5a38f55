"""A kill switch thrown while a sale is on the wire ends entries at once and no exit: the sale goes through.

python -m tools.drills.kill_switch
"""

import json
import sys
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from simulation.alpaca_server.faults import mute_ack, rejected
from tools.drills.ground import BOOK, SLOT, Ground, Host, Rise, ground, opened
from tools.drills.notes import Notes, alone

SHOWS: Final = "the switch is thrown in mid exit: the exit completes, no entry is sent or left to work"
WHO: Final = ("--operator", "drill", "--reason", "fire drill")
RISE: Final = Rise(symbol="JEVA", minute=10, price=Decimal("215.00"))
"""Bought at 196.52 with its first target at 208.19."""
PATIENCE_S: Final = 90.0
"""An interpreter starts slowly on a busy machine."""


def run(notes: Notes, root: Path) -> None:
    """The drill below *root*."""
    with ground(notes, root, RISE) as made:
        notes.step(
            "the book opens its session and buys; of its third order the broker says no, so that it is tried again"
        )
        made.entries_max = 3
        host = opened(made)
        made.faults.add("POST /v2/orders", rejected(), after=4)
        made.until_bought(host)
        made.faults.clear()
        notes.expect(f"it holds {RISE.symbol}", True, RISE.symbol in made.holdings())
        notes.step(f"{RISE.symbol} rises above its first target")
        while made.minute + SLOT < RISE.minute:
            host.cycle(made.next_slot())
        sold = _dies_in_mid_exit(made, host, RISE.symbol)
        _thrown(made, host)
        _completes(made, host, RISE.symbol, sold)


def _dies_in_mid_exit(made: Ground, host: Host, symbol: str) -> dict[str, Any]:
    notes = made.notes
    notes.step("the next cycle sends the sale; no answer comes back, and its process is killed")
    seen = len(made.writes())
    made.faults.add("POST /v2/orders", mute_ack())
    made.at(made.next_slot())
    dying = host.start("cycle", "--book", BOOK)
    sale: dict[str, Any] | None = None
    until = time.monotonic() + PATIENCE_S
    while sale is None and dying.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
        sale = _sale(made, seen)
    dying.kill()
    dying.communicate()
    made.faults.clear()
    notes.expect("a sale was on the wire", symbol, None if sale is None else sale["symbol"])
    return sale or {}


def _sale(made: Ground, seen: int) -> dict[str, Any] | None:
    """The first order to sell at market or a limit that reached the exchange after the first *seen* requests."""
    for method, body in made.bodies()[seen:]:
        if method == "POST" and body.get("side") == "sell" and "stop_price" not in body:
            return body
    return None


def _thrown(made: Ground, host: Host) -> None:
    notes = made.notes
    notes.step("the operator throws the switch")
    said = host.run("kill", "on", "--book", BOOK, *WHO)
    notes.expect("it is set", (0, True), (said.code, (host.book / "control" / "KILL_SWITCH").exists()))
    for line in said.text.splitlines():
        notes.keep(line)


def _completes(made: Ground, host: Host, symbol: str, sale: Mapping[str, Any]) -> None:
    notes = made.notes
    notes.step("the next cycle looks the sale up, books it, and enters nothing")
    seen, before = len(made.writes()), len(host.journal())
    notes.expect("its cycle", 0, host.cycle(made.next_slot()).code)
    sent = made.bodies()[seen:]
    buys = [body["symbol"] for method, body in sent if method == "POST" and body.get("side") == "buy"]
    notes.expect("buys sent", [], buys)
    notes.expect("buys that work", [], [o.symbol for o in made.exchange.open_orders() if o.side == "buy"])
    records = host.journal()[before:]
    booked = [
        r["data"]["quantity"]
        for r in records
        if r["event"] == "order.filled" and r["data"]["symbol"] == symbol
    ]
    notes.expect(
        "the sale is booked, once", [Decimal(str(sale.get("qty", 0)))], [Decimal(each) for each in booked]
    )
    refused = {code for r in records if r["event"] == "entry.denied" for code in [r["data"]["code"]]}
    notes.expect("entries were refused by the switch", True, "KILL_SWITCH_FILE" in refused)
    covered = {name: stop.shares for name, stop in made.stops().items()}
    notes.expect("every share left is under a stop", made.holdings(), covered)
    notes.expect("the record is sound", 0, host.run("verify", "--book", BOOK).code)
    for record in records:
        if record["event"] in ("order.filled", "entry.denied", "kill.set"):
            data = record["data"]
            told = {
                name: data[name] for name in ("symbol", "quantity", "price", "code", "reason") if name in data
            }
            notes.keep(f"{record['event']} seq {record['seq']}: {json.dumps(told)}")


if __name__ == "__main__":
    sys.exit(alone(run))
