"""The runner's world is fixed, its count is honest, and the pairwise proof leaves no pair of settings out."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.run_tests import FIXED, Count, fixed_environment
from tests.tracked import ROOT
from tools import prove
from tools.prove import LOCALES, ZONES, World

RUNNER: Final = ROOT / "tests" / "run_tests.py"


def pairs(worlds: tuple[World, ...]) -> set[tuple[str, str, str, str]]:
    """Every pair of settings of different kinds that some world brings together."""
    kinds = ("hash_seed", "zone", "locale", "directory")
    return {
        (a, getattr(world, a), b, getattr(world, b))
        for world in worlds
        for a, b in itertools.combinations(kinds, 2)
    }


def test_the_whole_product_has_54_worlds_and_nine_of_them_hold_every_pair() -> None:
    whole, nine = prove.every_world(ZONES, LOCALES), prove.pairwise_worlds(ZONES, LOCALES)
    assert (54, 9) == (len(set(whole)), len(set(nine)))
    assert pairs(whole) == pairs(nine)


@pytest.mark.parametrize("zones", [ZONES, ZONES[:2], ZONES[:1]])
@pytest.mark.parametrize("locales", [LOCALES, LOCALES[:2], LOCALES[:1]])
def test_where_settings_are_missing_every_remaining_pair_is_still_held(
    zones: tuple[str, ...], locales: tuple[str, ...]
) -> None:
    assert pairs(prove.every_world(zones, locales)) == pairs(prove.pairwise_worlds(zones, locales))


def test_no_row_of_eight_could_be_dropped_from_the_nine() -> None:
    nine = prove.pairwise_worlds(ZONES, LOCALES)
    assert all(pairs(nine[:at] + nine[at + 1 :]) != pairs(nine) for at in range(9))


def test_the_first_file_that_differs_between_two_days_is_named(tmp_path: Path) -> None:
    for side, scan in (("left", "1"), ("right", "2")):
        (tmp_path / side / "day").mkdir(parents=True)
        (tmp_path / side / "day" / "regime.json").write_text("same")
        (tmp_path / side / "day" / "scan.json").write_text(scan)
        (tmp_path / side / "day" / "trades.json").write_text(scan)
    assert "day/scan.json" == prove.first_difference(tmp_path / "left", tmp_path / "right")


@pytest.mark.parametrize(
    ("seals", "code"),
    [
        (["a" * 64, "a" * 64], 0),
        (["a" * 64, "b" * 64], 4),
        (["a" * 64, "exit 1: KeyError"], 1),
        (["", ""], 1),
    ],
)
def test_one_seal_passes_two_diverge_and_none_is_a_failure(
    tmp_path: Path, seals: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    worlds = prove.pairwise_worlds(ZONES, LOCALES)[:2]
    outs = [tmp_path / "0", tmp_path / "1"]
    assert code == prove._judge(worlds, outs, seals)
    assert capsys.readouterr().out.splitlines()[-1].startswith("AVWAP prove: ")


def test_nothing_of_a_shell_but_the_machine_reaches_the_tests() -> None:
    shell = {
        "PATH": "p",
        "LIVE_TRADING": "1",
        "AVWAP_HOME": "h",
        "TZ": "Asia/Tokyo",
        "PYTHONHASHSEED": "random",
    }
    world = fixed_environment(shell)
    assert {"PATH": "p"} == {name: world[name] for name in shell if name in world and name not in FIXED}
    assert ("UTC", "0") == (world["TZ"], world["PYTHONHASHSEED"])


def run_on(folder: Path, body: str) -> tuple[int, str, str]:
    """Exit code, closing line and whole output of the runner on one planted test file."""
    planted = folder / "test_planted.py"
    planted.write_text('"""Planted: each outcome once."""\n' + body)
    done = subprocess.run(
        [
            sys.executable,
            str(RUNNER),
            "-c",
            str(ROOT / "pyproject.toml"),
            "-p",
            "tests.conftest",
            str(planted),
        ],
        env={"PATH": "", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()[-1], done.stdout + done.stderr


def test_the_closing_count_tells_every_outcome_apart(tmp_path: Path) -> None:
    body = """
import pytest

def test_a() -> None: pass
def test_b() -> None: pass
def test_c() -> None: assert False
def test_d() -> None: pytest.skip("not here")
@pytest.fixture
def broken_late():
    yield
    raise ValueError("in tear-down")
def test_e(broken_late) -> None: pass
@pytest.fixture
def broken_early(): raise ValueError("in set-up")
def test_f(broken_early) -> None: pass
"""
    code, line, output = run_on(tmp_path, body)
    assert (1, "AVWAP 2 passed, 1 skipped, 3 failed") == (code, line), output


def test_the_runner_fixes_seed_and_zone_and_shuts_the_network_but_not_loopback(tmp_path: Path) -> None:
    body = """
import os, socket, time
import pytest, pytest_socket

def test_world() -> None:
    assert (os.environ["PYTHONHASHSEED"], time.tzname[0]) == ("0", "UTC")
def test_loopback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
def test_outside() -> None:
    with socket.socket() as out, pytest.raises(pytest_socket.SocketConnectBlockedError):
        out.connect(("192.0.2.1", 80))
"""
    code, line, output = run_on(tmp_path, body)
    assert (0, "AVWAP 3 passed, 0 skipped, 0 failed") == (code, line), output


def test_a_file_that_cannot_be_imported_counts_as_failed(tmp_path: Path) -> None:
    code, line, output = run_on(tmp_path, "import no_such_module\n\ndef test_a() -> None: pass\n")
    assert (2, "AVWAP 0 passed, 0 skipped, 1 failed") == (code, line), output


def test_a_count_of_nothing_is_zeros() -> None:
    assert "AVWAP 0 passed, 0 skipped, 0 failed" == Count().line()
