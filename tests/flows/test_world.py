"""A book's outside is its broker's: what is imported, by which clock it lives, what it leaves for the next process."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from execution_v2.broker.breaker import Breaker
from flows.clocks import ExchangeClock, PassingClock, PlanningClock, SteppedClock
from flows.house import House
from flows.settings import Settings
from flows.world import keep_breaker, kept_breaker, open_world
from ledger import layout
from market.feed import Seen
from schemas.errors import UsageFault
from simulation.alpaca_server import KEY_ID, SECRET_KEY, AlpacaServer
from simulation.config import ExchangeConfig
from simulation.intraday import IntradayExchange
from simulation.intraday_tape import PathTape
from simulation.tape import StoreTape
from tests.flows.worlds import NEXT, refused, unchanged

PAPER = "ALPACA_PAPER"
AT = datetime(2016, 3, 10, 15, 2, tzinfo=UTC)


@pytest.fixture
def paper(ready: Path, tmp_path: Path) -> Iterator[House]:
    """The paper book, at an exchange that replays the tenth of March."""
    bars = House(Settings(home=ready))
    tape = PathTape(StoreTape(bars.sidecar, bars.calendar), bars.calendar)
    exchange = IntradayExchange(None, "exchange", tape, bars.calendar, ExchangeConfig())
    (tmp_path / "ledger").mkdir()
    with AlpacaServer(exchange, lambda: AT) as server:
        config = {"url_override": server.url, "data_url_override": server.data_url}
        yield House(
            Settings(home=tmp_path, alpaca=config, apca_api_key_id=KEY_ID, apca_api_secret_key=SECRET_KEY)
        )


def test_a_book_at_an_exchange_of_this_machine_lives_by_that_exchanges_clock(paper: House) -> None:
    world = open_world(paper, PAPER)
    assert timedelta(0) <= world.clock.now() - AT < timedelta(seconds=20)
    assert (False, True, ()) == (world.is_stepped, world.host_ok, world.faults)
    account = world.broker.account()
    assert isinstance(account, Seen)
    assert "100000" == f"{account.value.equity:.0f}"
    world.close()


def test_how_the_line_stands_is_kept_for_the_next_process_and_a_broken_record_of_it_opens_it(
    paper: House,
) -> None:
    now = datetime.now(UTC)
    assert None is kept_breaker(paper.disk, PAPER, now)
    open_world(paper, PAPER).close()
    assert Breaker() == kept_breaker(paper.disk, PAPER, now)
    keep_breaker(paper.disk, PAPER, Breaker().opened("submit", now))
    again = kept_breaker(paper.disk, PAPER, now)
    assert again is not None
    assert again.is_open(now)
    paper.disk.write(layout.breaker(PAPER), b"{")
    broken = kept_breaker(paper.disk, PAPER, now)
    assert broken is not None
    assert (True, False) == (broken.is_open(now), broken.is_open(now + timedelta(seconds=31)))


def test_a_book_whose_keys_are_not_set_reaches_no_broker(tmp_path: Path) -> None:
    with pytest.raises(UsageFault) as refusal:
        open_world(House(Settings(home=tmp_path)), PAPER)
    assert "FEED_CREDENTIALS_MISSING" == refusal.value.code


def test_the_live_book_is_not_opened_on_the_paper_host(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, apca_api_key_id="k", apca_api_secret_key="s")
    with pytest.raises(UsageFault) as refusal:
        open_world(House(settings), "ALPACA_LIVE")
    assert "LIVE_HOST_MISMATCH" == refusal.value.code


def test_a_day_of_the_simulated_book_inside_the_day_imports_nothing_of_the_vendors(home: Path) -> None:
    (home / "avwap.toml").write_text('[sim]\nbars = "intraday"\n')
    probe = (
        "import json, sys\nfrom flows.house import House\nfrom flows.settings import load\nfrom pathlib import Path\n"
        "from flows.acting import acting\nfrom flows import pipeline, prefect_flows\n"
        f"with acting(House(load(Path({str(home)!r}))), 'SIM', 'test'): pass\n"
        "print(json.dumps(sorted(name for name in sys.modules if name.split('.')[0] == 'alpaca')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True
    )
    assert [] == json.loads(done.stdout.splitlines()[-1])


def test_a_cycle_of_the_simulated_book_is_named_by_date_and_slot(home: Path) -> None:
    unchanged(home, 2, "USAGE", "cycle", "--book", "SIM")
    unchanged(home, 2, "USAGE", "cycle", "--book", "SIM", "--date", str(NEXT))


@pytest.mark.parametrize("command", ["day", "premarket"])
def test_a_session_at_a_broker_is_taken_step_by_step_on_its_own_day(
    home: Path, command: str, monkeypatch: pytest.MonkeyPatch, paper: House
) -> None:
    from tests.flows.worlds import avwap

    alpaca = paper.settings.alpaca
    (home / "avwap.toml").write_text(
        f'[alpaca]\nurl_override = "{alpaca.url_override}"\ndata_url_override = "{alpaca.data_url_override}"\n'
    )
    monkeypatch.setenv("APCA_API_KEY_ID", KEY_ID)
    monkeypatch.setenv("APCA_API_SECRET_KEY", SECRET_KEY)
    said = avwap(home, command, "--book", PAPER, "--date", "2016-03-11")
    refused(said, 2, "NOT_DUE", "usage")
    assert not (home / "ledger" / PAPER / "2016-03-11").exists()


def test_a_stepped_clock_stands_and_a_passing_one_moves_as_it_waits() -> None:
    stood, passed = SteppedClock(), PassingClock()
    for clock in (stood, passed):
        clock.step(AT)
        clock.sleep(3)
    assert (AT, AT + timedelta(seconds=3)) == (stood.now(), passed.now())
    passed.step(AT)
    assert AT + timedelta(seconds=3) == passed.now()


def test_what_a_plan_waits_for_passes_at_once_and_for_the_plan_alone() -> None:
    real = SteppedClock()
    real.step(AT)
    plan = PlanningClock(real)
    plan.sleep(30)
    assert (AT, AT + timedelta(seconds=30)) == (real.now(), plan.now())


def test_an_exchange_that_does_not_say_what_time_it_is_leaves_the_clock_as_it_was() -> None:
    told: list[datetime | None] = [AT, None]
    clock = ExchangeClock(lambda: told.pop(0))
    clock.step(AT)
    clock.step(AT)
    assert timedelta(0) <= clock.now() - AT < timedelta(seconds=5)
