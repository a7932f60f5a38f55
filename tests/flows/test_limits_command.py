"""What ``avwap limits`` says is in use is what the session's files say, and what it says is left adds up."""

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.flows.worlds import FIRST, NEXT, SEALED, avwap, refused

D = Decimal


def told(home: Path, *words: str) -> dict[str, Any]:
    said = avwap(home, "limits", "--book", "SIM", *words, "--json")
    assert 0 == said.code, said.out
    return said.body


def rows(body: dict[str, Any], limit: str) -> list[dict[str, Any]]:
    return [row for row in body["limits"] if row["limit"] == limit]


def artifact(home: Path, day: object, name: str) -> dict[str, Any]:
    said = avwap(None, "show", f"{home}/ledger/SIM/{day}/{name}", "--json")
    content = said.body["content"]
    assert isinstance(content, dict)
    return content


def morning(home: Path) -> None:
    assert 0 == avwap(home, "premarket", "--book", "SIM", "--date", str(NEXT)).code


def test_after_a_close_the_use_is_that_of_the_snapshot(ready: Path) -> None:
    body, snapshot = told(ready), artifact(ready, SEALED, "snapshot.json")
    assert (str(SEALED), "the close") == (body["session"], body["as_of"])
    held = {f"symbol {row['symbol']}": D(row["notional"]) for row in snapshot["positions"]}
    assert held, "the home holds something"
    assert str(len(held)) == rows(body, "positions_max")[0]["used"]
    assert D(snapshot["exposure"]["gross"]) == D(rows(body, "gross_abs_max_usd")[0]["used"])
    used = {row["whose"]: D(row["used"]) for row in rows(body, "symbol_pct_max")}
    assert {**held, "any other symbol": D(0)} == used
    assert D(snapshot["equity"]) == D(body["equity"])


def test_every_left_is_value_less_used_but_where_a_sleeve_has_earned(ready: Path) -> None:
    body = told(ready)
    for row in body["limits"]:
        if row["limit"] != "max_daily_loss" and row["left"] is not None:
            assert D(row["value"]) - D(row["used"]) == D(row["left"]), row
    loss = rows(body, "max_daily_loss")[0]
    attribution = artifact(ready, SEALED, "attribution.json")
    earned = sum(
        D(row["net"]) for row in attribution["rows"] if f"sleeve {row['strategy_id']}" == loss["whose"]
    )
    assert D(loss["value"]) + earned == D(loss["left"])


def test_a_mornings_entries_count_as_used_before_one_of_them_is_sent(home: Path) -> None:
    shutil.rmtree(home / "ledger" / "SIM")
    assert 0 == avwap(home, "premarket", "--book", "SIM", "--date", str(FIRST)).code
    body, enforced = told(home), artifact(home, FIRST, "enforcement.json")
    entries = enforced["authorised"]
    assert entries, "the first morning of an empty book authorises something"
    assert (str(FIRST), "the last record of the journal") == (body["session"], body["as_of"])
    wanted = [str(len(entries))] * 2
    assert wanted == [rows(body, name)[0]["used"] for name in ("entries_per_day_max", "positions_max")]
    assert D(enforced["reserved"]["cash"]) == D(rows(body, "cash")[0]["used"])
    assert D(enforced["reserved"]["gross"]) == D(rows(body, "max_gross_exposure")[0]["used"])


def test_a_morning_reckons_with_what_the_decisions_left(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "PORTFOLIO_DECISION_ENFORCE", "1"
    )  # unbound, what is authorised is not what was decided
    morning(home)
    body, left = told(home), artifact(home, NEXT, "decisions.json")["limits_after"]
    assert D(left["gross"]) == D(rows(body, "gross_pct_max")[0]["used"])
    assert D(left["cash_reserved"]) == D(rows(body, "cash")[0]["used"])
    most = min(D(rows(body, name)[0]["value"]) for name in ("gross_pct_max", "gross_abs_max_usd"))
    assert D(left["gross_max"]) == most


def test_a_limit_that_is_not_set_is_none_and_its_use_is_told(
    ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caps = '{"S1_AVWAP_CORE": {"max_gross_exposure": 7000}}'
    monkeypatch.setenv("S2_SLEEVES_JSON", caps)
    body = told(ready)
    assert [None, None] == [
        rows(body, name)[0]["value"] for name in ("max_daily_loss", "max_concurrent_positions")
    ]
    gross = rows(body, "max_gross_exposure")[0]
    assert D(7000) - D(gross["used"]) == D(gross["left"])
    assert "S2_SLEEVES_JSON.S1_AVWAP_CORE.max_gross_exposure" == gross["source"]
    table = avwap(ready, "limits", "--book", "SIM").out
    assert "none set" in table


def test_sleeves_that_cannot_be_meant_are_told_beside_the_limits(
    ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S2_SLEEVES_JSON", "{")
    body = told(ready)
    assert 1 == len(body["faults"])
    assert "S2_CONFIG_INVALID" in avwap(ready, "limits", "--book", "SIM").out


def test_a_kill_switch_stands_below_the_limits(home: Path) -> None:
    assert [] == told(home)["switches"]
    assert 0 == avwap(home, "kill", "on", "--book", "SIM", "--reason", "a test", "--operator", "jo").code
    assert [] != told(home)["switches"]


def test_the_table_names_every_limit_of_the_json(ready: Path) -> None:
    said = avwap(ready, "limits", "--book", "SIM")
    assert 0 == said.code
    assert [] == [row["limit"] for row in told(ready)["limits"] if row["limit"] not in said.out]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--book", "SIMM"), "BOOK_UNKNOWN"),
        (("--book", "SIM", "--date", "2016-03-12"), "NOT_A_SESSION"),
        (("--book", "SIM", "--date", str(NEXT)), "SESSION_NOT_OPEN"),
        (("--book", "ALPACA_LIVE"), "SESSION_NOT_OPEN"),
    ],
)
def test_what_was_never_opened_has_no_limits_to_tell(ready: Path, words: tuple[str, ...], code: str) -> None:
    refused(avwap(ready, "limits", *words), 2, code, "usage")


def test_decide_and_enforce_tell_a_program_the_rows_of_their_tables(ready: Path) -> None:
    for command, name in (("decide", "decisions"), ("enforce", "enforcement")):
        body = avwap(ready, command, "--book", "SIM", "--date", str(FIRST), "--json").body
        assert body[name], "the first session decides something"
        table = avwap(ready, command, "--book", "SIM", "--date", str(FIRST)).out
        assert [] == [row["symbol"] for row in body[name] if row["symbol"] not in table]
        assert [] == [key for key in body[name][0] if key not in table]


def test_the_table_of_the_gates_names_a_gate_that_is_shut_for_all_and_those_behind_the_first(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(home / "ledger" / "SIM")
    monkeypatch.setenv("KILL_SWITCH", "1")
    monkeypatch.setenv("ALLOWLIST_SYMBOLS", "ZZZZ")
    assert 0 == avwap(home, "premarket", "--book", "SIM", "--date", str(FIRST)).code
    found = avwap(home, "enforce", "--book", "SIM", "--date", str(FIRST), "--json").body["enforcement"]
    assert ("every entry", "kill_switch", "KILL_SWITCH_ENV") == tuple(
        found[0][key] for key in ("symbol", "gate", "code")
    )
    entries = found[1:]
    assert entries
    assert {("kill_switch", "allowlist")} == {(row["gate"], row["also"]) for row in entries}
