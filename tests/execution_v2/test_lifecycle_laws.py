"""Whatever the ticks, and whatever a person does between them: no emergency ends unanswered, and no SPOT loosens."""

from decimal import Decimal
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from execution_v2.lifecycle_acts import ack_needed, refused
from execution_v2.lifecycle_table import RANK, Action, allows, is_legal, ordered, worst
from schemas.lifecycle import Lifecycle
from schemas.reasons.lifecycle import LifecycleCause
from schemas.tick import TickKind
from tests.execution_v2.lifecycle_world import CLASSES, CONFIG, LIVE, START, Book, C, S, T

SHOWN: Final = st.sets(
    st.sampled_from(
        [c for c in C if c not in (C.OPERATOR_EMERGENCY, C.OPERATOR_PAUSE, C.DD_BREACH, C.LOSS_LIMIT)]
    ),
    max_size=2,
).map(lambda found: found - {C.POSTURE_YELLOW} if C.POSTURE_RED in found else found)
GOOD: Final = st.just(set[LifecycleCause]())
EQUITY: Final = st.sampled_from([None, *(START * Decimal(n) / 100 for n in (79, 95, 98, 100, 100, 100, 130))])
TICKS: Final = GOOD | GOOD | SHOWN


class Lives(RuleBasedStateMachine):
    """A book in the hands of chance; *unanswered* is the model: emergencies that no person has answered for."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.unanswered: set[str] = set()
        self.is_within = False

    def take(
        self, kind: TickKind, shown: set[LifecycleCause], equity: Decimal | None, *, is_flat: bool = False
    ) -> None:
        before, count = self.book.state, len(self.book.moves)
        state = self.book.take(kind, shown, equity=equity, is_flat=is_flat).state
        moves = self.book.moves[count:]
        assert len(moves) <= 1
        assert all(is_legal(S(one), S(other), reason) for one, other, reason in moves)
        self.unanswered |= {c for c in state.causes if c in CLASSES["1"] and c not in before.causes}
        seen = shown & {C.JOURNAL_CORRUPT}
        self.unanswered |= {str(c) for c in seen}
        if before.state is S.EMERGENCY and state.state is not S.EMERGENCY:
            assert set() == self.unanswered, "an emergency ended that nobody answered for"
        if kind is T.SPOT:
            assert RANK[state.state] >= RANK[before.state]
            assert set(state.causes) >= set(before.causes)
            assert before.state in (S.ACTIVE, S.THROTTLED) or not allows(state.state, Action.INCREASE)
        if kind is T.BEGIN and self.book.is_first:
            assert not allows(state.state, Action.INCREASE), "the first cycle of a session enters nothing"

    @precondition(lambda self: not self.is_within)
    @rule(shown=TICKS, equity=EQUITY)
    def begin(self, shown: set[LifecycleCause], equity: Decimal | None) -> None:
        self.take(T.BEGIN, shown, equity)
        self.is_within = True

    @precondition(lambda self: self.is_within)
    @rule(shown=TICKS, equity=EQUITY)
    def spot(self, shown: set[LifecycleCause], equity: Decimal | None) -> None:
        self.take(T.SPOT, shown, equity)

    @precondition(lambda self: self.is_within)
    @rule(shown=TICKS, equity=EQUITY, is_flat=st.booleans())
    def end(self, shown: set[LifecycleCause], equity: Decimal | None, is_flat: bool) -> None:
        self.take(T.END, shown, equity, is_flat=is_flat)
        self.book.is_first = self.is_within = False

    @precondition(lambda self: self.is_within)
    @rule()
    def die(self) -> None:
        self.is_within = False

    @precondition(lambda self: not self.is_within)
    @rule()
    def night(self) -> None:
        self.book.night()

    @rule(on=st.booleans())
    def kill(self, on: bool) -> None:
        self.book.kill(on=on)
        if not on:
            self.unanswered.discard(C.KILL_SWITCH)
        elif C.KILL_SWITCH in self.book.state.causes:
            self.unanswered.add(C.KILL_SWITCH)

    @rule(verb=st.sampled_from(["pause", "resume", "emergency", "flatten"]))
    def act(self, verb: str) -> None:
        if self.refused(verb, None):
            return
        self.book.act(verb)
        if verb == "emergency" and C.OPERATOR_EMERGENCY in self.book.state.causes:
            self.unanswered.add(C.OPERATOR_EMERGENCY)

    @rule(cause=st.sampled_from(CLASSES["1"]))
    def ack(self, cause: LifecycleCause) -> None:
        if not self.refused("ack", cause):
            self.book.act("ack", cause)
            self.unanswered.discard(cause)

    def refused(self, verb: str, subject: str | None) -> bool:
        state = self.book.state
        return refused(verb, subject, state, posture_acks=(), has_losses=False, is_flat=False) is not None

    @invariant()
    def the_worst_cause_names_the_state(self) -> None:
        state = self.book.state
        held = worst(state.causes)
        if RANK[state.state] and state.state is not S.EMERGENCY and not self.is_resumed():
            assert held is state.state
        assert held is None or RANK[held] <= RANK[state.state]
        assert not allows(state.state, Action.INCREASE) or held is None

    def is_resumed(self) -> bool:
        """A resume took the last cause of a pause, and the next tick has not come yet."""
        return self.book.state.state is S.PAUSED and worst(self.book.state.causes) is None

    @invariant()
    def lists_are_in_order_and_within_each_other(self) -> None:
        state = self.book.state
        for names in (state.causes, state.clean, state.acked, state.emergency_causes):
            assert names == ordered(names)
        assert set(state.clean) | set(state.acked) <= set(state.causes)
        assert set(ack_needed(state)) <= {*state.causes, C.OPERATOR_EMERGENCY}
        assert (state.emergency_causes != ()) == (state.state is S.EMERGENCY)
        assert all(c in CLASSES["1"] for c in state.emergency_causes)


class LivesWithMoney(Lives):
    """The same where a person resumes after every emergency."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book(config=LIVE)

    @invariant()
    def an_emergency_leaves_a_pause(self) -> None:
        for one, other, reason in self.book.moves:
            if one == Lifecycle.EMERGENCY:
                assert other in ("DEGRADED", "PAUSED")
                assert "EMERGENCY_CLEARED" == reason


QUICK: Final = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestLives = Lives.TestCase
TestLives.settings = QUICK
TestLivesWithMoney = LivesWithMoney.TestCase
TestLivesWithMoney.settings = QUICK


def test_the_books_of_the_machine_obey_different_settings() -> None:
    assert (True, False) == (CONFIG.kill_off_resumes, LIVE.kill_off_resumes)
