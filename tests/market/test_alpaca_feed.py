"""Whatever the vendor's side does, a read ends in time: whole, or failed with its reason, and never in part.

The real client speaks HTTP to the server of ``simulation.alpaca_data_server`` on loopback.
"""

import logging
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from market.calendar import EPOCH, Calendar
from market.feed import ReadFailed, Seen
from market.feeds.alpaca import AlpacaBars
from market.feeds.config import FeedConfig
from market.feeds.patience import Refusal, pause, quota_pause, refused
from market.feeds.port import IntradayBars
from market.feeds.synthetic import SyntheticBars
from schemas.reasons.market import FeedCode
from simulation.loopback import Answer, Cut, Drip, Fault, Reset, Rewrite, Stall, gateway, throttled
from tests.market.feeds import FIRST, KEYS, LAST, NOW, StepClock, alpaca, odd_market, synthetic

D = date(2016, 11, 25)
SESSIONS = 84
"""Of FIRST to LAST."""


def rows(answer: Any) -> Any:
    assert isinstance(answer, Seen), answer
    return answer.value


def failure(answer: Any, code: str) -> str:
    """The cause of a failed read, which names *code* first."""
    assert isinstance(answer, ReadFailed), "a read that failed in part is no answer"
    assert answer.cause.startswith(f"{code}: "), answer.cause
    return answer.cause


def spy(feed: AlpacaBars) -> Any:
    return feed.daily(["SPY"], FIRST, LAST)


# --- what is asked --------------------------------------------------------------------------------


def test_the_request_says_feed_adjustment_names_and_both_ends(calendar: Calendar) -> None:
    with alpaca(calendar, source="sip", page_bars=5000) as line:
        rows(line.feed.daily(["SPY", "TRUE"], date(2016, 11, 4), date(2016, 11, 7)))
        rows(line.feed.intraday(["SPY"], 600, D, D))
    daily, intraday = line.server.requests
    assert {
        "symbols": "SPY,TRUE",
        "timeframe": "1Day",
        "start": "2016-11-04T04:00:00+00:00",  # summer time ends in between: a New York day is not 24 hours
        "end": "2016-11-08T04:59:59+00:00",
        "limit": "5000",
        "adjustment": "raw",
        "feed": "sip",
        "asof": "-",
        "sort": "asc",
    } == daily
    assert "10Min" == intraday["timeframe"]


def test_names_may_be_read_as_of_a_date(calendar: Calendar) -> None:
    with alpaca(calendar, asof="2016-12-01") as line:
        rows(spy(line.feed))
    assert "2016-12-01" == line.server.requests[0]["asof"]


@pytest.mark.parametrize("adjustment", ["split", "dividend", "all"])
def test_adjusted_prices_are_told_apart(calendar: Calendar, adjustment: str) -> None:
    with alpaca(calendar, adjustment=adjustment) as line:
        rows(spy(line.feed))
        assert "vendor_adjusted" == line.feed.price_basis
    assert adjustment == line.server.requests[0]["adjustment"]


def test_pages_are_followed_to_the_last_and_symbols_go_in_groups(calendar: Calendar) -> None:
    source = synthetic(calendar)
    names = sorted(odd_market(calendar).rows.symbols)
    told: list[tuple[int, int]] = []
    with alpaca(calendar, bars=source, server={"page_max": 100}, symbols_per_request=5) as line:
        line.feed._progress = lambda done, total: told.append((done, total))
        found = rows(line.feed.daily(names, FIRST, LAST))
    whole = rows(source.daily(names, FIRST, LAST))
    assert (whole.symbols, whole.values.tolist()) == (found.symbols, found.values.tolist())
    assert 3 == len({each["symbols"] for each in line.server.requests})
    assert len(line.server.requests) > 9, "pages end inside a symbol"
    assert [(5, 12), (10, 12), (12, 12)] == told


def test_an_empty_page_in_the_middle_is_not_the_end(calendar: Calendar) -> None:
    hollow = Rewrite(to=lambda page: page | {"bars": {}})
    with alpaca(calendar, server={"page_max": 30}, script=[None, hollow]) as line:
        assert SESSIONS - 30 == len(rows(spy(line.feed)))
    assert 3 == len(line.server.requests)


def test_null_for_bars_is_an_empty_page(calendar: Calendar) -> None:
    with alpaca(calendar, script=[Rewrite(to=lambda page: {"bars": None, "next_page_token": None})]) as line:
        assert 0 == len(rows(spy(line.feed)))


# --- what comes back ------------------------------------------------------------------------------


