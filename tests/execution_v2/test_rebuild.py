"""A process that remembers less than the broker finds out whose everything is, and does no more than that asks for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from execution_v2 import rebuild
from execution_v2.broker.port import ReadFailed, Seen
from execution_v2.client_id import client_order_id, own_prefix
from execution_v2.config import ExecutionConfig
from execution_v2.desk import Desk
from execution_v2.ports import Ports
from execution_v2.sync import Observed
from ledger.canonical import digest, parse
from ledger.disk import LocalDisk
from ledger.journal import Journal
from schemas.book import BookState, Leg, Order, OrderState, Position, PositionPlan, Side
from schemas.cycle import CycleKind
from schemas.errors import Denied
from schemas.ids import ord_id, position_id
from schemas.observations import BrokerOrder
from schemas.reasons.sync import OrphanCode, RemedyCode, SyncStatus
from tests.portfolio.books import order
from tests.simulation.floor_world import Pit, pathed
from tests.simulation.world import BOOK, CONFIG, CORE, DAYS, Want, World, bar, usd

PREFIX = own_prefix(BOOK, "main")
INTENT = "int_1"
POSITION = position_id(BOOK, CORE, "AAA", INTENT)


def named(leg: Leg, intent: str = INTENT, revision: int = 0, attempt: int = 1) -> str:
    """The client id of an order of ours."""
    name = ord_id(intent, leg.value, revision, attempt)
    return client_order_id(PREFIX, DAYS[0], leg, revision, attempt, name, epoch=0)


class Kept:
    """Keeps evidence in memory; or fails to, as a full disk does."""

    def __init__(self, *, fails: bool = False) -> None:
        self.files: dict[str, Mapping[str, bytes]] = {}
        self.said: list[str] = []
        self._fails = fails

    def keep(self, evidence_id: str, files: Mapping[str, bytes]) -> str:
        if self._fails:
            raise OSError("no space left")
        self.files[evidence_id] = files
        return f"evidence/{evidence_id}"

    def say(self, line: str) -> None:
        self.said.append(line)


class Answers:
    """The exchange's broker, some of whose reads are answered otherwise."""

    def __init__(self, inner: Any, instead: Mapping[str, Callable[[Any], Any]]) -> None:
        self._inner, self._instead = inner, instead
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._inner, name)

        def call(*given: Any) -> Any:
            self.asked.append(name)
            answer = real(*given)
            return self._instead[name](answer) if name in self._instead else answer

        return call


class Scene:
    """An exchange at mid-morning, and what one book's journal remembers of it."""

    def __init__(self, root: Path, **config: Any) -> None:
        self.pit = Pit(pathed(bar("50.00", "51.00", "49.00", "50.00"))).at(0, 60)
        self.world = World(disk=LocalDisk(root), bars={}, wants={DAYS[0]: (Want(),)})
        self.journal = Journal.open(LocalDisk(root), "journal.jsonl")
        self.config = replace(CONFIG, execution=ExecutionConfig(**config))
        self.evidence = Kept()
        self.answers: dict[str, Callable[[Any], Any]] = {}
        self.state = self.world.inputs(DAYS[0], "1030", CycleKind.INTRADAY).state.model_copy(
            update={"session_date": DAYS[0], "cash": usd("100000"), "starting_capital": usd("100000")}
        )
        self.asked: list[str] = []

    def holds(self, quantity: int, *, stop: str | None = "47.00") -> "Scene":
        """The book remembers so many shares."""
        plan = PositionPlan(
            initial_stop=usd(stop or "47.00"),
            **{name: usd("50.00") for name in ("level", "entry_ref", "limit_cap", "r1", "r2")},
            r1_fraction=usd("0.5"),
            r2_fraction=usd("0.5"),
            trail_fraction=usd("0.5"),
        )
        held = Position(
            position_id=POSITION,
            strategy_id=CORE,
            sleeve_id=CORE,
            intent_id=INTENT,
            symbol="AAA",
            quantity=Decimal(quantity),
            quantity_opened=Decimal(quantity),
            average_entry=usd("50.00"),
            entered_at=self.pit.now,
            entry_session=DAYS[0],
            plan=plan if stop else None,
        )
        self.state = self.state.model_copy(update={"positions": (held,)})
        return self

    def bought(self, quantity: int, name: str = "by hand") -> "Scene":
        """The exchange holds so many shares."""
        self.pit.buy(name, quantity)
        self.pit.now += timedelta(minutes=1)
        self.pit.exchange.advance(self.pit.now)
        return self

    def find_out(self) -> tuple[Observed, Desk]:
        """One cycle's beginning; the next one continues from its records."""
        self.pit.now += timedelta(minutes=5)
        broker: Any = Answers(self.pit.broker, self.answers)
        ports = Ports(
            broker=broker,
            feed=broker,
            journal=self.journal,
            now=lambda: self.pit.now,
            pause=self._wait,
            evidence=self.evidence,
        )
        inputs = self.world.inputs(DAYS[0], f"{self.pit.now:%H%M}", CycleKind.INTRADAY)
        desk = Desk(replace(inputs, state=self.state), ports, self.config)
        try:
            seen = rebuild.find_out(desk)
        finally:
            self.asked = broker.asked
        self.state = desk.fold.freeze()
        return seen, desk

    def _wait(self, seconds: float) -> None:
        self.pit.now += timedelta(seconds=seconds)


