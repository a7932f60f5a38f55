"""A flush sends what waits for as long as it may, and writes down what becomes of each message before and after.

At least once: the outbox says *sending* before the request leaves, and *sent* only when Slack said so. What lies
between is looked up in the channel by the message's id, and sent again if it is not there.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from flows.clocks import Time
from flows.outbox import Entry, Outbox
from flows.slack import lanes
from flows.slack.answers import Answer, Never, NobodyKnows, NotNow, Sender, Taken
from flows.slack.blocks import faults, payload
from flows.slack.config import SlackConfig
from flows.slack.lanes import Lane
from flows.slack.redact import redacted
from schemas.base import instant
from schemas.outbox import MAYBE_SENT, Delivery
from schemas.reasons.messages import MessageCode

LOOK_BACK: Final = timedelta(minutes=10)
"""Slack's clock is not ours: a look-up begins so long before the first try."""
SICK_AFTER: Final = 2
"""Unanswered requests in a row after which the line is left alone for this flush."""
WORTH_S: Final = 0.5
"""Less time than this is none for a request."""
DETAIL_CHARS_MAX: Final = 200


@dataclass(slots=True)
class Flushed:
    """What a flush did, in messages."""

    sent: int = 0
    found: int = 0
    """Of the sent: those that an earlier request had brought there."""
    duplicates: int = 0
    coalesced: int = 0
    dead: int = 0
    waiting: int = 0
    """Left for the next flush."""
    refusal: Never | None = None
    """Token or channel were refused: nothing else was tried."""
    trouble: str | None = None
    """The last reason for which a message was not taken."""
    held_until: datetime | None = None
    """Slack asked to be left alone until then."""


