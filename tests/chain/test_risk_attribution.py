"""Risk attribution is written where it is asked for and moves no other byte; a failure of it stops nothing."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from analytics import report, rolling
from flows import pages, risk
from flows.day import Day
from flows.explaining import activation, explain
from flows.replay import replay
from ledger import layout
from ledger.artifacts import Loaded, read
from ledger.canonical import artifact_bytes, plain
from schemas.attribution import Attribution
from schemas.decisions import Decisions
from schemas.rolling import RollingRisk
from schemas.snapshot import Snapshot
from tests.chain.days import HELD_DAY, OPENED, Ground, play
from tests.chain.test_schemas import artifact_faults
from tests.flows.worlds import avwap, refused

ALL: Final[dict[str, Any]] = {
    "e3_risk_attribution_write": True,
    "e3_risk_attribution_summary_write": True,
    "e3_risk_attribution_rolling_write": True,
    "e3_risk_attribution_slack_summary": True,
}
SECTIONS: Final = ("risk_events", "risk_summary")


def files(day: Day) -> dict[str, bytes]:
    """Every file of the day but those that the flags write, or that name them by digest."""
    names = (path.removeprefix(day.path("")) for path in day.house.disk.list(day.path("").rstrip("/")))
    told = {"attribution.json", "manifest.json", "report.html"}
    return {name: day.house.disk.read(day.path(name)) for name in names if name not in told}


def told(day: Day) -> dict[str, Any]:
    found = json.loads(day.house.disk.read(day.path("attribution.json")))
    assert isinstance(found, dict)
    return found


def of(day: Day, name: str, model: Any) -> Any:
    found = day.read(name, model)
    assert isinstance(found, Loaded), found
    return found.artifact


@pytest.fixture(scope="module")
def days(tiny_ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Day]:
    """One session from the same eve, without the flags, with all of them, and with all of them and E2."""
    at = tmp_path_factory.mktemp("e3")
    made = {}
    ways: dict[str, dict[str, Any]] = {
        "off": {},
        "on": ALL,
        "e2": ALL | {"e2_regime_risk_modulation": True},
    }
    for way, flags in ways.items():
        home = tiny_ground.fresh(at / way, HELD_DAY)
        assert 0 == play(tiny_ground.house(home, **flags), HELD_DAY).exit_code
        made[way] = tiny_ground.day(tiny_ground.house(home, **flags), HELD_DAY)
    return made


@pytest.fixture(scope="module")
def five(tiny_ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """The last of a book's first five sessions, with every flag on."""
    home = tiny_ground.fresh(tmp_path_factory.mktemp("five") / "home")
    house = tiny_ground.house(home, **ALL)
    last = house.calendar.sessions(OPENED, HELD_DAY)[4]
    assert 0 == play(house, OPENED, last).exit_code
    return tiny_ground.day(tiny_ground.house(home, **ALL), last)


def test_on_and_off_leave_every_other_byte_of_the_day_alike(days: Mapping[str, Day]) -> None:
    off, on = days["off"], days["on"]
    assert len(files(off)) > 15
    assert files(off) == files(on)
    without = {key: value for key, value in told(on).items() if key not in (*SECTIONS, "inputs")}
    assert {key: value for key, value in told(off).items() if key != "inputs"} == without
    assert set(SECTIONS) <= set(told(on))


def test_the_sections_and_the_window_keep_their_published_schemas(days: Mapping[str, Day], five: Day) -> None:
    window = json.loads(five.house.disk.read(layout.rolling("SIM", 5, five.session)))
    for name, document in {"on": told(days["on"]), "e2": told(days["e2"]), "5D": window}.items():
        assert [] == artifact_faults(name, document)


def test_with_the_flags_the_attribution_names_what_it_read_besides(days: Mapping[str, Day]) -> None:
    more = [
        {ref["path"].rsplit("/", 1)[-1] for ref in told(days[way])["inputs"]} for way in ("off", "on", "e2")
    ]
    assert {"decisions.json", "regime.json"} == more[1] - more[0]
    assert {"decisions.json"} == more[2] - more[0], "under E2 the decisions carry the regime themselves"


def test_under_e2_the_events_end_at_what_the_morning_allowed(days: Mapping[str, Day]) -> None:
    made, decided = (
        of(days["e2"], "attribution.json", Attribution),
        of(days["e2"], "decisions.json", Decisions),
    )
    sized = [row for row in decided.verdicts if row.sizing is not None]
    assert [row.decision_id for row in sized] == [event.decision_id for event in made.risk_events]
    assert made.risk_summary.delta_notional == sum(event.delta.notional for event in made.risk_events) < 0


@pytest.mark.parametrize("way", ["off", "on", "e2"])
@pytest.mark.parametrize("now", [{}, ALL])
def test_a_day_replays_to_its_bytes_whatever_the_flags_are_now(
    days: Mapping[str, Day], tiny_ground: Ground, way: str, now: dict[str, Any]
) -> None:
    settings = days[way].house.settings
    e2 = settings.e2_regime_risk_modulation
    house = tiny_ground.house(settings.home, **now, e2_regime_risk_modulation=e2)
    found = replay(house, tiny_ground.day(house, HELD_DAY))
    assert (True, ()) == (found.identical, found.divergences)


