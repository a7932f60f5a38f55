"""The server says what the vendor says, to any client: this one knows nothing but HTTP."""

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from market.calendar import Calendar
from simulation.alpaca_data_server import AlpacaDataServer
from tests.market.feeds import KEYS, StepClock, synthetic

ASKED = {
    "symbols": "SPY,NAN",
    "timeframe": "1Day",
    "start": "2016-11-21T05:00:00Z",
    "end": "2016-11-25T05:00:00Z",
}
KEYS_GIVEN = {"APCA-API-KEY-ID": KEYS[0], "APCA-API-SECRET-KEY": KEYS[1]}


@pytest.fixture(scope="module")
def server() -> Iterator[AlpacaDataServer]:
    source = synthetic(Calendar(2015, 2018))
    with AlpacaDataServer(source, StepClock().now, key_id=KEYS[0], secret_key=KEYS[1]) as at:
        yield at


def get(
    server: AlpacaDataServer, asked: Mapping[str, str], headers: Mapping[str, str] = KEYS_GIVEN
) -> tuple[int, Any, dict[str, str]]:
    line = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    line.request("GET", f"/v2/stocks/bars?{urlencode(asked)}", headers=dict(headers))
    answer = line.getresponse()
    body = json.loads(answer.read())
    line.close()
    return answer.status, body, dict(answer.headers.items())


def test_bars_lie_under_their_symbols_and_both_ends_are_included(server: AlpacaDataServer) -> None:
    status, page, _ = get(server, ASKED)
    assert (200, None, ["NAN", "SPY"]) == (status, page["next_page_token"], list(page["bars"]))
    assert ["21", "22", "23", "25"] == [bar["t"][8:10] for bar in page["bars"]["SPY"]]
    assert {"t", "o", "h", "l", "c", "v", "n", "vw"} == set(page["bars"]["SPY"][0])
    assert 3 == len(get(server, ASKED | {"end": "2016-11-25T04:59:59Z"})[1]["bars"]["SPY"])


def test_a_page_may_end_inside_a_symbol_and_its_token_goes_on_there(server: AlpacaDataServer) -> None:
    found: list[tuple[str, str]] = []
    sizes: list[dict[str, int]] = []
    token: str | None = None
    while token is not None or not sizes:
        _, page, _ = get(server, ASKED | {"limit": "3"} | ({"page_token": token} if token else {}))
        found += [(symbol, bar["t"]) for symbol, bars in page["bars"].items() for bar in bars]
        sizes.append({symbol: len(bars) for symbol, bars in page["bars"].items()})
        token = page["next_page_token"]
    assert [{"NAN": 3}, {"NAN": 1, "SPY": 2}, {"SPY": 2}] == sizes
    assert sorted(set(found)) == found


def test_bars_may_be_asked_newest_first(server: AlpacaDataServer) -> None:
    page = get(server, ASKED | {"sort": "desc"})[1]
    assert ["25", "23", "22", "21"] == [bar["t"][8:10] for bar in page["bars"]["NAN"]]


def test_an_unknown_symbol_is_no_fault_and_has_no_entry(server: AlpacaDataServer) -> None:
    assert (200, {"bars": {}, "next_page_token": None}) == get(server, ASKED | {"symbols": "ABSENT"})[:2]


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"symbols": ""}, 400, "symbols is required"),
        ({"symbols": "SP$"}, 400, "invalid symbol(s): SP$"),
        ({"timeframe": "7Min"}, 400, "invalid timeframe: 7Min"),
        ({"feed": "x"}, 400, "invalid feed: x"),
        ({"adjustment": "x"}, 400, "invalid adjustment: x"),
        ({"sort": "x"}, 400, "invalid sort: x"),
        ({"asof": "soon"}, 400, "invalid asof: soon"),
        ({"start": "soon"}, 400, "invalid start: soon"),
        ({"limit": "0"}, 400, "limit must be between 1 and 10000"),
        ({"limit": "x"}, 400, "invalid limit: x"),
        ({"page_token": "bm9uZQ=="}, 400, "invalid page_token"),
        ({"page_token": "!"}, 400, "invalid page_token"),
        ({"end": "2016-01-01"}, 422, "end should not be before start"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused_in_json(
    server: AlpacaDataServer, change: dict[str, str], status: int, message: str
) -> None:
    assert (status, {"message": message}) == get(server, ASKED | change)[:2]


def test_keys_are_wanted_and_compared(server: AlpacaDataServer) -> None:
    assert (401, {"message": "unauthorized."}) == get(server, ASKED, {})[:2]
    wrong = KEYS_GIVEN | {"APCA-API-SECRET-KEY": "another"}
    assert (403, {"message": "forbidden."}) == get(server, ASKED, wrong)[:2]
    assert [] == [key for key in KEYS if key in json.dumps(server.requests)], "keys are kept nowhere"


def test_a_minutes_quota_is_told_and_ends_with_the_minute() -> None:
    clock = StepClock()
    source = synthetic(Calendar(2015, 2018))
    with AlpacaDataServer(source, clock.now, key_id=KEYS[0], secret_key=KEYS[1], per_minute=2) as server:
        told = [get(server, ASKED) for _ in range(3)]
        assert [200, 200, 429] == [status for status, _, _ in told]
        assert ["1", "0", "0"] == [headers["X-RateLimit-Remaining"] for _, _, headers in told]
        assert {"message": "too many requests."} == told[2][1]
        clock.sleep(int(told[2][2]["X-RateLimit-Reset"]) - clock.now().timestamp())
        assert 200 == get(server, ASKED)[0]
