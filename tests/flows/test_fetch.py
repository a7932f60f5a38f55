"""``avwap data fetch``: shut by default, all or nothing, and dated by when the bars were first held."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flows.house import House
from flows.settings import Settings, load
from market.calendar import Calendar
from market.feeds.files import FileBars
from market.feeds.synthetic import SyntheticBars
from market.rows import NULL
from market.synthetic import tiny
from simulation.alpaca_data_server import AlpacaDataServer
from simulation.loopback import Answer, Cut, Rewrite, gateway
from tests.flows.worlds import Said, avwap, refused, tree, unchanged

KEYS = ("PKTESTKEYID000000", "secret-of-the-tests-0123456789")
BARS = (date(2016, 1, 4), date(2016, 6, 30))
SPAN = ("--from", "2016-03-01", "--to", "2016-03-31")
MARCH = 22
"""Sessions."""


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def source() -> SyntheticBars:
    calendar = Calendar(2015, 2027)
    return SyntheticBars(tiny(5, *BARS, calendar), calendar, now)


@pytest.fixture
def server(source: SyntheticBars) -> Iterator[AlpacaDataServer]:
    with AlpacaDataServer(source, now, key_id=KEYS[0], secret_key=KEYS[1]) as at:
        yield at


@pytest.fixture
def open_home(tmp_path: Path, server: AlpacaDataServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a ledger whose feed is open and leads to the server."""
    monkeypatch.setenv("APCA_API_KEY_ID", KEYS[0])
    monkeypatch.setenv("APCA_API_SECRET_KEY", KEYS[1])
    home = tmp_path / "home"
    home.mkdir()
    text = f'[feed]\nallow_network = true\nurl = "{server.url}"\npause_s = 0.01\nattempts_max = 3\n'
    (home / "avwap.toml").write_text(text)
    return home


def fetch(home: Path, *words: str) -> Said:
    return avwap(home, "data", "fetch", *SPAN, *words)


# --- shut -----------------------------------------------------------------------------------------


def test_the_network_is_shut_by_default_and_the_vendor_is_not_even_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, socket_disabled: object
) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "market.feeds.alpaca", raising=False)
    monkeypatch.setenv("APCA_API_KEY_ID", KEYS[0])
    monkeypatch.setenv("APCA_API_SECRET_KEY", KEYS[1])
    for setting in ("", "UNIVERSE_ALLOW_NETWORK"):
        if setting:
            monkeypatch.setenv(setting, "1")  # it opens another door
        said = unchanged(tmp_path, 3, "FEED_NETWORK_DISALLOWED", "data", "fetch", *SPAN, "--symbols", "SPY")
        assert "allow_network" in said.err
    assert "market.feeds.alpaca" not in sys.modules


@pytest.mark.parametrize("given", [(), ("APCA_API_KEY_ID",), ("APCA_API_SECRET_KEY",)])
def test_missing_keys_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], socket_disabled: object
) -> None:
    monkeypatch.setenv("AVWAP_FEED__ALLOW_NETWORK", "1")
    for name in ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in given:
        monkeypatch.setenv(name, "something")
    said = unchanged(tmp_path, 2, "FEED_CREDENTIALS_MISSING", "data", "fetch", *SPAN, "--symbols", "SPY")
    assert [name not in said.err.split("not set")[0] for name in given] == [True] * len(given)


# --- daily bars -----------------------------------------------------------------------------------


def test_daily_bars_go_into_the_store_known_from_now_on(open_home: Path, source: SyntheticBars) -> None:
    before = now()
    body = fetch(open_home, "--symbols", "SPY, BABA,ABSENT", "--json").body
    after = now()
    assert (2 * MARCH, 2 * MARCH, 0) == (body["rows"], body["rows_added"], body["rows_present"])
    assert ["ABSENT"] == body["without_bars"]
    assert ("2016-03-01", "2016-03-31") == (body["first"], body["last"])
    store = House(Settings(home=open_home)).store
    rows = store.rows()
    wanted = source.daily(["SPY", "BABA"], date(2016, 3, 1), date(2016, 3, 31))
    assert "seen" == wanted.answer
    assert (wanted.value.symbols, wanted.value.values.tolist()) == (rows.symbols, rows.values.tolist())
    (vintage,) = store.manifest().vintages
    assert "alpaca iex 1Day" == vintage.source
    assert vintage.known_at is not None
    assert before <= vintage.known_at <= after
    assert {vintage.known_at} == {datetime(1970, 1, 1, tzinfo=UTC) + at for at in known(rows.known_at)}


