"""One rung at a time, at a BEGIN, never in a session's first cycle: a rung fires if and only if all its rows are met
for as many cycles as it asks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from execution_v2.posture.config import PostureConfig
from execution_v2.posture.contradiction import Agreement
from execution_v2.posture.floors import RANK, worst
from execution_v2.posture.freshness import Heard
from schemas.base import quantise
from schemas.posture import Floor, PostureState, RungChange, Unlock
from schemas.tick import Posture, Tick, TickKind

P = Posture
BETTER: Final = {P.RED: P.ORANGE, P.ORANGE: P.YELLOW, P.YELLOW: P.GREEN}
"""Where the next rung leads; GREEN has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a tick means, before it moves anything. ``floors`` without the flap hold; ``ack_needed`` sorted."""

    tick: Tick
    is_new: bool
    cycle_no: int
    sources: Sequence[Heard]
    agreement: Agreement
    debt: float
    floors: tuple[Floor, ...]
    ack_needed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the posture stands after a tick. Fields as in ``PostureState``; is_well: all rows of it are met."""

    posture: Posture
    healthy: int
    unlock: tuple[Unlock, ...]
    changes: tuple[RungChange, ...]
    hold_until: int
    is_well: bool


def move(before: PostureState, seen: Seen, config: PostureConfig) -> Standing:
    """Down to what the floors allow, at once; or up by one rung, if it is time for that; or neither."""
    changes = tuple(c for c in before.changes if c.cycle_no > seen.cycle_no - config.flap_cycles)
    floor = worst(seen.floors)
    if RANK[floor] > RANK[before.posture]:
        return _fallen(before, floor, changes, seen, config)
    stay = Standing(
        posture=before.posture,
        healthy=before.healthy,
        unlock=(),
        changes=changes,
        hold_until=before.hold_until,
        is_well=True,
    )
    if before.posture is P.GREEN:
        return stay
    return _climbing(before, stay, seen, config)


def needed(posture: Posture, config: PostureConfig) -> int:
    """Healthy cycles that the way out of *posture* takes; 0 for GREEN."""
    return {P.RED: config.red_cycles, P.ORANGE: config.orange_cycles, P.YELLOW: config.yellow_cycles}.get(
        posture, 0
    )


def is_held(hold_until: int, cycle_no: int) -> bool:
    """Whether a flap holds the posture in that cycle."""
    return 0 < hold_until and cycle_no <= hold_until


def flaps(changes: Sequence[RungChange], config: PostureConfig) -> bool:
    """More changes than a window may have, and a relapse among them: falling far and climbing back is no flap."""
    rises = [RANK[change.to] < RANK[change.was] for change in changes]
    relapses = any(not later for i, rise in enumerate(rises) if rise for later in rises[i + 1 :])
    return relapses and len(changes) > config.flap_changes_max


def rows(standing: Standing, seen: Seen, config: PostureConfig) -> tuple[Unlock, ...]:
    """What the next rung asks for, as this tick sees it; none for GREEN."""
    match standing.posture:
        case P.RED:
            own = _rows_of_red(seen, config)
        case P.ORANGE:
            own = _rows_of_orange(seen, config)
        case P.YELLOW:
            own = _rows_of_yellow(seen, config)
        case P.GREEN:
            return ()
    return (*own, _flap_row(standing, seen, config))


def _fallen(
    before: PostureState, to: Posture, changes: tuple[RungChange, ...], seen: Seen, config: PostureConfig
) -> Standing:
    changes = (*changes, RungChange(cycle_no=seen.cycle_no, was=before.posture, to=to))
    hold = seen.cycle_no + config.flap_cycles if flaps(changes, config) else before.hold_until
    fallen = Standing(posture=to, healthy=0, unlock=(), changes=changes, hold_until=hold, is_well=False)
    return replace(fallen, unlock=rows(fallen, seen, config))


