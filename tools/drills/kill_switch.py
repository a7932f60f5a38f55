"""A kill switch thrown while a sale is on the wire ends entries at once and no exit: the sale goes through.

python -m tools.drills.kill_switch
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from simulation.alpaca_server.faults import happening, lost, mute_ack
from simulation.alpaca_server.mishaps import Mishap
from tools.drills.ground import BOOK, Ground, Host, Rise, ground, opened
from tools.drills.notes import Notes, alone

SHOWS: Final = "the switch is thrown in mid exit: the exit completes, no entry is sent or left to work"
WHO: Final = ("--operator", "drill", "--reason", "fire drill")
RISE: Final = Rise(symbol="JEVA", minute=10, price=Decimal("215.00"))
"""Bought at 196.52 with its first target at 208.19."""
HALTED_S: Final = 900.0
PATIENCE_S: Final = 90.0
"""An interpreter starts slowly on a busy machine."""


def run(notes: Notes, root: Path) -> None:
    """The drill below *root*."""
    with ground(notes, root, RISE) as made:
        made.entries_max = 3
        host = opened(made)
        _buys(made, host)
        sold = _dies_in_mid_exit(made, host, RISE.symbol)
        _thrown(made, host)
        _completes(made, host, RISE.symbol, sold)


def _buys(made: Ground, host: Host) -> None:
    """Two names are bought; the third stops trading as its order comes, and the process dies while that order works."""
    notes = made.notes
    notes.step(
        "the book buys two names; its process dies while the order for a third works, which does not trade"
    )
    made.faults.add("POST /v2/orders", happening(Mishap.HALT, HALTED_S), after=4)
    made.at(made.next_slot())
    dying = host.start("cycle", "--book", BOOK)
    _until(dying, lambda: len(_buys_at(made)) > 0 and len(made.stops()) == 2)
    notes.expect(f"it holds {RISE.symbol}", True, RISE.symbol in made.holdings())
    notes.expect("a buy works", 1, len(_buys_at(made)))


def _buys_at(made: Ground) -> list[str]:
    """Symbols of the orders to buy that work at the exchange."""
    return [o.symbol for o in made.exchange.open_orders() if o.side == "buy"]


def _until(dying: "subprocess.Popen[str]", done: Callable[[], bool]) -> None:
    """Let a process run until *done*, or until its time is over, and kill it."""
    until = time.monotonic() + PATIENCE_S
    while not done() and dying.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    dying.kill()
    dying.communicate()


def _dies_in_mid_exit(made: Ground, host: Host, symbol: str) -> dict[str, Any]:
    notes = made.notes
    notes.step(
        f"{symbol} rises: the next cycle sells a part of it; no answer comes back, and its process is killed"
    )
    seen = len(made.writes())
    made.faults.clear()
    made.faults.add("POST /v2/orders", mute_ack())
    made.faults.add("DELETE /v2/orders/*", lost(), times=9)
    made.at(made.next_slot())
    dying = host.start("cycle", "--book", BOOK)
    _until(dying, lambda: _sale(made, seen) is not None)
    sale = _sale(made, seen)
    made.faults.clear()
    notes.expect("a sale was on the wire", symbol, None if sale is None else sale["symbol"])
    notes.expect("the buy works still", 1, len(_buys_at(made)))
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
    notes.expect("buys that work", [], _buys_at(made))
    records = host.journal()[before:]
    booked = [
        r["data"]["quantity"]
        for r in records
        if r["event"] == "order.filled" and r["data"]["symbol"] == symbol
    ]
    notes.expect(
        "the sale is booked, once", [Decimal(str(sale.get("qty", 0)))], [Decimal(each) for each in booked]
    )
    ended = [r["data"]["cause"] for r in records if r["event"] == "order.cancelling"]
    notes.expect("the buy was cancelled", True, bool(ended))
    covered = {name: stop.shares for name, stop in made.stops().items()}
    notes.expect("every share left is under a stop", made.holdings(), covered)
    notes.expect("the record is sound", 0, host.run("verify", "--book", BOOK).code)
    for record in records:
        if record["event"] in ("order.filled", "order.cancelling", "entry.denied"):
            data = record["data"]
            told = {
                name: data[name]
                for name in ("symbol", "quantity", "price", "code", "reason", "ord_id", "cause")
                if name in data
            }
            notes.keep(f"{record['event']} seq {record['seq']}: {json.dumps(told)}")


if __name__ == "__main__":
    sys.exit(alone(run))