def known(column: object) -> list[timedelta]:
    return [timedelta(microseconds=at) for at in column.tolist()]  # type: ignore[attr-defined]


def test_what_is_there_is_not_added_again(open_home: Path) -> None:
    assert 0 == fetch(open_home, "--symbols", "SPY").code
    body = fetch(open_home, "--symbols", "SPY", "--json").body
    assert (0, MARCH) == (body["rows_added"], body["rows_present"])


def test_a_history_may_count_as_known_at_each_close(open_home: Path) -> None:
    body = fetch(open_home, "--symbols", "SPY", "--known-at-close", "--json").body
    assert body["known_at"] is None
    assert {NULL} == set(House(Settings(home=open_home)).store.rows().known_at.tolist())


def test_symbols_may_stand_in_a_file(open_home: Path, server: AlpacaDataServer) -> None:
    (open_home / "mine.txt").write_text("# my list\nSPY\n\nNAN  # not a number\nTRUE\n")
    body = fetch(open_home, "--symbols-file", str(open_home / "mine.txt"), "--json").body
    assert ["NAN", "TRUE"] == body["without_bars"]
    assert "NAN,SPY,TRUE" == server.requests[0]["symbols"]


def test_a_person_reads_what_was_done(open_home: Path) -> None:
    said = fetch(open_home, "--symbols", "SPY,ABSENT")
    assert "read 22 bars of 1 symbols, 2016-03-01 to 2016-03-31" in said.out
    assert "22 added to the store, 0 were there already; known from 20" in said.out
    assert "no bars of: ABSENT" in said.out


def test_a_failure_half_way_writes_nothing_and_names_symbols_and_dates(
    open_home: Path, server: AlpacaDataServer
) -> None:
    (open_home / "avwap.toml").write_text(
        (open_home / "avwap.toml").read_text() + "symbols_per_request = 1\n"
    )
    before = tree(open_home)
    server.script[:] = [None, *[gateway(502)] * 3]
    said = fetch(open_home, "--symbols", "BABA,SPY")
    refused(said, 3, "FEED_ERRED", "refused")
    assert "502, after 3 tries; SPY, 2016-03-01 to 2016-03-31" in " ".join(said.err.split())
    assert before == tree(open_home)


