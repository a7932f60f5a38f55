"""A fault at the boundary is one of a few named troubles, met by script or by seed, and each that was met is counted.

What befalls a request says whether it reached the exchange, what happened there around it, and what its client is told.
What befalls an update of the stream is a word.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final, Literal, Protocol

from schemas.observations import BrokerOrder
from simulation.alpaca_server.mishaps import OF, Mishap
from simulation.alpaca_server.refusals import INVALID, UNPROCESSABLE, Refusal, duplicate, held, unauthorised
from simulation.bar_pages import stamp
from simulation.chance import Chance
from simulation.loopback import Answer, Cut, Fault, Reset, Rewrite, Stall, gateway, throttled

Word = Literal["as_is", "drop", "double", "late", "cut"]
"""An update is told, lost, told twice, told after the one behind it, or the stream breaks before it."""
WORDS: Final[tuple[Word, ...]] = ("drop", "double", "late", "cut")
HALT_S: Final = 600.0
"""How long a halt lasts for which nobody said how long."""
_HALTS_S: Final = (60, 1800)
_SKEW_S: Final = 90
SECONDS_MAX: Final = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What befalls one request.

    *reaches*: whether it has its effect at the exchange. *how*: what the line makes of the answer. *stale*: the answer
    is the one that the same read had the last time. *mishap*: what happens at the venue around it, *seconds* long where
    it lasts; one that cannot happen around this request leaves it undisturbed.
    """

    name: str
    reaches: bool
    how: Fault = None
    stale: bool = False
    mishap: Mishap | None = None
    seconds: float = 0.0


def accepted_then_504() -> Trouble:
    """It has its effect, and something in between gives up waiting: HTML."""
    return Trouble(name="accepted_then_504", reaches=True, how=gateway(504))


def lost_ack() -> Trouble:
    """It has its effect, and the connection is torn down before any answer."""
    return Trouble(name="lost_ack", reaches=True, how=Reset())


def mute_ack(seconds: float = 3600.0) -> Trouble:
    """It has its effect, and nothing is ever answered."""
    return Trouble(name="mute_ack", reaches=True, how=Stall(seconds=seconds))


def cut() -> Trouble:
    """It has its effect, and the answer ends in the middle."""
    return Trouble(name="cut", reaches=True, how=Cut())


def lost() -> Trouble:
    """The connection is torn down before it has any effect."""
    return Trouble(name="lost", reaches=False, how=Reset())


def stall(seconds: float = 3600.0) -> Trouble:
    """It has no effect, and nothing is ever answered."""
    return Trouble(name="stall", reaches=False, how=Stall(seconds=seconds))


def duplicate_id() -> Trouble:
    """422: the client id was used, whether or not that is so."""
    return Trouble(name="duplicate_id", reaches=False, how=duplicate().answer)


def already_taken() -> Trouble:
    """It has its effect, and is answered as its own repetition: 422, the client id was used."""
    return Trouble(name="already_taken", reaches=True, how=duplicate().answer)


def rate_limited(retry_after: str = "1") -> Trouble:
    """429, with how long to wait."""
    return Trouble(name="rate_limited", reaches=False, how=throttled(retry_after))


def shares_held(symbol: str = "", working: Sequence[BrokerOrder] = ()) -> Trouble:
    """403: the shares are held for other orders."""
    no = held(symbol, Decimal(1), Decimal(1), list(working))
    return Trouble(name="shares_held", reaches=False, how=no.answer)


def html(status: int = 502) -> Trouble:
    """A page of something in between, before any effect."""
    return Trouble(name="html", reaches=False, how=gateway(status))


def erred(status: int = 500) -> Trouble:
    """The vendor's own fault, in JSON, before any effect."""
    body = b'{"code":50010000,"message":"internal server error occurred"}'
    return Trouble(name="erred", reaches=False, how=Answer(status=status, body=body))


def stale() -> Trouble:
    """A read is answered as it was the last time."""
    return Trouble(name="stale", reaches=True, stale=True)


def empty() -> Trouble:
    """A listing is answered as if there were nothing."""
    return Trouble(name="empty", reaches=True, how=Rewrite(to=_nothing))


def unauthorized() -> Trouble:
    """401, whatever the keys."""
    return Trouble(name="unauthorized", reaches=False, how=unauthorised().answer)


