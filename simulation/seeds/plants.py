"""A harness that finds nothing has proved nothing: each plant here breaks one promise, and the seeds must notice.

A plant is a small change to the running code. It names what it breaks and the invariants of which one has to catch it;
``tools.prove_harness`` plays the seeds until one does. Those of orders and protection are here, those of posture and
lifecycle in ``plants_known``.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace as with_changes
from decimal import Decimal
from itertools import count
from typing import Any

from execution_v2 import (
    enforce,
    entries,
    exits,
    leave,
    protect,
    rebuild,
    reconcile,
    reduce,
    replace,
    resolve,
    risk_class,
    send,
)
from execution_v2.broker.port import CancelOrder, Found, LookUp, LookUpAnswer, SubmitOrder
from execution_v2.client_id import client_order_id
from execution_v2.desk import Desk
from execution_v2.gates.facts import EntryOrder, GateFacts, Phase
from execution_v2.reduce import Fold
from execution_v2.risk_class import Reduction
from execution_v2.transitions import UNKNOWN
from ledger.memory import MemoryDisk
from portfolio import exposure
from schemas.book import ENDED, BookState, Leg, Order, OrderState, Position
from schemas.events import OrderFilled, SessionOpened
from schemas.ids import ord_id
from schemas.lifecycle import Lifecycle, LifecycleState
from schemas.observations import BrokerOrder
from schemas.reasons.execution import OrderCause
from simulation.seeds import plants_known, run
from simulation.seeds.planting import PLANTS, Change, Plant, everywhere, plant, planted

__all__ = ["PLANTS", "Plant", "planted", "plants_known"]

# -- who an order is -----------------------------------------------------------------------------------------


@plant("client-id-not-sent", "the venue gives every order a name of its own", "I9")
def _client_id_not_sent() -> Iterator[Change]:
    numbers = count(1)

    def nameless(**given: Any) -> SubmitOrder:
        return SubmitOrder(**{**given, "client_order_id": f"venue-{next(numbers)}"})

    yield send, "SubmitOrder", nameless


@plant("retry-under-a-new-id", "a send without an answer is sent again under another id", "I2", "I4", "I13")
def _retry_under_a_new_id() -> Iterator[Change]:
    submit, look_up = send._submit, resolve.resolve

    def impatient(desk: Desk, order: Order) -> Order:
        sent = submit(desk, order)
        if sent.state is not OrderState.SUBMIT_UNKNOWN:
            return sent
        attempt = order.attempt + 1
        name = ord_id(order.intent_id, order.leg.value, order.revision, attempt)
        named = client_order_id(
            desk.prefix, order.session_date, order.leg, order.revision, attempt, name, epoch=desk.fold.epoch
        )
        changes = {"ord_id": name, "client_order_id": named, "attempt": attempt}
        return submit(desk, order.model_copy(update=changes))

    def of_cancels(desk: Desk, order: Order, cause: str = OrderCause.VENUE_ENDED) -> None:
        if order.state is not OrderState.SUBMIT_UNKNOWN:
            look_up(desk, order, cause)

    yield send, "resolve", of_cancels
    yield send, "_submit", impatient


@plant("used-id-is-a-refusal", "an id that the venue knows already is read as a final no", "I2", "I5", "I13")
def _used_id_is_a_refusal() -> Iterator[Change]:
    yield send, "_UNPROVEN", frozenset[str]()


@plant("one-absence-is-proof", "an order that one look-up does not find was never sent", "I2", "I5", "I13")
def _one_absence_is_proof() -> Iterator[Change]:
    def once(desk: Desk, request: LookUp) -> LookUpAnswer:
        return desk.ports.broker.lookup(request)

    yield from everywhere(resolve.ask, once)


# -- what is on disk -----------------------------------------------------------------------------------------


class _Forgetful(MemoryDisk):
    """A disk that nobody syncs."""

    def __init__(self) -> None:
        super().__init__()
        self.syncs = False


@plant("no-fsync", "a record counts as kept before the disk has it", "I9")
def _no_fsync() -> Iterator[Change]:
    yield run, "MemoryDisk", _Forgetful


@plant("change-without-a-record", "a path fact of a position is believed and not journaled", "I10")
def _change_without_a_record() -> Iterator[Change]:
    def silent(
        desk: Desk, held: Position, high_water: Decimal | None, r1_touched: bool, r2_touched: bool
    ) -> None:
        changes = {"high_water": high_water, "r1_touched": r1_touched, "r2_touched": r2_touched}
        if any(getattr(held, name) != value for name, value in changes.items()):
            desk.fold.positions[held.position_id] = held.model_copy(update=changes)
            desk.fold._frozen = None

    yield exits, "_mark", silent


@plant("fill-booked-twice", "an execution is booked as often as it is told", "I5", "I13", "I4", "I10")
def _fill_booked_twice() -> Iterator[Change]:
    def again(fold: Fold, data: OrderFilled) -> None:
        Fold._filled(fold, data)
        fold.booked.discard(data.execution_id)

    yield reduce, "_TAKES", {**reduce._TAKES, "order.filled": again}


@plant("fill-after-the-end-ignored", "what an order filled after its cancel is not booked", "I3", "I5")
def _fill_after_the_end_ignored() -> Iterator[Change]:
    def deaf(fold: Fold, data: OrderFilled) -> None:
        order = fold.order(data.ord_id)
        if order is not None and order.state in ENDED:
            fold.booked.add(data.execution_id)
        else:
            Fold._filled(fold, data)

    yield reduce, "_TAKES", {**reduce._TAKES, "order.filled": deaf}


@plant(
    "unknown-forgotten-overnight",
    "an order of unknown fate does not survive the close",
    "I2",
    "I3",
    "I5",
    "I13",
)
def _unknown_forgotten_overnight() -> Iterator[Change]:
    def forgetful(fold: Fold, data: SessionOpened) -> None:
        Fold._session_opened(fold, data)
        fold.orders = {name: order for name, order in fold.orders.items() if order.state not in UNKNOWN}

    yield reduce, "_TAKES", {**reduce._TAKES, "session.opened": forgetful}


@plant(
    "split-passes-orders-by",
    "a split changes the shares, and not the stop that covers them",
    "I3",
    "I13",
    "I14",
)
def _split_passes_orders_by() -> Iterator[Change]:
    def as_it_was(order: Order, num: int, den: int) -> Order:  # noqa: ARG001
        return order

    yield reduce, "split_order", as_it_was


# -- what may be bought --------------------------------------------------------------------------------------


@plant("unknown-counts-nothing", "an order of unknown fate is left out of the worst case", "I4", "I13")
def _unknown_counts_nothing() -> Iterator[Change]:
    sound = exposure.remaining

    def hopeful(order: Order, orders: Iterable[Order]) -> Decimal:
        return Decimal(0) if order.state in UNKNOWN else sound(order, orders)

    yield from everywhere(sound, hopeful)


@plant(
    "caps-see-one-entry",
    "what is held, and what the entry before reserved, is left out of the worst case",
    "I4",
)
def _caps_see_one_entry() -> Iterator[Change]:
    sound = exposure.measure

    def hopeful(book: BookState, *rest: Any, **given: Any) -> exposure.Exposure:
        return sound(book.model_copy(update={"positions": ()}), *rest, **given)

    def unreserved(before: exposure.Exposure, **entry: Any) -> exposure.Exposure:  # noqa: ARG001
        return before

    yield exposure.Exposure, "after", unreserved
    yield from everywhere(sound, hopeful)


@plant("no-gate-before-the-send", "an entry is sent on the morning's word alone", "I4", "I7", "gates")
def _no_gate_before_the_send() -> Iterator[Change]:
    def obliging(entry: EntryOrder, facts: GateFacts, config: Any, phase: Phase) -> enforce.Authorised:  # noqa: ARG001
        return enforce.Authorised(entry=entry, phase=phase, gates=(), made_by=enforce._ONLY_HERE)

    yield entries, "judge", obliging


@plant("kill-switch-ignored", "gates 2 and 13 are told that no switch is set", "gates")
def _kill_switch_ignored() -> Iterator[Change]:
    sound = entries._facts

    def unswitched(*given: Any) -> GateFacts:
        facts = sound(*given)
        control = facts.control and facts.control.model_copy(update={"kill_env": False})
        moment = facts.moment and with_changes(facts.moment, lifecycle=LifecycleState(state=Lifecycle.ACTIVE))
        return with_changes(facts, control=control, moment=moment)

    yield entries, "_facts", unswitched


# -- what protects -------------------------------------------------------------------------------------------


@plant("empty-read-is-flat", "one read of positions that shows nothing closes the book's", "I3", "I5")
def _empty_read_is_flat() -> Iterator[Change]:
    def at_once(desk: Desk, seeing: reconcile.Seeing, symbol: str) -> bool:  # noqa: ARG001
        return not (seeing.latest or {}).get(symbol)

    def never(desk: Desk, seeing: reconcile.Seeing) -> None:
        """Nothing is read a second time."""

    yield reconcile, "is_gone", at_once
    yield rebuild, "_confirm", never


@plant("stop-cancelled-first", "a stop is ended, and then its successor is placed", "I3")
def _stop_cancelled_first() -> Iterator[Change]:
    def in_two_steps(desk: Desk, old: Order, successor: Reduction) -> Order:
        ended = send.cancel(desk, old, OrderCause.FOR_EXIT)
        if ended.state not in ENDED:
            return ended
        alone = successor.order.model_copy(update={"replaces": None})
        return send.reduce(desk, Reduction(order=alone, made_by=risk_class._ONLY_HERE))

    yield protect, "replace", in_two_steps


@plant("stop-loosened", "a ratchet goes a little the other way", "I14")
def _stop_loosened() -> Iterator[Change]:
    sound = replace.replace

    def looser(desk: Desk, old: Order, successor: Reduction) -> Order:
        assert old.stop is not None, "a stop without its price"
        lower = successor.order.model_copy(update={"stop": old.stop - Decimal("0.10")})
        return sound(desk, old, Reduction(order=lower, made_by=risk_class._ONLY_HERE))

    yield protect, "replace", looser


def _unbounded(leg: Leg) -> Change:
    """Sales of *leg* as if no other order claimed their shares."""
    sound = risk_class.reducible

    def bound(wish: Order, positions: Iterable[Position], orders: Iterable[Order], **given: Any) -> Any:
        if wish.leg is not leg:
            return risk_class.reduction(wish, positions, orders, **given)
        quantity = min(wish.quantity, sound(wish.symbol, positions, ()))
        if quantity < 1:
            return None
        order = wish.model_copy(update={"quantity": quantity})
        return Reduction(order=order, made_by=risk_class._ONLY_HERE)

    return (exits if leg is Leg.TRIM else leave), "reduction", bound


@plant("trim-beside-a-full-stop", "a trim is sold while the stop still covers all of the shares", "I13")
def _trim_beside_a_full_stop() -> Iterator[Change]:
    sound = leave.stand

    def unshrunk(desk: Desk, position_id: str, price: Decimal, quantity: Decimal, *rest: Any) -> None:
        held = desk.fold.positions.get(position_id)
        sound(desk, position_id, price, quantity if held is None else desk.coverable(held), *rest)

    yield exits, "stand", unshrunk
    yield _unbounded(Leg.TRIM)


@plant("exit-beside-the-stop", "an exit sells everything while the stop still holds the shares", "I13")
def _exit_beside_the_stop() -> Iterator[Change]:
    def untouched(desk: Desk, position_id: str) -> Order | None:  # noqa: ARG001
        return None

    def everything(desk: Desk, position: Position) -> Decimal:  # noqa: ARG001
        return Decimal(position.quantity)

    yield leave, "_stop_ended", untouched
    yield leave, "_free", everything
    yield _unbounded(Leg.EXIT)


@plant("replace-believed-at-once", "an accepted replace counts as done", "I5", "I13")
def _replace_believed_at_once() -> Iterator[Change]:
    def credulous(
        desk: Desk,
        exchange: replace.Exchange,  # noqa: ARG001
        old: Order,
        new: Order,
        taken: BrokerOrder,
    ) -> None:
        resolve.replaced(desk, old, new, taken)

    yield replace, "_await", credulous


# -- what is not ours, and what must end ---------------------------------------------------------------------


@plant("foreign-order-cancelled", "an order that no record names is ended, whoever sent it", "I12")
def _foreign_order_cancelled() -> Iterator[Change]:
    sound = rebuild._release

    def tidy(desk: Desk, seeing: reconcile.Seeing, verdicts: Any) -> Any:
        released = sound(desk, seeing, verdicts)
        for order in released.foreign:
            desk.ports.broker.cancel(CancelOrder(order_id=order.order_id))
        return released

    yield rebuild, "_release", tidy


@plant("placing-without-end", "a refused stop is sent again for as long as it is refused", "I3")
def _placing_without_end() -> Iterator[Change]:
    sound = protect._place

    def stubborn(desk: Desk, *wish: Any) -> bool:
        while not sound(desk, *wish):
            pass
        return True

    yield protect, "THROUGH_MAX", sys.maxsize
    yield protect, "_place", stubborn


@plant("look-ups-without-end", "an order that is not found is looked up until it is", "I3")
def _look_ups_without_end() -> Iterator[Change]:
    def stubborn(desk: Desk, request: LookUp) -> LookUpAnswer:
        while True:
            answer = desk.ports.broker.lookup(request)
            if isinstance(answer, Found):
                return answer
            desk.pause(0.25)

    yield from everywhere(resolve.ask, stubborn)