def test_a_window_is_written_once_it_is_full_from_the_days_own_summaries(five: Day) -> None:
    disk, path = five.house.disk, layout.rolling("SIM", 5, five.session)
    assert [path] == list(disk.list("SIM/rolling"))
    found = read(disk, path, RollingRisk, "SIM", five.session)
    assert isinstance(found, Loaded)
    sessions = five.house.calendar.sessions(OPENED, five.session)
    daily = [
        (each, of(five.sibling(each), "attribution.json", Attribution).risk_summary) for each in sessions
    ]
    assert rolling.run(daily, 5) == found.artifact
    assert 5 == len(found.header.inputs)
    again = risk.write_rolling(five, 5)
    assert again is not None
    assert ("verified", None) == (again.status, risk.write_rolling(five, 20))


def test_decisions_that_cannot_be_read_are_a_finding_and_the_rows_stand(
    days: Mapping[str, Day], tiny_ground: Ground, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(days["on"].house.settings.home, home)
    broken = tiny_ground.day(tiny_ground.house(home, **ALL), HELD_DAY)
    before = of(broken.sibling(broken.previous), "snapshot.json", Snapshot)
    whole = of(broken, "attribution.json", Attribution)
    bare = whole.model_copy(update=dict.fromkeys(SECTIONS))
    (home / "ledger" / broken.path("decisions.json")).write_bytes(b"{}\n")
    made, refs = risk.with_section(bare, "risk_summary", broken, before)
    assert [("ANALYTICS_FAILED", "risk_summary")] == [(f.code, f.subject) for f in made.findings]
    assert (None, (), True, whole.rows) == (made.risk_summary, tuple(refs), made.complete, made.rows)
    assert ("risk_summary",) == risk.recorded(made), "run again, it fails to the same bytes"
    at = home / "ledger" / broken.path("attribution.json")
    at.write_bytes(artifact_bytes(told(days["off"]) | {"findings": [plain(f) for f in made.findings]}))
    for said in (avwap(home, "status", "--book", "SIM").out, report.render(pages.facts(broken))):
        assert "decisions.json: SCHEMA_INVALID" in said
    (home / "ledger" / broken.path("decisions.json")).unlink()
    assert (bare, ()) == risk.with_section(bare, "risk_summary", broken, before), (
        "a missed session decides nothing"
    )


def test_a_damaged_summary_is_told_by_the_window_and_the_day_stays_closed(
    five: Day, tiny_ground: Ground, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(five.house.settings.home, home)
    day = tiny_ground.day(tiny_ground.house(home, **ALL), five.session)
    file = home / "ledger" / day.sibling(day.previous).path("attribution.json")
    file.chmod(0o600)
    file.write_bytes(file.read_bytes().replace(b'"rows":', b'"rows" :'))
    with pytest.raises(Exception, match="were not summed") as told_of:
        risk.write_rolling(day, 5)
    assert "ANALYTICS_FAILED" == getattr(told_of.value, "code", None)


# --- explain ------------------------------------------------------------------------------------------


def test_a_range_is_explained_from_the_sealed_days_and_adds_up_to_their_change_of_equity(five: Day) -> None:
    made = explain(five.house, "SIM", OPENED, five.session)
    first = of(five.sibling(five.house.calendar.previous(OPENED)), "snapshot.json", Snapshot)
    last = of(five, "snapshot.json", Snapshot)
    assert last.equity - first.equity == made.whole.net
    assert (5, last.drawdown) == (made.sessions, made.ratios.drawdown)
    found = [
        of(five.sibling(each), "decisions.json", Decisions)
        for each in five.house.calendar.sessions(OPENED, five.session)
    ]
    assert sum(len(each.verdicts) for each in found) == sum(row.intents for row in made.activity)
    said = avwap(
        five.house.settings.home, "explain", "--book", "SIM", "--from", str(OPENED), "--to", str(five.session)
    )
    assert 0 == said.code, said.err
    for word in ("Strategies", "Symbols", "S1_AVWAP_CORE", "INSUFFICIENT_SESSIONS"):
        assert word in said.out


def test_the_review_sheet_shows_both_sides_and_is_written_where_it_is_asked_for(
    five: Day, tmp_path: Path
) -> None:
    found, left = activation(five.house, "SIM", OPENED, five.session)
    assert ((), {"without"}) == (left, {row.realised for row in found.sessions})
    entered = [of(five.sibling(each.session_date), "decisions.json", Decisions) for each in found.sessions]
    let_in = [sum(row.notional for row in each.verdicts) for each in entered]
    assert let_in == [row.notional.without for row in found.sessions]
    assert any(row.notional.with_ < row.notional.without for row in found.sessions)
    file = tmp_path / "review.md"
    words = ("explain", "--book", "SIM", "--from", str(OPENED), "--to", str(five.session), "--activation")
    said = avwap(five.house.settings.home, *words, "--out", str(file))
    assert 0 == said.code, said.err
    for word in ("# Review: modulation by the regime, SIM", "## Open questions", "## Reviewer's note"):
        assert word in file.read_text()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--book", "SIM", "--from", "2024-08-05", "--to", "2024-08-02"), "USAGE"),
        (("--book", "SIM", "--from", "2031-01-02"), "SESSION_NOT_OPEN"),
        (("--book", "NONE", "--from", "2024-08-05"), "BOOK_UNKNOWN"),
        (("--book", "SIM", "--from", "2024-08-05", "--activation", "--out", "sheet.txt"), "USAGE"),
    ],
)
def test_a_range_that_cannot_be_explained_says_why(five: Day, words: tuple[str, ...], reason: str) -> None:
    refused(avwap(five.house.settings.home, "explain", *words), 2, reason, "usage")
