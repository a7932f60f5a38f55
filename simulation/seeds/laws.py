"""What is known may only be thought worse of at once and better of slowly: each tick of a run is held to that.

The laws of execution.md 9 and 10, said a second time and in their own words: from what a tick measured, and from what
was recorded before it, never from how the controllers reckon. Each is weaker than what it watches and none is wrong.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from schemas.events import KillSet, OperatorAct, PostureChanged, TickTaken
from schemas.journal import JournalRecord
from schemas.lifecycle import Lifecycle, LifecycleChanged
from schemas.tick import ContradictionGrade, Posture, Tick, TickKind
from simulation.seeds import signs
from simulation.seeds.signs import RANK

P, L = Posture, Lifecycle
NEEDED: Final = {P.RED: 3, P.ORANGE: 2, P.YELLOW: 2}
"""Healthy cycles on each rung."""
WARM_UP, WARMER = 9, 6
"""Cycles of warm-up, and how many of them are the second part."""
CREDIT_MAX_S: Final = 600
STARTED: Final = frozenset({L.READY, L.ACTIVE, L.THROTTLED})
OPEN: Final = frozenset({L.ACTIVE, L.THROTTLED})
GRAVITY: Final = {L.EMERGENCY: 3, L.DEGRADED: 2, L.PAUSED: 1}
"""Rank of a state; 0 for the rest."""
Hold = Callable[[str, bool, str], None]


@dataclass(slots=True)
class Known:
    """What the records said up to now."""

    posture: Posture = P.GREEN
    factor: float = 1.0
    state: Lifecycle = L.INIT
    was_drawn_down: bool = False
    clean: int = 0
    """Cycles begun since the last tick that was not well, on this rung."""
    has_ended: bool = True
    severity: float = 0.0
    agreed: int = 0
    blind: int = 0
    after_red: bool = False
    warm: int = 0
    must: set[str] = field(default_factory=set)
    """What has to be acknowledged before RED is left."""
    asked: frozenset[str] = frozenset()
    acks: set[str] = field(default_factory=set)
    began_at: datetime | None = None
    """Of this session's last BEGIN."""
    began_seq: int = 0
    """Of the record with which the last process began."""
    base: str = ""
    """Its slot."""
    ticked: bool = False
    """Somebody judged in that slot what is known."""
    killed: bool = False
    was_killed: bool = False
    paused: bool = False
    declared: bool = False
    answers_due: set[str] = field(default_factory=set)
    """Causes of the EMERGENCY that nobody answered for."""
    emergency: set[str] = field(default_factory=set)
    """All of its causes."""
    slow_clean: bool = False
    """This cycle's BEGIN found no reason to be slow, and nothing since ..."""
    bad_clean: bool = False
    """... nor one to be degraded."""
    owed: list[tuple[str, str, str]] = field(default_factory=list)
    """Moves whose own record has to follow: (event, from, to)."""


