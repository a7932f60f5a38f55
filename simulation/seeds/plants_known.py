"""What is believed too long, forgotten too soon or forgiven too easily: bugs of posture and lifecycle, each planted."""

from collections.abc import Iterator
from dataclasses import replace as with_changes
from datetime import timedelta
from decimal import Decimal
from typing import Any

from execution_v2 import entries, exits, lifecycle, lifecycle_causes, measure, reduce, tally, tick
from execution_v2.desk import Desk
from execution_v2.lifecycle_table import TIMED
from execution_v2.posture import contradiction, control, debt, floors, ladder
from execution_v2.posture.config import PostureConfig
from execution_v2.reduce import Fold
from schemas.events import OrderFilled, SessionOpened
from schemas.lifecycle import Lifecycle, LifecycleState
from schemas.posture import Floor, PostureState
from schemas.reasons.lifecycle import LifecycleCause
from schemas.tick import Posture, Tick, TickKind, Verdict
from simulation.seeds.planting import Change, plant

P = Posture


def _nothing(*given: Any, **named: Any) -> None:
    """No law is asserted where the law is what is broken."""


# -- the way back --------------------------------------------------------------------------------------------


@plant("rung-skipped", "recovery goes from RED to YELLOW at once", "I8")
def _rung_skipped() -> Iterator[Change]:
    yield control, "_assert_lawful", _nothing
    yield ladder, "BETTER", {P.RED: P.YELLOW, P.ORANGE: P.GREEN, P.YELLOW: P.GREEN}


@plant("rung-after-one-cycle", "one healthy cycle is enough for every rung", "I8")
def _rung_after_one_cycle() -> Iterator[Change]:
    def one(posture: Posture, config: PostureConfig) -> int:  # noqa: ARG001
        return 0 if posture is P.GREEN else 1

    yield ladder, "needed", one


def _moves_as(*, is_new: bool = False, **changes: Any) -> Iterator[Change]:
    """The ladder judges a tick of which *changes* were true. *is_new*: each of them counts as a cycle."""
    sound = ladder.move

    def mistaken(before: PostureState, seen: ladder.Seen, config: PostureConfig) -> ladder.Standing:
        taken = seen.tick.model_copy(update=changes)
        return sound(before, with_changes(seen, tick=taken, is_new=is_new or seen.is_new), config)

    yield control, "_assert_lawful", _nothing
    yield control, "move", mistaken


@plant("improves-at-any-tick", "a rung is taken at a cycle's END, or before an entry", "I7")
def _improves_at_any_tick() -> Iterator[Change]:
    yield from _moves_as(is_new=True, kind=TickKind.BEGIN)


@plant("improves-in-the-first-cycle", "a rung is taken before a session has had one cycle", "I7")
def _improves_in_the_first_cycle() -> Iterator[Change]:
    yield from _moves_as(is_first=False)


@plant("closed-hours-count", "active time runs through the night", "I8")
def _closed_hours_count() -> Iterator[Change]:
    def by_the_wall(desk: Desk) -> int:
        last = desk.fold.ticked
        passed = timedelta(0) if last is None else desk.at - last.began_at
        return min(int(passed.total_seconds()), measure.CREDIT_MAX_S)

    yield measure, "_credit", by_the_wall


@plant("warm-up-skipped", "after RED entries are of full size as soon as the posture is GREEN", "I8")
def _warm_up_skipped() -> Iterator[Change]:
    def warm(*given: Any, **named: Any) -> tuple[bool, int]:  # noqa: ARG001
        return False, 0

    yield control, "_warm_up", warm


@plant("ack-not-needed", "RED is left without the acknowledgement that its cause asks for", "I8")
def _ack_not_needed() -> Iterator[Change]:
    def never(*given: Any) -> tuple[str, ...]:  # noqa: ARG001
        return ()

    yield control, "_ack_needed", never


@plant("posture-forgotten-overnight", "a session begins GREEN, whatever the last one ended in", "I7")
def _posture_forgotten_overnight() -> Iterator[Change]:
    def fresh(fold: Fold, data: SessionOpened) -> None:
        Fold._session_opened(fold, data)
        fold.posture = PostureState()

    yield reduce, "_TAKES", {**reduce._TAKES, "session.opened": fresh}


# -- the way down --------------------------------------------------------------------------------------------


@plant("floor-forgotten", "what the posture was entered by is no floor any more", "I7")
def _floor_forgotten() -> Iterator[Change]:
    sound = floors.floors

    def once(before: PostureState, *rest: Any, **named: Any) -> tuple[Floor, ...]:
        return tuple(row for row in sound(before, *rest, **named) if row.code not in before.entered_by)

    yield control, "floors", once


@plant("frozen-has-no-floor", "an order that was given up on, or a replacement, allows GREEN", "I7")
def _frozen_has_no_floor() -> Iterator[Change]:
    def nothing(taken: Tick) -> Iterator[Floor]:  # noqa: ARG001
        yield from ()

    def unclamped(before: PostureState, taken: Tick) -> Iterator[Floor]:  # noqa: ARG001
        yield from ()

    yield floors, "_of_orders", nothing
    yield floors, "_of_divergences", unclamped


@plant("contradiction-halved-at-once", "a contradiction fades in the tick that finds it", "I7")
def _contradiction_halved_at_once() -> Iterator[Change]:
    sound = contradiction.follow

    def forgiving(*given: Any, **named: Any) -> contradiction.Agreement:
        found = sound(*given, **named)
        return with_changes(found, severity=found.severity / 2)

    yield contradiction, "follow", forgiving


