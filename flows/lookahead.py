"""A morning of D recomputed on stores that differ only in what D may not see gives the same bytes, or names them.

Everything runs through the real stages, over a view of the ledger that takes no write. The store is altered in
memory (``flows.altered``); what must lie on disk for it, its sidecar, lies in a temporary folder that goes with the
call. What is compared: the data contract's report, regime, scan and candidates, and, where D was observed, its
decisions and its enforcement from the book's own recorded morning. Last, the kernel's pass over many days is put
beside its scan of each.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flows.altered import (
    ALTERATIONS,
    OUTSIDE_THE_SNAPSHOT,
    AlteredStore,
    Edges,
    Told,
    edges,
    window,
)
from flows.day import Day
from flows.house import House
from flows.overlay import Overlay
from flows.pipeline import PREMARKET, Outcome
from flows.stages import premarket
from ledger import layout
from ledger.canonical import Malformed, first_difference, parse_canonical
from schemas.header import CODE_VERSION

if TYPE_CHECKING:
    from market.panel import Panel
    from market.store import BarStore
    from schemas.base import SessionDate

OBSERVED: Final = frozenset({"decisions", "enforcement"})
"""Stages that read what the book looked like that morning; without it they have nothing to decide."""
VERSION: Final = "data_version"
MEASURES: Final = "measures"
DAYS: Final = 5
"""Sessions up to P for which the pass over all days is compared with the scan of each."""
Files = dict[str, bytes]
Progress = Callable[[int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One file of D under one alteration. pointer, expected, actual: where it first differs, if it does."""

    case: str
    round: int
    file: str
    identical: bool
    pointer: str = ""
    expected: Any = None
    actual: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One alteration, what it did, and how every file fared."""

    case: str
    round: int
    said: str
    files: tuple[Compared, ...]


class Copy(House):
    """A house whose ledger takes no write and whose market is *store*.

    ``data_version`` names every row known at the cut, also those too old to matter, so that the name is *pinned* and
    compared apart: every other byte must then agree.
    """

    def __init__(self, of: House, store: "BarStore", disk: Overlay, pinned: str) -> None:
        super().__init__(of.settings, disk)
        self.__dict__["calendar"] = of.calendar
        self.__dict__["store"] = store
        self._pinned = pinned

    def panel(self, session: "SessionDate") -> "Panel":
        panel = super().panel(session)
        if panel.data_version != self._pinned:
            panel = self._panel = replace(panel, data_version=self._pinned)
        return panel


def cases(rounds: int) -> Sequence[tuple[str, int]]:
    """What ``prove`` tries, in order; what draws nothing is tried once."""
    once = [("sealed", 1), ("window", 1), ("removed", 1)]
    drawn = [name for name in ALTERATIONS if name != "removed"]
    return [*once, *((name, turn) for turn in range(1, rounds + 1) for name in drawn), ("days", 1)]


def prove(day: Day, *, rounds: int, seed: int, step: Progress, copy: type[Copy] = Copy) -> Iterator[Tried]:
    """Every alteration of *day*'s market, tried one after the other.

    Args: rounds: how often each random one is drawn. step: told (done, at hand). copy: the house a case is
    computed in, for whoever wants to see that a house which looks ahead is caught.
    Errors: as the market's own (STORE_EMPTY, STORE_CORRUPT, CALENDAR_OUT_OF_RANGE).
    """
    import numpy as np

    house = day.house
    at = edges(house.panel(day.session), house.calendar)
    version = house.panel(day.session).data_version
    plain = _morning(copy(house, house.store, _view(day), version), day, house)
    near = window(house.store, at)
    with tempfile.TemporaryDirectory(prefix="avwap-lookahead-") as folder:
        trial = _Trial(day=day, at=at, plain=plain, pinned=version, copy=copy)
        for done, (case, turn) in enumerate(cases(rounds)):
            step(done, case)
            if case in ("sealed", "days"):
                yield trial.sealed() if case == "sealed" else all_days(day)
                continue
            draw = np.random.Generator(np.random.PCG64([seed, turn, *case.encode()]))
            told = near if case == "window" else ALTERATIONS[case](near, at, draw)
            yield trial.altered(case, turn, told, Path(folder) / f"{done}")


@dataclass(slots=True, kw_only=True)
class _Trial:
    """What all cases of one day share. ``name``: the data_version of the window as it is."""

    day: Day
    at: Edges
    plain: Files
    pinned: str
    copy: type[Copy]
    name: str = ""

    def sealed(self) -> Tried:
        """The files of the ledger beside those computed now from the store as it is."""
        house, kept = self.day.house, Files()
        for name in self.plain:
            if house.disk.exists(self.day.path(name)):
                kept[name] = house.disk.read(self.day.path(name))
        said = f"{len(kept)} files of the ledger beside the same store, computed now"
        if not kept:
            said = "the ledger holds no file of this session: nothing to compare with"
        elif other := _other_build(kept, house):
            kept, said = Files(), other
        files = tuple(compare("sealed", 1, name, kept[name], self.plain[name]) for name in kept)
        return Tried(case="sealed", round=1, said=said, files=files)

    def altered(self, case: str, turn: int, told: Told, folder: Path) -> Tried:
        """*told* in place of the store."""
        house, view = self.day.house, _view(self.day)
        copied = self.copy(house, AlteredStore(folder, house.store, told), view, self.pinned)
        made = _morning(copied, self.day, house)
        index = house.calendar.index(self.day.session)
        assert index is not None, "a day is a session"
        name = copied.sidecar.data_version(index)
        files = [compare(case, turn, file, self.plain[file], made[file]) for file in self.plain]
        if case == "window":
            self.name = name
        elif case in OUTSIDE_THE_SNAPSHOT:
            same = name == self.name
            files.append(
                Compared(case=case, round=turn, file=VERSION, identical=same, expected=self.name, actual=name)
            )
        return Tried(case=case, round=turn, said=told.said, files=tuple(files))


def all_days(day: Day) -> Tried:
    """Every symbol's measures of the last sessions up to P from the pass over many days and from each day's scan.

    A difference is named by symbol and session.
    """
    import numpy as np

    from market.panel import load_panel
    from strategies.history import history, with_calendar_sessions
    from strategies.layout import SESSION
    from strategies.measures import measure

    house, config = day.house, day.house.settings.scan
    calendar = house.calendar
    sessions = [calendar.previous(day.session, back) for back in range(DAYS, 0, -1)]
    found: dict[tuple[str, int], tuple[Any, Any]] = {}
    for block in history(house.sidecar, calendar, config, sessions[0], sessions[-1]):
        features, anchors = block.features.copy(), block.anchors.copy()
        for k, name in enumerate(block.symbols):
            for row in range(int(block.at[k]), int(block.at[k + 1])):
                found[name, int(features[row, SESSION])] = (features[row], anchors[row])
    rows, files = 0, []
    for p in sessions:
        panel = load_panel(house.store, calendar, calendar.next(p), sidecar=house.sidecar)
        offset, index = calendar.index(panel.sessions[0]), calendar.index(p)
        assert offset is not None, "a panel begins at a session"
        assert index is not None, "P is a session"
        made = measure(panel, config)
        alone = with_calendar_sessions(made.features, made.anchors, offset)
        for name, row in zip(panel.symbols, made.at.tolist(), strict=True):
            if row < 0:
                continue
            rows += 1
            pair = zip(found.pop((name, index), (None, None)), (alone[0][row], alone[1][row]), strict=True)
            if not all(many is not None and np.array_equal(many, one) for many, one in pair):
                files.append(_measured(f"/{name}/{p}", "as measured alone", "another row"))
    files += [_measured(f"/{name}/{calendar.at(at)}", "no row", "a row") for name, at in found]
    said = f"{rows:,} rows of measures of {DAYS} sessions up to P, in one pass and day by day"
    if not files:
        files = [Compared(case="days", round=1, file=MEASURES, identical=True)]
    return Tried(case="days", round=1, said=said, files=tuple(files))


def _measured(pointer: str, expected: str, actual: str) -> Compared:
    return Compared(
        case="days",
        round=1,
        file=MEASURES,
        identical=False,
        pointer=pointer,
        expected=expected,
        actual=actual,
    )


def compare(case: str, turn: int, name: str, expected: bytes, actual: bytes) -> Compared:
    """Two spellings of one file of D, byte for byte."""
    if expected == actual:
        return Compared(case=case, round=turn, file=name, identical=True)
    try:
        parting = first_difference(parse_canonical(expected), parse_canonical(actual))
    except Malformed:
        shown = [data[:200].decode("utf-8", "replace") for data in (expected, actual)]
        return Compared(case=case, round=turn, file=name, identical=False, expected=shown[0], actual=shown[1])
    assert parting is not None, "two canonical files of one value have one spelling"
    return Compared(
        case=case,
        round=turn,
        file=name,
        identical=False,
        pointer=parting.pointer,
        expected=parting.expected,
        actual=parting.actual,
    )


def _view(day: Day) -> Overlay:
    """The ledger without the files of D that are computed, and without a way to write to it.

    The journal is no such file: that it can be read is what gate 3 asks.
    """

    def keeps(name: str) -> bool:
        return name == layout.JOURNAL or (name.startswith("observations/") and name != premarket.MARKET)

    return Overlay(day.house.disk, layout.day(day.book_id, day.session), keeps)


def _morning(copied: Copy, day: Day, house: House) -> Files:
    """The files of D as computed in *copied*; a stage that refuses leaves its refusal in its file's place."""
    replica = Day(house=copied, book_id=day.book_id, session=day.session, previous=day.previous)
    was_observed = house.disk.exists(day.path(premarket.CLOCK))
    outcome = Outcome(replica)
    stages = [(name, run) for name, run in PREMARKET if was_observed or name not in OBSERVED]
    for stage, run in stages:
        outcome.attempt(stage, lambda run=run: run(replica))  # type: ignore[misc]
    assert isinstance(copied.disk, Overlay), "a copy of the ledger takes no write"
    files = {}
    for stage, _ in stages:
        name = premarket.MARKET if stage == "market" else f"{stage}.json"
        files[name] = copied.disk.made.get(day.path(name), b"")
    for refused in outcome.refused:
        name = premarket.MARKET if refused.stage == "market" else f"{refused.stage}.json"
        files[name] = f"refused: {refused.error}".encode()
    return files


def _other_build(kept: Files, house: House) -> str:
    """Why files of the ledger cannot be the same bytes as what is computed now; empty if they can."""
    for name, data in kept.items():
        try:
            header = parse_canonical(data)
        except Malformed:
            return ""
        if header.get("config_sha256") != house.config_sha256:
            return f"{name} was made under another configuration: not compared with the ledger"
        if header.get("code_version") != CODE_VERSION:
            return f"{name} was made by another code_version: not compared with the ledger"
    return ""
