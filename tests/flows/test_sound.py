"""Whatever is wrong in a configuration, the check says it in one go, and says nothing of what is right."""

import json
from pathlib import Path

import pytest

from flows.settings import ConfigInvalid, load
from flows.sound import judge
from tests.flows.worlds import avwap, refused, tree

BROKEN = """
portfolio_decision_enforce = "perhaps"
e2_regime_risk_modulation = "sometimes"
live_trading = 7
s2_allow_unsleeved = "ture"
s2_sleeves_json = '{"S9_NOBODY": {}, "S1_AVWAP_CORE": {"max_dialy_loss": 5}}'
s2_daily_pnl_json = '{"S1_AVWAP_CORE": "much"}'
shadow_strategy_ids = "S1_AVWAP_SHADOW"
allowlist_symbols = ["aapl", "MSFT"]
phase_c = true
live_enable_date_ny = "9 March"

[candidates]
strategies_enabled = ["S9_NOBODY", "S1_AVWAP_CORE", "S1_AVWAP_CORE", "S1_AVWAP_SHADOW"]

[books.SIM.limits]
gross_pct_max = 150
positions_max = -1
risk_per_trade_abs_max_usd = "a lot"

[books.ALPACA_LIVE.limits]
entries_per_day_max = 2.5

[books.SIM.sleeves.S1_AVWAP_CORE]
sleeve_id = "lower"

[protections.SIM.book]
losses_max = 0

[protections.ALPACA_LIVE.strategy]
stop_guard = { stops = 3, sessions = 50, lock_sessions = 20 }
"""
TOLD = (
    "PORTFOLIO_DECISION_ENFORCE", "E2_REGIME_RISK_MODULATION", "LIVE_TRADING", "S2_ALLOW_UNSLEEVED",
    "S2_SLEEVES_JSON S9_NOBODY", "S2_SLEEVES_JSON S1_AVWAP_CORE.max_dialy_loss",
    "S2_DAILY_PNL_JSON S1_AVWAP_CORE", "SHADOW=ORIGINAL is wanted", "ALLOWLIST_SYMBOLS 'aapl'",
    "PHASE_C_DATE_INVALID", "PHASE_C_ALLOWLIST_NOT_SINGLE", "UNKNOWN_STRATEGY", "named twice",
    "a shadow is not enabled", "SIM.limits.gross_pct_max", "SIM.limits.positions_max",
    "SIM.limits.risk_per_trade_abs_max_usd", "ALPACA_LIVE.limits.entries_per_day_max", "sleeve_id",
    "SIM.book.losses_max", "ALPACA_LIVE.strategy.stop_guard",
)  # fmt: skip


def written(home: Path, text: str) -> Path:
    (home / "avwap.toml").write_text(text)
    return home


def test_twenty_one_mistakes_of_every_kind_are_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, BROKEN)
    before = tree(tmp_path)
    said = avwap(tmp_path, "config", "check")
    assert (2, "") == (said.code, said.out)
    assert [] == [each for each in TOLD if each not in said.err]
    assert "CONFIG_INVALID" in said.err.splitlines()[0]
    assert before == tree(tmp_path), "nothing was written"
    body = avwap(tmp_path, "config", "check", "--json").body
    assert [] == [each for each in TOLD if each not in body["why"]]


def test_the_same_words_in_the_environment_are_the_same_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S2_SLEEVES_JSON", '{"S9_NOBODY": {}}')
    monkeypatch.setenv("PHASE_C", "1")
    monkeypatch.setenv("E2_REGIME_RISK_MODULATION", "sometimes")
    found = judge(tmp_path)
    assert found.settings is None
    assert 4 == len(found.faults)
    wanted = ("e2_regime_risk_modulation", "S2_CONFIG_INVALID", "PHASE_C_DATE_MISSING", "NOT_SINGLE")
    assert [] == [
        each for each, line in zip(wanted, found.faults, strict=True) if each.lower() not in line.lower()
    ]


def test_what_only_blocks_entries_fails_the_check_and_keeps_no_process_from_starting(tmp_path: Path) -> None:
    written(tmp_path, "s2_sleeves_json = '{'\n")
    assert load(tmp_path).sharing("SIM").faults
    refused(avwap(tmp_path, "config", "check"), 2, "CONFIG_INVALID", "usage")


def test_a_file_that_is_no_toml_is_one_fault(tmp_path: Path) -> None:
    assert 1 == len(judge(written(tmp_path, "x = [")).faults)


def test_a_sound_phase_c_is_silent(tmp_path: Path) -> None:
    found = judge(
        written(tmp_path, 'phase_c = true\nlive_enable_date_ny = 2026-03-09\nallowlist_symbols = ["MSFT"]\n')
    )
    assert ((), ()) == (found.faults, found.warnings)


def test_a_stated_profit_of_a_sleeve_of_the_file_is_no_fault(tmp_path: Path) -> None:
    text = f"s2_daily_pnl_json = '{json.dumps({'S1_AVWAP_CORE': -350})}'\n"
    assert () == judge(written(tmp_path, text)).faults
    assert 1 == len(judge(written(tmp_path, text.replace("_CORE", "_CODE"))).faults)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("live_trading = true\n", ("LIVE_HOST_MISMATCH", "LIVE_TOKEN_MISSING", "ALLOWLIST_EMPTY")),
        ("allowlist_symbols = []\n", ("ALLOWLIST_EMPTY",)),
        ("[books.SIM.limits]\npositions_max = 0\n", ("positions_max = 0: SIM enters nothing",)),
        ("[books.SIM.limits]\ndrawdown_max = 0\n", ("drawdown_max = 0: SIM enters nothing",)),
        ("[books.SIM.limits]\nnotional_usd_min = 0\n", ()),
        ("[books.SIM.limits]\ngross_abs_max_usd = 999.99\n", ("gross_abs_max_usd lies below",)),
        ("[books.SIM.limits]\ngross_abs_max_usd = 1000\n", ()),
        (
            'shadow_strategy_ids = "S1_AVWAP_SHADOW=S2_INDEX_TREND"\n',
            ("S2_INDEX_TREND is not enabled, so it has nothing to repeat",),
        ),
        ("kill_switch = true\n", ("KILL_SWITCH is set",)),
        ("dry_run = true\n", ("DRY_RUN is set",)),
        ("e2_regime_risk_modulation = true\n", ("E2_WITHOUT_ENFORCEMENT",)),
        ("e2_regime_risk_modulation = true\nportfolio_decision_enforce = true\n", ()),
    ],
)
def test_what_is_sound_and_probably_not_meant_is_a_warning_and_exits_0(
    tmp_path: Path, text: str, told: tuple[str, ...]
) -> None:
    found = judge(written(tmp_path, text))
    assert ((), len(told)) == (found.faults, len(found.warnings)), found
    assert [] == [each for each, line in zip(told, found.warnings, strict=True) if each not in line]
    assert 0 == avwap(tmp_path, "config", "check").code


def test_a_secret_is_in_no_fault_and_no_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVE_TRADING", "1")
    monkeypatch.setenv("LIVE_CONFIRM_TOKEN", "hunter2")
    found = judge(tmp_path)
    assert 3 == len(found.warnings), "seven characters are no token"
    assert "hunter2" not in "".join(found.faults + found.warnings)
    with pytest.raises(ConfigInvalid) as caught:
        load(written(tmp_path, "live_trading = 7\nbenchmrk = 1\n"))
    assert "hunter2" not in "".join(caught.value.faults)
