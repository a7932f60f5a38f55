"""Risk modulation moves quantities of entries and nothing else: not a byte before the decisions, not one exit."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from analytics.config import RegimeConfig
from flows.day import Day
from flows.replay import replay
from flows.settings import load
from ledger.artifacts import Loaded
from schemas.cycle import Execution, StopLine, Stops
from schemas.decisions import Decisions
from schemas.enforcement import Enforcement
from schemas.errors import UsageFault
from schemas.regime import Regime, RegimeLabel
from tests.chain.days import HELD_DAY, OPENED, STOP_DAY, TRIM_DAY, Ground, play
from tests.flows.worlds import avwap, refused

BEFORE: Final = ("observations/market.json", "regime.json", "scan.json", "candidates.json")
"""What is made before the decisions, in order."""
E2: Final = "e2_regime_risk_modulation"
FEW: Final = RegimeConfig(breadth_members_min=5)
"""So that a market of twelve names has a label at all."""
Days = Mapping[tuple[date, str], Day]


def ran(ground: Ground, at: Path, on: date, **flags: Any) -> Day:
    """The session *on* from the same eve, under these flags."""
    home = ground.fresh(at, None if on == OPENED else on)
    house = ground.house(home, **flags)
    assert 0 == play(house, on).exit_code
    return ground.day(ground.house(home, **flags), on)


@pytest.fixture(scope="module")
def days(tiny_ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Days:
    """A book's first day and two later ones, each from its eve without and with E2; the last has no label."""
    at = tmp_path_factory.mktemp("e2")
    labelled: dict[date, dict[str, Any]] = {OPENED: {"regime": FEW}, HELD_DAY: {"regime": FEW}, STOP_DAY: {}}
    return {
        (on, way): ran(
            tiny_ground, at / f"{on}{way}", on, portfolio_decision_enforce=True, **{E2: way == "on"}, **more
        )
        for on, more in labelled.items()
        for way in ("off", "on")
    }


def content(day: Day, name: str) -> bytes:
    return day.house.disk.read(day.path(name))


def of(day: Day, name: str, model: Any) -> Any:
    found = day.read(name, model)
    assert isinstance(found, Loaded), found
    return found.artifact


def bought(day: Day) -> dict[str, int]:
    """Shares that the session's entries bought, by symbol."""
    found: dict[str, int] = {}
    for name in day.cycles():
        for fill in of(day, f"cycles/{name}/execution.json", Execution).fills:
            if fill.side == "buy":
                found[fill.symbol] = found.get(fill.symbol, 0) + int(fill.quantity)
    return found


def leaving(day: Day, held: set[str]) -> list[Any]:
    """Everything that the session did to the protection and the exits of the symbols held before it, in order."""
    told: list[Any] = []
    for name in day.cycles():
        stops = of(day, f"cycles/{name}/stops.json", Stops)
        told += [(name, line) for line in stops.positions if line.symbol in held]
        told += [(name, event) for event in stops.events if event.symbol in held]
        done = of(day, f"cycles/{name}/execution.json", Execution)
        told += [(name, line) for line in done.orders if line.symbol in held and line.side == "sell"]
    return told


def held_before(day: Day) -> set[str]:
    return {row["symbol"] for row in json.loads(content(day, "observations/book.json"))["state"]["positions"]}


@pytest.mark.parametrize("on", [OPENED, HELD_DAY, STOP_DAY])
def test_nothing_before_the_decisions_changes_a_byte_with_e2(days: Days, on: date) -> None:
    off, on_ = days[on, "off"], days[on, "on"]
    for name in BEFORE:
        assert content(off, name) == content(on_, name), name


@pytest.mark.parametrize("on", [HELD_DAY, STOP_DAY])
def test_every_exit_of_what_was_held_is_the_same_with_e2(days: Days, on: date) -> None:
    off, on_ = days[on, "off"], days[on, "on"]
    held = held_before(off)
    assert len(held) > 3, "more than the regime would let be opened"
    assert held == held_before(on_)
    without = leaving(off, held)
    assert any(not isinstance(told, StopLine) for _, told in without), "a stop was moved, or shares were sold"
    assert without == leaving(on_, held)


