"""Each trouble befalls the request that it was meant for: what the client is told, and what truly happened."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.exceptions import RequestException

from simulation.alpaca_server import Script, Seeded, faults
from simulation.alpaca_server.faults import NAMED, WORDS, Trouble
from simulation.alpaca_server.mishaps import OF, Mishap
from tests.simulation.served import Served, served

FAR = 40.0
POST = "POST /v2/orders"


def meeting(what: str, trouble: Trouble, **rule: int) -> Script:
    """A script of one rule."""
    script = Script()
    script.add(what, trouble, **rule)
    return script


def met(act: Callable[[], Any]) -> str:
    """What a client sees: a status, or how the line broke."""
    try:
        act()
    except APIError as error:
        return str(error.status_code)
    except RequestException as error:
        return type(error).__name__
    return "200"


@pytest.mark.parametrize(
    ("trouble", "client_sees", "is_there"),
    [
        (faults.accepted_then_504(), "504", True),
        (faults.lost_ack(), "ConnectionError", True),
        (faults.mute_ack(), "ReadTimeout", True),
        (faults.cut(), "ChunkedEncodingError", True),
        (faults.already_taken(), "422", True),
        (faults.lost(), "ConnectionError", False),
        (faults.stall(), "ReadTimeout", False),
        (faults.duplicate_id(), "422", False),
        (faults.rate_limited(), "429", False),
        (faults.shares_held("AAA"), "403", False),
        (faults.html(502), "502", False),
        (faults.erred(500), "500", False),
    ],
    ids=lambda value: value.name if isinstance(value, Trouble) else None,
)
def test_a_troubled_order_is_posted_once_and_is_there_or_not_as_the_trouble_says(
    trouble: Trouble, client_sees: str, is_there: bool
) -> None:
    with served(faults=meeting(POST, trouble)) as at:
        assert client_sees == met(lambda: at.buy("one", 1, FAR))
        assert [trouble.name] == [request.trouble for request in at.server.sent("POST")]
        assert is_there == ("one" in at.pit.exchange.state.by_client)
        assert ("200" if is_there else "404") == met(lambda: at.client.get_order_by_client_id("one"))
        assert Counter([trouble.name]) == at.server.faults.met


def test_the_client_s_own_retry_posts_an_accepted_order_again_and_is_told_that_its_id_was_used() -> None:
    """The reason why the adapter looks an order up that is refused so, and why the client's retries are off."""
    with served(faults=meeting(POST, faults.accepted_then_504())) as at:
        at.client._retry, at.client._retry_wait = 3, 0
        assert "422" == met(lambda: at.buy("one", 1, FAR))
        assert 2 == len(at.server.sent("POST"))
        assert 1 == len(at.pit.exchange.state.orders)


def test_a_throttled_client_is_told_how_long_to_wait() -> None:
    with served(faults=meeting(POST, faults.rate_limited("7"))) as at:
        with pytest.raises(APIError) as caught:
            at.buy("one", 1, FAR)
        answer = caught.value.response
        assert answer is not None
        assert "7" == answer.headers["Retry-After"]


def test_a_gateway_s_answer_is_html() -> None:
    with served(faults=meeting(POST, faults.accepted_then_504())) as at:
        with pytest.raises(APIError) as caught:
            at.buy("one", 1, FAR)
        assert "<html>" in str(caught.value)


@pytest.mark.parametrize("trouble", [faults.accepted_then_504(), faults.lost_ack(), faults.lost()])
def test_a_troubled_cancel_and_a_troubled_replacement_happen_or_not_as_the_trouble_says(
    trouble: Trouble,
) -> None:
    with served() as at:
        one, two = at.buy("one", 1, FAR), at.buy("two", 1, FAR)
        script = at.server.faults
        assert isinstance(script, Script)
        script.add("DELETE /v2/orders/*", trouble)
        script.add("PATCH *", trouble)
        assert "200" != met(lambda: at.client.cancel_order_by_id(one.id))
        assert "200" != met(lambda: at.replace(two.id, "three", limit_price=41.0))
        ended = {True: ["cancelled", "replaced"], False: ["open", "open"]}[trouble.reaches]
        orders = at.pit.exchange.state.orders
        assert ended == [orders[at.pit.exchange.state.by_client[name]].status for name in ("one", "two")]


def test_positions_are_empty_once_and_then_as_they_are() -> None:
    with served(faults=meeting("GET /v2/positions", faults.empty())) as at:
        at.buy("one", 10)
        assert [0, 1] == [len(at.client.get_all_positions()) for _ in range(2)]


def test_a_stale_read_is_the_one_of_the_last_time() -> None:
    with served(faults=meeting("GET /v2/positions", faults.stale(), after=1)) as at:
        assert [] == at.client.get_all_positions()
        at.buy("one", 10)
        assert [0, 1] == [len(at.client.get_all_positions()) for _ in range(2)]


def test_an_answer_can_be_made_into_anything() -> None:
    with served(
        faults=meeting("GET /v2/account", faults.rewritten(lambda body: {**body, "cash": "x"}))
    ) as at:
        assert ["x", "100000"] == [at.client.get_account().cash for _ in range(2)]


