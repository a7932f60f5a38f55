"""The flows give the seal of ``avwap day``; Prefect schedules, retries and shows, and never keeps the record."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flows import prefect_server
from flows.day import open_day
from flows.house import House
from flows.pipeline import is_postclose_due
from flows.settings import Settings
from tests.flows.worlds import NEXT, SEALED, avwap, copy

pytestmark = [pytest.mark.prefect, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
SCHEDULE_S_MAX = 90.0
"""The scheduler looks every 60 s at the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What the driver saw, the homes it worked in, and the server's environment."""

    runs: dict[str, dict[str, Any]]
    artifacts: dict[str, dict[str, Any]]
    base: Path
    env: Mapping[str, str]
    deployed: list[str]
    deployed_at: float


@pytest.fixture(scope="module")
def played(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """One server for the module: deploy first, so that its scheduler has time while the flows run."""
    base = tmp_path_factory.mktemp("prefect")
    for name in ("whole", "parts", "broken"):
        copy(ready, base / name)
    with prefect_server.running(base / "server", os.environ) as env:
        words = [sys.executable, "-c", "from flows.cli import main; main()", "deploy", "--json"]
        words += ["--home", str(base / "whole")]
        deploy = subprocess.run(words, env=env, capture_output=True, text=True, timeout=120, check=False)
        assert 0 == deploy.returncode, deploy.stdout + deploy.stderr
        since = time.monotonic()
        driver = [sys.executable, "-m", "tests.flows.prefect_driver", str(base)]
        done = subprocess.run(
            driver, env=env, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
        )
        assert 0 == done.returncode, done.stderr[-4000:]
        body = json.loads(done.stdout.splitlines()[-1])
        names = json.loads(deploy.stdout)["deployments"]
        yield Played(**body, base=base, env=env, deployed=names, deployed_at=since)


@pytest.fixture(scope="module")
def seal(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The seal that ``avwap day`` gives, in process."""
    home = copy(ready, tmp_path_factory.mktemp("inprocess") / "home")
    return str(avwap(home, "day", "--book", "SIM", "--date", str(NEXT), "--json").body["seal"])


def test_the_day_flow_gives_the_seal_of_avwap_day(played: Played, seal: str) -> None:
    assert ("COMPLETED", seal) == (played.runs["day"]["type"], played.runs["day"]["result"]["seal"])


def test_premarket_three_cycles_and_postclose_give_the_same_seal_again(played: Played, seal: str) -> None:
    steps = [played.runs[name]["type"] for name in ("premarket", "0930", "0935", "1600", "postclose")]
    assert ["COMPLETED"] * 5 == steps
    assert seal == played.runs["postclose"]["result"]["seal"]


def test_a_sealed_day_run_again_keeps_its_seal(played: Played, ready: Path) -> None:
    recorded = avwap(ready, "day", "--book", "SIM", "--date", str(SEALED), "--json").body["seal"]
    assert recorded == played.runs["again"]["result"]["seal"]


def test_runs_are_named_by_flow_book_and_date(played: Played) -> None:
    assert f"day-SIM-{NEXT}" == played.runs["day"]["name"]
    assert f"cycle-SIM-{NEXT}-0935" == played.runs["0935"]["name"]
    assert f"postclose-SIM-{NEXT}" == played.runs["postclose"]["name"]


def test_a_day_is_a_dozen_coarse_tasks(played: Played) -> None:
    wanted = "open observe market regime scan candidates decisions enforcement 0930 0935 1600 close".split()
    assert sorted(wanted) == sorted(played.runs["day"]["tasks"])
    assert 8 <= len(wanted) <= 12


def test_only_what_writes_once_is_retried_and_a_cycle_never(played: Played) -> None:
    retries = played.runs["day"]["tasks"]
    assert {0} == {retries[slot] for slot in ("0930", "0935", "1600")}
    assert {2} == {tries for name, tries in retries.items() if not name.isdigit()}


@pytest.mark.parametrize("name", ["holiday", "holiday premarket"])
def test_a_day_without_trading_completes_as_not_a_session(played: Played, name: str) -> None:
    run = played.runs[name]
    assert ("COMPLETED", "NOT_A_SESSION", {}) == (run["type"], run["state"], run["tasks"])


def test_a_slot_that_the_book_does_not_have_completes_as_not_due(played: Played) -> None:
    run = played.runs["not due"]
    assert ("COMPLETED", "NOT_DUE", {}) == (run["type"], run["state"], run["tasks"])


def test_a_refused_stage_ends_the_flow_as_failed_and_is_named(played: Played) -> None:
    run = played.runs["broken"]
    assert ("FAILED", "REFUSED") == (run["type"], run["state"])
    assert "candidates: " in run["message"]
    assert "ARTIFACT_DIVERGENCE" in run["message"]
    assert (played.base / f"broken/ledger/SIM/{NEXT}/manifest.json").is_file(), (
        "the close was kept all the same"
    )


@pytest.mark.parametrize("name", ["past", "past premarket"])
def test_a_session_that_cannot_be_run_fails_with_its_reason(played: Played, name: str) -> None:
    run = played.runs[name]
    assert "FAILED" == run["type"]
    assert "SESSION_ALREADY_PAST" in run["message"]


def test_every_stage_leaves_a_table_and_a_link_in_the_window(played: Played) -> None:
    steps = [f"sim-{NEXT}-{name.lower()}" for name in played.runs["day"]["tasks"]]
    assert {"table"} == {played.artifacts[key]["type"] for key in steps}
    folder = f"/ledger/SIM/{NEXT})"  # Prefect keeps a link as a line of markdown
    assert all(folder in str(played.artifacts[f"{key}-files"]["data"]) for key in steps)
    assert json.loads(played.artifacts[f"sim-{NEXT}-scan"]["data"]), "a table has rows"


def test_the_report_stands_in_the_window_with_its_tables_and_a_link(played: Played) -> None:
    told = str(played.artifacts[f"sim-{NEXT}-close-tables"]["data"])
    for words in ("## Open positions", "## Profit and loss by strategy", "| Symbol |", "report.html"):
        assert words in told
    assert f"/ledger/SIM/{NEXT}/report.html)" in str(played.artifacts[f"sim-{NEXT}-close-report"]["data"])


def test_results_are_kept_as_json_and_never_as_pickles(played: Played, seal: str) -> None:
    stored = [path for path in (played.base / "server" / "storage").rglob("*") if path.is_file()]
    assert stored
    kept = [json.dumps(json.loads(path.read_bytes())) for path in stored]
    assert [] == [text for text in kept if "pickle" in text]
    assert any(seal in text for text in kept)


# --- at a broker --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def at_broker(played: Played) -> dict[str, dict[str, Any]]:
    """What a session of a paper book left: ``inside``, taken in process, and ``flown``, with its runs, by flows."""
    words = [sys.executable, "-m", "tests.flows.prefect_at_broker", str(played.base / "broker")]
    done = subprocess.run(
        words, env=played.env, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert 0 == done.returncode, done.stderr[-4000:]
    both: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return both


def test_the_flows_of_a_paper_book_give_the_seal_of_the_same_session_in_process(
    at_broker: dict[str, dict[str, Any]],
) -> None:
    inside, flown = at_broker["inside"], at_broker["flown"]
    assert ["COMPLETED"] * 5 == [run["type"] for run in flown["runs"].values()]
    assert inside["seal"] is not None
    assert [inside["seal"]] * 2 == [flown["seal"], flown["runs"]["postclose"]["result"]["seal"]]
    assert (2, 2) == (inside["events"]["order.filled"], inside["events"]["stop.placed"])
    assert inside["events"] == flown["events"]
    assert inside["requests"] == flown["requests"]


def test_a_cycle_at_a_broker_is_never_retried_by_prefect(at_broker: dict[str, dict[str, Any]]) -> None:
    runs = at_broker["flown"]["runs"]
    assert [{"0930": 0}, {"0935": 0}, {"1555": 0}] == [
        runs[slot]["tasks"] for slot in ("0930", "0935", "1555")
    ]


def test_a_run_of_another_morning_is_refused_before_anything_is_caught_up(
    at_broker: dict[str, dict[str, Any]],
) -> None:
    clocked = at_broker["clocked"]
    run = clocked["runs"]["another morning"]
    assert "FAILED" == run["type"]
    assert "NOT_DUE" in run["message"]
    assert (False, None) == (clocked["begun"], clocked["sealed"]), (
        "the evening's run closed the session before"
    )


def test_a_cycle_at_a_broker_is_the_one_due_by_the_exchange_s_clock(
    at_broker: dict[str, dict[str, Any]],
) -> None:
    runs = at_broker["clocked"]["runs"]
    assert ["NOT_DUE", "NOT_DUE"] == [runs[name]["state"] for name in ("early", "named wrongly")]
    assert ("COMPLETED", {"0930": 0}) == (runs["late"]["type"], runs["late"]["tasks"])
    assert ["0930"] == at_broker["clocked"]["cycles"]


def test_a_cycle_whose_clock_was_never_heard_fails_and_runs_nothing(
    at_broker: dict[str, dict[str, Any]],
) -> None:
    run = at_broker["clocked"]["runs"]["unheard"]
    assert ("FAILED", {}) == (run["type"], run["tasks"])
    assert "CLOCK_UNREAD" in run["message"]


# --- deployments --------------------------------------------------------------------------------------


def asked(env: Mapping[str, str], path: str, **body: Any) -> Any:
    request = urllib.request.Request(
        f"{env['PREFECT_API_URL']}{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def test_deploying_registers_four_deployments(played: Played) -> None:
    assert ["premarket", "cycle", "postclose", "day"] == played.deployed
    there = asked(played.env, "/deployments/filter")
    assert sorted(played.deployed) == sorted(each["name"] for each in there)
    assert {"SIM"} == {each["parameters"]["book"] for each in there}


def test_the_scheduler_makes_runs_at_new_yorks_hours(played: Played) -> None:
    # A pinned set that deploys and never schedules is known: only a SCHEDULED run proves the schedule.
    names = {each["id"]: each["name"] for each in asked(played.env, "/deployments/filter")}
    runs: list[Any] = []
    while time.monotonic() < played.deployed_at + SCHEDULE_S_MAX:
        runs = asked(
            played.env, "/flow_runs/filter", flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}}, limit=200
        )
        if {names[run["deployment_id"]] for run in runs} >= {"premarket", "cycle", "postclose"}:
            break
        time.sleep(1)
    local: dict[str, set[str]] = {}
    for run in runs:
        at = datetime.fromisoformat(run["expected_start_time"]).astimezone(ZoneInfo("America/New_York"))
        local.setdefault(names[run["deployment_id"]], set()).add(f"{at:%H:%M}")
        assert at.weekday() < 5
    assert {"premarket", "cycle", "postclose"} == set(local)
    assert {"08:30"} == local["premarket"]
    assert {"13:20", "16:20"} >= local["postclose"]
    assert all("09:00" <= at <= "16:55" and int(at[3:]) % 5 == 0 for at in local["cycle"])


# --- without Prefect ----------------------------------------------------------------------------------


def test_a_day_needs_no_socket_at_all(ready: Path, tmp_path: Path, seal: str, socket_disabled: None) -> None:
    home = copy(ready, tmp_path / "home")
    assert seal == avwap(home, "day", "--book", "SIM", "--date", str(NEXT), "--json").body["seal"]


@pytest.mark.parametrize(
    ("on", "utc", "is_due"),
    [
        (NEXT.replace(day=10), "2016-03-10T21:20:00", True),
        (NEXT.replace(day=10), "2016-03-10T21:19:59", False),
        (NEXT.replace(day=10), "2016-03-10T18:20:00", False),
        (NEXT.replace(day=14), "2016-03-14T20:20:00", True),
    ],
    ids=["twenty minutes after", "a second early", "the early close's run", "after the clocks changed"],
)
def test_of_the_two_scheduled_closes_the_one_that_is_due_runs(
    ready: Path, on: Any, utc: str, is_due: bool
) -> None:
    day = open_day(House(Settings(home=ready)), "SIM", on)
    assert is_due is is_postclose_due(day, datetime.fromisoformat(utc).replace(tzinfo=UTC))
    assert not is_postclose_due(day, datetime.fromisoformat(utc).replace(tzinfo=UTC) + timedelta(hours=1))


def test_on_an_early_close_the_earlier_of_the_two_is_due(ready: Path) -> None:
    day = open_day(House(Settings(home=ready)), "SIM", NEXT.replace(year=2015, month=11, day=27))
    assert is_postclose_due(day, datetime(2015, 11, 27, 18, 20, tzinfo=UTC))
    assert not is_postclose_due(day, datetime(2015, 11, 27, 21, 20, tzinfo=UTC))