def rejected() -> Trouble:
    """422 without a good reason; several times in a row it is a burst."""
    no = Refusal(422, UNPROCESSABLE, "order rejected, try again later")
    return Trouble(name="rejected", reaches=False, how=no.answer)


def clock_skew(seconds: float = 90.0) -> Trouble:
    """The exchange's clock is told so many seconds ahead, or behind if negative."""

    def shifted(truth: Any) -> Any:
        said = truth.get("timestamp") if isinstance(truth, dict) else None
        if said is None:
            return truth
        return {**truth, "timestamp": stamp(datetime.fromisoformat(said) + timedelta(seconds=seconds))}

    return Trouble(name="clock_skew", reaches=True, how=Rewrite(to=shifted))


def happening(mishap: Mishap, seconds: float = HALT_S) -> Trouble:
    """*mishap* happens at the venue."""
    return Trouble(name=mishap.value, reaches=True, mishap=mishap, seconds=seconds)


def rewritten(to: Callable[[Any], Any]) -> Trouble:
    """The true answer's JSON, made into something else."""
    return Trouble(name="rewritten", reaches=True, how=Rewrite(to=to))


NAMED: Final[Mapping[str, Callable[[], Trouble]]] = {
    **{
        made.__name__: made
        for made in (
            accepted_then_504, lost_ack, mute_ack, cut, lost, stall, duplicate_id, already_taken, rate_limited,
            shares_held, unauthorized, rejected, html, erred, stale, empty, clock_skew,
        )
    },
    **{mishap.value: partial(happening, mishap) for mishap in Mishap},
}  # fmt: skip
"""Troubles by name, as ``POST /sim/faults`` calls them."""
LASTING: Final[Mapping[str, Callable[[float], Trouble]]] = {
    "mute_ack": mute_ack,
    "stall": stall,
    "clock_skew": clock_skew,
    "halt": partial(happening, Mishap.HALT),
    "rate_limited": lambda seconds: rate_limited(f"{seconds:g}"),
}
"""Those that take ``seconds``."""
_OF_READS: Final[tuple[Callable[[], Trouble], ...]] = (
    lost_ack,
    cut,
    lost,
    rate_limited,
    html,
    erred,
    stale,
    accepted_then_504,
)
_OF_WRITES: Final[tuple[Callable[[], Trouble], ...]] = (
    accepted_then_504,
    lost_ack,
    cut,
    lost,
    already_taken,
    rate_limited,
    html,
    erred,
)
_OF_CHANGES: Final[tuple[Callable[[], Trouble], ...]] = (
    accepted_then_504,
    lost_ack,
    cut,
    lost,
    rate_limited,
    html,
    erred,
)


class Faults(Protocol):
    """Who says what befalls a request or an update.

    ``met``: how often each trouble was, by name; a mishap is counted by whoever sees that it happened.
    """

    met: Counter[str]

    def request(self, number: int, method: str, path: str) -> Trouble | None:
        """What befalls request *number* (from 1)."""
        ...

    def update(self, number: int) -> Word:
        """What befalls update *number* (from 1)."""
        ...


@dataclass(slots=True, kw_only=True)
class Rule:
    """*trouble* for *times* requests that fit *what*, ``METHOD /path`` with ``*`` for anything, *after* so many."""

    what: str
    trouble: Trouble
    times: int = 1
    after: int = 0


@dataclass(slots=True)
class Script:
    """Troubles as they were written down. *updates*: words of the next updates, in turn; then all is told as it is."""

    rules: list[Rule] = field(default_factory=list)
    updates: list[Word] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)

    def add(self, what: str, trouble: Trouble, *, times: int = 1, after: int = 0) -> None:
        """One more rule; the first that fits and is not used up holds."""
        self.rules.append(Rule(what=what, trouble=trouble, times=times, after=after))

    def clear(self) -> None:
        """Nothing that was asked for is met any more."""
        self.rules.clear()
        self.updates.clear()

    def request(self, number: int, method: str, path: str) -> Trouble | None:
        del number
        for rule in self.rules:
            if rule.times <= 0 or not fnmatchcase(f"{method} {path}", rule.what):
                continue
            if rule.after > 0:
                rule.after -= 1
                return None
            rule.times -= 1
            return _counted(rule.trouble, self.met)
        return None

    def update(self, number: int) -> Word:
        del number
        word: Word = self.updates.pop(0) if self.updates else "as_is"
        if word != "as_is":
            self.met[f"update_{word}"] += 1
        return word


