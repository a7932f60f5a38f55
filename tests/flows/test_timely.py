"""A step is due by the exchange's clock: while nobody says what time it is there, no step is called early or late."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.house import House
from flows.settings import Settings
from simulation.alpaca_server import KEY_ID, SECRET_KEY, AlpacaServer
from simulation.config import ExchangeConfig
from simulation.intraday import IntradayExchange
from simulation.intraday_tape import PathTape
from simulation.tape import StoreTape
from tests.flows.worlds import avwap, refused

PAPER = "ALPACA_PAPER"
AT = datetime(2016, 3, 10, 13, 0, tzinfo=UTC)


@pytest.fixture
def url(ready: Path) -> Iterator[str]:
    """Where an exchange listens whose clock shows the morning of the tenth of March."""
    bars = House(Settings(home=ready))
    tape = PathTape(StoreTape(bars.sidecar, bars.calendar), bars.calendar)
    exchange = IntradayExchange(None, "exchange", tape, bars.calendar, ExchangeConfig())
    with AlpacaServer(exchange, lambda: AT) as server:
        yield server.url


def test_a_session_is_not_closed_by_the_walls_clock_when_the_exchange_is_not_heard(
    home: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "avwap.toml").write_text(f'[alpaca]\nurl_override = "{url}"\n')
    monkeypatch.setenv("APCA_API_KEY_ID", KEY_ID)
    monkeypatch.setenv("APCA_API_SECRET_KEY", SECRET_KEY)
    on = ("--book", PAPER, "--date", "2016-03-10")
    opened = avwap(home, "premarket", *on)
    assert (home / "ledger" / PAPER / "2016-03-10" / "journal.jsonl").exists(), opened.err
    refused(avwap(home, "close", *on), 2, "NOT_DUE", "usage")
    monkeypatch.setenv("APCA_API_SECRET_KEY", "of-another-account")
    refused(avwap(home, "close", *on), 3, "CLOCK_UNREAD", "refused")
    assert not (home / "ledger" / PAPER / "2016-03-10" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("secret", "code", "exit_code"), [(SECRET_KEY, "NOT_DUE", 2), ("of-another-account", "CLOCK_UNREAD", 3)]
)
@pytest.mark.parametrize(
    "step", [("premarket", "--date", "2016-03-11"), ("cycle",), ("cycle", "--plan")], ids=" ".join
)
def test_a_step_is_refused_as_not_due_only_by_a_clock_that_was_heard(
    home: Path,
    url: str,
    step: tuple[str, ...],
    secret: str,
    code: str,
    exit_code: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (home / "avwap.toml").write_text(f'[alpaca]\nurl_override = "{url}"\n')
    monkeypatch.setenv("APCA_API_KEY_ID", KEY_ID)
    monkeypatch.setenv("APCA_API_SECRET_KEY", secret)
    said = avwap(home, *step, "--book", PAPER)
    refused(said, exit_code, code, "usage" if exit_code == 2 else "refused")
    assert not (home / "ledger" / PAPER / "2016-03-11").exists()
