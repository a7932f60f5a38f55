"""The breaker holds back what adds exposure and nothing else; the window keeps a fifth for what reduces it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from execution_v2.broker.breaker import Breaker, Circuit, Lane, State
from execution_v2.broker.limiter import REQUESTS_PER_MIN, RESERVED_PER_MIN, Window

NOW = datetime(2016, 3, 9, 15, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def failed(breaker: Breaker, times: int, at: datetime = NOW) -> Breaker:
    for _ in range(times):
        breaker = breaker.after("submit", at, answered=False)
    return breaker


def test_the_fifth_failure_running_opens_for_30_seconds() -> None:
    assert failed(Breaker(), 4).may_increase("submit", NOW)
    opened = failed(Breaker(), 5)
    assert not opened.may_increase("submit", NOW)
    assert State.OPEN is opened.circuit("submit").state(later(29.9))
    assert State.PROBING is opened.circuit("submit").state(later(30))


def test_an_answer_between_them_starts_the_count_anew() -> None:
    mended = failed(Breaker(), 4).after("submit", NOW, answered=True)
    assert Breaker() == mended
    assert failed(mended, 4).may_increase("submit", NOW)


def test_one_probe_goes_at_a_time_and_two_answers_close() -> None:
    probing = failed(Breaker(), 5)
    assert probing.may_increase("submit", later(30))
    sent = probing.sent("submit", later(30))
    assert not sent.may_increase("submit", later(31))
    once = sent.after("submit", later(32), answered=True)
    assert State.PROBING is once.circuit("submit").state(later(32))
    twice = once.sent("submit", later(33)).after("submit", later(34), answered=True)
    assert State.CLOSED is twice.circuit("submit").state(later(34))
    assert 0 == twice.circuit("submit").open_s


def test_a_probe_whose_process_died_does_not_hold_the_circuit_for_ever() -> None:
    sent = failed(Breaker(), 5).sent("submit", later(30))
    assert not sent.may_increase("submit", later(59))
    assert sent.may_increase("submit", later(60))


def test_a_clock_set_back_by_a_day_keeps_no_circuit_open_for_that_day() -> None:
    opened = failed(Breaker(), 5)
    assert not opened.may_increase("submit", later(-5))
    assert opened.may_increase("submit", later(-86_400))
    assert opened.sent("submit", later(30)).may_increase("submit", later(-86_400))


def test_each_failed_probe_doubles_the_open_time_up_to_300_seconds() -> None:
    breaker, at, spans = failed(Breaker(), 5), NOW, []
    for _ in range(6):
        spans.append(breaker.circuit("submit").open_s)
        at += timedelta(seconds=spans[-1])
        breaker = breaker.sent("submit", at).after("submit", at, answered=False)
    assert [30, 60, 120, 240, 300, 300] == spans


def test_with_the_look_up_down_nothing_is_sent_that_might_have_to_be_looked_up() -> None:
    breaker = Breaker(circuits={"lookup": Circuit(opened_at=NOW, open_s=30)})
    assert not breaker.may_increase("submit", NOW)
    assert breaker.may_increase("submit", later(30))


def test_the_state_comes_back_as_it_was_written() -> None:
    breaker = failed(Breaker(), 5).sent("submit", later(31))
    assert breaker == Breaker.model_validate_json(breaker.model_dump_json())


steps = st.lists(
    st.tuples(st.booleans(), st.floats(0, 400), st.sampled_from(["submit", "cancel"])), max_size=40
)


@given(steps)
def test_an_exit_waits_at_most_a_second_in_every_state(moves: list[tuple[bool, float, str]]) -> None:
    breaker, at = Breaker(), NOW
    for answered, seconds, operation in moves:
        at += timedelta(seconds=seconds)
        assert 0 <= breaker.wait_s(operation, at) <= 1
        breaker = breaker.sent(operation, at).after(operation, at, answered=answered)
        assert all(circuit.open_s <= 300 for circuit in breaker.circuits.values())


@given(steps)
def test_after_300_quiet_seconds_a_buy_may_try(moves: list[tuple[bool, float, str]]) -> None:
    breaker, at = Breaker(), NOW
    for answered, seconds, operation in moves:
        at += timedelta(seconds=seconds)
        breaker = breaker.sent(operation, at).after(operation, at, answered=answered)
    assert breaker.may_increase("submit", at + timedelta(seconds=300))


@given(st.lists(st.tuples(st.sampled_from(list(Lane)), st.floats(0, 2)), max_size=400))
def test_reads_and_buys_never_pass_144_a_minute_and_an_exit_always_goes(
    moves: list[tuple[Lane, float]],
) -> None:
    window, at = Window(), NOW
    for lane, seconds in moves:
        at += timedelta(seconds=seconds)
        assert window.admits(Lane.EXIT, at)
        assert 0 <= window.wait_s(at) <= 1
        if window.admits(lane, at):
            if lane is not Lane.EXIT:
                assert len(window.at(at).sent) < REQUESTS_PER_MIN - RESERVED_PER_MIN
            window = window.after(at)


def test_the_181st_exit_of_a_minute_waits_out_its_second() -> None:
    window = Window()
    for _ in range(REQUESTS_PER_MIN):
        window = window.after(NOW)
    assert 1.0 == window.wait_s(NOW)
    assert 0.25 == window.wait_s(later(0.75))
    assert 0.0 == window.wait_s(later(61))


def test_a_clock_that_went_back_refuses_nothing() -> None:
    window = Window(sent=tuple(later(60 + n) for n in range(200)))
    assert window.admits(Lane.INCREASE, NOW)
