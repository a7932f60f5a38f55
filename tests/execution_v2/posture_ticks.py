"""Ticks for the posture's tests: a perfect one, what can be wrong with it, and strategies that draw both."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from hypothesis import strategies as st

from execution_v2.posture import PostureConfig, step
from execution_v2.posture.view import perfect
from schemas.posture import PostureState
from schemas.tick import (
    Contradicting,
    ContradictionGrade,
    Divergence,
    DivergenceCategory,
    Posture,
    Sighting,
    Source,
    Tick,
    TickKind,
    Verdict,
)

B, S, E = TickKind.BEGIN, TickKind.SPOT, TickKind.END
CONFIG: Final = PostureConfig()
NEW: Final = PostureState()
NONE: Final[frozenset[str]] = frozenset()


def good(kind: TickKind = B, **change: Any) -> Tick:
    """A perfect tick but for *change*."""
    return Tick.model_validate({**dict(perfect(kind)), **change})


def after(
    state: PostureState, *ticks: Tick, acks: Iterable[str] = (), drawn_down: bool = False
) -> PostureState:
    """*state* after *ticks*; *acks* come before the first."""
    given = frozenset(acks)
    for tick in ticks:
        state, given = step(state, tick, CONFIG, acks=given, drawn_down=drawn_down), NONE
    return state


def cycles(state: PostureState, count: int, **change: Any) -> PostureState:
    """*state* after so many whole cycles, each BEGIN and END with *change*."""
    for _ in range(count):
        state = after(state, good(B, **change), good(E, **change))
    return state


def cycles_until(state: PostureState, reached: Callable[[PostureState], bool], most: int = 60) -> int:
    """Perfect cycles until a BEGIN shows what is *reached*; whatever can be acknowledged is."""
    for count in range(1, most + 1):
        state = after(state, good(B), acks=state.ack_needed)
        if reached(state):
            return count
        state = after(state, good(E))
    raise AssertionError(f"not reached in {most} cycles: {state}")


def sightings(rest: float | None = 0.0, stream: float | None = 0.0, fills: float | None = 0.0) -> Any:
    """The three sources by their ages."""
    ages = {Source.REST: rest, Source.STREAM: stream, Source.FILLS: fills}
    return tuple(Sighting(source=s, is_on=True, age_s=age, error_rate=0.0) for s, age in ages.items())


def sourced(source: Source, **change: Any) -> Any:
    """All sources perfect but for *change* in one."""
    rows = perfect(B).sightings
    return tuple(row.model_copy(update=change) if row.source is source else row for row in rows)


def contradicting(grade: str, subject: str = "AAPL") -> Contradicting:
    return Contradicting(grade=ContradictionGrade(grade), subject=subject, code="QTY_MISMATCH")


def diverging(clamp: str = "ORANGE", severity: float = 0.7, name: str = "a", **change: Any) -> Divergence:
    """A divergence of that clamp; RED asks for an acknowledgement."""
    fields: dict[str, Any] = {
        "divergence_id": f"div_{name}",
        "category": DivergenceCategory.STATE_HASH if clamp == "RED" else DivergenceCategory.DECISION,
        "severity": severity,
        "clamp": Posture(clamp),
        "needs_ack": clamp == "RED",
        "pointer": "/",
        "expected": "x",
        "actual": "y",
    }
    return Divergence.model_validate({**fields, **change})


def verdict(*divergences: Divergence) -> Verdict:
    return Verdict(seq=1, divergences=divergences)


# --- strategies -----------------------------------------------------------------------------------

_AGE = st.sampled_from([0.0, 20.0, 45.0, 90.0, 150.0, 240.0, 480.0, 9_000.0])
_RATE = st.sampled_from([0.0, 0.2, 0.5, 1.0])
_GRADES = st.sampled_from(["C1", "C2", "C3"])
_DIVERGENCE = st.builds(
    diverging,
    st.sampled_from(["ORANGE", "RED"]),
    st.sampled_from([0.5, 0.7, 1.0]),
    st.sampled_from(["a", "b"]),
    count=st.integers(1, 5),
)
_KINDS = st.sampled_from([B, E, S])


@st.composite
def _sightings(draw: Callable[[Any], Any]) -> Any:
    is_on = draw(st.sampled_from([True, True, False]))
    return tuple(
        Sighting(
            source=source,
            is_on=is_on or source is not Source.STREAM,
            age_s=draw(_AGE | st.none()),
            error_rate=draw(_RATE),
        )
        for source in Source
    )


_FIELDS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "sightings": _sightings(),
    "contradictions": st.lists(_GRADES.map(contradicting), max_size=2).map(tuple),
    "has_positions": st.booleans(),
    "is_in_sync": st.booleans(),
    "has_synced": st.booleans(),
    "unknown_orders": st.integers(0, 3),
    "unknown_oldest_s": st.none() | st.integers(0, 900),
    "ambiguous_symbols": st.integers(0, 3),
    "frozen_orders": st.integers(0, 2),
    "gave_up": st.integers(0, 2),
    "overturned": st.sampled_from([(), ("AAPL",)]),
    "external": st.sampled_from([(), ("MSFT",)]),
    "syncs": st.sampled_from([(), ("YELLOW",), ("ORANGE", "YELLOW"), ("RED",)]),
    "gap_s": st.sampled_from([0, 30, 61, 200, 331, 5_000]),
    "gap_breaches": st.integers(0, 3),
    "is_covered": st.booleans(),
    "record_faults": st.sampled_from([(), ("LEDGER_UNAVAILABLE",)]),
    "is_corrupt": st.booleans(),
    "verdict": st.none() | st.lists(_DIVERGENCE, max_size=3).map(lambda rows: verdict(*rows)),
    "is_first": st.booleans(),
}


@st.composite
def ticks(draw: Callable[[Any], Any], kinds: st.SearchStrategy[TickKind] = _KINDS, most: int = 4) -> Tick:
    """A tick that is perfect but for some of its fields."""
    names = draw(st.lists(st.sampled_from(sorted(_FIELDS)), max_size=most, unique=True))
    return good(draw(kinds), **{name: draw(_FIELDS[name]) for name in names})


@st.composite
def pasts(draw: Callable[[Any], Any]) -> PostureState:
    """A state that a book can come to: bursts of bad ticks, and stretches in which all is well."""
    state = NEW
    for _ in range(draw(st.integers(0, 4))):
        state = after(state, *draw(st.lists(ticks(), max_size=3)), drawn_down=draw(st.booleans()))
        answered = state.ack_needed if draw(st.booleans()) else ()
        state = cycles(after(state, good(E), acks=answered), draw(st.integers(0, 6)))
    return state if draw(st.booleans()) else after(state, good(B))


@st.composite
def worsened(draw: Callable[[Any], Any], tick: Tick) -> Tick:
    """*tick* with less evidence, or with more of what is wrong; never better in any respect."""
    names = draw(st.lists(st.sampled_from(sorted(_WORSE)), min_size=1, max_size=3, unique=True))
    for name in names:
        tick = tick.model_copy(update=_WORSE[name](tick, draw))
    return tick


def _older(tick: Tick, draw: Callable[[Any], Any]) -> dict[str, Any]:
    """One source later, never heard, failing more often, stamped in our future, or without a line."""
    which = draw(st.sampled_from(list(Source)))
    rows = []
    for row in tick.sightings:
        if row.source is not which or not row.is_on:
            rows.append(row)
            continue
        how = draw(st.sampled_from(["later", "never", "failing", "skewed", "gone"]))
        later = None if row.age_s is None else row.age_s + draw(_AGE)
        change: dict[str, Any] = {
            "later": {"age_s": later},
            "never": {"age_s": None},
            "failing": {"error_rate": max(row.error_rate, draw(_RATE))},
            "skewed": {"age_s": -5.0},
            "gone": {},
        }[how]
        if how != "gone":
            rows.append(row.model_copy(update=change))
    return {"sightings": tuple(rows)}


def _more(name: str) -> Callable[[Tick, Callable[[Any], Any]], dict[str, Any]]:
    return lambda tick, draw: {name: getattr(tick, name) + draw(st.integers(1, 400))}


def _set(**change: Any) -> Callable[[Tick, Callable[[Any], Any]], dict[str, Any]]:
    return lambda tick, draw: change


def _unverified(tick: Tick, draw: Callable[[Any], Any]) -> dict[str, Any]:
    """A good verdict is lost; one that is not has one divergence more: bad news that is lost is no evidence."""
    if tick.verdict is None:
        return {}
    if not tick.verdict.divergences:
        return {"verdict": None}
    return {"verdict": verdict(*tick.verdict.divergences, draw(_DIVERGENCE))}


_WORSE: Final[dict[str, Callable[[Tick, Callable[[Any], Any]], dict[str, Any]]]] = {
    "sightings": _older,
    "contradictions": lambda tick, draw: {
        "contradictions": (*tick.contradictions, contradicting(draw(_GRADES)))
    },
    "positions": _set(has_positions=False),
    "sync": _set(is_in_sync=False),
    "synced": _set(is_in_sync=False, has_synced=False),
    "unknown": _more("unknown_orders"),
    "oldest": lambda tick, draw: {
        "unknown_orders": tick.unknown_orders + 1,
        "unknown_oldest_s": None if tick.unknown_oldest_s is None else tick.unknown_oldest_s + 60,
    },
    "ambiguous": _more("ambiguous_symbols"),
    "frozen": _more("frozen_orders"),
    "gave_up": _more("gave_up"),
    "overturned": _set(overturned=("AAPL",)),
    "external": _set(external=("MSFT",)),
    "syncs": lambda tick, draw: {"syncs": (*tick.syncs, draw(st.sampled_from(["YELLOW", "ORANGE", "RED"])))},
    "gap": _more("gap_s"),
    "breaches": _more("gap_breaches"),
    "uncovered": _set(is_covered=False),
    "record": _set(record_faults=("LEDGER_UNAVAILABLE",)),
    "corrupt": _set(is_corrupt=True),
    "verdict": _unverified,
    "first": _set(is_first=True),
}
