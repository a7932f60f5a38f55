"""One session of a paper book at an exchange on this machine, twice: in process, and through the three flows.

Run against the server that the environment names; prints both as one JSON object, and what a third book's runs did that
were left to the exchange's clock. Each has an exchange, a home and
a clock of its own, and the clocks stand at the same instants, so that nothing but the way can differ.
"""

import json
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from flows import prefect_flows as flows
from flows.day import sealed
from flows.house import House
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


def by_the_clock(book: Paper) -> dict[str, Any]:
    """Runs that name neither date nor slot, or come on another day, by an exchange's clock that is not the wall's."""
    home, calendar = str(book.home), book.day.house.calendar
    after = calendar.next(OPENED)

    def at(instant: datetime) -> None:
        book.clock.to(instant)
        flows.opened[home] = book.house()

    def cycle(**asked: str) -> dict[str, Any]:
        return told(flows.cycle(BOOK, home=home, return_state=True, **asked))

    at(calendar.cut_at(OPENED))
    runs = {"early": cycle(), "morning": told(flows.premarket(BOOK, str(OPENED), home, return_state=True))}
    at(calendar.open_at(OPENED) + timedelta(minutes=2))
    runs |= {"named wrongly": cycle(slot="1555"), "late": cycle()}
    flows.opened[home] = unheard(book)
    runs["unheard"] = cycle()
    at(calendar.close_at(OPENED) + timedelta(hours=4))
    runs["another morning"] = told(flows.premarket(BOOK, str(after), home, return_state=True))
    folder = book.home / "ledger" / BOOK / str(after)
    cycles = [name for name in book.day.cycles() if name != "1600"]
    return {"runs": runs, "cycles": cycles, "sealed": sealed(book.day), "begun": folder.exists()}


def unheard(book: Paper) -> House:
    """A house that lives by the clock of its exchange, which does not know its keys."""
    settings = book.settings().model_copy(update={"apca_api_secret_key": SecretStr("of-another-account")})
    return House(settings)


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
    with paper(market, base / "clock", OPENED) as book:
        clocked = by_the_clock(book)
    sys.stdout.write(json.dumps({"inside": inside, "flown": flown, "clocked": clocked}, default=str) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
