"""The same sessions run twice in folders of their own, on one market, and only risk modulation differs between them.

Neither run touches a book of the house: the simulated exchange of each begins with its own capital. Both let
decisions bind, so that what modulation does to counts is seen as well as what it does to quantities.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from analytics.comparison import Comparison, Session
from flows.day import Day
from flows.house import House
from flows.run import run_range
from ledger import layout
from schemas.decisions import Decisions
from schemas.errors import Denied, UsageFault
from schemas.header import Artifact
from schemas.reasons.edge import EdgeCode
from schemas.regime import Regime
from schemas.snapshot import Snapshot

if TYPE_CHECKING:
    from flows.run import SessionResult

BOOK: Final = "SIM"
NAMES: Final = ("plain", "modulated")
UNTOUCHED: Final = ("regime.json", "scan.json", "candidates.json")
"""Files of a day that come before the decisions: modulation may not change them."""
Step = Callable[[int, str], None]
A = TypeVar("A", bound=Artifact)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    house: House
    results: "Sequence[SessionResult]"


def compare(house: House, first: date, last: date, folder: Path, step: Step) -> Comparison:
    """Run the sessions from *first* to *last* twice below *folder*, and take both runs' artifacts.

    Args: folder: where both ledgers lie; there must be none yet. step: told (sessions done, session at hand).
    Errors: as ``run_range``; ``UsageFault`` USAGE if *folder* holds a ledger; ``Denied`` STAGE_REFUSED if a
    session of either run could not be sealed.
    """
    taken = [name for name in NAMES if (folder / name).exists()]
    if taken:
        raise UsageFault(
            EdgeCode.USAGE,
            f"{folder / taken[0]} is there already: a run begins with an empty book",
            safe="nothing was started",
            next="name a folder that is empty, or none at all",
        )
    done = 0

    def told(result: "SessionResult") -> None:
        nonlocal done
        done += 1
        step(done, f"{result.day.session} {result.day.house.settings.home.name}")

    runs = [_run(house, folder / name, name == NAMES[1], first, last, told) for name in NAMES]
    plain, modulated = ([each.day for each in run.results] for run in runs)
    return Comparison(
        book_id=BOOK,
        plain=tuple(_sessions(plain)),
        modulated=tuple(_sessions(modulated)),
        alike={
            name: sum(_body(a, name) == _body(b, name) for a, b in zip(plain, modulated, strict=True))
            for name in UNTOUCHED
        },
    )


def _run(
    house: House,
    home: Path,
    modulated: bool,
    first: date,
    last: date,
    told: "Callable[[SessionResult], None]",
) -> _Run:
    settings = house.settings.model_copy(
        update={"home": home, "portfolio_decision_enforce": True, "e2_regime_risk_modulation": modulated}
    )
    market = house.root / layout.market()
    if market.is_dir():  # a house without one is told so by the run itself
        (home / "ledger").mkdir(parents=True)
        (home / "ledger" / layout.market()).symlink_to(market.absolute(), target_is_directory=True)
    own = House(settings)
    done = run_range(own, BOOK, first, last, told, f"avwap compare-modulation {first} {last}")
    final = done.results[-1]
    if final.seal is None:
        refused = [] if final.outcome is None else final.outcome.refused
        why = str(refused[0].error) if refused else "no stage says why"
        raise Denied(
            EdgeCode.STAGE_REFUSED,
            f"{final.day.session} of the {home.name} run could not be sealed: {why}",
            safe="the books of this house were not touched",
            next="name an earlier --to, or run again with --keep DIR and look at that session there",
        )
    return _Run(house=own, results=done.results)


def _sessions(days: Sequence[Day]) -> Iterator[Session]:
    for day in days:
        shot = day.need("comparison", "snapshot.json", Snapshot).artifact
        yield Session(
            snapshot=shot,
            decisions=day.seen("decisions.json", Decisions),
            regime=day.seen("regime.json", Regime),
        )


def _body(day: Day, name: str) -> object:
    """What a file says, without the digests of what it was made from: those name the morning of its own book."""
    path = day.path(name)
    if not day.house.disk.exists(path):
        return None
    told = json.loads(day.house.disk.read(path))
    return {key: value for key, value in told.items() if key != "inputs"}
