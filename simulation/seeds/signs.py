"""What one tick shows on its face, and how bad that is at least: the table a person would hold beside it."""

from typing import Final

from schemas.posture import PostureState
from schemas.tick import ContradictionGrade, Posture, Source, Tick

P, G = Posture, ContradictionGrade
RANK: Final = {posture: rank for rank, posture in enumerate(Posture)}
"""GREEN 0 to RED 3."""
SEVERITY: Final = {G.C1: 0.25, G.C2: 0.6, G.C3: 1.0}
BANDS: Final = {P.RED: 2.1, P.ORANGE: 1.35, P.YELLOW: 0.8}
HALF_S: Final = {Source.REST: 150.0, Source.STREAM: 55.0, Source.FILLS: 285.0}
"""Age at which a source is worth half."""


def floor(tick: Tick, blind: int, *, drawn_down: bool) -> tuple[Posture, str]:
    """The best posture that *tick* allows, and what of it says so. *blind*: cycles running without positions."""
    grades = {row.grade for row in tick.contradictions}
    stale = [
        row.source for row in tick.sightings if row.is_on and _is_stale(row.source, row.age_s, row.error_rate)
    ]
    shown = [
        (P.RED, drawn_down, "a drawdown"),
        (P.RED, tick.is_corrupt, "a broken journal"),
        (P.RED, G.C3 in grades, "a contradiction of C3"),
        (P.RED, tick.gap_s > 330, f"a gap of {tick.gap_s} s"),
        (P.RED, blind >= 2, "no positions for two cycles"),
        (P.ORANGE, not tick.has_positions, "no positions"),
        (P.ORANGE, len(stale) >= 2, f"{', '.join(stale)} stale"),
        (P.ORANGE, G.C2 in grades, "a contradiction of C2"),
        (P.ORANGE, tick.frozen_orders > 0, "a FROZEN order"),
        (P.ORANGE, tick.gave_up > 0, "a replacement given up"),
        (P.ORANGE, bool(tick.overturned), "a proof overturned"),
        (P.ORANGE, bool(tick.external), "shares of somebody else"),
        (P.ORANGE, bool(tick.record_faults), "a failing record"),
        (P.ORANGE, tick.gap_s > 60, f"a gap of {tick.gap_s} s"),
        (P.ORANGE, tick.verdict is None, "no verdict of its own"),
        (P.YELLOW, bool(stale), f"{', '.join(stale)} stale"),
    ]
    rows = () if tick.verdict is None else tick.verdict.divergences
    shown += [(row.clamp, True, str(row.category)) for row in rows]
    found = [(posture, why) for posture, applies, why in shown if applies]
    return max(found, key=lambda row: RANK[row[0]], default=(P.GREEN, "nothing"))


def asking(tick: Tick, before: frozenset[str], *, drawn_down: bool) -> frozenset[str]:
    """What of *tick* a person has to acknowledge before RED is left. *before*: what the tick before asked for."""
    shown = {
        "JOURNAL_CORRUPT": tick.is_corrupt,
        "CONTRADICTION_C3": any(row.grade is G.C3 for row in tick.contradictions),
        "DD_BREACH": drawn_down,
    }
    found = {name for name, is_shown in shown.items() if is_shown}
    if tick.verdict is None:
        found |= {name for name in before if name.startswith("div_")}
    else:
        found |= {row.divergence_id for row in tick.verdict.divergences if row.needs_ack}
    return frozenset(found)


def ails(rung: Posture, tick: Tick, worst: Posture, debt: float) -> bool:
    """Whether something on the face of *tick* keeps a book on *rung*."""
    if rung is P.GREEN:
        return False
    ailing = [RANK[worst] >= RANK[rung], debt > 0.75 * BANDS[rung] + 1e-6]
    if rung is P.RED:
        ailing.append(tick.unknown_orders > 0)
    elif rung is P.ORANGE:
        ailing.append(not tick.is_covered)
        ailing.append(tick.verdict is None or bool(tick.verdict.divergences))
    return any(ailing)


def severity(tick: Tick) -> float:
    """Of the worst contradiction that *tick* shows."""
    return max((SEVERITY[row.grade] for row in tick.contradictions), default=0.0)


def degrades(tick: Tick, state: PostureState) -> list[str]:
    """What degrades a book at *tick*."""
    shown = {
        "POSTURE_RED": state.posture is P.RED,
        "FEED_STALE": tick.quotes_asked > 0 and not tick.quotes_answered,
        "OBSERVATION_INCOMPLETE": tick.is_held,
        "BROKER_CIRCUIT_OPEN": tick.is_breaker_open,
    }
    return [name for name, is_shown in shown.items() if is_shown]


def slows(tick: Tick, state: PostureState) -> list[str]:
    """What makes a book slow at *tick*."""
    shown = {
        "POSTURE_YELLOW": state.posture in (P.YELLOW, P.ORANGE),
        "WARM_UP": state.warm_up > 0,
        "API_PRESSURE": tick.throttled * 20 > tick.requests,
    }
    return [name for name, is_shown in shown.items() if is_shown]


def _is_stale(source: Source, age_s: float | None, error_rate: float) -> bool:
    """Worth less than half: too old, too often failed; never heard is not said here, for a grace applies."""
    if age_s is None:
        return False
    return age_s > HALF_S[source] + 1 or error_rate > 0.51
