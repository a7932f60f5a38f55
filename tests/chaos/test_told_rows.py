"""Row 21: whoever is told may be down or refuse; what is traded, and the seal of it, stay as they are."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.house import House
from flows.outbox import outbox_of
from flows.run import run_range
from flows.settings import load
from flows.slack.config import SlackConfig
from ledger import layout
from tests.flows.slack_server import CHANNEL, TOKEN, Go, Slack, listening
from tests.flows.worlds import NEXT, build, copy

BOOK = "SIM"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a session to run; only read."""
    return build(tmp_path_factory.mktemp("told") / "home")


@pytest.fixture(scope="module")
def silent(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The seal of the session when nobody is told."""
    sealed = _seal(House(load(copy(ready, tmp_path_factory.mktemp("silent") / "home"))))
    assert sealed is not None
    return sealed


@pytest.fixture
def slack() -> Iterator[Slack]:
    with listening() as made:
        yield made


def _seal(house: House) -> str | None:
    return run_range(house, BOOK, NEXT, NEXT, lambda result: None, "test").results[-1].seal


def _told(home: Path, slack: Slack) -> House:
    config = SlackConfig(
        channel=CHANNEL, books=(BOOK,), url_override=slack.url, request_s=0.5, stage_s=2.0, pause_s=0.0
    )
    return House(load(home, slack=config, SLACK_BOT_TOKEN=TOKEN))


@pytest.mark.parametrize(
    "script", [[Go.LATE, *[Go.BUSY] * 60], ["token_revoked"] * 60], ids=["hangs", "refuses"]
)
def test_row_21_slack_that_hangs_or_refuses_changes_no_byte_of_the_session_and_loses_no_message(
    script: list[Go | str], ready: Path, silent: str, slack: Slack, tmp_path: Path
) -> None:
    slack.script = list(script)
    house = _told(copy(ready, tmp_path / "home"), slack)
    assert silent == _seal(house)
    waiting = [each for each in outbox_of(house, BOOK).entries() if each.message.session_date == NEXT]
    assert [] != waiting
    assert "dropped" not in {each.state for each in waiting}


def test_row_21_an_outbox_that_takes_nothing_changes_no_byte_of_the_session(
    ready: Path, silent: str, slack: Slack, tmp_path: Path
) -> None:
    house = _told(copy(ready, tmp_path / "home"), slack)
    path = house.root / layout.outbox(BOOK)
    path.unlink(missing_ok=True)
    path.mkdir()
    assert silent == _seal(house)
    assert [] == slack.ids()