def _climbing(before: PostureState, stay: Standing, seen: Seen, config: PostureConfig) -> Standing:
    """A flap that the next rung would complete begins its hold as soon as nothing else is in the way."""
    begins = seen.tick.kind is TickKind.BEGIN
    asked = rows(stay, seen, config)
    is_flap_alone = all(row.ok for row in asked[:-1]) and not asked[-1].ok
    if begins and is_flap_alone and not is_held(stay.hold_until, seen.cycle_no):
        stay = replace(stay, hold_until=seen.cycle_no + config.flap_cycles)
        asked = rows(stay, seen, config)
    is_well = all(row.ok for row in asked)
    healthy = 0 if begins and seen.tick.is_first and not before.last_healthy else before.healthy
    healthy = min(healthy + seen.is_new, needed(before.posture, config)) if is_well else 0
    stay = replace(stay, healthy=healthy, unlock=asked, is_well=is_well)
    is_time = begins and not seen.tick.is_first
    if not (is_time and is_well and healthy >= needed(before.posture, config)):
        return stay
    change = RungChange(cycle_no=seen.cycle_no, was=before.posture, to=BETTER[before.posture])
    risen = replace(stay, posture=change.to, healthy=0, changes=(*stay.changes, change))
    return replace(risen, unlock=rows(risen, seen, config))


def _rows_of_red(seen: Seen, config: PostureConfig) -> tuple[Unlock, ...]:
    unknown, syncs = seen.tick.unknown_orders, seen.agreement.agreed_syncs
    return (
        _debt_row(seen, config.band_red, config),
        _floor_row(seen, P.RED),
        Unlock(cond="unknown orders that are not FROZEN", have=str(unknown), need="0", ok=unknown == 0),
        Unlock(
            cond="cycles running whose positions agreed",
            have=str(syncs),
            need=str(config.syncs_min),
            ok=syncs >= config.syncs_min,
        ),
        Unlock(
            cond="acknowledged by an operator",
            have=_listed("missing ", seen.ack_needed) if seen.ack_needed else "nothing to acknowledge",
            need="all",
            ok=not seen.ack_needed,
        ),
    )


def _rows_of_orange(seen: Seen, config: PostureConfig) -> tuple[Unlock, ...]:
    verdict, agreed, covered = seen.tick.verdict, seen.agreement.agreed, seen.tick.is_covered
    open_ = 0 if verdict is None else len(verdict.divergences)
    return (
        _debt_row(seen, config.band_orange, config),
        _floor_row(seen, P.ORANGE),
        Unlock(
            cond="ticks running without contradiction",
            have=str(agreed),
            need=str(config.agreed_ticks),
            ok=agreed >= config.agreed_ticks,
        ),
        Unlock(
            cond="replay verdict of this cycle",
            have="none" if verdict is None else f"{open_} divergences" if open_ else "good",
            need="good",
            ok=verdict is not None and not open_,
        ),
        Unlock(cond="every own position covered", have="yes" if covered else "no", need="yes", ok=covered),
    )


def _rows_of_yellow(seen: Seen, config: PostureConfig) -> tuple[Unlock, ...]:
    least = min((row.known_worth for row in seen.sources), default=0.0)
    return (
        _debt_row(seen, config.band_yellow, config),
        _floor_row(seen, P.YELLOW),
        Unlock(
            cond="freshness of the weakest source",
            have=f"{least:.6f}",
            need=f">= {config.thin_below:.6f}",
            ok=least >= config.thin_below,
        ),
    )


def _debt_row(seen: Seen, band: float, config: PostureConfig) -> Unlock:
    most = quantise(config.release * band, 6) or 0.0
    return Unlock(cond="debt", have=f"{seen.debt:.6f}", need=f"<= {most:.6f}", ok=seen.debt <= most)


def _floor_row(seen: Seen, posture: Posture) -> Unlock:
    codes = dict.fromkeys(row.code for row in seen.floors if RANK[row.posture] >= RANK[posture])
    return Unlock(
        cond=f"nothing holds {posture} or worse",
        have=_listed("", codes) or "nothing",
        need="nothing",
        ok=not codes,
    )


def _flap_row(standing: Standing, seen: Seen, config: PostureConfig) -> Unlock:
    change = RungChange(cycle_no=seen.cycle_no, was=standing.posture, to=BETTER[standing.posture])
    left = standing.hold_until - seen.cycle_no + 1
    if is_held(standing.hold_until, seen.cycle_no):
        have = f"{left} cycles left"
    else:
        have = "would flap" if flaps((*standing.changes, change), config) else "none"
    return Unlock(cond="flap hold", have=have, need="none", ok=have == "none")


def _listed(before: str, names: Sequence[str] | dict[str, None]) -> str:
    return before + ", ".join(names) if names else ""
