"""The week that proves determinism is itself deterministic, and says its last seal last."""

from pathlib import Path

import pytest

from tools import prove_day
from tools.prove import SEAL


def test_two_folders_give_one_seal_which_is_printed_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seals = []
    for name in ("one", "two"):
        home = tmp_path / name
        home.mkdir()
        assert 0 == prove_day.main([str(home)])
        seals.append(capsys.readouterr().out.splitlines()[-1])
    assert SEAL.fullmatch(seals[0])
    assert seals[0] == seals[1]


def test_no_folder_is_a_usage_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == prove_day.main([])
    assert "one folder" in capsys.readouterr().err
