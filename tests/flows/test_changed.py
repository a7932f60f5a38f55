"""Settings that change inside an open session are one finding with what to do, and hold up no cycle and no close."""

from pathlib import Path

import pytest

from tests.flows.worlds import NEXT, avwap, copy, dated, tree, unchanged

OTHER = "[scan]\nprice_min = 7\n"


@pytest.fixture
def opened(home: Path) -> Path:
    """A home whose session NEXT had its morning, before the settings were changed."""
    assert 0 == avwap(home, *dated("premarket", "SIM", NEXT)).code
    (home / "avwap.toml").write_text(OTHER)
    return home


def test_a_second_morning_under_other_settings_is_one_refusal_with_both_digests(opened: Path) -> None:
    before = tree(opened)
    said = avwap(opened, *dated("premarket", "SIM", NEXT))
    assert 3 == said.code
    assert ["refused", "why", "safe", "next"] == said.labels
    assert "CONFIG_CHANGED" in said.out
    digests = [word for word in said.err.split() if word.rstrip(",:").endswith("…")]
    assert 2 == len(set(digests))
    assert "--revise" in said.err
    assert before == tree(opened)


def test_put_back_the_settings_are_no_finding(opened: Path) -> None:
    (opened / "avwap.toml").unlink()
    assert 0 == avwap(opened, *dated("premarket", "SIM", NEXT)).code


@pytest.mark.parametrize("command", ["scan", "decide", "enforce"])
def test_a_single_stage_says_the_same(opened: Path, command: str) -> None:
    unchanged(opened, 3, "CONFIG_CHANGED", *dated(command, "SIM", NEXT))


def test_cycles_and_the_close_go_on_and_the_session_is_sealed(opened: Path) -> None:
    for slot in ("0930", "0935", "1600"):
        said = avwap(opened, "cycle", "--book", "SIM", "--date", str(NEXT), "--slot", slot)
        assert 0 == said.code, said.err
    assert 0 == avwap(opened, *dated("close", "SIM", NEXT)).code
    assert (opened / f"ledger/SIM/{NEXT}/manifest.json").is_file()


def test_after_its_first_cycle_a_session_is_not_told_of_revisions(opened: Path) -> None:
    assert 0 == avwap(opened, "cycle", "--book", "SIM", "--date", str(NEXT), "--slot", "0930").code
    said = avwap(opened, *dated("premarket", "SIM", NEXT))
    assert (3, False) == (said.code, "--revise" in said.err)


def test_a_cycle_that_ended_is_told_once_that_the_settings_are_others(opened: Path) -> None:
    (opened / "avwap.toml").unlink()
    cycle = ("cycle", "--book", "SIM", "--date", str(NEXT), "--slot", "0930")
    assert 0 == avwap(opened, *cycle).code
    (opened / "avwap.toml").write_text(OTHER)
    unchanged(opened, 3, "CONFIG_CHANGED", *cycle)


def test_a_close_that_is_run_again_under_other_settings_tells_them_once(home: Path, tmp_path: Path) -> None:
    assert 0 == avwap(home, *dated("day", "SIM", NEXT)).code
    died = copy(home, tmp_path / "died")
    (died / f"ledger/SIM/{NEXT}/manifest.json").unlink()
    (died / "avwap.toml").write_text(OTHER)
    said = avwap(died, *dated("close", "SIM", NEXT), "--json")
    results = [step["result"] for step in said.body["steps"] if "CONFIG_CHANGED" in step["result"]]
    assert (3, 1) == (said.code, len(results))


def test_a_whole_day_over_a_morning_under_other_settings_tries_no_entry_and_keeps_its_close(
    opened: Path,
) -> None:
    said = avwap(opened, *dated("day", "SIM", NEXT), "--json")
    told = [step["result"] for step in said.body["steps"] if "CONFIG_CHANGED" in step["result"]]
    assert (3, 1) == (said.code, len(told))
    assert said.body["seal"]