def decided(desk: Desk) -> list[tuple[int, str, str]]:
    """(row, action, code) of each orphan that the cycle judged."""
    return [
        (int(str(r.data["row"])), str(r.data["action"]), str(r.data["code"]))
        for r in desk.records
        if r.event == "rebuild.decided"
    ]


def statuses(desk: Desk) -> list[str]:
    (told,) = [r.data for r in desk.records if r.event == "sync.checked"]
    findings: Any = told["findings"]
    return [str(row["code"]) for row in findings if row["code"] != SyncStatus.CASH_DRIFT]


def stops(state: BookState) -> Iterator[Order]:
    return (o for o in state.orders if o.leg is Leg.STOP)


def listed(*orders: BrokerOrder) -> Callable[[Any], Any]:
    """A list of working orders with *orders* besides."""
    return lambda answer: replace(answer, value=(*answer.value, *orders))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_clean_start_is_released_with_one_read_of_everything(scene: Scene) -> None:
    seen, desk = scene.find_out()
    assert (True, frozenset(), ()) == (seen.is_whole, seen.frozen, seen.foreign)
    assert ["sync.checked", "rebuild.released"] == [r.event for r in desk.records]
    reads = ["account", "closed_orders", "events", "fills", "open_orders", "positions", "updates"]
    assert reads == sorted(scene.asked)


def test_an_entry_that_no_record_names_is_cancelled_once(scene: Scene) -> None:
    scene.pit.buy(named(Leg.ENTRY), 10, limit="40.00")
    _, desk = scene.find_out()
    assert [(10, "CANCEL", OrphanCode.ORPHAN_ENTRY)] == decided(desk)
    assert "cancelled" == scene.pit.order(named(Leg.ENTRY)).status
    assert not decided(scene.find_out()[1])


def test_an_entry_that_may_stay_freezes_its_symbol_and_counts(tmp_path: Path) -> None:
    scene = Scene(tmp_path, orphan_entry="freeze")
    scene.pit.buy(named(Leg.ENTRY), 10, limit="40.00")
    seen, desk = scene.find_out()
    assert [(10, "FREEZE", OrphanCode.ORPHAN_ENTRY)] == decided(desk)
    assert (frozenset({"AAA"}), 1) == (seen.frozen, len(seen.foreign))
    assert "open" == scene.pit.order(named(Leg.ENTRY)).status


def test_a_stop_whose_record_was_lost_protects_again_and_no_second_one_is_sent(scene: Scene) -> None:
    scene.bought(100).holds(100)
    scene.pit.sell(named(Leg.STOP), 100, stop="47.00")
    _, desk = scene.find_out()
    assert [(6, "ADOPT", OrphanCode.PROTECTION_CANDIDATE)] == decided(desk)
    (stop,) = stops(scene.state)
    assert (ord_id(INTENT, "S", 0, 1), OrderState.LIVE, POSITION) == (
        stop.ord_id,
        stop.state,
        stop.position_id,
    )
    _, again = scene.find_out()
    assert ["sync.checked", "rebuild.released"] == [r.event for r in again.records]


def test_a_list_that_is_older_than_it_says_makes_no_orphan_of_an_order_that_ended(scene: Scene) -> None:
    scene.bought(100)
    scene.pit.sell(named(Leg.STOP), 100, stop="47.00")
    old = scene.pit.broker.open_orders()
    scene.pit.cancel(named(Leg.STOP))
    assert isinstance(old, Seen)
    scene.answers["open_orders"] = lambda answer: replace(answer, value=old.value)
    _, desk = scene.find_out()
    assert ([], []) == (decided(desk), list(stops(scene.state)))


