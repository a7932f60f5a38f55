"""A market in which stocks and funds rise, a book that two strategies share, and one day on which both hold a fund.

No entry is sent while a sell of its symbol works or a share of it lacks a stop, so that two strategies come to hold
one symbol only where both entries were under way before either had filled. That day is played here: a process that
died with both on the wire, and the cycle that another one resumes.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from execution_v2 import orders
from execution_v2.broker.recorded import RecordingBroker
from execution_v2.desk import Desk
from execution_v2.ports import Ports
from execution_v2.send import request_of
from flows.day import Day, open_day
from flows.house import House
from flows.pipeline import Outcome, run_close, run_cycle, run_premarket
from flows.settings import Settings
from flows.stages import cycle, opening, slots
from flows.world import World, open_world
from market.synthetic import generate
from portfolio.limits import portfolio_config
from schemas.candidates import Candidates
from schemas.cycle import CycleKind
from schemas.enforcement import AuthorisedEntry, Enforcement
from schemas.events import CycleBegan, OrderSubmitting
from schemas.strategy_registry import S1_AVWAP_CORE, S2_INDEX_TREND
from strategies.config import CandidateConfig
from strategies.entry import entry_limit, planned_stop
from tests.chain.days import BOOK, house_at

SEED: Final = 7
SYMBOLS: Final = 24
"""From twenty on the made-up market has sector funds."""
BARS: Final = (date(2023, 1, 3), date(2025, 6, 30))
BOTH: Final = (S1_AVWAP_CORE, S2_INDEX_TREND)
FUNDS: Final = "FUNDS"
"""The sleeve of the index trend: not its own name, so that neither id can stand for the other."""


def market_at(at: Path) -> House:
    """A house whose store holds the market."""
    house = House(Settings(home=at))
    house.root.mkdir(parents=True)
    generate(SEED, SYMBOLS, *BARS, house.calendar).install(house.store)
    return house


def sharing(
    market: House, home: Path, *, stocks_max: int, overlap: bool, strategies: Sequence[str] = BOTH
) -> House:
    """A house at *home* whose book both strategies share; S1_AVWAP_CORE holds at most *stocks_max* positions."""
    (home / "ledger").mkdir(parents=True, exist_ok=True)
    book = portfolio_config(BOOK)
    core = book.sleeves[S1_AVWAP_CORE].model_copy(update={"max_concurrent_positions": stocks_max})
    funds = core.model_copy(update={"sleeve_id": FUNDS, "max_concurrent_positions": 4})
    sleeves = {S1_AVWAP_CORE: core, S2_INDEX_TREND: funds}
    limits = book.limits.model_copy(update={"entries_per_day_max": 10})
    flags: dict[str, Any] = {
        "candidates": CandidateConfig(strategies_enabled=tuple(strategies)),
        "books": {BOOK: book.model_copy(update={"sleeves": sleeves, "limits": limits}).model_dump()},
        "portfolio_decision_enforce": True,
        "s2_allow_symbol_overlap": overlap,
    }
    return house_at(market, home, **flags)


def play_with_both_on_the_wire(house: House, on: date, symbol: str) -> Outcome:
    """The session *on*, in which the process that sent both strategies' entries in *symbol* died before any answer."""
    day = open_day(house, BOOK, on)
    world = open_world(house, BOOK)
    outcome = Outcome(day)
    session = opening.open_session(day, world, None)
    assert run_premarket(day, world, session, outcome), "the morning is sound"
    for slot in slots.slots(day):
        if slot.kind is CycleKind.ENTRIES:
            world.clock.step(slot.at)
            _send_and_die(day, world, session, slot, symbol)
        run_cycle(day, world, session, slot, outcome)
    run_close(day, world, session, outcome)
    return outcome


def _send_and_die(day: Day, world: World, session: opening.Session, slot: slots.Slot, symbol: str) -> None:
    """Journal and send the entries in *symbol* as a cycle does, and let nobody read the answers."""
    day.write(f"cycles/{slot.name}/observations/control.json", opening.control_now(day, world), ())
    calls = cycle.calls_path(day, slot.name)
    disk = day.house.disk
    door = RecordingBroker(world.broker, world.feed, world.clock.now, lambda line: disk.append(calls, line))
    ports = Ports(broker=door, feed=door, journal=session.journal, now=door.now, pause=world.pause)
    inputs = cycle._inputs(day, session.carried, session.journal.records, slot, slot.name, entries=True)
    desk = Desk(inputs, ports, day.house.settings.cycle(BOOK))
    desk.note(("cycle.began", CycleBegan(slot=slot.name, kind=slot.kind)))
    quotes = world.feed.quotes((symbol,))
    ref = Decimal(quotes.value[0].last)  # type: ignore[union-attr]
    for row in authorised(day, symbol):
        intent = next(i for i in wished(day).intents if i.intent_id == row.intent_id)
        limit, stop = (
            entry_limit(ref, intent, desk.config.entry),
            planned_stop(ref, intent, desk.config.entry),
        )
        order = orders.entry(desk, intent, row, quantity=row.quantity, limit=limit, stop=stop, ref=ref)
        desk.note(("order.submitting", OrderSubmitting(order=order)))
        desk.ports.broker.submit(request_of(order))


def wished(day: Day) -> Candidates:
    """``candidates.json`` of *day*."""
    return day.need("test", "candidates.json", Candidates).artifact


def authorised(day: Day, symbol: str) -> tuple[AuthorisedEntry, ...]:
    """The entries that both strategies may try in *symbol*."""
    found = day.need("test", "enforcement.json", Enforcement).artifact.authorised
    rows = tuple(row for row in found if row.symbol == symbol)
    assert sorted(BOTH) == sorted(row.strategy_id for row in rows), "both may enter"
    return rows
