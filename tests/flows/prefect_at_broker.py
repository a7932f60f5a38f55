"""One session of a paper book at an exchange on this machine, twice: in process, and through the three flows.

Run against the server that the environment names; prints both as one JSON object. Each has an exchange, a home and
a clock of its own, and the clocks stand at the same instants, so that nothing but the way can differ.
"""

import json
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from flows import prefect_flows as flows
from flows.day import sealed
from flows.pipeline import CLOSE_AFTER
from ledger import layout
from ledger.journal import parse_chain
from tests.chain.broker import BOOK, Paper, paper
from tests.chain.days import OPENED, market_of
from tests.flows.prefect_driver import told

CYCLES: Final = ("0930", "0935", "1555")


def in_process(book: Paper) -> dict[str, Any]:
    """The steps as the tests of the chain take them."""
    book.premarket()
    for slot in book.some(*CYCLES):
        book.cycle(slot)
    book.close()
    return left(book)


def by_flows(book: Paper) -> dict[str, Any]:
    """The steps as a worker takes them, each in a fresh house."""
    home, on = str(book.home), str(OPENED)
    calendar = book.day.house.calendar

    def at(instant: datetime) -> None:
        book.clock.to(instant)
        flows.opened[home] = book.house()

    at(calendar.cut_at(OPENED))
    runs = {"premarket": told(flows.premarket(BOOK, on, home, return_state=True))}
    for slot in book.some(*CYCLES):
        at(slot.at)
        runs[slot.name] = told(flows.cycle(BOOK, on, slot.name, home, return_state=True))
    at(calendar.close_at(OPENED) + CLOSE_AFTER)
    runs["postclose"] = told(flows.postclose(BOOK, on, home, return_state=True))
    return {**left(book), "runs": runs}


def left(book: Paper) -> dict[str, Any]:
    """What the session left: its seal, its records by event, and the requests that the exchange saw."""
    day = book.again()
    seal, path = sealed(day), layout.journal(BOOK, OPENED)
    records = parse_chain(day.house.disk.read(path), path).records
    requests = Counter(each.method for each in book.server.requests)
    return {"seal": seal, "events": Counter(each.event for each in records), "requests": requests}


def main(base: Path) -> None:
    market = market_of(base / "market")
    with paper(market, base / "inside", OPENED) as book:
        inside = in_process(book)
    with paper(market, base / "flown", OPENED) as book:
        flown = by_flows(book)
    sys.stdout.write(json.dumps({"inside": inside, "flown": flown}, default=str) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