def test_a_price_is_rounded_half_even_by_the_digits_of_the_body(calendar: Calendar) -> None:
    def priced(page: dict[str, Any]) -> dict[str, Any]:
        page["bars"]["SPY"][0] |= {"o": 1.00005, "h": 1.00015, "l": 0.00005, "c": 1.00025, "v": 7}
        return page

    with alpaca(calendar, script=[Rewrite(to=priced)]) as line:
        first = rows(spy(line.feed)).values[:, 0].tolist()
    assert [10_000, 10_002, 0, 10_002, 7] == first


def test_a_bar_of_summer_and_one_of_winter_keep_their_new_york_dates(calendar: Calendar) -> None:
    stamps: list[str] = []

    def seen(page: dict[str, Any]) -> dict[str, Any]:
        stamps.extend(bar["t"][10:] for bar in page["bars"]["SPY"])
        return page

    with alpaca(calendar, script=[Rewrite(to=seen)]) as line:
        days = rows(line.feed.daily(["SPY"], date(2016, 11, 4), date(2016, 11, 8))).day.tolist()
    assert ["T04:00:00Z", "T05:00:00Z", "T05:00:00Z"] == stamps
    assert [date(2016, 11, day).toordinal() - EPOCH for day in (4, 7, 8)] == days


@pytest.mark.parametrize(
    ("hour", "minute", "last"), [(20, 59, "2016-12-29"), (21, 19, "2016-12-29"), (21, 20, "2016-12-30")]
)
def test_the_bar_of_a_session_counts_twenty_minutes_after_its_close(
    calendar: Calendar, hour: int, minute: int, last: str
) -> None:
    clock = StepClock(datetime(2016, 12, 30, hour, minute, tzinfo=UTC))
    with alpaca(calendar, clock=clock) as line:
        days = rows(spy(line.feed)).day
    assert last == str(date.fromordinal(int(days[-1]) + EPOCH))


def test_an_intraday_bar_counts_five_seconds_after_its_end(calendar: Calendar) -> None:
    for second, count in ((4, 1), (5, 2)):
        clock = StepClock(datetime(2016, 11, 25, 14, 50, second, tzinfo=UTC))
        with alpaca(calendar, clock=clock) as line:
            assert count == len(rows(line.feed.intraday(["SPY"], 600, D, D)))


class Extended(SyntheticBars):
    """A market that trades an hour before the open and an hour after the close too, as the vendor's bars do."""

    def intraday(self, symbols: Any, interval_s: int, first: date, last: date) -> Any:
        bars, hour = rows(super().intraday(symbols, interval_s, first, last)), 3_600_000_000
        early, late = bars.start_at - hour, bars.start_at + hour
        is_early, is_late = early < bars.start_at.min(), late > bars.start_at.max()
        made = IntradayBars(
            symbols=bars.symbols,
            code=np.concatenate([bars.code[is_early], bars.code, bars.code[is_late]]),
            start_at=np.concatenate([early[is_early], bars.start_at, late[is_late]]),
            interval_s=interval_s,
            values=np.concatenate([bars.values[:, is_early], bars.values, bars.values[:, is_late]], axis=1),
        )
        return Seen(as_of=NOW, value=made.canonical())


def test_only_the_regular_session_is_kept(calendar: Calendar) -> None:
    source = Extended(odd_market(calendar), calendar, lambda: NOW)
    with alpaca(calendar, bars=source) as line:
        bars = rows(line.feed.intraday(["SPY"], 600, D, D))
    assert 21 == len(bars)  # 09:30 to 13:00
    assert 33 == len(rows(source.intraday(["SPY"], 600, D, D)))


@pytest.mark.parametrize(
    "page",
    [
        [],
        {},
        {"bars": []},
        {"bars": {}},
        {"bars": {"SPY": 3}, "next_page_token": None},
        {"bars": {"SPY": [3]}, "next_page_token": None},
        {"bars": {"SPY": [{}]}, "next_page_token": None},
        {"bars": {"QQQ": []}, "next_page_token": None},
        {"bars": {}, "next_page_token": 7},
        {"bars": {}, "next_page_token": ""},
    ],
    ids=repr,
)
def test_a_page_that_is_none_fails_the_read(calendar: Calendar, page: Any) -> None:
    with alpaca(calendar, script=[Rewrite(to=lambda _: page)]) as line:
        failure(spy(line.feed), FeedCode.FEED_MALFORMED)


