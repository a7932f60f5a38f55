"""Messages reach a channel at least once through a line that throttles, fails, lies and hangs; none blocks a stage."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.clocks import PassingClock
from flows.outbox import Outbox
from flows.slack.client import SlackLine
from flows.slack.config import SlackConfig
from flows.slack.flush import Flush, Flushed
from ledger.disk import Disk, LocalDisk
from ledger.faulty import FaultyDisk, SimulatedCrash
from schemas.outbox import Delivery, Message, MessageKind, Severity
from schemas.reasons.messages import MessageCode as Code
from tests.flows.slack_server import CHANNEL, TOKEN, Go, Slack, listening
from tests.flows.worlds import SEALED

AT = datetime(2016, 3, 9, 13, 30, tzinfo=UTC)
N, W, C = Severity.NOTICE, Severity.WARNING, Severity.CRITICAL


@pytest.fixture
def slack() -> Iterator[Slack]:
    with listening() as made:
        yield made


def message(number: int, severity: Severity = N, text: str | None = None) -> Message:
    return Message(
        id=f"msg_{number:020x}",
        kind=MessageKind.SCAN_SUMMARY,
        book_id="SIM",
        session_date=SEALED,
        sources=(),
        severity=severity,
        text=text or f"message {number} &amp; more",
        blocks=(text or f"*message {number}*",),
    )


class Box:
    """An outbox of its own, a clock that passes, and a line to *slack*."""

    def __init__(self, root: Path, slack: Slack, **config: Any) -> None:
        self.outbox = Outbox(LocalDisk(root), "SIM", root)
        self.path = root / self.outbox.path
        self.slack = slack
        self.config = SlackConfig(channel=CHANNEL, url_override=slack.url, **{"request_s": 1.0, **config})
        self.clock = PassingClock()
        self.clock.step(AT)
        self.token, self.channel = TOKEN, CHANNEL

    def put(self, *messages: Message) -> "Box":
        for each in messages:
            self.outbox.post(each, AT)
        return self

    def flush(self, seconds: float = 30.0, after: float = 0.0) -> Flushed:
        self.clock.step(self.clock.now() + timedelta(seconds=after))
        return Flush(
            outbox=self.outbox,
            sender=SlackLine(self.token, self.channel, self.slack.url),
            config=self.config,
            time=self.clock,
            secrets=(self.token,),
        ).run(seconds)

    def states(self) -> list[str]:
        return [entry.state for entry in self.outbox.entries()]

    def said(self) -> list[str | None]:
        return [entry.told.get("code") for entry in self.outbox.entries()]


def test_what_waits_is_sent_once_gravest_first_with_id_text_and_blocks(tmp_path: Path, slack: Slack) -> None:
    box = Box(tmp_path, slack).put(message(1), message(2, W), message(3, C))
    done = box.flush()
    assert (3, 0) == (done.sent, done.waiting)
    assert [message(n).id for n in (3, 2, 1)] == slack.ids()
    first = slack.channel[0]
    assert "CRITICAL message 3 &amp; more" == first["text"]
    assert "*message 3*" == first["blocks"][0]["text"]["text"]
    assert ["sent"] * 3 == box.states()
    box.flush(after=10_000)
    assert 3 == len(slack.channel)
    ids = [each["client_msg_id"] for each in slack.channel]
    assert 3 == len(set(ids))


def test_between_messages_that_are_not_critical_a_second_passes(tmp_path: Path, slack: Slack) -> None:
    box = Box(tmp_path, slack).put(*(message(n, C) for n in (1, 2)), *(message(n) for n in (3, 4, 5)))
    box.flush()
    assert timedelta(seconds=3) == box.clock.now() - AT


def test_a_throttled_message_waits_for_as_long_as_slack_asked_and_then_goes(
    tmp_path: Path, slack: Slack
) -> None:
    slack.script = [Go.THROTTLE]
    box = Box(tmp_path, slack).put(message(1, C))
    assert 1 == box.flush().sent
    assert timedelta(seconds=2) == box.clock.now() - AT
    assert [message(1).id] == slack.ids()


def test_retry_after_is_kept_for_the_next_process_and_holds_every_lane(tmp_path: Path, slack: Slack) -> None:
    slack.script = [Go.THROTTLE]
    box = Box(tmp_path, slack).put(message(1, C))
    done = box.flush(seconds=1)
    assert (0, 1, AT + timedelta(seconds=2)) == (done.sent, done.waiting, done.held_until)
    box.put(message(2, C))
    assert 0 == box.flush(seconds=1).sent
    assert 1 == slack.calls.count("chat.postMessage")
    assert 2 == box.flush(seconds=1, after=2).sent


@pytest.mark.parametrize("way", [Go.CUT, Go.LATE])
def test_a_post_that_arrived_unanswered_is_found_by_its_id_and_not_repeated(
    tmp_path: Path, slack: Slack, way: Go
) -> None:
    slack.script = [way]
    box = Box(tmp_path, slack, request_s=0.6).put(message(1, C))
    assert (0, ["unknown"]) == (box.flush().sent, box.states())
    done = box.flush(after=300)
    assert (1, 1, ["sent"]) == (done.sent, done.found, box.states())
    assert [message(1).id] == slack.ids()


def test_a_post_that_was_lost_is_sent_again_after_a_look(tmp_path: Path, slack: Slack) -> None:
    slack.script = [Go.LOST]
    box = Box(tmp_path, slack).put(message(1))
    box.flush()
    assert (1, 0) == ((done := box.flush(after=300)).sent, done.found)
    assert ["chat.postMessage", "conversations.history", "chat.postMessage"] == slack.calls


def test_a_channel_that_cannot_be_read_gets_the_message_twice_rather_than_never(
    tmp_path: Path, slack: Slack
) -> None:
    slack.script, slack.can_read = [Go.CUT], False
    box = Box(tmp_path, slack).put(message(1, C))
    box.flush()
    box.flush(after=300)
    assert [message(1).id] * 2 == slack.ids()
    assert slack.channel[0]["client_msg_id"] == slack.channel[1]["client_msg_id"]


def test_a_process_that_died_while_sending_looks_before_it_sends_again(tmp_path: Path, slack: Slack) -> None:
    box = Box(tmp_path, slack).put(message(1))
    box.outbox.note(message(1).id, Delivery.SENDING, AT)
    slack.post({"channel": CHANNEL, "text": "x", "metadata": {"event_payload": {"id": message(1).id}}})
    done = box.flush()
    assert (1, 1) == (done.sent, done.found)
    assert ["conversations.history"] == slack.calls


@pytest.mark.parametrize("way", [Go.BUSY, Go.NONSENSE, "internal_error"])
def test_an_answer_that_proves_nothing_is_no_success_and_no_refusal(
    tmp_path: Path, slack: Slack, way: Go | str
) -> None:
    slack.script = [way]
    box = Box(tmp_path, slack).put(message(1))
    box.flush()
    assert (["unknown"], [Code.SLACK_UNANSWERED]) == (box.states(), box.said())
    assert 0 == box.flush(after=1).sent, "not due yet"
    assert 1 == box.flush(after=5).sent


def test_a_line_that_is_sick_is_left_alone_and_everything_waits(tmp_path: Path, slack: Slack) -> None:
    slack.script = [Go.BUSY] * 9
    box = Box(tmp_path, slack).put(*(message(n, C) for n in range(1, 6)))
    assert 5 == box.flush().waiting
    assert 2 == slack.calls.count("chat.postMessage")
    slack.script = []
    assert 5 == box.flush(after=300).sent


def test_nobody_listening_is_known_not_to_have_taken_it(tmp_path: Path) -> None:
    with listening() as gone:
        pass
    box = Box(tmp_path, gone).put(message(1, C))
    done = box.flush()
    assert (["delayed"], [Code.SLACK_UNREACHABLE]) == (box.states(), box.said())
    assert "SLACK_UNREACHABLE: ConnectionRefusedError" == done.trouble


@pytest.mark.parametrize("way", [Go.DRIP, Go.LATE])
def test_a_server_that_never_ends_its_answer_costs_the_seconds_that_were_given(
    tmp_path: Path, slack: Slack, way: Go
) -> None:
    slack.script = [way]
    box = Box(tmp_path, slack, request_s=0.5).put(message(1))
    began = time.monotonic()
    box.flush()
    assert 3 > time.monotonic() - began
    assert ["unknown"] == box.states()


@pytest.mark.parametrize("word", ["msg_too_long", "invalid_blocks"])
def test_a_message_that_is_refused_is_a_dead_letter_and_holds_up_no_other(
    tmp_path: Path, slack: Slack, word: str
) -> None:
    slack.script = [word]
    box = Box(tmp_path, slack).put(message(1, W), message(2, W))
    done = box.flush()
    assert (1, 1, ["dead", "sent"]) == (done.dead, done.sent, box.states())
    assert (Code.SLACK_MESSAGE_REFUSED, word) == (box.said()[0], box.outbox.entries()[0].told["detail"])
    box.outbox.note(message(1).id, Delivery.REQUEUED, AT)
    assert 1 == box.flush().sent


def test_an_alarm_whose_blocks_are_refused_goes_in_plain_words(tmp_path: Path, slack: Slack) -> None:
    slack.script = ["invalid_blocks"]
    box = Box(tmp_path, slack).put(message(1, C))
    assert 1 == box.flush().sent
    assert ("CRITICAL message 1 &amp; more", False) == (
        slack.channel[0]["text"],
        "blocks" in slack.channel[0],
    )


@pytest.mark.parametrize(
    "word", ["invalid_auth", "channel_not_found", "not_in_channel", "a_word_of_tomorrow"]
)
def test_a_token_or_a_channel_that_is_refused_costs_no_message(
    tmp_path: Path, slack: Slack, word: str
) -> None:
    slack.script = [word]
    box = Box(tmp_path, slack).put(message(1), message(2))
    done = box.flush()
    assert done.refusal is not None
    assert (word, 2, 1) == (done.refusal.detail, done.waiting, len(slack.calls))
    assert 2 == box.flush().sent


def test_a_wrong_token_and_a_wrong_channel_are_told_by_slack_itself(tmp_path: Path, slack: Slack) -> None:
    box = Box(tmp_path, slack).put(message(1))
    box.token = "xoxb-wrong-token-entirely"
    assert "invalid_auth" == getattr(box.flush().refusal, "detail", None)
    box.token, box.channel = TOKEN, "C999"
    assert "channel_not_found" == getattr(box.flush().refusal, "detail", None)
    assert "invalid_auth" == SlackLine("xoxb-no", CHANNEL, slack.url).test(1.0)
    assert SlackLine(TOKEN, CHANNEL, slack.url).test(1.0) is None


def test_notices_make_way_oldest_first_and_the_next_one_counts_them(tmp_path: Path, slack: Slack) -> None:
    box = Box(tmp_path, slack, notices_max=2)
    box.put(*(message(n) for n in range(1, 6)), *(message(n, C) for n in range(6, 12)))
    done = box.flush(seconds=60)
    assert (3, 8) == (done.coalesced, done.sent)
    assert [message(n).id for n in (*range(6, 12), 4, 5)] == slack.ids()
    assert ["dropped"] * 3 == box.states()[:3]
    abouts = [each["blocks"][-1]["elements"][0]["text"] for each in slack.channel]
    assert ["3 older notices not sent" in text for text in abouts] == [*[False] * 6, True, False]


def test_what_is_critical_is_tried_for_ever_and_the_rest_becomes_a_dead_letter(
    tmp_path: Path, slack: Slack
) -> None:
    box = Box(tmp_path, slack, attempts_max=2).put(message(1, C), message(2, W))
    for _ in range(4):
        slack.script = [Go.LOST, Go.LOST]
        box.flush(after=300)
    assert ["unknown", "dead"] == box.states()
    assert Code.SLACK_ATTEMPTS_SPENT == box.said()[1]
    slack.script = []
    assert 1 == box.flush(after=300).sent


def test_the_same_words_are_said_once_in_a_window_that_begins_with_a_success(
    tmp_path: Path, slack: Slack
) -> None:
    slack.script = ["internal_error"]
    box = Box(tmp_path, slack).put(message(1, C, "stop lost"))
    box.flush()
    box.put(message(2, C, "stop lost"))
    assert 1 == box.flush(after=1).sent, "a failure mutes nothing"
    box.put(message(3, C, "stop lost"))
    done = box.flush(after=10)
    assert (0, 2, ["dropped", "sent", "dropped"]) == (done.sent, done.duplicates, box.states())
    box.put(message(4, C, "stop lost"))
    assert 1 == box.flush(after=901).sent


def test_no_token_is_in_a_message_an_error_a_file_or_a_log(
    tmp_path: Path, slack: Slack, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    slack.script = [f"error with {TOKEN} inside", Go.BUSY, "msg_too_long", Go.LOST]
    box = Box(tmp_path, slack).put(message(1, C, f"look: {TOKEN} and xoxp-9999-abcdefgh"), message(2, C))
    dones = [box.flush(after=300) for _ in range(4)]
    assert 2 == len(slack.channel)
    told = json.dumps(slack.channel) + repr(dones) + caplog.text + "".join(capfd.readouterr())
    assert TOKEN not in told
    assert "xoxp-9999" not in told
    assert "CRITICAL look: [redacted] and [redacted]" in [each["text"] for each in slack.channel]
    assert TOKEN not in "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert {TOKEN} == slack.tokens


def test_a_flush_ends_in_its_time_and_the_rest_waits(tmp_path: Path, slack: Slack) -> None:
    box = Box(tmp_path, slack).put(*(message(n, W) for n in range(1, 10)))
    done = box.flush(seconds=3)
    assert 9 == done.sent + done.waiting
    assert 2 <= done.sent <= 4
    assert timedelta(seconds=3) >= box.clock.now() - AT


def test_only_this_machine_may_stand_in_for_slack() -> None:
    with pytest.raises(ValueError, match="only an address of this machine"):
        SlackConfig(url_override="http://example.com/api/")
    assert "http://127.0.0.1:1/api/" == SlackConfig(url_override="http://127.0.0.1:1/api").url_override
    assert SlackConfig().channel is None


def test_dying_at_any_write_of_a_flush_loses_no_message_and_repeats_none_that_can_be_found(
    tmp_path: Path,
) -> None:
    """Each write of the outbox is a place to die; what the restart finds in the channel is not sent again."""
    with listening() as whole:
        counted = FaultyDisk(tmp_path / "0")
        sent_by(whole, counted)
    for step in range(1, counted.steps + 1):
        with listening() as slack:
            with pytest.raises(SimulatedCrash):
                sent_by(slack, FaultyDisk(tmp_path / str(step), crash_at=step))
            outbox = sent_by(slack, LocalDisk(tmp_path / str(step)))
            assert [message(1).id, message(2).id] == sorted(slack.ids()), step
            assert ["sent", "sent"] == [entry.state for entry in outbox.entries()], step


def sent_by(slack: Slack, disk: Disk) -> Outbox:
    """Two messages kept and sent by a process that has *disk*."""
    outbox, clock = Outbox(disk, "SIM"), PassingClock()
    clock.step(AT)
    for number in (1, 2):
        outbox.post(message(number, C), AT)
    config = SlackConfig(channel=CHANNEL, url_override=slack.url)
    Flush(outbox=outbox, sender=SlackLine(TOKEN, CHANNEL, slack.url), config=config, time=clock).run(30)
    return outbox