def written(given: Mapping[str, Any], into: Faults) -> None:
    """Take what a request to this exchange's own path asks for: a rule, words for the next updates, or an end of both.

    Errors: ``Refusal`` for what cannot be meant, and where the faults are a seed's.
    """
    if not isinstance(into, Script):
        raise Refusal(422, UNPROCESSABLE, "the faults of this exchange are drawn by a seed")
    if dict(given) == {"clear": True}:
        into.clear()
        return
    what, name, words = given.get("what"), given.get("trouble"), given.get("updates", [])
    counts: list[Any] = [given.get(each, least) for each, least in (("times", 1), ("after", 0))]
    if not isinstance(words, list) or [word for word in words if word not in ("as_is", *WORDS)]:
        raise Refusal(422, INVALID, f"updates are a list of as_is, {', '.join(WORDS)}")
    if (what is None) != (name is None) or (name is None and not words):
        raise Refusal(422, INVALID, "what and trouble go together, or updates are given, or clear is true")
    if name is not None:
        if name not in NAMED or not isinstance(what, str):
            raise Refusal(
                422, INVALID, f"troubles are {', '.join(sorted(NAMED))}; what is like POST /v2/orders*"
            )
        if not all(isinstance(each, (int, Decimal)) and 0 <= each <= 10**6 for each in counts):
            raise Refusal(422, INVALID, "times and after are numbers of requests")
        into.add(what, _named(name, given), times=int(counts[0]), after=int(counts[1]))
    into.updates += words


def _named(name: str, given: Mapping[str, Any]) -> Trouble:
    """The trouble of that name, so long as *given* says. Errors: ``Refusal``."""
    if "seconds" not in given:
        return NAMED[name]()
    lasts = seconds_of(given)
    if name not in LASTING or (lasts < 0 and name != "clock_skew"):
        raise Refusal(
            422, INVALID, f"seconds go with {', '.join(sorted(LASTING))}; only clock_skew may be negative"
        )
    return LASTING[name](lasts)


def seconds_of(given: Mapping[str, Any]) -> float:
    """``seconds``, by default those of a halt. Errors: ``Refusal``."""
    lasts = given.get("seconds", HALT_S)
    if (
        isinstance(lasts, bool)
        or not isinstance(lasts, (float, Decimal))
        or not abs(float(lasts)) <= SECONDS_MAX
    ):
        raise Refusal(422, INVALID, f"seconds is a number, at most {SECONDS_MAX}")
    return float(lasts)


class Seeded:
    """Troubles drawn by *seed*, each a pure function of it and of the number of the request or update.

    *rate*: the part of requests, and of updates, that meet one.
    """

    def __init__(self, seed: int, rate: float) -> None:
        self._seed = seed
        self._rate = rate
        self.met: Counter[str] = Counter()

    def request(self, number: int, method: str, path: str) -> Trouble | None:
        chance = Chance(self._seed, f"request/{number}")
        if not chance.happens(self._rate):
            return None
        among: tuple[Callable[[], Trouble], ...] = {"GET": _OF_READS, "POST": _OF_WRITES}.get(
            method, _OF_CHANGES
        )
        if method == "GET" and path == "/v2/positions":
            among = (*among, empty)
        if method == "GET" and path == "/v2/clock":
            among = (*among, partial(clock_skew, float(chance.between(-_SKEW_S, _SKEW_S))))
        if path.startswith("/v2/orders"):
            halt_s = float(chance.between(*_HALTS_S))
            among = (*among, *(partial(happening, mishap, halt_s) for mishap in OF.get(method, ())))
        return _counted(chance.pick(among)(), self.met)

    def update(self, number: int) -> Word:
        chance = Chance(self._seed, f"update/{number}")
        if not chance.happens(self._rate):
            return "as_is"
        word = chance.pick(WORDS)
        self.met[f"update_{word}"] += 1
        return word


def _counted(trouble: Trouble, met: Counter[str]) -> Trouble:
    if trouble.mishap is None:
        met[trouble.name] += 1
    return trouble


def _nothing(truth: Any) -> Any:
    return [] if isinstance(truth, list) else {}