@pytest.mark.parametrize(
    "change",
    [
        {"t": "2016-09-01T05:00:00Z"},
        {"t": "2016-09-01"},
        {"t": "2015-09-01T04:00:00Z"},
        {"t": "2016-12-31T05:00:00Z"},
        {"t": "soon"},
        {"t": None},
        {"o": "27.5"},
        {"h": None},
        {"c": True},
        {"c": float("nan")},
        {"v": 1.5},
        {"v": -1},
        {"v": 2**60},
    ],
    ids=repr,
)
def test_a_bar_that_is_none_or_was_not_asked_for_fails_the_read(
    calendar: Calendar, change: dict[str, Any]
) -> None:
    def changed(page: dict[str, Any]) -> dict[str, Any]:
        page["bars"]["SPY"][0] |= change
        return page

    with alpaca(calendar, script=[Rewrite(to=changed)]) as line:
        failure(spy(line.feed), FeedCode.FEED_MALFORMED)


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    [
        [throttled()],
        [throttled("2"), throttled(reset=int(NOW.timestamp()) + 20)],
        [gateway(502)],
        [gateway(500), gateway(504), gateway(503)],
        [Cut()],
        [Reset()],
        [Answer(status=200, body=b'{"bars": {"SPY": [')],
        [Answer(status=200, body=b"")],
        [Cut(), throttled("1"), Reset(), gateway(502)],
    ],
    ids=lambda faults: "+".join(type(fault).__name__ for fault in faults),
)
def test_what_passes_is_waited_out_and_the_whole_range_arrives(
    calendar: Calendar, faults: list[Fault]
) -> None:
    source = synthetic(calendar)
    with alpaca(calendar, bars=source, script=[None, *faults], server={"page_max": 50}) as line:
        found = rows(spy(line.feed))
    assert rows(source.daily(["SPY"], FIRST, LAST)).values.tolist() == found.values.tolist()
    assert 2 + len(faults) == len(line.server.requests), "each page once, and once more for each fault"
    assert len(faults) == len(line.clock.waits)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (throttled(), FeedCode.FEED_THROTTLED),
        (gateway(502), FeedCode.FEED_ERRED),
        (Cut(), FeedCode.FEED_UNREACHABLE),
        (Reset(), FeedCode.FEED_UNREACHABLE),
        (Answer(status=200, body=b"<html>"), FeedCode.FEED_MALFORMED),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, str) else str(each),
)
def test_what_does_not_pass_ends_after_the_last_try(calendar: Calendar, fault: Fault, code: str) -> None:
    with alpaca(calendar, script=[None, *[fault] * 9], server={"page_max": 50}, attempts_max=4) as line:
        cause = failure(spy(line.feed), code)
    assert cause.endswith("after 4 tries; SPY, 2016-09-01 to 2016-12-30")
    assert 5 == len(line.server.requests)
    assert [1, 2, 4] == line.clock.waits


def test_a_mute_server_is_given_up_after_the_read_time(calendar: Calendar) -> None:
    with alpaca(calendar, script=[Stall(seconds=30)], read_s=0.3, attempts_max=1) as line:
        assert "FEED_UNREACHABLE: ReadTimeout, after 1 tries" in failure(spy(line.feed), "FEED_UNREACHABLE")


def test_a_stall_that_passes_costs_one_try(calendar: Calendar) -> None:
    with alpaca(calendar, script=[Stall(seconds=30)], read_s=0.3) as line:
        assert SESSIONS == len(rows(spy(line.feed)))


def test_a_server_that_drips_is_given_up_when_the_time_is_used_up(calendar: Calendar) -> None:
    class Ticking(StepClock):
        """A second passes with each look: a body of thousands of bytes would take hours."""

        def now(self) -> datetime:
            self.at += timedelta(seconds=1)
            return self.at

    with alpaca(calendar, clock=Ticking(), script=[Drip(seconds=0.002)], budget_s=40) as line:
        failure(spy(line.feed), FeedCode.FEED_BUDGET_SPENT)
    assert 1 == len(line.server.requests)


def test_a_wait_longer_than_the_time_left_is_not_begun(calendar: Calendar) -> None:
    with alpaca(calendar, script=[throttled("3600")], budget_s=600) as line:
        assert "3600 s to wait" in failure(spy(line.feed), FeedCode.FEED_BUDGET_SPENT)
    assert [] == line.clock.waits


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_another_try_cannot_mend_is_asked_once(calendar: Calendar, status: int) -> None:
    body = b'{"message":"subscription does not permit querying recent SIP data"}'
    with alpaca(calendar, script=[Answer(status=status, body=body)]) as line:
        cause = failure(spy(line.feed), FeedCode.FEED_REFUSED)
    assert f"FEED_REFUSED: {status} subscription does not permit querying recent SIP data; SPY" in cause
    assert 1 == len(line.server.requests)


def test_page_tokens_that_go_in_a_circle_end(calendar: Calendar) -> None:
    circle = Rewrite(to=lambda page: page | {"next_page_token": "c2FtZQ=="})
    again = Answer(status=200, body=b'{"bars":{},"next_page_token":"c2FtZQ=="}')
    with alpaca(calendar, script=[circle, again, again]) as line:
        failure(spy(line.feed), FeedCode.FEED_PAGES_ENDLESS)
    assert 2 == len(line.server.requests)