def test_what_a_list_alone_tells_of_an_own_order_waits_for_a_look_up(scene: Scene) -> None:
    scene.pit.buy(named(Leg.ENTRY), 10, limit="40.00")
    scene.answers["lookup"] = lambda _: ReadFailed(cause="no answer")
    seen, desk = scene.find_out()
    assert [] == decided(desk)
    assert "open" == scene.pit.order(named(Leg.ENTRY)).status
    assert [scene.pit.order(named(Leg.ENTRY)).client_order_id] == desk.carried
    assert frozenset({"AAA"}) == seen.frozen
    scene.answers.clear()
    assert [(10, "CANCEL", OrphanCode.ORPHAN_ENTRY)] == decided(scene.find_out()[1])


def test_a_strangers_order_is_counted_and_left_alone(scene: Scene) -> None:
    scene.pit.buy("somebody", 10, limit="40.00")
    seen, desk = scene.find_out()
    assert ["somebody"] == [o.client_order_id for o in seen.foreign]
    assert ([], [OrphanCode.FOREIGN_ORDER]) == (decided(desk), statuses(desk))
    assert "open" == scene.pit.order("somebody").status


def test_a_sale_of_nothing_is_cancelled_when_nothing_is_held_by_anybody(scene: Scene) -> None:
    scene.bought(100)
    scene.pit.sell(named(Leg.STOP), 100, stop="47.00")
    scene.answers["positions"] = lambda answer: replace(answer, value=())
    _, desk = scene.find_out()
    assert [(9, "CANCEL", OrphanCode.REDUCE_WITHOUT_POSITION)] == decided(desk)


def test_a_stop_is_not_cancelled_on_empty_reads_while_the_book_holds_the_shares(scene: Scene) -> None:
    scene.bought(100).holds(100)
    scene.pit.sell(named(Leg.STOP), 100, stop="47.00")
    scene.answers["positions"] = lambda answer: replace(answer, value=())
    _, desk = scene.find_out()
    assert [(11, "FREEZE", OrphanCode.UNCLASSIFIED_ORPHAN)] == decided(desk)
    assert "open" == scene.pit.order(named(Leg.STOP)).status


def test_a_position_is_gone_only_when_two_reads_of_two_cycles_agree(scene: Scene) -> None:
    scene.holds(100)
    seen, desk = scene.find_out()
    assert (["UNKNOWN"], frozenset({"AAA"})) == (statuses(desk), seen.frozen)
    assert 1 == len(scene.state.positions)
    _, desk = scene.find_out()
    assert [SyncStatus.PHANTOM] == statuses(desk)
    assert not scene.state.positions
    assert ["AAA"] == [row.symbol for row in scene.state.quarantined]
    assert not statuses(scene.find_out()[1])
    assert not scene.state.quarantined


def test_a_read_that_fails_is_tried_five_times_and_then_nothing_is_decided(scene: Scene) -> None:
    scene.pit.buy(named(Leg.ENTRY), 10, limit="40.00")
    scene.answers["positions"] = lambda _: ReadFailed(cause="down")
    seen, desk = scene.find_out()
    assert (False, []) == (seen.is_whole, decided(desk))
    assert 5 == scene.asked.count("positions")
    assert "rebuild.released" not in {r.event for r in desk.records}
    assert "open" == scene.pit.order(named(Leg.ENTRY)).status


def test_a_read_that_recovers_in_time_releases_the_cycle(scene: Scene) -> None:
    failures = iter([ReadFailed(cause="down")] * 4)
    scene.answers["account"] = lambda answer: next(failures, answer)
    assert scene.find_out()[0].is_whole


def test_an_own_order_of_a_higher_epoch_stops_this_process(scene: Scene) -> None:
    scene.bought(100).holds(100)
    scene.pit.sell(named(Leg.STOP).replace(f"{PREFIX}000", f"{PREFIX}001"), 100, stop="47.00")
    with pytest.raises(Denied, match="FENCE_LOST"):
        scene.find_out()
    assert {"events", "open_orders"} == set(scene.asked)
    assert not scene.journal.records


@pytest.mark.parametrize(("intent", "stop"), [(None, "47.00"), ("int_lost", "47.50")])
def test_shares_that_a_lost_order_bought_are_booked_and_protected(
    scene: Scene, intent: str | None, stop: str
) -> None:
    # By the wish's planned stop, or 5 % below what was paid: 50.00 * 0.95 = 47.50 on the tick.
    wished: Any = scene.world.inputs(DAYS[0], "1030", CycleKind.INTRADAY).candidates
    name = named(Leg.ENTRY, intent or wished.intents[0].intent_id)
    scene.bought(100, name)
    _, desk = scene.find_out()
    assert [SyncStatus.RECOVERED] == statuses(desk)
    (held,) = scene.state.positions
    price = (
        usd(stop)
        if intent is None
        else (held.average_entry * usd("0.95")).quantize(usd("0.01"), "ROUND_FLOOR")
    )
    assert [(100, price)] == [(o.quantity, o.stop) for o in stops(scene.state)]
    assert [] == statuses(scene.find_out()[1])


