"""A morning is decided once more by a person, before anything acted on it, and what stood before stays provable."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.day import Day, StageRefused
from flows.house import House
from flows.pipeline import Outcome, run_close, run_cycle
from flows.replay import replay
from flows.revising import Words, revise
from flows.stages import premarket, slots
from flows.stages.opening import Session, resume_session
from flows.telemetry import record_enforcement
from flows.world import World, open_world
from ledger.artifacts import Loaded, ReadFault
from ledger.disk import Disk
from ledger.faulty import FaultyDisk, SimulatedCrash
from schemas.decisions import Decisions
from schemas.enforcement import Enforcement
from schemas.errors import Denied, UsageFault
from schemas.reasons.ledger import ReadFaultCode
from tests.chain.days import BOOK, HELD_DAY, OPENED, Ground
from tests.chain.test_day import codes_told, cycles_and_close, damage, entries_of, morning, said
from tests.chain.test_decided import of, with_more_shares

WORDS = Words(operator="jo", reason="one entry a day this week")
BINDING: dict[str, Any] = {"portfolio_decision_enforce": True}


def later(
    ground: Ground,
    home: Path,
    on: Any = OPENED,
    entries: int = 1,
    book: str = BOOK,
    disk: Disk | None = None,
) -> Day:
    """The same day in a process that starts after *book*'s limit was changed to *entries* a day."""
    books = ground.house(home).settings.books
    limits = books[book].limits.model_copy(update={"entries_per_day_max": entries})
    changed = books[book].model_copy(update={"limits": limits})
    house = ground.house(home, disk, books={**books, book: changed}, **BINDING)
    return ground.day(house, on)


