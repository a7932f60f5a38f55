"""A book that people hear of tells them at the end of each stage; a line that fails costs seconds, and no trade."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from flows.house import House
from flows.outbox import outbox_of
from flows.run import run_range
from flows.settings import ConfigInvalid, load
from flows.slack.config import SlackConfig
from schemas.outbox import MessageKind, Severity
from schemas.reasons.messages import MessageCode as Code
from tests.flows.slack_server import CHANNEL, TOKEN, Go, Slack, listening
from tests.flows.worlds import NEXT, SEALED, avwap, copy, refused, tree

K = MessageKind


@pytest.fixture
def slack() -> Iterator[Slack]:
    with listening() as made:
        yield made


def told(home: Path, slack: Slack, **more: Any) -> House:
    """The house of *home* with a channel for its SIM book."""
    given = {"request_s": 0.5, "stage_s": 3.0, "pause_s": 0.0, **more}
    config = SlackConfig(channel=CHANNEL, books=("SIM",), url_override=slack.url, **given)
    return House(load(home, slack=config, SLACK_BOT_TOKEN=TOKEN))


def write_settings(home: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as a person sets it."""
    lines = (
        "[slack]",
        f'channel = "{CHANNEL}"',
        'books = ["SIM"]',
        f'url_override = "{slack.url}"',
        "pause_s = 0",
    )
    (home / "avwap.toml").write_text("\n".join(lines))
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)


def kinds(house: House) -> list[tuple[str, str]]:
    return [
        (entry.message.kind, entry.state)
        for entry in outbox_of(house, "SIM").entries()
        if entry.message.session_date == NEXT
    ]


def run(house: House) -> Any:
    return run_range(house, "SIM", NEXT, NEXT, lambda result: None, "test").results[-1]


def test_a_session_tells_what_it_has_to_say_once_and_its_seal_is_that_of_a_silent_one(
    home: Path, tmp_path: Path, slack: Slack
) -> None:
    silent = run(House(load(copy(home, tmp_path / "silent")))).seal
    house = told(home, slack)
    done = run(house)
    assert (0, silent) == (done.exit_code, done.seal)
    found = kinds(house)
    assert {"sent"} == {state for _, state in found}
    assert {K.SCAN_SUMMARY, K.ENFORCEMENT_SUMMARY, K.EXECUTION_ALERT, K.DAILY_SUMMARY} == {
        kind for kind, _ in found
    }
    ids = slack.ids()
    run(house)
    assert ids == slack.ids()
    assert len(ids) == len(set(ids))


def test_a_line_that_hangs_or_fails_costs_seconds_and_nothing_else(home: Path, slack: Slack) -> None:
    slack.script = [Go.LATE, *[Go.BUSY] * 40]
    house = told(home, slack)
    done = run(house)
    assert (0, []) == (done.exit_code, list(done.outcome.refused))
    assert done.seal is not None
    assert all(state in ("unknown", "pending") for _, state in kinds(house))


def test_a_refused_token_is_told_by_the_stage_and_the_session_goes_on(home: Path, slack: Slack) -> None:
    slack.script = ["token_revoked"] * 40
    done = run(told(home, slack))
    codes = {step.error.code for step in done.outcome.refused}
    assert ({Code.SLACK_REFUSED}, 3) == (codes, done.exit_code)
    assert done.seal is not None
    assert not any(TOKEN in step.error.message for step in done.outcome.refused)


def test_while_another_process_sends_a_stage_does_not_wait(home: Path, slack: Slack) -> None:
    with FileLock(home / "ledger/SIM/outbox.sending.flock"):
        done = run(told(home, slack))
    assert 0 == done.exit_code
    assert [] == slack.channel


def test_nobody_hears_of_a_book_that_is_not_named(home: Path, slack: Slack) -> None:
    config = SlackConfig(channel=CHANNEL, url_override=slack.url)
    house = House(load(home, slack=config, SLACK_BOT_TOKEN=TOKEN))
    assert 0 == run(house).exit_code
    assert [(K.SCAN_SUMMARY, "pending")] == kinds(house)
    assert [] == slack.calls