@dataclass(slots=True, kw_only=True)
class Flush:
    """One flush. *secrets*: values that must not stand in anything sent or kept."""

    outbox: Outbox
    sender: Sender
    config: SlackConfig
    time: Time
    secrets: tuple[str, ...] = ()
    done: Flushed = field(default_factory=Flushed)
    _told: set[str] = field(default_factory=set)
    _left_out: int = 0

    def run(self, seconds: float) -> Flushed:
        """Send what is due, for *seconds* at most. Errors: as ``Outbox.note``: then nothing more is sent."""
        ends = self.time.now() + timedelta(seconds=seconds)
        entries = self.outbox.entries()
        found = lanes.queue(entries, self.config, self.time.now())
        self._told = lanes.told_words(entries, self.config, self.time.now())
        self._left_out = found.left_out
        for entry, code in found.drops:
            self._drop(entry, code)
        self.done.held_until = found.held_until
        waiting = deque(found.due)
        if found.held_until is not None:
            self._wait_until(found.held_until, ends)
        self._send_all(waiting, ends)
        self.done.waiting = sum(entry.is_waiting for entry in self.outbox.entries())
        return self.done

    def _send_all(self, waiting: "deque[Entry]", ends: datetime) -> None:
        sick = 0
        is_first = True
        while waiting and sick < SICK_AFTER and not self._is_stopped():
            entry = waiting.popleft()
            if not is_first and lanes.lane_of(entry.message) is not Lane.CRITICAL:
                self._pause(self.config.pause_s, ends)
            is_first = False
            if self._left(ends) < WORTH_S:
                return
            answer = self._one(entry, ends)
            sick = sick + 1 if isinstance(answer, NobodyKnows) else 0
            if isinstance(answer, NotNow):
                if answer.code is not MessageCode.SLACK_RATE_LIMITED:
                    return
                # What was asked for is waited for where there is time; else it stands in the outbox for the next.
                if self.done.held_until is not None and self._wait_until(self.done.held_until, ends):
                    waiting.appendleft(self._again(entry))

    def _is_stopped(self) -> bool:
        return self.done.held_until is not None or self.done.refusal is not None

    def _again(self, entry: Entry) -> Entry:
        return next(each for each in self.outbox.entries() if each.message.id == entry.message.id)

    def _one(self, entry: Entry, ends: datetime) -> Answer | None:
        """Send one message, unless it is there, was said, or cannot be sent; None: no request was made."""
        message = entry.message
        is_told = lanes.words_of(message) in self._told
        if is_told and entry.state not in MAYBE_SENT:
            self._drop(entry, MessageCode.MESSAGE_DUPLICATE)
            return None
        body = payload(message, self.secrets, self._left_out if lanes.lane_of(message) is Lane.NOTICE else 0)
        wrong = faults(body)
        if wrong:
            self._bury(entry, MessageCode.SLACK_MESSAGE_INVALID, "; ".join(wrong))
            return None
        if entry.tried_at is not None and entry.state in (*MAYBE_SENT, Delivery.REQUEUED):
            since = (entry.tried_at - LOOK_BACK).timestamp()
            there = self.sender.find(message.id, since, self._request(ends))
            if there is not None:
                self._take(entry, there)
                return there
            if is_told:
                self._drop(entry, MessageCode.MESSAGE_DUPLICATE)
                return None
            if self._left(ends) < WORTH_S:
                return None
        answer = self._ask(entry, body, ends)
        if isinstance(answer, Never) and not answer.is_channel and lanes.lane_of(message) is Lane.CRITICAL:
            # An alarm in plain words is better than none.
            answer = self._ask(entry, plainly(body), ends)
        self._settle(entry, answer)
        return answer

    def _ask(self, entry: Entry, body: dict[str, Any], ends: datetime) -> Answer:
        self.outbox.note(entry.message.id, Delivery.SENDING, self.time.now())
        return self.sender.post(body, self._request(ends))

    def _settle(self, entry: Entry, answer: Answer) -> None:
        now = self.time.now()
        match answer:
            case Taken():
                self._take(entry, answer)
            case Never(is_channel=True):
                self.done.refusal, self.done.trouble = answer, answer.detail
                self._note(entry, Delivery.DELAYED, answer.code, answer.detail)
            case Never():
                self._bury(entry, answer.code, answer.detail)
            case NotNow() | NobodyKnows():
                self.done.trouble = f"{answer.code}: {answer.detail}"
                tries = entry.tries + 1
                if tries >= self.config.attempts_max and lanes.lane_of(entry.message) is not Lane.CRITICAL:
                    self._bury(entry, MessageCode.SLACK_ATTEMPTS_SPENT, answer.detail)
                    return
                wait = lanes.backoff(tries)
                if isinstance(answer, NotNow) and answer.after_s is not None:
                    wait = answer.after_s
                until = now + timedelta(seconds=wait)
                if answer.code is MessageCode.SLACK_RATE_LIMITED:
                    self.done.held_until = until
                state = Delivery.DELAYED if isinstance(answer, NotNow) else Delivery.UNKNOWN
                self._note(entry, state, answer.code, answer.detail, until=instant(until))

    def _take(self, entry: Entry, taken: Taken) -> None:
        self.outbox.note(
            entry.message.id,
            Delivery.SENT,
            self.time.now(),
            channel=taken.channel,
            ts=taken.ts,
            found=True if taken.was_found else None,
        )
        self.done.sent += 1
        self.done.found += taken.was_found
        self._told.add(lanes.words_of(entry.message))
        if lanes.lane_of(entry.message) is Lane.NOTICE:
            self._left_out = 0

    def _drop(self, entry: Entry, code: MessageCode) -> None:
        self.outbox.note(entry.message.id, Delivery.DROPPED, self.time.now(), code=code.value)
        if code is MessageCode.MESSAGE_COALESCED:
            self.done.coalesced += 1
        else:
            self.done.duplicates += 1

    def _bury(self, entry: Entry, code: MessageCode, detail: str) -> None:
        self.done.dead += 1
        self.done.trouble = f"{code}: {redacted(detail, self.secrets)}"
        self._note(entry, Delivery.DEAD, code, detail)

    def _note(self, entry: Entry, state: Delivery, code: MessageCode, detail: str, **more: str) -> None:
        said = redacted(detail, self.secrets)[:DETAIL_CHARS_MAX]
        self.outbox.note(entry.message.id, state, self.time.now(), code=code.value, detail=said, **more)

    def _request(self, ends: datetime) -> float:
        return max(WORTH_S, min(self.config.request_s, self._left(ends)))

    def _left(self, ends: datetime) -> float:
        return (ends - self.time.now()).total_seconds()

    def _pause(self, seconds: float, ends: datetime) -> None:
        self.time.sleep(max(0.0, min(seconds, self._left(ends))))

    def _wait_until(self, until: datetime, ends: datetime) -> bool:
        """Wait for *until*, if it comes before *ends*; then Slack may be asked again."""
        if until + timedelta(seconds=WORTH_S) > ends:
            return False
        self._pause((until - self.time.now()).total_seconds(), ends)
        self.done.held_until = None
        return True


def plainly(body: dict[str, Any]) -> dict[str, Any]:
    """*body* without its blocks: its text alone."""
    return {name: value for name, value in body.items() if name not in ("blocks", "metadata")}