@plant("debt-without-divergences", "what replay found is a term of the debt, and not in its sum", "I7")
def _debt_without_divergences() -> Iterator[Change]:
    sound = debt.total

    def lighter(addends: dict[str, float]) -> float:
        return sound({**addends, "divergence": 0.0})

    yield debt, "total", lighter


@plant("gap-counted-anew", "a gap is as old as the cycle that sees it", "I7")
def _gap_counted_anew() -> Iterator[Change]:
    sound = measure.open_gaps

    def young(desk: Desk, kind: TickKind) -> dict[str, float]:
        passed = (desk.at - desk.began_at).total_seconds()
        return {name: min(gap, passed) for name, gap in sound(desk, kind).items()}

    yield measure, "open_gaps", young
    yield tick, "open_gaps", young


# -- what was not observed -----------------------------------------------------------------------------------


@plant("stale-verdict-is-good", "a cycle whose record nobody looked into has a good verdict", "I6")
def _stale_verdict_is_good() -> Iterator[Change]:
    def blind(desk: Desk, kind: TickKind) -> None:  # noqa: ARG001
        desk.verdict = Verdict(seq=0, divergences=())

    yield tick, "_look_into_the_record", blind


@plant("failed-read-is-a-read", "positions that could not be read count as read", "I6")
def _failed_read_is_a_read() -> Iterator[Change]:
    yield tally.Tally, "has_positions", property(lambda _: True)


@plant("fee-not-booked", "cash is reckoned from prices, whatever the account was charged", "I5")
def _fee_not_booked() -> Iterator[Change]:
    def gross(fold: Fold, data: OrderFilled) -> None:
        Fold._filled(fold, data.model_copy(update={"fee": Decimal(0)}))

    yield reduce, "_TAKES", {**reduce._TAKES, "order.filled": gross}


@plant("move-not-told", "the posture moves, and no record of its own says so", "I11")
def _move_not_told() -> Iterator[Change]:
    sound = Desk.note

    def discreet(desk: Desk, *events: Any) -> None:
        sound(desk, *(row for row in events if row[0] != "posture.changed"))

    yield Desk, "note", discreet


# -- what is entered, and what is not held up ----------------------------------------------------------------


@plant("size-factor-ignored", "an entry is of the size that was decided, whatever is known", "I7")
def _size_factor_ignored() -> Iterator[Change]:
    def whole(desk: Desk) -> Decimal:  # noqa: ARG001
        return Decimal(1)

    yield entries, "size_factor", whole


@plant("second-entry-when-slow", "a YELLOW or THROTTLED cycle enters as often as it can", "I7")
def _second_entry_when_slow() -> Iterator[Change]:
    def none(desk: Desk) -> int:  # noqa: ARG001
        return 0

    yield entries, "_entries_in_slot", none


@plant("exits-wait-for-better-days", "where nothing may be entered no planned exit is sold either", "I1")
def _exits_wait_for_better_days() -> Iterator[Change]:
    sound = exits.sell_due

    def timid(desk: Desk, *rest: Any) -> None:
        if desk.fold.posture.posture is P.GREEN and desk.fold.lifecycle.state == Lifecycle.ACTIVE:
            sound(desk, *rest)

    yield exits, "sell_due", timid


# -- the lifecycle -------------------------------------------------------------------------------------------


@plant("first-cycle-arms", "a session goes on in the state in which the last one ended", "I8")
def _first_cycle_arms() -> Iterator[Change]:
    yield lifecycle, "STARTED", frozenset()


@plant("switch-does-not-reach-the-book", "the kill switch stops entries, and is no EMERGENCY", "I7")
def _switch_does_not_reach_the_book() -> Iterator[Change]:
    def deaf(desk: Desk) -> tuple[str, ...]:  # noqa: ARG001
        return ()

    yield measure, "_killed_by", deaf


@plant("emergency-ends-by-itself", "an EMERGENCY is over when the kill switch is gone", "I8")
def _emergency_ends_by_itself() -> Iterator[Change]:
    sound = lifecycle._ended

    def impatient(before: LifecycleState, taken: Tick, found: set[str], *rest: Any, **named: Any) -> set[str]:
        over = {LifecycleCause.KILL_SWITCH.value} & set(before.causes) - found
        return sound(before, taken, found, *rest, **named) | over

    yield lifecycle, "_ended", impatient


@plant("half-a-cycle-clears", "an END without a cause is as good as a whole cycle", "I8")
def _half_a_cycle_clears() -> Iterator[Change]:
    sound = lifecycle._kept

    def hasty(before: LifecycleState, taken: Tick, *rest: Any, **named: Any) -> dict[str, Any]:
        if taken.kind is TickKind.END:
            before = before.model_copy(update={"clean": tuple(c for c in before.causes if c in TIMED)})
        return sound(before, taken, *rest, **named)

    yield lifecycle, "_kept", hasty


@plant("red-does-not-degrade", "a book whose posture is RED stays as it was", "I7")
def _red_does_not_degrade() -> Iterator[Change]:
    sound = lifecycle_causes.seen

    def lenient(*given: Any) -> set[str]:
        return sound(*given) - {LifecycleCause.POSTURE_RED.value}

    yield lifecycle, "seen", lenient


@plant("pause-forgotten-overnight", "what a person paused goes on in the morning", "I7")
def _pause_forgotten_overnight() -> Iterator[Change]:
    def fresh(fold: Fold, data: SessionOpened) -> None:
        Fold._session_opened(fold, data)
        rest = tuple(c for c in fold.lifecycle.causes if c != LifecycleCause.OPERATOR_PAUSE)
        fold.lifecycle = fold.lifecycle.model_copy(update={"paused": False, "causes": rest})

    yield reduce, "_TAKES", {**reduce._TAKES, "session.opened": fresh}