# --- the command --------------------------------------------------------------------------------------


def test_flush_sends_what_waits_and_says_so(
    home: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_settings(home, slack, monkeypatch)
    before = tree(home)
    would = avwap(home, "notify", "flush", "--book", "SIM", "--dry-run", "--json").body["would"]
    assert (["send"] * 3, before, []) == ([row["do"] for row in would], tree(home), slack.calls)
    body = avwap(home, "notify", "flush", "--book", "SIM", "--json").body
    assert (3, 0, 0) == (body["sent"], body["waiting"], body["dead"])
    assert [row["id"] for row in would] == slack.ids()
    status = avwap(home, "notify", "status", "--book", "SIM")
    assert f"client   Slack, channel {CHANNEL}, after each stage" in status.out
    assert {"sent": 3} == avwap(home, "notify", "status", "--book", "SIM", "--json").body["states"]
    assert TOKEN not in json.dumps(avwap(home, "config", "show", "--json").body)


def test_flush_leaves_with_1_what_could_not_be_sent_and_sends_dead_letters_when_asked(
    home: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_settings(home, slack, monkeypatch)
    slack.script = ["msg_too_long", Go.BUSY, Go.BUSY]
    said = avwap(home, "notify", "flush", "--book", "SIM")
    assert 1 == said.code
    assert "dead     1" in said.out
    assert "waiting  2: the same command again sends them" in said.out
    row = avwap(home, "notify", "status", "--book", "SIM", "--json").body["newest"][0]
    assert ("dead", Code.SLACK_MESSAGE_REFUSED) == (row["state"], row["reason"])
    assert (
        f"dead ({Code.SLACK_MESSAGE_REFUSED} msg_too_long)"
        in avwap(home, "notify", "show", "--book", "SIM", row["id"]).out
    )
    again = avwap(home, "notify", "flush", "--book", "SIM", "--dead", "--json").body
    assert 1 == again["sent"]
    assert row["id"] in slack.ids()


def test_flush_without_a_channel_or_a_token_and_with_a_wrong_one_says_what_to_do(
    home: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(avwap(home, "notify", "flush", "--book", "SIM"), 2, "SLACK_OFF", "usage")
    write_settings(home, slack, monkeypatch)
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-not-the-right-one")
    said = avwap(home, "notify", "flush", "--book", "SIM")
    refused(said, 3, "SLACK_REFUSED", "refused")
    assert "invalid_auth" in said.err
    assert "xoxb" not in said.err
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    said = avwap(home, "notify", "flush", "--book", "SIM")
    refused(said, 2, "SLACK_OFF", "usage")
    assert "SLACK_BOT_TOKEN is not in the environment" in said.err
    with FileLock(home / "ledger/SIM/outbox.sending.flock"):
        monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
        refused(avwap(home, "notify", "flush", "--book", "SIM"), 3, "FLUSH_BUSY", "refused")


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "slack_bot_token"])
def test_a_token_in_the_file_is_refused_and_not_repeated(home: Path, name: str) -> None:
    (home / "avwap.toml").write_text(f'{name} = "{TOKEN}"')
    with pytest.raises(ConfigInvalid) as caught:
        load(home)
    assert (
        "avwap.toml SLACK_BOT_TOKEN, which is read from the environment alone: no such setting",
    ) == caught.value.faults
    said = avwap(home, "notify", "status", "--book", "SIM")
    assert 2 == said.code
    assert TOKEN not in said.err + said.out


def test_what_slack_is_told_changes_no_byte_of_a_day(home: Path) -> None:
    assert (
        load(home).config_sha256()
        == load(home, slack=SlackConfig(channel="C1"), SLACK_BOT_TOKEN="x").config_sha256()
    )


# --- the watch ----------------------------------------------------------------------------------------


def deadman(home: Path, at: str) -> Any:
    return avwap(home, "notify", "deadman", "--book", "SIM", "--at", at, "--json")


def stages(home: Path, at: str) -> list[str]:
    return [row["stage"] for row in deadman(home, at).body["absent"]]


def test_a_session_that_came_is_no_alarm_at_any_time(home: Path) -> None:
    for at in (
        "2016-03-09T13:00:00Z",
        "2016-03-09T14:30:00Z",
        "2016-03-09T20:59:00Z",
        "2016-03-10T03:00:00Z",
    ):
        said = deadman(home, at)
        assert (0, []) == (said.code, said.body["absent"])


def test_each_stage_is_missed_at_its_deadline_and_not_before(home: Path) -> None:
    assert [] == stages(home, "2016-03-10T14:29:59Z")
    assert ["premarket"] == stages(home, "2016-03-10T14:30:00Z")
    assert ["premarket"] == stages(home, "2016-03-10T14:39:59Z")
    assert ["premarket", "first cycle"] == stages(home, "2016-03-10T14:40:00Z")
    assert ["premarket"] == stages(home, "2016-03-10T21:59:59Z")
    assert ["premarket", "close"] == stages(home, "2016-03-10T22:00:00Z")


def test_an_early_close_has_its_own_deadline_and_a_sunday_looks_at_friday(home: Path) -> None:
    assert "close" not in stages(home, "2016-11-25T18:59:00Z")
    assert "close" in stages(home, "2016-11-25T19:00:00Z")
    (row, *_) = deadman(home, "2016-03-13T12:00:00Z").body["absent"]
    assert "2016-03-11" == row["session"]


def test_a_stage_is_told_once_and_again_only_when_another_is_missed(home: Path) -> None:
    assert 1 == deadman(home, "2016-03-10T14:30:00Z").body["new"]
    assert 0 == deadman(home, "2016-03-10T14:35:00Z").body["new"]
    said = deadman(home, "2016-03-10T14:45:00Z")
    assert (3, 1) == (said.code, said.body["new"])
    assert 0 == deadman(home, "2016-03-10T15:45:00Z").body["new"]
    newest = outbox_of(House(load(home)), "SIM").entries()[-1].message
    assert (K.STAGE_ABSENT, Severity.CRITICAL) == (newest.kind, newest.severity)
    assert "SIM 2016-03-10: first cycle is absent, due 14:30 UTC" == newest.text


def test_cycles_that_stop_are_missed_once_for_each_time_they_stop(home: Path) -> None:
    done = home / f"ledger/SIM/{SEALED}"
    (done / "manifest.json").unlink()
    for name in ("0935", "1600"):
        for file in sorted((done / "cycles" / name).rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
        (done / "cycles" / name).rmdir()
    assert ["cycle after 0930"] == stages(home, "2016-03-09T14:45:00Z")
    assert 0 == deadman(home, "2016-03-09T20:00:00Z").body["new"]
    (done / "cycles/0935").mkdir()
    assert [] == stages(home, "2016-03-09T20:00:00Z")
    assert ["close"] == stages(home, "2016-03-09T22:00:00Z")
    assert ["2016-03-09"] == [row["session"] for row in deadman(home, "2016-03-10T13:00:00Z").body["absent"]]


def test_a_home_that_is_none_is_refused_and_does_not_become_one(
    tmp_path: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = tmp_path / "typo"
    refused(avwap(at, "notify", "deadman", "--book", "SIM"), 3, "LEDGER_UNAVAILABLE", "refused")
    at.mkdir()
    write_settings(at, slack, monkeypatch)
    assert 0 == avwap(at, "notify", "flush", "--book", "SIM", "--json").body["sent"]
    assert ["avwap.toml"] == [path.name for path in at.iterdir()]


def test_an_alarm_is_sent_while_the_stage_that_hangs_holds_the_book(
    home: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_settings(home, slack, monkeypatch)
    with FileLock(home / "ledger/SIM/lock.flock"):
        said = deadman(home, "2016-03-10T14:30:00Z")
    assert (3, 1) == (said.code, said.body["new"])
    assert "CRITICAL SIM 2016-03-10: premarket is absent, due 14:30 UTC" == slack.channel[0]["text"]