@pytest.fixture(scope="module")
def decided(tiny_ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose first session has had its morning: two entries are allowed."""
    home = tiny_ground.fresh(tmp_path_factory.mktemp("revised") / "home")
    house = tiny_ground.house(home, **BINDING)
    assert [] == morning(house, tiny_ground.day(house, OPENED)).refused
    return home


@pytest.fixture
def home(decided: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(decided, tmp_path / "home"))


def enforce(day: Day) -> None:
    """As ``avwap enforce --revise``."""
    _, session = revise(day, "enforcement", WORDS, None)
    record_enforcement(day, session)


def doors(house: House, day: Day) -> tuple[World, Session]:
    """As a process that knows nothing of the morning but its files."""
    return open_world(house, BOOK), resume_session(day, None)


def refusal(day: Day, stage: str) -> str:
    with pytest.raises(Denied) as caught:
        revise(day, stage, WORDS, None)
    return str(caught.value.code)


def test_both_revisions_bind_are_on_record_and_replay_to_the_byte(tiny_ground: Ground, home: Path) -> None:
    day = later(tiny_ground, home)
    first = day.house.disk.read(day.path("decisions.json"))
    written, _ = revise(day, "decisions", WORDS, None)
    enforce(day)
    assert (day.path("decisions.r2.json"), "revised") == (written.path, written.status)
    assert first == day.house.disk.read(day.path("decisions.json"))
    found = day.read("decisions.json", Decisions)
    assert isinstance(found, Loaded)
    assert ("decisions.json", written.ref) == (found.header.supersedes, found.ref)
    assert [1, 1] == [
        len([row for row in found.artifact.verdicts if row.q2 > 0]),
        len(of(day, "enforcement.json", Enforcement).authorised),
    ]
    acts = [r["data"] for r in said(day, "operator.acted")]
    assert [
        ("revise", "jo", "one entry a day this week", day.path("decisions.json")),
        ("revise", "jo", "one entry a day this week", day.path("enforcement.json")),
    ] == [(a["verb"], a["operator"], a["reason"], a["subject"]) for a in acts]
    assert [2, 1] == [r["data"]["authorised"] for r in said(day, "entries.enforced")]
    assert 0 == cycles_and_close(day.house, day).exit_code  # the close verifies its own seal
    assert 1 == len(entries_of(day))
    verdict = replay(day.house, day)
    assert () == verdict.divergences
    assert {"decisions.json", "enforcement.json", "scan.json"} < set(verdict.taken)
    assert not {"decisions.r2.json", "enforcement.r2.json", "snapshot.json"} & set(verdict.taken)


def test_a_revision_changed_by_hand_is_found_by_replay(tiny_ground: Ground, home: Path) -> None:
    day = later(tiny_ground, home)
    revise(day, "decisions", WORDS, None)
    enforce(day)
    cycles_and_close(day.house, day)
    damage(day, "decisions.r2.json", with_more_shares)
    found = {(row.category, row.file) for row in replay(day.house, day).divergences}
    assert ("BYTES", day.path("decisions.r2.json")) in found


def test_between_the_two_revisions_nothing_is_entered_and_the_day_still_closes(
    tiny_ground: Ground, home: Path
) -> None:
    day = later(tiny_ground, home)
    revise(day, "decisions", WORDS, None)
    stale = day.read("enforcement.json", Enforcement)
    assert isinstance(stale, ReadFault)
    assert ReadFaultCode.STALE_INPUT == stale.code
    assert 0 == cycles_and_close(day.house, day).exit_code
    assert [] == entries_of(day)
    assert "ENFORCEMENT_STALE_INPUT" in codes_told(day)
    assert replay(day.house, day).identical


def test_a_second_revision_supersedes_the_first(tiny_ground: Ground, home: Path) -> None:
    revise(later(tiny_ground, home), "decisions", WORDS, None)
    day = later(tiny_ground, home, entries=2)
    written, _ = revise(day, "decisions", WORDS, None)
    assert day.path("decisions.r3.json") == written.path
    enforce(day)
    assert 2 == len(of(day, "enforcement.json", Enforcement).authorised)
    assert 0 == cycles_and_close(day.house, day).exit_code
    assert replay(day.house, day).identical


def test_a_stage_run_again_is_held_against_its_revision(tiny_ground: Ground, home: Path) -> None:
    day = later(tiny_ground, home)
    written, _ = revise(day, "decisions", WORDS, None)
    again = premarket.decisions(day)
    assert ("verified", written.path) == (again.status, again.path)
    with pytest.raises(Denied) as refused:
        premarket.decisions(later(tiny_ground, home, entries=2))
    assert "CONFIG_CHANGED" == refused.value.code


@pytest.mark.parametrize("stage", ["decisions", "enforcement"])
def test_what_would_say_the_same_is_not_revised_and_leaves_no_record(
    tiny_ground: Ground, home: Path, stage: str
) -> None:
    day = tiny_ground.day(tiny_ground.house(home, **BINDING), OPENED)
    before = day.house.disk.read(day.path("journal.jsonl"))
    assert "NOTHING_TO_REVISE" == refusal(day, stage)
    # Another book's limit: a header alone is no news.
    other = later(tiny_ground, home, entries=1, book="ALPACA_PAPER")
    assert other.ctx.config_sha256 != day.ctx.config_sha256
    assert "NOTHING_TO_REVISE" == refusal(other, stage)
    assert before == day.house.disk.read(day.path("journal.jsonl"))
    assert [] == [path for path in day.house.disk.list(day.path("")[:-1]) if ".r2." in path]


def test_the_same_revision_asked_for_twice_is_made_once(tiny_ground: Ground, home: Path) -> None:
    day = later(tiny_ground, home)
    revise(day, "decisions", WORDS, None)
    assert "NOTHING_TO_REVISE" == refusal(day, "decisions")
    enforce(day)
    assert "NOTHING_TO_REVISE" == refusal(day, "enforcement")


def test_once_a_cycle_ran_or_the_day_is_sealed_what_was_decided_stands(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    home = tiny_ground.fresh(tmp_path / "home", HELD_DAY)
    house = tiny_ground.house(home)
    day = tiny_ground.day(house, HELD_DAY)
    morning(house, day)
    run_cycle(day, *doors(house, day), slots.slots(day)[0], Outcome(day))
    assert "REVISION_TOO_LATE" == refusal(later(tiny_ground, home, HELD_DAY), "decisions")
    run_close(day, *doors(house, day), Outcome(day))
    assert "REVISION_TOO_LATE" == refusal(later(tiny_ground, home, HELD_DAY), "enforcement")


def test_wherever_a_revision_dies_asking_again_makes_the_same_one(
    tiny_ground: Ground, decided: Path, tmp_path: Path
) -> None:
    whole = later(tiny_ground, Path(shutil.copytree(decided, tmp_path / "whole")))
    wanted = revise(whole, "decisions", WORDS, None)[0].sha256
    died = 0
    for step in range(1, 100):
        home = Path(shutil.copytree(decided, tmp_path / f"{step}"))
        try:
            revise(
                later(tiny_ground, home, disk=FaultyDisk(home / "ledger", crash_at=step)),
                "decisions",
                WORDS,
                None,
            )
        except SimulatedCrash:
            died += 1
        else:
            break
        day = later(tiny_ground, home)
        if not day.house.disk.exists(day.path("decisions.r2.json")):
            revise(day, "decisions", WORDS, None)
        found = day.read("decisions.json", Decisions)
        assert isinstance(found, Loaded)
        assert wanted == found.ref.sha256
        assert {"jo"} == {r["data"]["operator"] for r in said(day, "operator.acted")}
    assert died >= 2  # at least in the journal and in the file


@pytest.mark.parametrize(
    ("how", "code"),
    [(with_more_shares, "DIGEST_MISMATCH"), (lambda data: data[:-2], "CORRUPT")],
    ids=["by hand", "torn"],
)
def test_a_damaged_edition_is_kept_and_not_papered_over(
    tiny_ground: Ground, home: Path, how: Any, code: str
) -> None:
    day = later(tiny_ground, home)
    damage(day, "decisions.json", how)
    with pytest.raises(StageRefused) as caught:
        revise(day, "decisions", WORDS, None)
    assert code == caught.value.code
    assert [] == said(day, "operator.acted")


def test_a_first_edition_is_not_a_revision(tiny_ground: Ground, home: Path) -> None:
    day = later(tiny_ground, home)
    damage(day, "decisions.json", lambda data: None)
    assert "NOTHING_TO_REVISE" == refusal(day, "decisions")


def test_a_session_that_nobody_opened_has_nothing_to_revise(tiny_ground: Ground, home: Path) -> None:
    day = later(tiny_ground, home)
    damage(day, "journal.jsonl", lambda data: None)
    with pytest.raises(UsageFault) as caught:
        revise(day, "decisions", WORDS, None)
    assert "SESSION_NOT_OPEN" == caught.value.code