@pytest.mark.parametrize("on", [HELD_DAY, STOP_DAY])
def test_off_leaves_no_trace_in_decisions_or_enforcement(days: Days, on: date) -> None:
    off = days[on, "off"]
    for name in ("decisions.json", "enforcement.json"):
        told = json.loads(content(off, name))
        assert "modulation" not in told
        assert not [ref for ref in told["inputs"] if ref["path"].endswith("regime.json")]


@pytest.mark.parametrize("on", [HELD_DAY, STOP_DAY])
def test_on_the_record_says_what_was_done_and_from_which_regime(days: Days, on: date) -> None:
    made = of(days[on, "on"], "decisions.json", Decisions).modulation
    regime = of(days[on, "on"], "regime.json", Regime)
    assert made is not None
    assert (regime.label, regime.confidence) == (made.label, made.confidence)
    inputs = json.loads(content(days[on, "on"], "decisions.json"))["inputs"]
    assert 1 == sum(ref["path"].endswith("/regime.json") for ref in inputs)


def test_without_a_label_nothing_is_entered(days: Days) -> None:
    assert bought(days[STOP_DAY, "off"])
    assert {} == bought(days[STOP_DAY, "on"])
    made = of(days[STOP_DAY, "on"], "decisions.json", Decisions)
    assert ["MISSING_REGIME"] == [finding.code for finding in made.modulation.reasons]
    assert {0} == {int(row.q2) for row in made.verdicts}


def test_with_a_label_what_the_multiplier_leaves_is_bought(
    days: Days,
) -> None:
    made = of(days[OPENED, "on"], "decisions.json", Decisions)
    assert (RegimeLabel.RISK_OFF, Decimal("0.2")) == (made.modulation.label, made.modulation.risk)
    # A fifth of 131 is 26; a fifth of 11 is 2, below the least that an entry is worth.
    assert {"JEVA": 11, "ZAYA": 131} == bought(days[OPENED, "off"])
    assert {"ZAYA": 26} == bought(days[OPENED, "on"])
    small = next(row for row in made.verdicts if row.symbol == "JEVA")
    assert ["RISK_MULTIPLIER", "BELOW_MIN_NOTIONAL"] == [finding.code for finding in small.reasons]


def test_where_decisions_do_not_bind_the_quantities_are_modulated_all_the_same(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    off = ran(tiny_ground, tmp_path / "off", TRIM_DAY)
    assert bought(off)
    on = ran(tiny_ground, tmp_path / "on", TRIM_DAY, **{E2: True})
    assert {} == bought(on)
    made = of(on, "enforcement.json", Enforcement)
    assert (0, ()) == (made.modulation.risk, made.authorised)
    assert "modulation" not in json.loads(content(off, "enforcement.json"))


def test_a_day_replays_under_the_setting_it_was_decided_with_and_is_refused_under_the_other(
    days: Days,
) -> None:
    on = days[HELD_DAY, "on"]
    assert replay(on.house, on).identical
    other = on.house.settings.model_copy(update={E2: False})
    turned = type(on.house)(other)
    for name in ("calendar", "store", "sidecar"):
        turned.__dict__[name] = getattr(on.house, name)
    with pytest.raises(UsageFault, match="E2_REGIME_RISK_MODULATION on, it is off now"):
        replay(turned, Day(house=turned, book_id="SIM", session=on.session, previous=on.previous))


def test_the_flag_is_outside_the_digest_and_live_from_file_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(tmp_path).config_sha256() == load(tmp_path, **{E2: True}).config_sha256()
    (tmp_path / "avwap.toml").write_text("e2_regime_risk_modulation = true\n")
    said = avwap(tmp_path, "config", "check", "--json").body
    assert any(line.startswith("E2_WITHOUT_ENFORCEMENT") for line in said["warnings"])
    monkeypatch.setenv("PORTFOLIO_DECISION_ENFORCE", "1")
    assert [] == avwap(tmp_path, "config", "check", "--json").body["warnings"]
    monkeypatch.setenv("E2_REGIME_RISK_MODULATION", "perhaps")
    refused(avwap(tmp_path, "config", "check"), 2, "CONFIG_INVALID", "usage")
