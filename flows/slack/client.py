"""The one module that imports Slack's SDK; it asks once, waits no longer than it was told, and repeats nothing.

The SDK's own retries are off: a message that it sent twice would be in the channel twice, and nobody would know.
Its log is off as well, and nothing of its errors is passed on but Slack's own word for what is wrong.
"""

import logging
import threading
from collections.abc import Callable
from http.client import HTTPException
from socket import gaierror
from typing import Any, Final, TypeVar
from urllib.error import URLError
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from flows.slack.answers import Answer, NobodyKnows, NotNow, Taken, of_error
from flows.slack.config import LOOPBACK
from schemas.reasons.messages import MessageCode

T = TypeVar("T")

PAGES_MAX: Final = 3
PAGE: Final = 100
WORD_CHARS_MAX: Final = 60
"""Slack's words for errors are short; anything longer is a page of somebody else's."""
_NO_ANSWER: Final = (SlackClientError, OSError, HTTPException, ValueError, AttributeError, TypeError)
"""What the SDK raises for an answer that never came, was cut short, or is none of Slack's."""


class SlackLine:
    """A line to one channel. Args: token, channel; url: instead of Slack's own, None: that."""

    def __init__(self, token: str, channel: str, url: str | None = None) -> None:
        self._token, self._channel, self._url = token, channel, url
        self._log = logging.getLogger("avwap.slack")
        self._log.setLevel(logging.CRITICAL + 1)

    def post(self, body: dict[str, object], seconds: float) -> Answer:
        """``chat.postMessage`` once. Never raises for what the other side does."""
        client = self._client(seconds)
        done = _within(seconds, lambda: self._posted(client, body))
        return NobodyKnows(detail="no answer in time") if done is None else done

    def find(self, message_id: str, since: float, seconds: float) -> Taken | None:
        """Look through the channel's newest messages. A channel that cannot be read shows nothing."""
        client = self._client(seconds)
        return _within(seconds, lambda: self._found(client, message_id, since))

    def test(self, seconds: float) -> str | None:
        """Slack's word for what is wrong with the token; None: it is taken. ``unanswered``: nobody said."""
        client = self._client(seconds)

        def asked() -> str:
            try:
                client.auth_test()
            except SlackApiError as error:
                return _word(error)[1] or "unanswered"
            except _NO_ANSWER:
                return "unanswered"
            return ""

        said = _within(seconds, asked)
        return "unanswered" if said is None else said or None

    def _client(self, seconds: float) -> WebClient:
        whole = max(1, round(seconds))
        url = self._url or WebClient.BASE_URL
        client = WebClient(self._token, url, timeout=whole, retry_handlers=[], logger=self._log)
        if self._url is not None and urlsplit(self._url).hostname in LOOPBACK:
            client.proxy = None  # a proxy of the environment does not know this machine's ports
        return client

    def _posted(self, client: WebClient, body: dict[str, Any]) -> Answer:
        try:
            said = client.chat_postMessage(channel=self._channel, **body)
            return Taken(channel=str(said["channel"]), ts=str(said["ts"]))
        except SlackApiError as error:
            status, word = _word(error)
            return of_error(status, word, _retry_after(error))
        except (URLError, ConnectionRefusedError) as error:
            cause = error.reason if isinstance(error, URLError) else error
            if isinstance(cause, ConnectionRefusedError | gaierror):
                # No connection was made, so no request left.
                return NotNow(code=MessageCode.SLACK_UNREACHABLE, detail=type(cause).__name__)
            return NobodyKnows(detail=type(cause).__name__)
        except (*_NO_ANSWER, KeyError) as error:
            return NobodyKnows(detail=type(error).__name__)

    def _found(self, client: WebClient, message_id: str, since: float) -> Taken | None:
        cursor = None
        for _ in range(PAGES_MAX):
            try:
                page = client.conversations_history(
                    channel=self._channel,
                    oldest=f"{since:.6f}",
                    limit=PAGE,
                    cursor=cursor,
                    include_all_metadata=True,
                )
                for each in page.get("messages") or ():
                    if ((each.get("metadata") or {}).get("event_payload") or {}).get("id") == message_id:
                        return Taken(channel=self._channel, ts=str(each["ts"]), was_found=True)
                cursor = (page.get("response_metadata") or {}).get("next_cursor")
            except (*_NO_ANSWER, KeyError):
                return None
            if not cursor:
                return None
        return None


def _word(error: SlackApiError) -> tuple[int, str]:
    """Status, and Slack's word for the error; empty where the answer was none of Slack's."""
    answer = error.response
    data = answer.data if isinstance(answer.data, dict) else {}
    word = str(data.get("error") or "")
    is_word = len(word) <= WORD_CHARS_MAX and word.replace("_", "").isalnum()
    return int(answer.status_code), word if is_word else ""


def _retry_after(error: SlackApiError) -> float | None:
    named = {str(name).lower(): value for name, value in dict(error.response.headers).items()}
    try:
        seconds = float(named["retry-after"])
    except (KeyError, TypeError, ValueError):
        return None
    return seconds if 0 <= seconds < 86400 else None


def _within(seconds: float, call: Callable[[], T]) -> T | None:
    """What *call* returns, or None after *seconds*: a server that answers byte by byte holds up nobody.

    The thread that is left behind only listens; it ends with its socket's own timeout, or with the process.
    """
    found: list[T] = []
    listening = threading.Thread(target=lambda: found.append(call()), daemon=True, name="slack")
    listening.start()
    listening.join(seconds)
    return found[0] if found else None