class Laws:
    """The laws of one run's posture and lifecycle. *hold* is ``Watch.hold``."""

    def __init__(self, hold: Hold) -> None:
        self._hold = hold
        self._is_past = False
        self.now = Known()
        self._then = Known()
        self._open_at = self._close_at = datetime.max.replace(tzinfo=UTC)
        self.seen: set[str] = set()
        """Reads that were answered to the process that is at work."""
        self.sent = 0
        """Entries of this slot."""
        self.slot = ""
        self.authorised: dict[str, Decimal] = {}
        self._switched = False

    def hold(self, invariant: str, holds: bool, found: str) -> None:
        """Check one, unless it is the past that is told again."""
        if not self._is_past:
            self._hold(invariant, holds, found)

    def open(self, open_at: datetime, close_at: datetime) -> None:
        """A session begins."""
        self._open_at, self._close_at = open_at, close_at
        self.now.began_at, self.now.base = None, ""
        self.slot = ""
        self._then = deepcopy(self.now)

    def rewind(self, records: Iterable[JournalRecord]) -> None:
        """A process died: what *records*, those of the session that the disk kept, say is what is known."""
        self.now, self._is_past = deepcopy(self._then), True
        for record in records:
            self.told(record)
        self.now.owed.clear()  # the death of its writer is why a move may lack its own record
        self._is_past = False

    @property
    def hours(self) -> tuple[datetime, datetime]:
        """When the session opens and closes."""
        return self._open_at, self._close_at

    @property
    def is_constrained(self) -> bool:
        """Whether posture or lifecycle hold entries back."""
        return self.now.posture is not P.GREEN or self.now.state is not L.ACTIVE

    def process(self, slot: str, *, switched: bool, authorised: dict[str, Decimal]) -> None:
        """A process begins to work *slot*. *switched*: the kill switch is set outside."""
        base = slot.partition("-")[0]
        if base != self.slot:
            self.slot, self.sent = base, 0
        self.seen.clear()
        self.authorised, self._switched = authorised, switched

    def entry(self, symbol: str, intent_id: str, quantity: Decimal) -> None:
        """An entry is about to be sent."""
        now = self.now
        self.hold("gates", now.ticked, f"{symbol} is bought before anything was judged")
        self.hold("I7", now.posture in (P.GREEN, P.YELLOW), f"{symbol} is bought in {now.posture}")
        self.hold("I7", now.state in OPEN, f"{symbol} is bought in {now.state}")
        is_slow = now.posture is P.YELLOW or now.state is L.THROTTLED
        self.hold("I7", not is_slow or not self.sent, f"{symbol}: entry {self.sent + 1} of a slow cycle")
        factor = min(now.factor, 0.5 if now.state is L.THROTTLED else 1.0)
        most = self.authorised.get(intent_id, Decimal(0)) * Decimal(str(factor))
        self.hold("I7", quantity <= most, f"{symbol}: {quantity} shares, {most} at a factor of {factor}")
        self.sent += 1

    # -- the records -----------------------------------------------------------------------------------------

    def told(self, record: JournalRecord) -> None:
        """The journal says something."""
        now = self.now
        match record.event:
            case "cycle.began":
                base = str(record.data["slot"]).partition("-")[0]
                now.ticked = now.ticked and base == now.base
                now.began_seq, now.base = record.seq, base
            case "tick.taken":
                self._settled()
                self._tick(TickTaken.model_validate(record.data))
            case "posture.changed":
                told = PostureChanged.model_validate(record.data)
                self._paid("posture.changed", told.before, told.after)
            case "lifecycle.changed":
                change = LifecycleChanged.model_validate(record.data)
                self._paid("lifecycle.changed", change.before, change.after)
            case "cycle.ended":
                self._settled()
            case "kill.set":
                now.killed = KillSet.model_validate(record.data).on
                if not now.killed:
                    now.answers_due.discard("KILL_SWITCH")
            case "operator.acted":
                self._acted(OperatorAct.model_validate(record.data))

    def _acted(self, act: OperatorAct) -> None:
        now = self.now
        if act.verb in ("pause", "resume"):
            now.paused = act.verb == "pause"
        elif act.verb == "emergency":
            now.declared = True
            now.answers_due.add("OPERATOR_EMERGENCY")
        elif act.verb == "ack" and act.subject is not None:
            now.acks.add(act.subject)
            now.answers_due.discard(act.subject)
            now.declared = now.declared and act.subject != "OPERATOR_EMERGENCY"

    def _paid(self, event: str, before: str, after: str) -> None:
        move = (event, str(before), str(after))
        self.hold("I11", move in self.now.owed, f"{move}, where {self.now.owed} was to be told")
        if move in self.now.owed:
            self.now.owed.remove(move)

    def _settled(self) -> None:
        self.hold("I11", not self.now.owed, f"never told: {self.now.owed}")
        self.now.owed.clear()

    # -- one tick --------------------------------------------------------------------------------------------

    def _tick(self, data: TickTaken) -> None:
        tick, now = data.tick, self.now
        now.ticked = True
        is_new = tick.kind is TickKind.BEGIN and now.has_ended
        self._measured(tick)
        self._posture(data, is_new=is_new)
        self._lifecycle(data)
        if tick.kind is TickKind.BEGIN:
            now.began_at = tick.at
        if tick.kind is not TickKind.SPOT:
            now.has_ended = tick.kind is TickKind.END
        now.acks.clear()

    def _measured(self, tick: Tick) -> None:
        """A failed observation is never an empty one, nor one of before; closed hours are no active time."""
        seen, now = self.seen, self.now
        self.hold(
            "I6", not tick.has_positions or "positions" in seen, "positions that were not read count as read"
        )
        self.hold("I6", tick.equity is None or "account" in seen, "equity of an account that was not read")
        compared = not tick.has_synced or {"positions", "open_orders"} <= seen
        self.hold("I6", compared, "what was not read counts as compared")
        fresh = tick.verdict is None or tick.verdict.seq >= now.began_seq
        self.hold("I6", fresh, "a verdict of before this cycle counts as its own")
        since = max(now.began_at or self._open_at, self._open_at)
        passed = max(0.0, (min(tick.at, self._close_at) - since).total_seconds())
        most = min(passed, CREDIT_MAX_S) if tick.kind is TickKind.BEGIN else 0
        self.hold("I8", tick.active_s <= most, f"{tick.active_s} s of activity, {most:.0f} s passed")

    def _posture(self, data: TickTaken, *, is_new: bool) -> None:
        tick, state, now = data.tick, data.posture, self.now
        old, new = now.posture, state.posture
        begins = tick.kind is TickKind.BEGIN
        now.blind = (0 if tick.has_positions else now.blind + 1) if begins else now.blind
        floor, why = signs.floor(tick, now.blind, drawn_down=now.was_drawn_down)
        if state.debt >= 2.1:
            floor, why = P.RED, f"a debt of {state.debt}"
        self.hold("I7", RANK[new] >= RANK[floor], f"{new} at a {tick.kind} with {why}")
        total = sum(term.value for term in state.terms)
        self.hold("I7", abs(total - state.debt) < 1e-5, f"a debt of {state.debt}, and its terms are {total}")
        self._severity(data, is_new=is_new)

        asking = signs.asking(tick, now.asked, drawn_down=now.was_drawn_down)
        now.must = (now.must - now.acks) | (asking - now.asked)
        now.asked = asking
        if begins and tick.is_first and not now.has_ended:
            now.clean = 0
        is_well = not signs.ails(old, tick, floor, state.debt) and not (old is P.RED and now.must)
        now.clean = now.clean + is_new if is_well else 0
        climbed = RANK[old] - RANK[new]
        if climbed > 0:
            may = begins and not tick.is_first
            self.hold("I7", may, f"{old} to {new} at a {tick.kind}{', the first' if tick.is_first else ''}")
            self.hold("I8", climbed == 1, f"{old} to {new} at once")
            self.hold("I8", not (old is P.RED and now.must), f"RED left without {sorted(now.must)}")
            due = NEEDED[old]
            self.hold("I8", now.clean >= due, f"{old} left after {now.clean} of {due} healthy cycles")
        if new is not old:
            now.clean = 0
            now.owed.append(("posture.changed", str(old), str(new)))
        if new is not P.RED:
            now.must = set()
        self._size(data, old, is_new=is_new)
        now.posture, now.factor = new, float(state.factor)

    def _severity(self, data: TickTaken, *, is_new: bool) -> None:
        """A contradiction fades with cycles that agree: half of it with each, all of it with the third."""
        tick, state, now = data.tick, data.posture, self.now
        worst = signs.severity(tick)
        agrees = tick.has_synced and worst < signs.SEVERITY[ContradictionGrade.C2]
        now.agreed = min(now.agreed + is_new, 3) if agrees else 0
        stays = now.severity
        if is_new and agrees:
            stays = 0.0 if now.agreed >= 3 else stays / 2
        least = max(worst, stays)
        found = f"severity {state.severity} of {now.severity} at a {tick.kind}, {now.agreed} cycles agree"
        self.hold("I7", state.severity >= least - 1e-6, found)
        now.severity = state.severity

    def _size(self, data: TickTaken, old: Posture, *, is_new: bool) -> None:
        state, now = data.posture, self.now
        new = state.posture
        if new is P.RED:
            now.after_red, now.warm = True, 0
        elif now.after_red and RANK[new] <= RANK[P.YELLOW]:
            now.after_red, now.warm = False, WARM_UP
        elif is_new and RANK[old] <= RANK[P.YELLOW]:
            now.warm = max(0, now.warm - 1)
        most = {P.GREEN: 1.0, P.YELLOW: 0.5}.get(new, 0.0)
        most = min(most, 0.25 if now.warm > WARMER else 0.5 if now.warm else 1.0)
        told = f"factor {state.factor} in {new}, {now.warm} cycles of warm-up left"
        self.hold("I8", state.factor <= most, told)

    # -- the lifecycle ---------------------------------------------------------------------------------------

    def _lifecycle(self, data: TickTaken) -> None:
        tick, now = data.tick, self.now
        old, new = now.state, data.lifecycle.state
        killed = bool(tick.killed_by) or now.killed or (self._switched and not self._is_past)
        if killed and not now.was_killed:
            now.answers_due.add("KILL_SWITCH")
        now.was_killed = killed
        drawn_down = "DD_BREACH" in data.lifecycle.causes
        if drawn_down and not now.was_drawn_down:
            now.answers_due.add("DD_BREACH")
        now.was_drawn_down = drawn_down
        shown = {
            "KILL_SWITCH": killed,
            "OPERATOR_EMERGENCY": now.declared,
            "JOURNAL_CORRUPT": tick.is_corrupt,
            "DD_BREACH": drawn_down,
        }
        now.emergency |= {name for name, is_shown in shown.items() if is_shown}
        degraded, slow = signs.degrades(tick, data.posture), signs.slows(tick, data.posture)
        begins = tick.kind is TickKind.BEGIN
        now.slow_clean = not slow and (begins or now.slow_clean)
        now.bad_clean = not degraded and (begins or now.bad_clean)

        least = 3 if any(shown.values()) else 2 if degraded else 1 if now.paused else 0
        why = [name for name, is_shown in shown.items() if is_shown] or degraded or ["a pause"]
        self.hold("I7", GRAVITY.get(new, 0) >= least, f"{new} in spite of {', '.join(why)}")
        self.hold("I7", not (slow and new is L.ACTIVE), f"ACTIVE in spite of {', '.join(slow)}")
        self._left(old, new, tick)
        if new is not old:
            now.owed.append(("lifecycle.changed", str(old), str(new)))
        now.state = new

    def _left(self, old: Lifecycle, new: Lifecycle, tick: Tick) -> None:
        now = self.now
        if old in STARTED and tick.kind is TickKind.BEGIN and tick.is_first:
            self.hold("I8", new not in STARTED, f"{new} in a session's first cycle")
        self.hold("I8", not (old is L.INIT and new in OPEN), f"{new} straight from INIT")
        if old is L.THROTTLED and new is L.ACTIVE:
            is_time = tick.kind is TickKind.END and now.slow_clean
            self.hold("I8", is_time, f"ACTIVE at a {tick.kind}, without a clean cycle")
        if old is L.DEGRADED and GRAVITY.get(new, 0) < GRAVITY[old]:
            is_time = tick.kind is TickKind.END and now.bad_clean
            self.hold("I8", is_time, f"DEGRADED left at a {tick.kind}, without a clean cycle")
        if old is L.EMERGENCY and new is not old:
            due = sorted(now.answers_due & now.emergency)
            self.hold("I8", not due, f"EMERGENCY left, and nobody answered for {', '.join(due)}")
            self.hold("I8", new not in OPEN, f"{new} straight from EMERGENCY")
            if now.emergency - {"KILL_SWITCH"}:
                self.hold("I8", new in (L.PAUSED, L.DEGRADED), f"{new} after {sorted(now.emergency)}")
                now.paused = True
        if new is not L.EMERGENCY:
            now.emergency.clear()
            now.answers_due.clear()
