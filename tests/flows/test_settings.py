"""Flags win over the environment, the environment over the file; every fault is told at once."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.settings import ConfigInvalid, Settings, load
from flows.sound import judge
from flows.toml import as_toml
from tests.flows.worlds import avwap

EXAMPLE = Path(__file__).resolve().parents[2] / "avwap.example.toml"


def at(home: Path, text: str) -> Path:
    (home / "avwap.toml").write_text(text)
    return home


# --- precedence ---------------------------------------------------------------------------------------


def test_the_environment_wins_over_the_file_and_a_flag_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(tmp_path, 'benchmark = "FILE"')
    assert "FILE" == load(tmp_path).benchmark
    monkeypatch.setenv("AVWAP_BENCHMARK", "ENV")
    assert "ENV" == load(tmp_path).benchmark
    assert "FLAG" == load(tmp_path, benchmark="FLAG").benchmark


def test_one_key_of_a_section_from_the_environment_leaves_the_files_other_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(tmp_path, "[scan]\nprice_min = 7.5\ncandidate_cap = 3")
    monkeypatch.setenv("AVWAP_SCAN__CANDIDATE_CAP", "4")
    scan = load(tmp_path).scan
    assert (Decimal("7.5000"), 4) == (scan.price_min, scan.candidate_cap)


def test_one_limit_of_one_book_leaves_every_other_limit_as_shipped(tmp_path: Path) -> None:
    shipped = Settings(home=tmp_path)
    name, value = next(
        (name, value)
        for name, value in shipped.books["SIM"].limits.model_dump().items()
        if type(value) is int
    )
    mine = load(at(tmp_path, f"[books.SIM.limits]\n{name} = {value - 1}"))
    assert value - 1 == getattr(mine.books["SIM"].limits, name)
    changed = mine.books["SIM"].limits.model_copy(update={name: value})
    assert shipped.books["SIM"].limits == changed
    assert shipped.books["ALPACA_LIVE"] == mine.books["ALPACA_LIVE"]


@pytest.mark.parametrize(
    ("flag", "field"),
    [
        ("PORTFOLIO_DECISION_ENFORCE", "portfolio_decision_enforce"),
        ("LIVE_TRADING", "live_trading"),
        ("KILL_SWITCH", "kill_switch"),
    ],
)
def test_the_roadmaps_flags_keep_their_names_and_are_off_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str, field: str
) -> None:
    assert getattr(load(tmp_path), field) is False
    monkeypatch.setenv(flag, "1")
    assert getattr(load(tmp_path), field) is True


def test_an_allowlist_is_a_list_of_symbols(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(tmp_path).allowlist_symbols is None
    monkeypatch.setenv("ALLOWLIST_SYMBOLS", "AAPL, MSFT,")
    assert ("AAPL", "MSFT") == load(tmp_path).allowlist_symbols


@pytest.mark.parametrize("said", ["1", "true", "yes", "ture", "oN", " x "])
def test_a_misspelt_kill_switch_counts_as_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv("KILL_SWITCH", said)
    assert load(tmp_path).kill_switch is True


@pytest.mark.parametrize("said", ["", "0", "false", "No", " off "])
def test_a_clear_no_lifts_the_kill_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("KILL_SWITCH", said)
    assert load(tmp_path).kill_switch is False


@pytest.mark.parametrize("flag", ["E3_RISK_ATTRIBUTION_ROLLING_WRITE", "E3_RISK_ATTRIBUTION_SLACK_SUMMARY"])
def test_a_flag_that_rests_on_daily_summaries_says_so_while_none_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    assert () == judge(tmp_path).warnings
    monkeypatch.setenv(flag, "1")
    assert judge(tmp_path).warnings[0].startswith(f"E3_WITHOUT_SUMMARY: {flag}")
    monkeypatch.setenv("E3_RISK_ATTRIBUTION_SUMMARY_WRITE", "1")
    assert () == judge(tmp_path).warnings


# --- numbers ------------------------------------------------------------------------------------------


def test_a_number_of_the_file_is_taken_as_written(tmp_path: Path) -> None:
    # 0.1 + 0.2 in binary is 0.30000000000000004; what the person wrote is what is hashed.
    settings = load(at(tmp_path, "[scan]\ndistance_max = 0.07\ngap_min = 0.3"))
    assert ("0.070000", "0.300000") == (str(settings.scan.distance_max), str(settings.scan.gap_min))


@given(micro=st.integers(0, 999_999))
def test_every_fraction_survives_the_file(tmp_path_factory: pytest.TempPathFactory, micro: int) -> None:
    wanted = Decimal(micro).scaleb(-6)
    home = at(tmp_path_factory.mktemp("fraction"), f"[scan]\ndistance_max = {wanted:f}")
    assert wanted == load(home).scan.distance_max


# --- faults -------------------------------------------------------------------------------------------

FIVE = """
benchmrk = "QQQ"

[scan]
distance_max = "abc"
history_bars_min = 0
entry_model = "at_noon"

