"""Each book has its own broker: two settings must agree on it, and nothing of another's is even imported."""

import json
import subprocess
import sys
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from execution_v2.broker.alpaca_config import AlpacaConfig
from execution_v2.broker.books import AlpacaAccess, Doors, adapter_for
from market.calendar import Calendar
from schemas.errors import UsageFault
from tests.execution_v2.alpaca_stub import KEYS, Time

PROBE = """
import json, pkgutil, sys, importlib
import execution_v2, execution_v2.broker, execution_v2.gates
for package in (execution_v2, execution_v2.broker, execution_v2.gates):
    for module in pkgutil.iter_modules(package.__path__):
        if module.name not in {"alpaca", "alpaca_feed", "alpaca_line", "alpaca_stream"}:
            importlib.import_module(f"{package.__name__}.{module.name}")
import flows.settings, flows.world, simulation.adapter
from execution_v2.broker.books import adapter_for
from schemas.errors import UsageFault
def never():
    raise AssertionError("asked for another book")
try:
    adapter_for("SCHWAB_401K_MANUAL", simulated=never, alpaca=never)
except UsageFault as fault:
    code = fault.code
adapter_for("SIM", simulated=lambda: None, alpaca=never)
print(json.dumps([code, sorted(name for name in sys.modules if name.split(".")[0] == "alpaca")]))
"""


def access(**config: Any) -> AlpacaAccess:
    return AlpacaAccess(
        config=AlpacaConfig(**config),
        key_id=SecretStr(KEYS[0]),
        secret_key=SecretStr(KEYS[1]),
        calendar=Calendar(2016, 2016),
        clock=Time(),
    )


def never() -> Any:
    raise AssertionError("another book's doors were opened")


def refused(book_id: str, given: AlpacaAccess | None = None) -> UsageFault:
    with pytest.raises(UsageFault) as fault:
        adapter_for(book_id, simulated=never, alpaca=lambda: given) if given else adapter_for(
            book_id, simulated=never, alpaca=never
        )
    return fault.value


def test_in_a_fresh_interpreter_every_module_of_another_book_imports_no_alpaca() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], check=False, capture_output=True, text=True, timeout=60
    )
    assert "" == done.stderr
    assert ["BOOK_NOT_OPERABLE", []] == json.loads(done.stdout)


def test_the_simulated_book_gets_what_is_handed_in() -> None:
    broker: Any = object()
    doors = Doors(broker=broker, feed=broker)
    assert doors is adapter_for("SIM", simulated=lambda: doors, alpaca=never)


@pytest.mark.parametrize("book_id", ["", "sim", "ALPACA", "ALPACA_PAPER ", "SCHWAB"])
def test_a_book_by_no_known_name_is_an_error(book_id: str) -> None:
    assert "BOOK_UNKNOWN" == refused(book_id).code


def test_the_manual_book_says_that_its_tickets_come_later() -> None:
    fault = refused("SCHWAB_401K_MANUAL")
    assert ("BOOK_NOT_OPERABLE", True) == (fault.code, "manual tickets come later" in fault.message)


@pytest.mark.parametrize(("book_id", "host"), [("ALPACA_PAPER", "live"), ("ALPACA_LIVE", "paper")])
def test_a_book_and_a_host_that_do_not_agree_open_nothing(book_id: str, host: str) -> None:
    assert "LIVE_HOST_MISMATCH" == refused(book_id, access(host=host)).code


@pytest.mark.parametrize(
    ("book_id", "host", "wanted"),
    [
        ("ALPACA_PAPER", "paper", "paper-api.alpaca.markets"),
        ("ALPACA_LIVE", "live", "api.alpaca.markets"),
    ],
)
def test_an_alpaca_book_has_its_own_host_and_a_sound_line(book_id: str, host: str, wanted: str) -> None:
    doors = adapter_for(book_id, simulated=never, alpaca=lambda: access(host=host))
    assert (wanted, True, ()) == (doors.host, doors.host_ok, doors.faults)
    doors.close()


def test_without_keys_nothing_is_opened_and_the_names_are_told() -> None:
    given = access()
    bare = AlpacaAccess(
        config=given.config, key_id=None, secret_key=SecretStr(" "), calendar=given.calendar, clock=Time()
    )
    fault = refused("ALPACA_PAPER", bare)
    assert "FEED_CREDENTIALS_MISSING" == fault.code
    assert "APCA_API_KEY_ID and APCA_API_SECRET_KEY not set" == fault.message


@pytest.mark.parametrize(
    "host", ["10.0.0.1:80", "127.0.0.1.invalid", "localhost@paper.invalid", "user:word@127.0.0.1:1"]
)
def test_only_this_machine_may_stand_in_for_the_broker(host: str) -> None:
    with pytest.raises(ValidationError):
        AlpacaConfig(url_override=f"http://{host}")
    with pytest.raises(ValidationError):
        AlpacaConfig(url_override=f"https://{host}")


@pytest.mark.parametrize("left_out", [{}, {"host": "live", "url_override": "http://127.0.0.1:1"}])
def test_a_part_of_an_exchange_stands_in_for_nothing_and_none_for_the_live_one(
    left_out: dict[str, Any],
) -> None:
    with pytest.raises(ValidationError):
        AlpacaConfig(stream_url_override="ws://127.0.0.1:1/stream", **left_out)


def test_an_exchange_of_this_machine_is_a_paper_books_own_host() -> None:
    doors = adapter_for(
        "ALPACA_PAPER", simulated=never, alpaca=lambda: access(url_override="http://127.0.0.1:9/")
    )
    assert ("127.0.0.1", True) == (doors.host, doors.host_ok)
    doors.close()