def test_of_two_quantities_the_lesser_is_protected_and_the_symbol_waits(scene: Scene) -> None:
    scene.bought(60).holds(100)
    seen, desk = scene.find_out()
    assert (["QTY_MISMATCH_SEVERE"], frozenset({"AAA"})) == (statuses(desk), seen.frozen)
    assert [60] == [o.quantity for o in stops(scene.state)]
    assert 60 == desk.coverable(scene.state.positions[0])
    assert [RemedyCode.REMEDY_DENIED_WOULD_RAISE] == [
        r.data["code"] for r in desk.records if r.event == "remedy.decided"
    ]


def test_shares_of_somebody_else_are_counted_and_get_no_order_of_ours(scene: Scene) -> None:
    scene.bought(30)
    seen, desk = scene.find_out()
    assert (["EXTERNAL"], frozenset({"AAA"})) == (statuses(desk), seen.frozen)
    assert [("EXTERNAL", 30)] == [(row.strategy_id, int(row.quantity)) for row in seen.external]
    assert not scene.state.positions
    assert not [r.event for r in desk.records if r.event.startswith("order.")]


def test_a_remedy_sells_what_is_too_much_after_it_was_recorded(tmp_path: Path) -> None:
    scene = Scene(tmp_path, remedy_mode="execute", remedy_operator="jo", remedy_reason="bought twice")
    scene.bought(120).holds(100)
    marks = {"AAA": usd("50.00")}
    inputs = scene.world.inputs
    scene.world.inputs = lambda *given: replace(inputs(*given), marks=marks)  # type: ignore[method-assign]
    _, desk = scene.find_out()
    told = [
        r.event
        for r in desk.records
        if r.event in ("remedy.decided", "position.adjusted", "order.submitting")
    ]
    assert ["order.submitting", "remedy.decided", "position.adjusted", "order.submitting"] == told
    scene.find_out()
    read = scene.pit.broker.positions()
    assert isinstance(read, Seen)
    assert ([100], [100]) == (
        [row.quantity for row in read.value],
        [position.quantity for position in scene.state.positions],
    )


def test_evidence_names_every_file_by_its_digest_in_one_line(scene: Scene) -> None:
    scene.holds(100).find_out()
    ((name, files),) = scene.evidence.files.items()
    sums = files["sha256sums"].decode().splitlines()
    assert sorted(set(files) - {"sha256sums"}) == sorted(line.split("  ")[1] for line in sums)
    assert all(line.startswith(digest(files[line.split("  ")[1]])) for line in sums)
    assert ("UNKNOWN", "100", "0") == (
        parse(files["summary.json"])["reason"],
        parse(files["summary.json"])["ours"]["quantity"],
        parse(files["summary.json"])["broker"]["quantity"],
    )
    sums_sha256 = digest(files["sha256sums"])
    line = f"mode=position_sync id={name} sha256={sums_sha256} reason=UNKNOWN path=evidence/{name}"
    assert [f"EVIDENCE_REF {line}"] == scene.evidence.said


def test_evidence_that_cannot_be_written_holds_up_no_stop(scene: Scene) -> None:
    scene.evidence = Kept(fails=True)
    scene.bought(60).holds(100).find_out()
    assert [60] == [o.quantity for o in stops(scene.state)]
    assert {"EVIDENCE_UNWRITTEN"} == {line.split("reason=")[1].split()[0] for line in scene.evidence.said}


def test_what_sells_for_a_position_is_known_by_its_side(scene: Scene) -> None:
    scene.bought(100).holds(100)
    scene.pit.sell(named(Leg.EXIT), 100, limit="60.00")
    _, desk = scene.find_out()
    assert [(8, "ADOPT", OrphanCode.EXIT_CANDIDATE)] == decided(desk)
    (sent,) = scene.state.orders
    assert (Leg.EXIT, Side.SELL, POSITION) == (sent.leg, sent.side, sent.position_id)


def test_an_order_of_which_only_its_fills_told_gets_the_brokers_id(scene: Scene) -> None:
    name = named(Leg.ENTRY)
    scene.pit.buy(name, 10, limit="40.00")
    nameless = order("AAA", 10, ord_id="ord_n", client_order_id=name, state=OrderState.PARTIAL)
    nameless = nameless.model_copy(update={"order_id": None, "filled": Decimal(4)})
    scene.state = scene.state.model_copy(update={"orders": (nameless,)})
    _, desk = scene.find_out()
    assert scene.pit.order(name).order_id == desk.known("ord_n").order_id
    assert not decided(desk)