def test_a_rule_holds_so_many_times_after_so_many_and_the_first_that_fits() -> None:
    script = meeting(POST, faults.erred(500), times=2, after=1)
    script.add(POST, faults.html(502))
    seen = [script.request(n, "POST", "/v2/orders") for n in range(1, 6)]
    assert [None, "erred", "erred", "html", None] == [each and each.name for each in seen]
    assert {"erred": 2, "html": 1} == script.met


# --- written down from outside --------------------------------------------------------------------


def asked_for(at: Served, **body: Any) -> tuple[int, Any]:
    answer = at.client._session.post(f"{at.server.url}/sim/faults", json=body)
    return answer.status_code, answer.json()


def test_faults_are_written_down_over_http_and_counted() -> None:
    with served() as at:
        assert (200, {"met": {}}) == asked_for(at, what=POST, trouble="lost_ack", times=1, after=1)
        assert ["200", "ConnectionError", "200"] == [
            met(partial(at.buy, name, 1, FAR)) for name in ("a", "b", "c")
        ]
        assert (200, {"met": {"lost_ack": 1}}) == asked_for(at, updates=["drop"])
        for word, is_mute in (("mute", True), ("heard", False), ("cut", False)):
            assert (200, is_mute) == (asked_for(at, stream=word)[0], at.server.stream.mute)


def test_what_was_asked_for_and_not_met_is_taken_back_and_what_was_met_stays_told() -> None:
    with served() as at:
        asked_for(at, what=POST, trouble="lost", times=9, updates=["drop"])
        assert "ConnectionError" == met(partial(at.buy, "a", 1, FAR))
        assert (200, {"met": {"lost": 1}}) == asked_for(at, clear=True)
        assert "200" == met(partial(at.buy, "b", 1, FAR))
        assert (200, {"met": {"lost": 1}}) == asked_for(at, clear=True)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"clear": False},
        {"clear": True, "what": POST},
        {"what": POST},
        {"trouble": "lost"},
        {"what": POST, "trouble": "bad luck"},
        {"what": 5, "trouble": "lost"},
        {"what": POST, "trouble": "lost", "times": "often"},
        {"updates": ["loud"]},
        {"updates": "drop"},
        {"stream": "loud"},
        {"halt": "NEVER"},
        {"halt": "AAA", "seconds": 0},
        {"halt": "AAA", "what": POST},
        {"resume": "AAA"},
        {"what": POST, "trouble": "lost", "seconds": 5},
        {"what": POST, "trouble": "halt", "seconds": -5},
        {"what": POST, "trouble": "halt", "seconds": True},
    ],
)
def test_faults_that_cannot_be_meant_are_refused_and_none_is_added(body: dict[str, Any]) -> None:
    with served() as at:
        assert 422 == asked_for(at, **body)[0]
        assert Script() == at.server.faults


def test_a_seed_s_faults_take_no_others() -> None:
    with served(faults=Seeded(1, 0.0)) as at:
        assert 422 == asked_for(at, what=POST, trouble="lost")[0]


# --- by seed --------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    number=st.integers(1, 10_000),
    method=st.sampled_from(("GET", "POST", "DELETE")),
)
def test_what_a_seed_draws_for_a_request_depends_on_its_number_alone(
    seed: int, number: int, method: str
) -> None:
    drawn = Seeded(seed, 0.5).request(number, method, "/v2/positions")
    other = Seeded(seed, 0.5)
    for before in range(1, 4):
        other.request(before, "POST", "/v2/orders")
    again = other.request(number, method, "/v2/positions")
    assert (drawn and drawn.name) == (again and again.name)
    assert Seeded(seed, 0.0).request(number, method, "/v2/positions") is None


def test_every_trouble_that_a_seed_may_draw_is_drawn_and_counted_where_it_happens() -> None:
    drawn = Seeded(7, 1.0)
    among = [("GET", "/v2/positions"), ("GET", "/v2/clock"), *((method, "/v2/orders") for method in OF)]
    names = [getattr(drawn.request(n, *asked), "name", "") for n in range(300) for asked in among]
    words = {drawn.update(n) for n in range(100)}
    asked_for_alone = {"mute_ack", "stall", "duplicate_id", "shares_held", "unauthorized", "rejected"}
    assert set(NAMED) - asked_for_alone == set(names)
    assert set(WORDS) == words
    happens = sum(name in set(Mishap) for name in names)
    assert happens > 0
    assert len(names) - happens + 100 == sum(drawn.met.values())


def test_whatever_a_seed_does_each_order_is_there_at_most_once() -> None:
    with served(faults=Seeded(11, 0.4)) as at:
        for n in range(40):
            met(partial(at.buy, f"order-{n}", 1, FAR))
        sent = at.server.sent("POST")
        reached = [n for n, each in enumerate(sent) if each.trouble is None or NAMED[each.trouble]().reaches]
        assert 40 == len(sent)
        assert 0 < len(reached) < 40
        assert {f"order-{n}" for n in reached} == set(at.pit.exchange.state.by_client)
