"""What is told of a posture is read off its state; how long the way back takes is tried on the ladder itself."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from execution_v2.posture.config import PostureConfig
from execution_v2.posture.control import step
from execution_v2.posture.ladder import BETTER
from schemas.posture import PostureState, PostureView
from schemas.tick import Posture, Sighting, Source, Tick, TickKind, Verdict

_ANY_TIME: Final = datetime(2000, 1, 3, 15, tzinfo=UTC)
"""Of imagined ticks: the ladder counts cycles, and what the clock says changes nothing."""


def view(state: PostureState, config: PostureConfig) -> PostureView:
    """The introspection object of execution.md 9.5."""
    rank = list(Posture).index(state.posture)
    return PostureView(
        posture=state.posture,
        since=state.since,
        age_s=state.age_s,
        causes=state.causes,
        entered_by=state.entered_by,
        debt=state.debt,
        debt_terms={term.name: term.value for term in state.terms},
        conf=state.conf,
        floors=state.floors,
        size_factor=state.factor,
        warm_up_left=state.warm_up,
        next_rung=BETTER.get(state.posture),
        unlock=state.unlock,
        healthy_count=state.healthy,
        needed=state.needed,
        eta_cycles=_cycles_until(state, config, lambda s: s.posture in list(Posture)[:rank] or rank == 0),
        eta_full_cycles=_cycles_until(state, config, lambda s: s.factor == 1),
        operator_ack_required=state.ack_needed,
    )


def perfect(kind: TickKind) -> Tick:
    """A tick at which everything is known and well."""
    return Tick(
        kind=kind,
        at=_ANY_TIME,
        is_first=False,
        active_s=0,
        sightings=tuple(Sighting(source=s, is_on=True, age_s=0.0, error_rate=0.0) for s in Source),
        has_positions=True,
        is_in_sync=True,
        has_synced=True,
        unknown_orders=0,
        unknown_oldest_s=None,
        ambiguous_symbols=0,
        frozen_orders=0,
        gave_up=0,
        gap_s=0,
        gap_breaches=0,
        is_covered=True,
        verdict=Verdict(seq=0, divergences=()),
        equity=None,
        net_flows=Decimal(0),
        is_held=False,
        is_released=True,
        is_breaker_open=False,
        quotes_asked=0,
        quotes_answered=0,
        requests=0,
        throttled=0,
        may_arm=True,
    )


def perfect_cycles(state: PostureState, config: PostureConfig) -> Iterator[PostureState]:
    """The states at the BEGIN of each cycle to come, if all is well and acknowledged; a cycle under way ends first."""
    acks = frozenset(state.ack_needed)
    begin, end = perfect(TickKind.BEGIN), perfect(TickKind.END)
    if not state.has_ended:
        state = step(state, end, config, acks=acks, drawn_down=False)
    while True:
        state = step(state, begin, config, acks=acks, drawn_down=False)
        yield state
        state = step(state, end, config, acks=acks, drawn_down=False)


def _cycles_until(state: PostureState, config: PostureConfig, reached: Callable[[PostureState], bool]) -> int:
    if reached(state):
        return 0
    most = 10 * sum(
        (
            config.flap_cycles,
            config.red_cycles + config.orange_cycles + config.yellow_cycles,
            config.warm_up_first + config.warm_up_then,
            config.growth_ticks_max + config.streak_max + config.severity_cycles + config.syncs_min,
        )
    )
    for count, after in enumerate(perfect_cycles(state, config), start=1):
        if reached(after):
            return count
        assert count < most, "a perfect run does not lead back to GREEN"
    raise AssertionError("perfect cycles never end")
