"""One request is one request: it leaves once, it ends in time, and what came of it is a value.

The vendor's client repeats a POST by itself and waits for ever. Here its repetitions are off, its session's door
takes a single pass for each request, and time-outs stand on it; ``faults`` says whether all that is really so.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from alpaca.common.exceptions import APIError
from alpaca.common.rest import RESTClient
from requests import PreparedRequest, Response
from requests.exceptions import ConnectTimeout, JSONDecodeError, RequestException
from urllib3.exceptions import HTTPError, NewConnectionError

from execution_v2.broker.alpaca_config import AlpacaConfig
from execution_v2.broker.breaker import Breaker, Keep, Lane
from execution_v2.broker.limiter import Window
from market.feeds.alpaca import Credentials, TimedDoor
from market.feeds.port import Clock
from schemas.reasons.execution import LineCode
from schemas.reasons.gates import FreshnessCode

Method = Literal["GET", "POST", "PATCH", "DELETE"]
RETRY_AFTER_S_MAX: Final = 3600
GOOD: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The other side answered. *body*: its JSON; None: it has none, or it is none.

    *wait_s*: how long the broker wants us to wait, if it says so.
    """

    status: int
    body: Any
    wait_s: int | None = None

    @property
    def is_good(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """No answer. *left*: no, not a byte did; maybe it did; yes, it was answered by what nobody can read."""

    code: LineCode | FreshnessCode
    detail: str
    left: Literal["no", "maybe", "yes"]

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else str(self.code)


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Breaker and window of one account, shared by every line to it; both are replaced as requests go and come.

    keep: told of every change of the breaker, before whatever comes next: a process may die at any time.
    """

    breaker: Breaker = field(default_factory=Breaker)
    window: Window = field(default_factory=Window)
    keep: Keep | None = None

    def stands(self, breaker: Breaker) -> None:
        """The breaker is that one now."""
        if breaker == self.breaker:
            return
        self.breaker = breaker
        if self.keep is not None:
            self.keep(breaker)


class _Again(RequestException):
    """Somebody tried to send one request twice."""


class Door(TimedDoor):
    """A transport that lets each request through once and gives up in time. ``passes``: how many may still leave."""

    def __init__(self, config: AlpacaConfig, clock: Clock) -> None:
        super().__init__(clock.now)
        self._config = config
        self.passes = 0
        self.status = 0

    def admit(self, limit_s: float) -> None:
        """Let one request through, to end within *limit_s*."""
        self.passes, self.status, self.headers = 1, 0, {}
        self.deadline = self._now() + timedelta(seconds=limit_s)

    def times(self, method: str) -> tuple[float, float]:
        """Time-outs of *method*, seconds: to connect, and for a silence."""
        config = self._config
        return config.connect_s, config.read_s if method == "GET" else config.write_s

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
        if self.passes < 1:
            raise _Again("a second request for one")
        self.passes -= 1
        response = self._sent(request, self.times(request.method or ""), options)
        self.status = response.status_code
        return response


class Line:
    """Requests to one host through one of the vendor's clients. No exception leaves ``ask``."""

    def __init__(
        self,
        client: RESTClient,
        config: AlpacaConfig,
        credentials: Credentials,
        clock: Clock,
        traffic: Traffic,
    ) -> None:
        self._client = client
        self._config = config
        self._credentials = credentials
        self._clock = clock
        self._traffic = traffic
        self._missing = [name for name in ("_retry", "_session") if name not in vars(client)]
        self.door = Door(config, clock)
        session = client._session
        session.trust_env = False  # no proxy, .netrc or bundle that the environment names
        session.mount("https://", self.door)
        session.mount("http://", self.door)
        client._retry = 0

    @property
    def host(self) -> str:
        """Where requests go, for the record."""
        return str(urlsplit(self._url).hostname)

    @property
    def _url(self) -> str:
        base = self._client._base_url
        return str(getattr(base, "value", base))

    def faults(self) -> tuple[str, ...]:
        """Why nothing may be added over this line: what should hold of the vendor's client and does not."""
        found = [f"the vendor's client keeps no {name}" for name in self._missing]
        if self._client._retry != 0:
            found.append(f"the vendor's client would repeat a request {self._client._retry} times")
        if self._client._session.get_adapter(self._url) is not self.door:
            found.append("no time-outs are mounted on the vendor's session")
        elif self.door.max_retries.total != 0:
            found.append("the transport would repeat a request")
        return tuple(found)

    def ask(self, op: str, lane: Lane, method: Method, path: str, payload: Any = None) -> Reply | Lost:
        """Send one request and tell what came of it. A GET may be tried again while its time lasts."""
        refused = self._admit(op, lane)
        if refused is not None:
            return refused
        if method != "GET":
            return self._counted(op, method, path, payload, sum(self.door.times(method)))
        ends_at = self._clock.now() + timedelta(seconds=self._config.read_s)
        pause = self._config.read_pause_s
        # While the circuit is open one try says enough.
        tries = 1 if self._traffic.breaker.is_open(self._clock.now()) else self._config.reads_max
        while True:
            left = (ends_at - self._clock.now()).total_seconds()
            reply = self._counted(op, method, path, payload, left)
            tries -= 1
            may_pass = isinstance(reply, Lost) or reply.status >= 500
            if not may_pass or tries < 1 or self._clock.now() + timedelta(seconds=pause) >= ends_at:
                return reply
            self._clock.sleep(pause)
            pause *= 2

    def _admit(self, op: str, lane: Lane) -> Lost | None:
        """Whether *op* may go now; an exit and a read wait at most a second, only what adds is refused."""
        now, traffic = self._clock.now(), self._traffic
        if lane is Lane.INCREASE:
            faults = self.faults()
            if faults or not traffic.breaker.may_increase(op, now):
                why = "; ".join(faults) or "the broker failed too often of late"
                return Lost(code=FreshnessCode.BROKER_CIRCUIT_OPEN, detail=why, left="no")
        if not traffic.window.admits(lane, now):
            return Lost(code=LineCode.REQUEST_BUDGET_SPENT, detail="", left="no")
        wait = max(traffic.breaker.wait_s(op, now), traffic.window.wait_s(now))
        if wait > 0:
            self._clock.sleep(wait)
        return None

    def _counted(self, op: str, method: Method, path: str, payload: Any, limit_s: float) -> Reply | Lost:
        """One request, told to window and breaker."""
        traffic, now = self._traffic, self._clock.now()
        traffic.window = traffic.window.after(now)
        traffic.stands(traffic.breaker.sent(op, now))
        reply = self._once(method, path, payload, limit_s)
        now = self._clock.now()
        if isinstance(reply, Reply) and reply.status == 401:
            traffic.stands(traffic.breaker.opened(op, now))
        elif isinstance(reply, Lost) or reply.status != 429:
            erred = isinstance(reply, Lost) or reply.status == 408 or reply.status >= 500
            traffic.stands(traffic.breaker.after(op, now, answered=not erred))
        return reply

    def _once(self, method: Method, path: str, payload: Any, limit_s: float) -> Reply | Lost:
        self.door.admit(max(limit_s, 0.001))
        try:
            body = getattr(self._client, method.lower())(path, payload)
        except APIError as error:
            return self._reply(_parsed(str(error)), error.status_code or 0)
        except (JSONDecodeError, RecursionError):
            return Lost(code=LineCode.ANSWER_UNREADABLE, detail="the answer is no JSON", left="yes")
        except (RequestException, HTTPError, OSError) as error:
            # The text of these names the address with its parameters; the kind says enough.
            left: Literal["no", "maybe"] = "no" if _never_left(error) else "maybe"
            code = LineCode.NOT_SENT if left == "no" else LineCode.ANSWER_LOST
            return Lost(code=code, detail=type(error).__name__, left=left)
        # What the client gives back is good to it; a redirect that it does not follow is among that.
        return self._reply(body, self.door.status or GOOD)

    def _reply(self, body: Any, status: int) -> Reply:
        return Reply(status=status, body=body, wait_s=_wait_s(self.door.headers, self._clock.now()))

    def redacted(self, text: str) -> str:
        """*text* without the keys."""
        return self._credentials.redacted(text)

    def close(self) -> None:
        """Let the connections go."""
        self._client._session.close()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _never_left(error: BaseException) -> bool:
    """Whether *error* is proof that no byte of the request left: no connection came about."""
    if isinstance(error, ConnectTimeout):
        return True
    inner = error.args[0] if error.args else None
    return isinstance(inner, NewConnectionError) or isinstance(
        getattr(inner, "reason", None), NewConnectionError
    )


def _wait_s(headers: Mapping[str, str], now: datetime) -> int | None:
    """Retry-After in seconds; else until the broker's quota begins anew, if it is used up."""
    told = headers.get("Retry-After", "").strip()
    if told.isascii() and told.isdigit():
        return min(int(told), RETRY_AFTER_S_MAX)
    reset = headers.get("X-RateLimit-Reset", "").strip()
    if headers.get("X-RateLimit-Remaining", "").strip() == "0" and reset.isascii() and reset.isdigit():
        return min(max(int(reset) - int(now.timestamp()), 0), RETRY_AFTER_S_MAX)
    return None
