"""The crash law: what a day that died and was resumed may differ in from the one that nothing disturbed.

Free are the journal's records, what its cycles saw and did (a slot run twice leaves two folders), and the
digests that hang on these. All else is compared: what the journal folds to, the exchange, and every other file.
"""

import json
from collections.abc import Iterator, Mapping, Set
from datetime import datetime
from typing import Any, Final

from flows.day import Day
from flows.stages.opening import resume_session
from ledger import layout
from ledger.canonical import first_difference, plain
from schemas.book import BookState, Order
from simulation.account import AccountState, Effect

DIGESTS: Final = frozenset(
    {
        "inputs", "state_before_sha256", "state_after_sha256", "first_seq", "last_seq", "sends",
        "posture", "lifecycle", "ticked",
    }
)  # fmt: skip
"""Keys whose values name bytes or states by hash, places in the journal, or how often it announced an order; and how
much the book knows, which is measured anew after a death: what follows from it, entries and orders, is compared."""
FREE: Final = frozenset({layout.JOURNAL, layout.JOURNAL_TORN, layout.MANIFEST, layout.REPORT})
"""The records, what was torn of them, and what tells or seals every folder: the state and the files are compared."""


def differences(whole: Day, resumed: Day) -> Iterator[str]:
    """Every place in which *resumed* breaks the law, *whole* being the undisturbed day."""
    yield from _parting("state", _bare(state_of(whole)), _bare(state_of(resumed)))
    yield from _parting("exchange", exchange_of(whole), exchange_of(resumed))
    rerun = {name[:4] for name in resumed.cycles() if "-" in name}
    before, after = files_of(whole, rerun), files_of(resumed, rerun)
    for name in sorted(before.keys() | after.keys()):
        if name not in before or name not in after:
            yield f"{name}: only in the {'whole' if name in before else 'resumed'} day"
        else:
            yield from _parting(name, before[name], after[name])
    yield from _parting("stops at the end", last_stops(whole), last_stops(resumed))


def state_of(day: Day) -> dict[str, Any]:
    """What the book's journals fold to at the end of *day*: positions, cash, every order of the session."""
    state = resume_session(day, None).state()
    told: dict[str, Any] = plain(state.model_copy(update=_sent_once(state)))
    return told


def _sent_once(state: BookState) -> dict[str, tuple[Order, ...]]:
    """How often an order was announced under its one id is a matter of the journal's records."""
    return {
        name: tuple(order.model_copy(update={"sends": 1}) for order in getattr(state, name))
        for name in ("orders", "ended_today")
    }


def exchange_of(day: Day) -> dict[str, Any]:
    """The exchange's own fold: nothing was bought twice, nothing sold twice, no order stands beside its twin."""
    account = AccountState()
    data = day.house.disk.read(layout.exchange(day.book_id))
    for line in data.splitlines():
        told = json.loads(line)
        for effect in told["effects"]:
            account.apply(Effect.model_validate(effect), datetime.fromisoformat(told["at"]))
    return {
        "cash": str(account.cash),
        "session": str(account.session),
        "holdings": {
            symbol: [str(part) for part in held] for symbol, held in sorted(account.holdings.items())
        },
        "orders": {name: plain(order) for name, order in sorted(account.orders.items())},
        "fills": {str(on): [plain(fill) for fill in fills] for on, fills in sorted(account.fills.items())},
    }


def files_of(day: Day, rerun: Set[str]) -> Mapping[str, Any]:
    """Each file of the day that the law binds, parsed, digests left out. *rerun*: slots that were run twice."""
    folder = f"{layout.day(day.book_id, day.session)}/"
    found = {}
    for path in day.house.disk.list(folder.rstrip("/")):
        name = path.removeprefix(folder)
        parts = name.split("/")
        is_cycle = parts[0] == "cycles"
        if name in FREE or (is_cycle and (parts[1][:4] in rerun or parts[2] == "observations")):
            continue
        found[name] = _bare(json.loads(day.house.disk.read(path)))
    return found


def last_stops(day: Day) -> list[dict[str, Any]]:
    """How each position held stood protected when the session's last cycle ended."""
    name = f"cycles/{day.cycles()[-1]}/stops.json"
    rows = json.loads(day.house.disk.read(day.path(name)))["positions"]
    kept = ("position_id", "symbol", "quantity", "covered", "stop_after", "gap_open")
    return [{key: row[key] for key in kept} for row in rows if row["quantity"] != "0"]


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _bare(each) for key, each in value.items() if key not in DIGESTS}
    return [_bare(each) for each in value] if isinstance(value, list) else value


def _parting(name: str, before: Any, after: Any) -> Iterator[str]:
    found = first_difference({"": before}, {"": after})
    if found is not None:
        yield f"{name} {found.pointer}: {found.expected!r} undisturbed, {found.actual!r} resumed"


def events_of(day: Day, key: str | None = None) -> set[str]:
    """The events of the day's journal; or what they have under *key*, their order's included."""
    records = resume_session(day, None).journal.records
    if key is None:
        return {record.event for record in records}
    told = [record.data for record in records]
    told += [order for data in told if isinstance(order := data.get("order"), dict)]
    return {str(data[key]) for data in told if key in data}
