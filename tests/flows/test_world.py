"""A book's outside is its broker's: what is imported, by which clock it lives, what it leaves for the next process."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from execution_v2.broker.breaker import FAILURES_MAX, Breaker
from execution_v2.broker.port import Denied, SubmitOrder
from flows.clocks import ExchangeClock, PassingClock, PlanningClock, SteppedClock
from flows.house import House
from flows.settings import Settings
from flows.world import keep_breaker, kept_breaker, open_world
from ledger import layout
from market.feed import Seen
from schemas.book import OrderType, Side, TimeInForce
from schemas.errors import UsageFault
from simulation.alpaca_server import KEY_ID, SECRET_KEY, AlpacaServer, Script
from simulation.alpaca_server.faults import erred
from simulation.config import ExchangeConfig
from simulation.intraday import IntradayExchange
from simulation.intraday_tape import PathTape
from simulation.tape import StoreTape
from tests.flows.worlds import NEXT, refused, unchanged

PAPER = "ALPACA_PAPER"
AT = datetime(2016, 3, 10, 15, 2, tzinfo=UTC)
BUY = SubmitOrder(
    client_order_id="aw1-abcdef-000-20160310-e000-1",
    symbol="AAPL",
    side=Side.BUY,
    quantity=Decimal(1),
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.DAY,
    limit=Decimal("100.25"),
)


@pytest.fixture
def server(ready: Path) -> Iterator[AlpacaServer]:
    """An exchange that replays the tenth of March."""
    bars = House(Settings(home=ready))
    tape = PathTape(StoreTape(bars.sidecar, bars.calendar), bars.calendar)
    exchange = IntradayExchange(None, "exchange", tape, bars.calendar, ExchangeConfig())
    with AlpacaServer(exchange, lambda: AT) as made:
        yield made


@pytest.fixture
def paper(server: AlpacaServer, tmp_path: Path) -> House:
    """The paper book at that exchange."""
    (tmp_path / "ledger").mkdir()
    config = {"url_override": server.url, "data_url_override": server.data_url}
    return House(
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
    open_world(paper, PAPER).close()
    assert None is kept_breaker(paper.disk, PAPER, now)
    keep_breaker(paper.disk, PAPER, Breaker().opened("submit", now))
    again = kept_breaker(paper.disk, PAPER, now)
    assert again is not None
    assert again.is_open(now)
    paper.disk.write(layout.breaker(PAPER), b"{")
    broken = kept_breaker(paper.disk, PAPER, now)
    assert broken is not None
    assert (True, False) == (broken.is_open(now), broken.is_open(now + timedelta(seconds=31)))
    open_world(paper, PAPER).close()
    assert b"{" != paper.disk.read(layout.breaker(PAPER))


def test_every_failure_and_every_answer_that_changes_the_breaker_is_on_disk_when_the_call_returns(
    paper: House, server: AlpacaServer
) -> None:
    assert isinstance(server.faults, Script)
    server.faults.add("GET /v2/account", erred(), times=FAILURES_MAX)
    world = open_world(paper, PAPER)
    kept = []
    for _ in range(3):  # a read is tried three times, and once while the circuit is open
        world.broker.account()
        breaker = kept_breaker(paper.disk, PAPER, world.clock.now())
        assert breaker is not None
        kept.append((breaker.circuit("account").failures, breaker.is_open(world.clock.now())))
    assert [(3, False), (0, True), (0, True)] == kept
    assert True is world.breaker_open()
    world.close()


def test_a_process_killed_after_the_breaker_opened_leaves_it_open_to_the_next(
    paper: House, server: AlpacaServer
) -> None:
    assert isinstance(server.faults, Script)
    server.faults.add("GET /v2/account", erred(), times=FAILURES_MAX)
    config = {"url_override": server.url, "data_url_override": server.data_url}
    dies = (
        "import os, signal\nfrom pathlib import Path\nfrom flows.house import House\n"
        "from flows.settings import Settings\nfrom flows.world import open_world\n"
        f"settings = Settings(home=Path({str(paper.settings.home)!r}), alpaca={config!r}, "
        f"apca_api_key_id={KEY_ID!r}, apca_api_secret_key={SECRET_KEY!r})\n"
        f"world = open_world(House(settings), {PAPER!r})\n"
        "while not world.breaker_open():\n    world.broker.account()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", dies], capture_output=True, text=True, timeout=120, check=False
    )
    assert -signal.SIGKILL == done.returncode, done.stderr
    assert {"erred": FAILURES_MAX} == dict(server.faults.met)
    world = open_world(paper, PAPER)
    assert True is world.breaker_open()
    refused = world.broker.submit(BUY)
    assert isinstance(refused, Denied)
    assert ("BROKER_CIRCUIT_OPEN", []) == (refused.code, server.sent("POST"))
    world.close()


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