def test_pages_that_never_end_are_counted(calendar: Calendar) -> None:
    with alpaca(calendar, server={"page_max": 1}, pages_max=5) as line:
        failure(spy(line.feed), FeedCode.FEED_PAGES_ENDLESS)
    assert 5 == len(line.server.requests)


def test_a_failure_in_the_last_group_leaves_no_answer(calendar: Calendar) -> None:
    script = [None, None, Answer(status=403, body=b'{"message":"forbidden."}')]
    with alpaca(calendar, script=script, symbols_per_request=1) as line:
        cause = failure(line.feed.daily(["NAN", "SPY", "TRUE"], FIRST, LAST), FeedCode.FEED_REFUSED)
    assert cause.endswith("; TRUE, 2016-09-01 to 2016-12-30")


def test_a_server_that_is_not_there_is_unreachable(calendar: Calendar) -> None:
    with alpaca(calendar) as line:
        pass
    assert "ConnectionError, after 6 tries" in failure(spy(line.feed), FeedCode.FEED_UNREACHABLE)


# --- the quota ------------------------------------------------------------------------------------


def test_the_last_request_of_a_minute_is_followed_by_its_end(calendar: Calendar) -> None:
    with alpaca(calendar, server={"page_max": 20, "per_minute": 2}) as line:
        assert SESSIONS == len(rows(spy(line.feed)))
    assert 5 == len(line.server.requests), "none was thrown away"
    assert [60.5, 60.0] == [round(wait, 1) for wait in line.clock.waits]


def test_headers_that_say_nothing_are_no_wait() -> None:
    assert 0 == quota_pause({}, NOW)
    assert 0 == quota_pause({"X-RateLimit-Remaining": "0"}, NOW)
    assert 0 == quota_pause({"X-RateLimit-Remaining": "5", "X-RateLimit-Reset": "99999999999"}, NOW)
    assert 0 == quota_pause({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0"}, NOW)


def test_retry_after_may_be_a_date() -> None:
    told = refused(429, "", {"Retry-After": "Tue, 03 Jan 2017 13:00:09 GMT"}, NOW)
    assert 9 == pause(told, 1, FeedConfig())


@given(text=st.text(max_size=20), status=st.integers(300, 599), attempt=st.integers(1, 20))
def test_no_header_makes_a_wait_negative_or_a_fault(text: str, status: int, attempt: int) -> None:
    headers = {"Retry-After": text, "X-RateLimit-Reset": text, "X-RateLimit-Remaining": text}
    told = refused(status, "", headers, NOW)
    assert isinstance(told, Refusal)
    assert told.may_pass is (status == 429 or status >= 500)
    assert pause(told, attempt, FeedConfig()) >= 0
    assert quota_pause(headers, NOW) >= 0


# --- secrets --------------------------------------------------------------------------------------


def test_wrong_keys_are_refused_and_never_told(calendar: Calendar, caplog: pytest.LogCaptureFixture) -> None:
    wrong = ("PKWRONGKEY", "wrong-secret-abcdef")
    echo = Answer(status=403, body=b'{"message":"PKWRONGKEY with wrong-secret-abcdef is unknown"}')
    with caplog.at_level(logging.DEBUG), alpaca(calendar, keys=wrong, script=[None, echo]) as line:
        first, second = spy(line.feed), spy(line.feed)
    assert "FEED_REFUSED: 403 forbidden.; SPY" in failure(first, FeedCode.FEED_REFUSED)
    told = failure(second, FeedCode.FEED_REFUSED) + caplog.text + repr(line.feed._credentials)
    assert "403 … with … is unknown" in told
    assert [] == [secret for secret in (*wrong, *KEYS) if secret in told]


def test_a_key_of_one_letter_leaves_our_own_words_whole(calendar: Calendar) -> None:
    with alpaca(calendar, keys=("a", "e"), script=[gateway(502)] * 2, attempts_max=2) as line:
        assert "FEED_ERRED: 502, after 2 tries; SPY" in failure(spy(line.feed), FeedCode.FEED_ERRED)


def test_neither_environment_nor_netrc_is_read(calendar: Calendar, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with alpaca(calendar) as line:
        assert SESSIONS == len(rows(spy(line.feed)))


@pytest.mark.parametrize(
    "url", ["http://data.example", "ftp://127.0.0.1", "https://a:b@data.example", "https://data.example/?x=1"]
)
def test_keys_do_not_travel_in_the_clear(url: str) -> None:
    with pytest.raises(ValidationError):
        FeedConfig(url=url)
    assert "https://data.example" == FeedConfig(url="https://data.example/").url