[books.SIMM]
"""


def test_five_mistakes_are_five_lines(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load(at(tmp_path, FIVE))
    wrong = ("benchmrk", "scan.distance_max", "scan.history_bars_min", "scan.entry_model", "SIMM")
    assert 5 == len(caught.value.faults)
    assert [1] * 5 == [sum(name in line for line in caught.value.faults) for name in wrong]
    assert all(line.startswith("avwap.toml ") for line in caught.value.faults)


def test_config_check_tells_them_all_and_exits_2(tmp_path: Path) -> None:
    said = avwap(at(tmp_path, FIVE), "config", "check")
    assert (2, "") == (said.code, said.out)
    assert 5 == said.err.count("avwap.toml ")
    body = avwap(tmp_path, "config", "check", "--json").body
    assert ("CONFIG_INVALID", 2) == (body["error"], body["exit"])


@pytest.mark.parametrize("content", [b"x = [", b"\xff\xfe\x00"], ids=["half", "no text"])
def test_a_file_that_is_no_toml_is_a_fault(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "avwap.toml").write_bytes(content)
    with pytest.raises(ConfigInvalid, match="not TOML"):
        load(tmp_path)


def test_a_file_that_cannot_be_read_is_a_fault_and_not_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "avwap.toml").mkdir()
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        load(tmp_path)


def test_a_dangling_link_is_a_fault_and_not_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "avwap.toml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("scan", "wish", "told"),
    [
        ("boh_10m", "boh_10m", ["ENTRY_MODEL_NEEDS_INTRADAY"]),
        ("limit_at_level", "limit_at_level", ["ENTRY_MODEL_NEEDS_INTRADAY"]),
        ("same_close", "same_close", ["ENTRY_MODEL_NOT_CARRIED_OUT"]),
        ("next_open", "limit_at_level", ["set both alike", "ENTRY_MODEL_NEEDS_INTRADAY"]),
        ("boh_10m", "next_open", ["set both alike", "ENTRY_MODEL_NEEDS_INTRADAY"]),
    ],
)
def test_an_entry_model_that_no_cycle_can_carry_out_is_refused(
    tmp_path: Path, scan: str, wish: str, told: list[str]
) -> None:
    at(tmp_path, f'[scan]\nentry_model = "{scan}"\n[candidates]\nentry_model = "{wish}"')
    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path)
    assert len(told) == len(caught.value.faults)
    assert [] == [each for each, line in zip(told, caught.value.faults, strict=True) if each not in line]


@pytest.mark.parametrize("model", ["boh_10m", "limit_at_level"])
def test_an_entry_inside_the_day_is_meant_where_the_book_is_watched_there(tmp_path: Path, model: str) -> None:
    at(
        tmp_path,
        f'[sim]\nbars = "intraday"\n[scan]\nentry_model = "{model}"\n[candidates]\nentry_model = "{model}"',
    )
    assert model == load(tmp_path).candidates.entry_model


def test_config_check_is_offline(tmp_path: Path, socket_disabled: Any) -> None:
    assert 0 == avwap(tmp_path, "config", "check").code


# --- what is shown, and what is hashed ----------------------------------------------------------------


def test_a_secret_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVE_CONFIRM_TOKEN", "hunter2-hunter2")
    for words in (("config", "show"), ("config", "show", "--json"), ("config", "check", "--json")):
        said = avwap(tmp_path, *words)
        assert 0 == said.code
        assert "hunter2" not in said.out + said.err
    assert "hunter2" not in repr(load(tmp_path))


def test_the_digest_does_not_know_where_the_ledger_lies_nor_any_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = load(tmp_path).config_sha256()
    (tmp_path / "other").mkdir()
    assert wanted == load(tmp_path / "other").config_sha256()
    monkeypatch.setenv("LIVE_CONFIRM_TOKEN", "hunter2")
    monkeypatch.setenv("KILL_SWITCH", "1")
    assert wanted == load(tmp_path).config_sha256()


def test_the_digest_does_not_know_in_which_order_the_file_was_written(tmp_path: Path) -> None:
    one = load(at(tmp_path, "[scan]\nprice_min = 6\ncandidate_cap = 5\n[entry]\nspread_bps_max = 40"))
    two = load(at(tmp_path, "[entry]\nspread_bps_max = 40.0\n[scan]\ncandidate_cap = 5\nprice_min = 6.00"))
    assert one.config_sha256() == two.config_sha256()
    assert one.config_sha256() != load(at(tmp_path, "")).config_sha256()


def leaves(value: Any, at: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for key, below in value.items() for k, v in leaves(below, f"{at}.{key}").items()}
    return {at: value}


def test_the_example_file_holds_every_setting_with_its_default() -> None:
    settings = Settings()
    written = leaves(tomllib.loads(EXAMPLE.read_text(encoding="utf-8"), parse_float=Decimal))
    shown = leaves(tomllib.loads(as_toml(settings.shown()), parse_float=Decimal))
    assert shown == written


def test_the_example_file_loads_as_the_defaults(tmp_path: Path) -> None:
    wanted = load(tmp_path)
    assert wanted == load(at(tmp_path, EXAMPLE.read_text(encoding="utf-8")))
    assert wanted.config_sha256() == load(tmp_path).config_sha256()


def test_what_config_show_prints_is_a_file_that_loads_as_the_same_settings(tmp_path: Path) -> None:
    mine = load(at(tmp_path, '[scan]\nprice_min = 6\nuniverse_deny = ["AAA", "B\\"B"]'))
    at(tmp_path, avwap(tmp_path, "config", "show").out)
    assert mine.config_sha256() == load(tmp_path).config_sha256()


@pytest.mark.parametrize("name", ["kill_switch", "KILL_SWITCH"])
def test_the_environments_kill_switch_wins_over_a_file_that_says_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    at(tmp_path, f"{name} = false")
    monkeypatch.setenv("KILL_SWITCH", "1")
    assert load(tmp_path).kill_switch is True
    assert load(tmp_path, kill_switch=False).kill_switch is False, "a flag wins over both"


@pytest.mark.parametrize("name", ["kill_switch", "KILL_SWITCH"])
def test_a_file_may_set_the_kill_switch_by_either_name(tmp_path: Path, name: str) -> None:
    assert load(at(tmp_path, f"{name} = true")).kill_switch is True
    assert load(tmp_path, kill_switch=False).kill_switch is False
