"""The order stream tells the vendor's client each change once, and fails in every way in which a stream fails."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import websockets.sync.client

from simulation.alpaca_server import KEY_ID, SECRET_KEY, Script
from simulation.alpaca_server.faults import Word
from tests.simulation.served import Heard, Served, comes_about, listening, served
from tests.simulation.test_alpaca_server import FAR, THIN


@pytest.fixture
def at() -> Iterator[Served]:
    with served() as opened:
        yield opened


def heard_as(at: Served, *words: str) -> list[str]:
    """What a client hears of so many orders that rest, each update told as the words say."""
    script = at.server.faults
    assert isinstance(script, Script)
    with listening(at.server) as heard:
        script.updates += words  # type: ignore[arg-type]
        for n in range(len(words)):
            at.buy(f"o{n}", 1, FAR)
        at.buy("end", 1, FAR)
        heard.until(lambda: "new end" in heard.said())
        return heard.said()


def test_the_life_of_an_order_is_told_step_by_step(at: Served) -> None:
    with listening(at.server) as heard:
        at.buy("one", 100)
        stop = at.stop("stop", 100, 48.5)
        moved = at.replace(stop.id, "stop-2", stop_price=48.75)
        at.client.cancel_order_by_id(moved.id)
        said = ["new one", "fill one", "new stop", "replaced stop", "new stop-2", "canceled stop-2"]
        heard.until(lambda: len(heard.updates) == len(said))
        assert said == heard.said()
        fill = heard.updates[1]
        assert (49.9615, 100.0, 100.0) == (fill.price, fill.qty, fill.position_qty)
        assert at.pit.now == fill.timestamp
        assert fill.execution_id is not None
        assert ("100", "49.9615") == (fill.order.filled_qty, fill.order.filled_avg_price)


def test_what_time_alone_brings_is_told_when_it_has_come() -> None:
    with served(THIN, minute=0) as at, listening(at.server) as heard:
        at.buy("thin", 25, 51.0)
        at.at(0, 12)
        said = ["new thin", "partial_fill thin", "partial_fill thin", "fill thin"]
        heard.until(lambda: len(heard.updates) == len(said))
        assert said == heard.said()
        assert ["10", "20", "25"] == [each.order.filled_qty for each in heard.updates[1:]]
        assert [10.0, 10.0, 5.0] == [each.qty for each in heard.updates[1:]]


def test_what_a_cancel_and_a_replacement_wait_for_is_told() -> None:
    second = Decimal(1)
    with served(cancel_latency_s=second, replace_latency_s=second) as at, listening(at.server) as heard:
        order = at.buy("one", 1, FAR)
        moved = at.replace(order.id, "two", limit_price=41.0)
        at.at(0, 6)
        at.client.cancel_order_by_id(moved.id)
        at.at(0, 7)
        heard.until(lambda: "canceled two" in heard.said())
        assert [
            "new one",
            "pending_replace one",
            "pending_new two",
            "replaced one",
            "new two",
            "pending_cancel two",
            "canceled two",
        ] == heard.said()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("as_is", ["new o0", "new o1", "new end"]),
        ("drop", ["new o1", "new end"]),
        ("double", ["new o0", "new o0", "new o1", "new end"]),
        ("late", ["new o1", "new o0", "new end"]),
    ],
)
def test_an_update_is_lost_told_twice_or_told_late(at: Served, word: Word, said: list[str]) -> None:
    assert said == heard_as(at, word, "as_is")


def test_updates_are_reordered_by_being_late_together(at: Served) -> None:
    assert ["new o2", "new o0", "new o1", "new end"] == heard_as(at, "late", "late", "as_is")


def test_a_mute_stream_stays_connected_and_loses_what_happens_meanwhile(at: Served) -> None:
    with listening(at.server) as heard:
        at.server.stream.mute = True
        at.buy("unheard", 1, FAR)
        assert 1 == at.server.stream.listeners()
        at.server.stream.mute = False
        at.buy("heard", 1, FAR)
        heard.until(lambda: "new heard" in heard.said())
        assert ["new heard"] == heard.said()


def test_a_stream_that_was_cut_comes_back_and_repeats_nothing(at: Served) -> None:
    with listening(at.server) as heard:
        at.buy("before", 1, FAR)
        heard.until(lambda: "new before" in heard.said())
        at.server.stream.cut()
        at.buy("between", 1, FAR)
        heard.until(lambda: at.server.stream.listeners() == 1)
        at.buy("after", 1, FAR)
        heard.until(lambda: "new after" in heard.said())
        assert ["new before", "new after"] == heard.said()


def test_a_cut_in_a_script_breaks_the_stream_before_its_update(at: Served) -> None:
    script = at.server.faults
    assert isinstance(script, Script)
    with listening(at.server) as heard:
        script.updates.append("cut")
        at.buy("lost", 1, FAR)
        heard.until(lambda: at.server.stream.listeners() == 1)
        at.buy("after", 1, FAR)
        heard.until(lambda: "new after" in heard.said())
        assert ["new after"] == heard.said()
        assert 1 == script.met["update_cut"]


def test_two_clients_hear_the_same(at: Served) -> None:
    with listening(at.server) as one:
        other = Heard(at.server, already=1)
        at.buy("both", 1, FAR)
        for heard in (one, other):
            heard.until(lambda heard=heard: heard.updates)  # type: ignore[misc]
        assert ["new both"] == one.said() == other.said()
        other.close()


def plain(at: Served, *sent: Any) -> list[Any]:
    """Answers to what a bare websocket sends, one each."""
    with websockets.sync.client.connect(at.server.stream_url) as line:
        answers = []
        for each in sent:
            line.send(each if isinstance(each, (str, bytes)) else json.dumps(each))
            told = line.recv(timeout=5)
            assert isinstance(told, bytes), "the vendor's stream sends binary frames"
            answers.append(json.loads(told)["data"])
        return answers


def known(secret: str) -> dict[str, Any]:
    return {"action": "authenticate", "data": {"key_id": KEY_ID, "secret_key": secret}}


LISTEN = {"action": "listen", "data": {"streams": ["trade_updates", "account_updates"]}}


def test_only_who_is_known_may_listen(at: Served) -> None:
    assert ["authorized", ["trade_updates"]] == [
        each.get("status", each.get("streams")) for each in plain(at, known(SECRET_KEY), LISTEN)
    ]
    assert ["unauthorized", []] == [
        each.get("status", each.get("streams")) for each in plain(at, known("wrong"), LISTEN)
    ]


@pytest.mark.parametrize(
    "sent", ["no json", b"\xff", "[]", {"action": "dance"}, {"action": "listen", "data": 5}]
)
def test_what_is_no_action_is_answered_and_harms_nobody(at: Served, sent: Any) -> None:
    ((answer),) = plain(at, sent)
    assert "error" in answer
    assert "200" == str(at.client._session.get(f"{at.server.url}/sim/clock").status_code)


def test_a_close_is_answered_and_the_line_let_go(at: Served) -> None:
    plain(at, known(SECRET_KEY), LISTEN)
    assert comes_about(lambda: at.server.stream.listeners() == 0)
