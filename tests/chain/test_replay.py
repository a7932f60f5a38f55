"""A sealed day recomputed from its recordings gives its own bytes; any other byte in it is found and named."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows import replay as replays
from flows.audit import audit
from flows.day import Day
from flows.house import House
from flows.replay import RECORDED, replay
from flows.replay_kept import save
from flows.run import run_range
from ledger import artifacts, layout
from ledger.canonical import artifact_bytes, line_bytes
from ledger.faulty import FaultyDisk, SimulatedCrash
from ledger.seal import sessions_of
from schemas.errors import Corrupt, UsageFault
from schemas.reasons.edge import EdgeCode
from schemas.tick import DivergenceCategory
from strategies.config import ScanConfig
from tests.chain.days import BOOK, STOP_DAY, TRIM_DAY, Ground, play


@pytest.fixture
def sealed_day(tiny_ground: Ground, tmp_path: Path) -> Day:
    """A day with a gap stop, an entry and a ratchet, sealed, in a book of its own."""
    house = tiny_ground.house(tiny_ground.fresh(tmp_path / "home", STOP_DAY))
    assert 0 == play(house, STOP_DAY).exit_code
    return tiny_ground.day(tiny_ground.house(tmp_path / "home"), STOP_DAY)


def test_every_session_of_a_range_is_recomputed_to_its_own_bytes(tiny_ground: Ground, tmp_path: Path) -> None:
    house = tiny_ground.house(tiny_ground.fresh(tmp_path / "home", STOP_DAY))
    sessions = [on for on in sessions_of(house.disk, BOOK) if on >= TRIM_DAY]
    assert len(sessions) == 6
    done = run_range(house, BOOK, sessions[0], sessions[-1], lambda result: None, "test")
    found = [result.replayed for result in done.results]
    assert [()] * len(sessions) == [each.divergences for each in found if each is not None]
    assert 0 == done.exit_code


class Watched(FaultyDisk):
    """A disk that notes at which steps a file was added to."""

    def __init__(self, root: Path, watched: str) -> None:
        super().__init__(root)
        self.watched, self.marks = watched, list[int]()

    def append(self, path: str, data: bytes) -> None:
        if path.endswith(self.watched):
            self.marks.append(self.steps + 1)
        super().append(path, data)


def test_a_day_that_died_in_the_middle_of_a_cycle_is_replayed_to_where_it_died_and_on(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    watched = Watched(
        tiny_ground.fresh(tmp_path / "whole", TRIM_DAY) / "ledger", "cycles/0935/observations/calls.jsonl"
    )
    play(tiny_ground.house(tmp_path / "whole", watched), TRIM_DAY)
    home = tiny_ground.fresh(tmp_path / "home", TRIM_DAY)
    middle = watched.marks[len(watched.marks) // 2]
    with pytest.raises(SimulatedCrash):
        play(tiny_ground.house(home, FaultyDisk(home / "ledger", crash_at=middle)), TRIM_DAY)
    house = tiny_ground.house(home)
    assert 0 == play(house, TRIM_DAY).exit_code
    day = tiny_ground.day(house, TRIM_DAY)
    assert ["0930", "0935", "0935-2", "1600"] == list(day.cycles())
    assert () == replay(house, day).divergences


def test_a_day_whose_journal_was_torn_is_replayed_with_what_was_torn_from_it(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    watched = Watched(
        tiny_ground.fresh(tmp_path / "whole", TRIM_DAY) / "ledger", f"{TRIM_DAY}/{layout.JOURNAL}"
    )
    play(tiny_ground.house(tmp_path / "whole", watched), TRIM_DAY)
    home = tiny_ground.fresh(tmp_path / "home", TRIM_DAY)
    half = watched.marks[len(watched.marks) // 2] + 3  # opened (two steps), half of the line written
    with pytest.raises(SimulatedCrash):
        play(tiny_ground.house(home, FaultyDisk(home / "ledger", crash_at=half)), TRIM_DAY)
    house = tiny_ground.house(home)
    assert 0 == play(house, TRIM_DAY).exit_code
    day = tiny_ground.day(house, TRIM_DAY)
    assert house.disk.exists(day.path(layout.JOURNAL_TORN))
    assert () == replay(house, day).divergences


def test_a_call_that_was_cut_while_being_recorded_is_set_aside_and_the_sealed_day_is_sound(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    watched = Watched(
        tiny_ground.fresh(tmp_path / "whole", TRIM_DAY) / "ledger", "cycles/0935/observations/calls.jsonl"
    )
    play(tiny_ground.house(tmp_path / "whole", watched), TRIM_DAY)
    home = tiny_ground.fresh(tmp_path / "home", TRIM_DAY)
    half = watched.marks[len(watched.marks) // 2] + 3
    with pytest.raises(SimulatedCrash):
        play(tiny_ground.house(home, FaultyDisk(home / "ledger", crash_at=half)), TRIM_DAY)
    house = tiny_ground.house(home)
    assert 0 == play(house, TRIM_DAY).exit_code
    day = tiny_ground.day(house, TRIM_DAY)
    assert b"" != house.disk.read(day.path("cycles/0935/observations/calls.torn"))
    assert () == audit(house, day.book_id, TRIM_DAY, TRIM_DAY, fresh=True, quiet=True)[1]
    assert () == replay(house, day).divergences


def edits_of(name: str, data: bytes) -> Iterator[bytes]:
    """The file with one value changed in a form that still reads, and the file cut in half."""
    if name.endswith(".jsonl"):
        lines = data.splitlines(keepends=True)
        middle = len(lines) // 2
        changed = line_bytes(_changed(json.loads(lines[middle])))
        yield b"".join((*lines[:middle], changed, *lines[middle + 1 :]))
    else:
        yield artifact_bytes(_changed(json.loads(data)))
    yield data[: len(data) // 2]


def _changed(value: Any) -> Any:
    """*value* with its last text, number or switch another one."""
    if isinstance(value, dict) and value:
        for key in sorted(value, reverse=True):
            if (other := _changed(value[key])) != value[key]:
                return {**value, key: other}
    if isinstance(value, list):
        for at in reversed(range(len(value))):
            if (other := _changed(value[at])) != value[at]:
                return [*value[:at], other, *value[at + 1 :]]
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value[:-1] + ("1" if value[-1:] != "1" else "2")
    return value + 1 if isinstance(value, int) else value


def test_an_edit_in_any_file_of_the_day_is_found_by_replay_and_by_verify(sealed_day: Day) -> None:
    house, folder = sealed_day.house, layout.day(BOOK, STOP_DAY)
    names = [path for path in house.disk.list(folder) if not path.endswith(layout.REPORT)]
    assert len(names) >= 20
    missed = []
    for path in names:
        before = house.disk.read(path)
        for edited in edits_of(path, before):
            house.disk.write(path, edited)
            named = _named_by_replay(house, sealed_day)
            # An outside fact is replay's premise: what was made of it no longer fits, and its digest least of all.
            wanted = (
                {path, f"{folder}/{layout.MANIFEST}"}
                if RECORDED.fullmatch(path[len(folder) + 1 :])
                else {path}
            )
            if not wanted & named:
                missed.append(("replay", path, sorted(named)))
            faults = audit(house, BOOK, STOP_DAY, STOP_DAY, fresh=True, quiet=True)[1]
            if path not in {fault.path for fault in faults}:
                missed.append(("verify", path, sorted(fault.path for fault in faults)))
        house.disk.write(path, before)
    assert [] == missed
    assert () == replay(house, sealed_day).divergences, "every file was put back"


def _named_by_replay(house: House, day: Day) -> set[str]:
    """The files that a replay names, in its divergences or in the refusal of a file that it cannot read."""
    try:
        return {each.file for each in replay(house, day).divergences}
    except Corrupt as error:
        return {word.strip(":,") for word in str(error).split()}


def test_a_divergence_names_the_pointer_and_both_values(sealed_day: Day) -> None:
    path = sealed_day.path("snapshot.json")
    kept = json.loads(sealed_day.house.disk.read(path))
    sealed_day.house.disk.write(path, artifact_bytes({**kept, "cash": "1.000000"}))
    found = [each for each in replay(sealed_day.house, sealed_day).divergences if each.file == path]
    assert [("BYTES", "/cash", "1.000000", kept["cash"])] == [
        (each.category, each.pointer, each.expected, each.actual) for each in found
    ]


def test_a_divergence_counts_by_its_category_beside_the_count_of_the_time_before(sealed_day: Day) -> None:
    disk, path = sealed_day.house.disk, sealed_day.path("decisions.json")
    whole = disk.read(path)
    disk.write(path, next(edits_of(path, whole)))
    found = {each.file: each.safety for each in replay(sealed_day.house, sealed_day).divergences}
    assert DivergenceCategory.DECISION is found[path]
    first = _kept(sealed_day)["counts"]["DECISION"]
    assert (1, 0) == (first["now"], first["before"])
    disk.write(path, whole)
    assert {"now": 0, "before": 1} == _kept(sealed_day)["counts"]["DECISION"]


@pytest.mark.parametrize(
    ("where", "facts", "category"),
    [
        ("BYTES", {}, DivergenceCategory.NONDETERMINISM),
        ("CALL", {}, DivergenceCategory.NONDETERMINISM),
        ("JOURNAL", {"event": "sync.checked"}, DivergenceCategory.NONDETERMINISM),
        ("JOURNAL", {"event": "tick.taken"}, DivergenceCategory.DECISION),
        ("BYTES", {"is_unreadable": True}, DivergenceCategory.CORRUPT),
        ("MISSING", {}, DivergenceCategory.UNKNOWN),
        ("BEHAVIOUR", {}, None),
    ],
)
def test_every_divergence_has_the_category_that_a_cycle_would_give_it(
    where: Any, facts: dict[str, Any], category: DivergenceCategory | None
) -> None:
    made = replays.Divergence(category=where, file="a/b.json", pointer="", expected=1, actual=2, **facts)
    assert category is made.safety


def _kept(day: Day) -> dict[str, Any]:
    path = save(day.house, replay(day.house, day))
    found: dict[str, Any] = json.loads(day.house.disk.read(path))
    return found


def test_a_day_of_another_build_is_compared_by_payload(
    sealed_day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "CODE_VERSION", "5")
    monkeypatch.setattr(artifacts, "CODE_VERSION", "5")
    verdict = replay(sealed_day.house, sealed_day)
    assert not verdict.same_build
    assert () == verdict.divergences


def test_what_another_build_does_otherwise_is_told_as_behaviour_and_is_no_divergence(
    sealed_day: Day, tiny_ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "CODE_VERSION", "5")
    stricter = tiny_ground.house(sealed_day.house.settings.home, scan=ScanConfig(price_min=Decimal(40)))
    verdict = replay(stricter, tiny_ground.day(stricter, STOP_DAY))
    assert {"BEHAVIOUR"} == {each.category for each in verdict.divergences if each.file.endswith("scan.json")}


def test_a_day_sealed_under_another_configuration_is_refused(sealed_day: Day, tiny_ground: Ground) -> None:
    other = tiny_ground.house(sealed_day.house.settings.home, benchmark="BABA")
    with pytest.raises(UsageFault) as refused:
        replay(other, tiny_ground.day(other, STOP_DAY))
    assert (EdgeCode.CONFIG_CHANGED, 2) == (refused.value.code, refused.value.exit_code)