def test_a_wrong_key_is_told_without_it(open_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APCA_API_SECRET_KEY", "another-secret-of-mine")
    said = unchanged(open_home, 3, "FEED_REFUSED", "data", "fetch", *SPAN, "--symbols", "SPY")
    assert "403 forbidden." in said.err
    shown = avwap(open_home, "config", "show").out + said.err + said.out
    assert [] == [secret for secret in ("another-secret-of-mine", KEYS[0]) if secret in shown]


def test_a_fault_that_passes_is_not_told(open_home: Path, server: AlpacaDataServer) -> None:
    server.script[:] = [Cut(), Answer(status=429, headers={"Retry-After": "0"})]
    assert (0, "") == (fetch(open_home, "--symbols", "SPY").code, "")
    assert 3 == len(server.requests)


def test_adjusted_prices_do_not_go_into_the_store(open_home: Path, server: AlpacaDataServer) -> None:
    (open_home / "avwap.toml").write_text((open_home / "avwap.toml").read_text() + 'adjustment = "split"\n')
    unchanged(open_home, 2, "FEED_BASIS_ADJUSTED", "data", "fetch", *SPAN, "--symbols", "SPY")
    assert [] == server.requests


def test_a_bar_that_the_vendor_changed_says_since_when(open_home: Path, server: AlpacaDataServer) -> None:
    assert 0 == fetch(open_home, "--symbols", "SPY", "--known-at-close").code

    def changed(page: dict[str, dict[str, list[dict[str, object]]]]) -> object:
        page["bars"]["SPY"][0]["c"] = 999.5
        return page

    server.script[:] = [Rewrite(to=changed)] * 3
    words = ("data", "fetch", *SPAN, "--symbols", "SPY", "--known-at-close")
    unchanged(open_home, 2, "IMPORT_RESTATES", *words)
    assert 1 == fetch(open_home, "--symbols", "SPY", "--json").body["rows_added"]


# --- intraday bars --------------------------------------------------------------------------------


@pytest.mark.parametrize(("timeframe", "interval", "count"), [("10Min", 600, 39), ("5Min", 300, 78)])
def test_intraday_bars_go_into_a_file_that_serves_as_a_feed(
    open_home: Path, source: SyntheticBars, timeframe: str, interval: int, count: int
) -> None:
    out = open_home / "bars.parquet"
    words = ("--symbols", "SPY", "--timeframe", timeframe, "--out", str(out))
    body = fetch(open_home, *words, "--json").body
    assert MARCH * count == body["rows"]
    first, last = date(2016, 3, 1), date(2016, 3, 31)
    feed = FileBars(out, Calendar(2015, 2027), now)
    wanted, found = (each.intraday(["SPY"], interval, first, last) for each in (source, feed))
    assert "seen" == wanted.answer == found.answer
    assert wanted.value.values.tolist() == found.value.values.tolist()
    assert {b"avwap.price_basis": b"as_traded"}.items() <= dict(pq.read_schema(out).metadata).items()
    assert not (open_home / "ledger/MARKET/manifest.json").exists()
    assert ["avwap.toml", "bars.parquet"] == sorted(p.name for p in open_home.iterdir() if p.is_file())


def test_a_failed_read_makes_no_file(open_home: Path, server: AlpacaDataServer) -> None:
    server.script[:] = [gateway(500)] * 3
    out = open_home / "bars.parquet"
    refused(
        fetch(open_home, "--symbols", "SPY", "--timeframe", "5Min", "--out", str(out)),
        3,
        "FEED_ERRED",
        "refused",
    )
    assert not out.exists()


# --- what cannot be meant -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "one of --symbols and --symbols-file"),
        (("--symbols", " , "), "no symbol was named"),
        (("--symbols", "spy"), "'spy'"),
        (("--symbols", "SPY", "--feed", "yahoo"), "yahoo"),
        (("--symbols", "SPY", "--timeframe", "1Min"), "1Min"),
        (("--symbols", "SPY", "--timeframe", "5Min"), "--out FILE.parquet"),
        (("--symbols", "SPY", "--timeframe", "5Min", "--out", "bars.csv"), "--out FILE.parquet"),
        (("--symbols", "SPY", "--timeframe", "5Min", "--out", "nowhere/bars.parquet"), "no folder"),
        (("--symbols", "SPY", "--out", "bars.parquet"), "daily bars go into the store"),
        (("--symbols", "SPY", "--to", "2016-02-01"), "lies before"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
    open_home: Path, server: AlpacaDataServer, words: tuple[str, ...], told: str
) -> None:
    said = unchanged(open_home, 2, "USAGE", "data", "fetch", *SPAN, *words)
    assert told in " ".join(said.err.split())
    assert [] == server.requests


def test_a_date_beyond_the_calendar_is_refused_before_anything_is_asked(
    open_home: Path, server: AlpacaDataServer
) -> None:
    words = ("data", "fetch", "--from", "2016-03-01", "--to", "2099-01-01", "--symbols", "SPY")
    unchanged(open_home, 2, "CALENDAR_OUT_OF_RANGE", *words)
    assert [] == server.requests


# --- the settings ---------------------------------------------------------------------------------


def test_how_a_feed_is_read_moves_no_byte_of_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = load(tmp_path).config_sha256()
    monkeypatch.setenv("AVWAP_FEED__ALLOW_NETWORK", "1")
    monkeypatch.setenv("AVWAP_FEED__SOURCE", "sip")
    monkeypatch.setenv("APCA_API_KEY_ID", KEYS[0])
    assert wanted == load(tmp_path).config_sha256()
    monkeypatch.setenv("UNIVERSE_ALLOW_NETWORK", "1")
    assert wanted != load(tmp_path).config_sha256()


def test_keys_are_shown_by_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APCA_API_KEY_ID", KEYS[0])
    monkeypatch.setenv("APCA_API_SECRET_KEY", KEYS[1])
    shown = avwap(tmp_path, "config", "show").out + json.dumps(
        avwap(tmp_path, "config", "show", "--json").body
    )
    assert [] == [key for key in KEYS if key in shown + repr(load(tmp_path))]
