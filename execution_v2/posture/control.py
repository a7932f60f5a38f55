"""Posture gets worse at once and better by the ladder: one step is a function of the last state and of one tick."""

from dataclasses import dataclass

from execution_v2.posture import contradiction, debt
from execution_v2.posture.config import PostureConfig
from execution_v2.posture.debt import Bands
from execution_v2.posture.floors import RANK, floors, worst_first
from execution_v2.posture.freshness import confidence, heard
from execution_v2.posture.ladder import Seen, is_held, move, needed
from schemas.base import quantise
from schemas.posture import DebtTerm, Floor, PostureState
from schemas.reasons.posture import PostureCode, RecoveryCode
from schemas.tick import Posture, Tick, TickKind

P = Posture


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What a tick comes to, before it moves anything; seen: the part of it that the ladder reads."""

    seen: Seen
    conf: float
    gravity: float
    terms: dict[str, float]
    bands: Bands


def step(
    before: PostureState, tick: Tick, config: PostureConfig, *, acks: frozenset[str], drawn_down: bool
) -> PostureState:
    """The posture after *tick*.

    Args:
        before: as of the tick before, whatever its kind.
        acks: codes and divergence ids that an operator acknowledged after *before* was recorded, and none from
            earlier: an acknowledgement answers what stood there when it was given, so that what ends and comes
            back has to be acknowledged anew. Those that nobody asked for change nothing.
        drawn_down: equity lies as far below its peak as the book allows (DD_BREACH).
    """
    judged = _judge(before, tick, config, acks=acks, drawn_down=drawn_down)
    seen, agreement, found = judged.seen, judged.seen.agreement, judged.seen.floors
    standing = move(before, seen, config)
    posture = standing.posture
    _assert_lawful(before, tick, posture)
    if is_held(standing.hold_until, seen.cycle_no) and posture is not P.GREEN:
        found = worst_first((*found, Floor(code=PostureCode.POSTURE_FLAP_HOLD, posture=posture)))
    after_red, warm_up = _warm_up(before, posture, config, is_new=seen.is_new)
    has_moved, ends = posture is not before.posture, tick.kind is TickKind.END
    # A slot that is run again after its END is looked at by SPOTs alone, and remains a cycle that ended.
    has_ended = ends or (tick.kind is TickKind.SPOT and before.has_ended)
    causes = _causes(posture, found)
    return PostureState(
        posture=posture,
        since=tick.at if has_moved or before.since is None else before.since,
        age_s=0 if has_moved else before.age_s + tick.active_s,
        causes=causes,
        entered_by=_entered_by(before, posture, causes),
        floors=found,
        debt=seen.debt,
        terms=tuple(DebtTerm(name=name, value=value) for name, value in judged.terms.items()),
        conf=judged.conf,
        factor=_factor(posture, warm_up, config),
        healthy=standing.healthy,
        cycle_no=seen.cycle_no,
        unlock=standing.unlock,
        needed=needed(posture, config),
        ack_needed=seen.ack_needed if posture is P.RED else (),
        severity=agreement.severity,
        streak=agreement.streak,
        mismatch_streak=agreement.mismatch_streak,
        agreed=agreement.agreed,
        agreed_cycles=agreement.agreed_cycles,
        agreed_syncs=agreement.agreed_syncs,
        blind=agreement.blind,
        gravity=judged.gravity,
        debts=judged.bands.debts,
        over_yellow=judged.bands.over_yellow,
        over_orange=judged.bands.over_orange,
        after_red=after_red,
        warm_up=warm_up,
        changes=standing.changes,
        hold_until=standing.hold_until,
        has_ended=has_ended,
        last_healthy=has_ended and standing.is_well and (ends or before.last_healthy),
    )


def _judge(
    before: PostureState, tick: Tick, config: PostureConfig, *, acks: frozenset[str], drawn_down: bool
) -> _Judged:
    is_new = tick.kind is TickKind.BEGIN and before.has_ended
    sources = heard(tick, config)
    agreement = contradiction.follow(before, tick, config, is_new=is_new)
    conf = confidence(sources, agreement.severity, agreement.streak, config)
    gravity = debt.gravity(before, tick)
    terms = debt.terms(tick, sources, conf, agreement, gravity, config)
    owed = debt.total(terms)
    bands = debt.bands(before, tick, owed, config)
    found = floors(before, tick, sources, agreement, bands, config, drawn_down=drawn_down)
    seen = Seen(
        tick=tick,
        is_new=is_new,
        cycle_no=before.cycle_no + is_new,
        sources=sources,
        agreement=agreement,
        debt=owed,
        floors=found,
        ack_needed=_ack_needed(before, found, acks),
    )
    return _Judged(seen=seen, conf=conf, gravity=gravity, terms=terms, bands=bands)


def _ack_needed(before: PostureState, found: tuple[Floor, ...], acks: frozenset[str]) -> tuple[str, ...]:
    """What is still to be acknowledged: what was and is not yet, and what holds now and did not at the last tick."""
    held = _asking(before.floors)
    holds = _asking(found)
    return tuple(sorted((set(before.ack_needed) - acks) | (holds - held)))


def _asking(found: tuple[Floor, ...]) -> set[str]:
    return {floor.ack for floor in found if floor.ack is not None and floor.posture is P.RED}


def _assert_lawful(before: PostureState, tick: Tick, posture: Posture) -> None:
    """I8, where it is made: better by one rung at most, at a BEGIN, outside a session's first cycle."""
    climbed = RANK[before.posture] - RANK[posture]
    assert climbed <= 0 or (climbed == 1 and tick.kind is TickKind.BEGIN and not tick.is_first), (
        f"posture rose from {before.posture} to {posture} at a {tick.kind}"
    )


def _warm_up(
    before: PostureState, posture: Posture, config: PostureConfig, *, is_new: bool
) -> tuple[bool, int]:
    """(after_red, cycles of warm-up left). It runs in YELLOW and GREEN alone, and begins anew after each RED."""
    if posture is P.RED:
        return True, 0
    if before.after_red and RANK[posture] <= RANK[P.YELLOW]:
        return False, config.warm_up_first + config.warm_up_then
    runs = is_new and RANK[before.posture] <= RANK[P.YELLOW]
    return before.after_red, max(0, before.warm_up - runs)


def _factor(posture: Posture, warm_up: int, config: PostureConfig) -> float:
    allowed = {P.GREEN: 1.0, P.YELLOW: config.yellow_factor}.get(posture, 0.0)
    if warm_up > config.warm_up_then:
        allowed = min(allowed, config.warm_up_first_factor)
    elif warm_up > 0:
        allowed = min(allowed, config.warm_up_then_factor)
    return quantise(allowed, 4) or 0.0


def _causes(posture: Posture, found: tuple[Floor, ...]) -> tuple[str, ...]:
    """Codes, worst first. Where no floor asks for as much, the ladder alone holds it, and that is said first."""
    if posture is P.GREEN:
        return ()
    codes = tuple(dict.fromkeys(floor.code for floor in found))
    return codes if found and found[0].posture is posture else (RecoveryCode.RECOVERING, *codes)


def _entered_by(before: PostureState, posture: Posture, causes: tuple[str, ...]) -> tuple[str, ...]:
    if posture is P.GREEN:
        return ()
    return causes if RANK[posture] > RANK[before.posture] else before.entered_by
