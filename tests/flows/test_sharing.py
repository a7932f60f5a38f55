"""Sleeves, overlap and shadows come from one place at a time, by content and not by path; faults wait for entries."""

from pathlib import Path

import pytest

from flows.settings import ConfigInvalid, load
from flows.sound import judge
from portfolio.limits import Sleeve
from schemas.strategy_registry import S1_AVWAP_CORE, S2_INDEX_TREND
from tests.flows.worlds import avwap

TWO = '{"S1_AVWAP_CORE": {"max_daily_loss": 1500}, "S2_INDEX_TREND": {"max_gross_exposure": 40000}}'


def test_the_simulated_book_ships_with_a_sleeve_and_no_other_book_does(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert [S1_AVWAP_CORE] == list(settings.sharing("SIM").sleeves)
    assert {} == settings.sharing("ALPACA_LIVE").sleeves
    assert not settings.sharing("SIM").allow_unsleeved
    assert not settings.sharing("SIM").allow_symbol_overlap


def test_the_environment_replaces_the_table_of_every_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S2_SLEEVES_JSON", TWO)
    monkeypatch.setenv("S2_ALLOW_SYMBOL_OVERLAP", "1")
    for book in ("SIM", "ALPACA_LIVE"):
        sharing = load(tmp_path).sharing(book)
        assert [S1_AVWAP_CORE, S2_INDEX_TREND] == list(sharing.sleeves)
        assert sharing.allow_symbol_overlap
    assert [] == [line for line in judge(tmp_path).faults if "S2_" in line]


def test_one_cap_in_the_file_leaves_the_sleeves_others(tmp_path: Path) -> None:
    (tmp_path / "avwap.toml").write_text("[books.SIM.sleeves.S1_AVWAP_CORE]\nmax_concurrent_positions = 3\n")
    found = load(tmp_path).sharing("SIM").sleeves[S1_AVWAP_CORE]
    assert (3, 2000) == (found.max_concurrent_positions, found.max_daily_loss)


def test_a_table_of_the_file_that_cannot_be_meant_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "avwap.toml").write_text(
        '[books.SIM.sleeves.S9_NOBODY]\nsleeve_id = "S9_NOBODY"\n'
        '[books.SIM.sleeves.S2_INDEX_TREND]\nsleeve_id = "S1_AVWAP_CORE"\n'
    )
    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path)
    assert 2 == len(caught.value.faults)


def test_a_file_of_sleeves_counts_by_what_it_says_wherever_it_lies(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.json").write_text(TWO)
    one = load(tmp_path / "one", s2_sleeves_file="one.json")
    other = load(tmp_path / "other", s2_sleeves_file="other.json")
    assert one.sharing("SIM") == other.sharing("SIM")
    assert (
        Sleeve(sleeve_id=S2_INDEX_TREND, max_gross_exposure="40000")
        == one.sharing("SIM").sleeves[S2_INDEX_TREND]
    )
    assert one.config_sha256() == other.config_sha256()
    assert one.config_sha256() != load(tmp_path).config_sha256()
    (tmp_path / "one" / "one.json").write_text("{}")
    changed = load(tmp_path / "one", s2_sleeves_file="one.json")
    assert one.config_sha256() != changed.config_sha256()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"s2_sleeves_json": "{"}, "S2_SLEEVES_JSON not JSON"),
        ({"s2_sleeves_file": "absent.json"}, "S2_SLEEVES_FILE: No such file"),
        ({"s2_sleeves_file": "latin.json"}, "S2_SLEEVES_FILE: not UTF-8"),
        ({"s2_sleeves_file": "bad.json"}, "S2_SLEEVES_FILE S1_AVWAP_CORE.max_dialy_loss"),
        ({"s2_sleeves_file": "bad.json", "s2_sleeves_json": TWO}, "are both set"),
        ({"shadow_strategy_ids": "S1_AVWAP_SHADOW"}, "SHADOW=ORIGINAL is wanted"),
        ({"shadow_strategy_ids": "S1_AVWAP_CORE=S1_AVWAP_CORE"}, "no strategy of status shadow"),
        ({"shadow_strategy_ids": "S1_AVWAP_SHADOW=EXTERNAL"}, "no active strategy"),
        (
            {"shadow_strategy_ids": "S1_AVWAP_SHADOW=S1_AVWAP_CORE, S1_AVWAP_SHADOW=S2_INDEX_TREND"},
            "stated twice",
        ),
    ],
)
def test_a_fault_is_told_by_the_check_and_leaves_no_sleeve_and_no_shadow(
    tmp_path: Path, given: dict[str, str], told: str
) -> None:
    (tmp_path / "latin.json").write_bytes(b'{"\xe9": 1}')
    (tmp_path / "bad.json").write_text('{"S1_AVWAP_CORE": {"max_dialy_loss": 5}}')
    settings = load(tmp_path, **given)
    sharing = settings.sharing("SIM")
    assert told in sharing.faults[0]
    assert {} == sharing.shadows
    assert sharing.sleeves == {} or "shadow_strategy_ids" in given
    assert any(told in line for line in judge(tmp_path, **given).faults)


def test_a_strategy_that_is_enabled_without_a_sleeve_is_told_by_the_check(tmp_path: Path) -> None:
    both = '[candidates]\nstrategies_enabled = ["S1_AVWAP_CORE", "S2_INDEX_TREND"]\n'
    (tmp_path / "avwap.toml").write_text(both)
    (told,) = (line for line in judge(tmp_path).warnings if "S2_MISSING_SLEEVE" in line)
    assert "S2_INDEX_TREND" in told
    assert "SIM" in told
    assert () == judge(tmp_path, s2_allow_unsleeved=True).warnings
    (tmp_path / "avwap.toml").write_text(f'{both}[books.SIM.sleeves.S2_INDEX_TREND]\nsleeve_id = "FUNDS"\n')
    assert () == judge(tmp_path).warnings


def test_shadows_are_pairs(tmp_path: Path) -> None:
    settings = load(tmp_path, shadow_strategy_ids=" S1_AVWAP_SHADOW = S1_AVWAP_CORE ,")
    assert {"S1_AVWAP_SHADOW": S1_AVWAP_CORE} == settings.sharing("SIM").shadows


def test_a_stated_profit_is_recorded_and_is_no_part_of_the_configuration(tmp_path: Path) -> None:
    stated = load(tmp_path, s2_daily_pnl_json='{"S1_AVWAP_CORE": -1}')
    assert load(tmp_path).config_sha256() == stated.config_sha256()


def test_a_misspelt_permission_is_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2_ALLOW_UNSLEEVED", "ture")
    with pytest.raises(ConfigInvalid):
        load(tmp_path)


def test_the_config_check_names_a_fault_of_the_sleeves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S2_SLEEVES_JSON", '{"S9_NOBODY": {}}')
    said = avwap(tmp_path, "config", "check")
    assert "S2_CONFIG_INVALID: S2_SLEEVES_JSON S9_NOBODY: no strategy of that name" in said.out + said.err
