"""The benchmarks of analytics and replay do the whole work that they time, on a small part of it."""

from pathlib import Path

import pytest

from tools.benchmarks import fills, replay
from tools.benchmarks.workspace import Workspace


def test_fills_are_the_same_whatever_their_number_in_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fills, "GROWTH_MAX", 100.0)
    made = fills.run(Workspace(tmp_path), fills=2000, a_session=500)
    assert ({"us_per_fill", "growth"}, 20.0) == (set(made.figures), made.bar or 0.0)
    assert made.checksum == fills.run(Workspace(tmp_path), fills=2000, a_session=500).checksum


def test_a_square_in_the_number_of_fills_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fills, "GROWTH_MAX", 0.0)
    with pytest.raises(AssertionError, match="times one of the first"):
        fills.run(Workspace(tmp_path), fills=400, a_session=200)


def test_a_close_holds_every_position(tmp_path: Path) -> None:
    made = fills.run_close(Workspace(tmp_path), positions=5)
    assert (9, 3.0, {"bytes"}) == (made.runs, made.bar or 0.0, set(made.figures))


def test_the_page_says_what_a_replay_came_to() -> None:
    from tools.benchmarks.result import result

    figures = {"sessions_per_s": 6.0, "sessions_per_s_range": 11.0, "jobs": 2.0, "files": 340.0}
    told = replay.REPLAY.tell(result("replay", ours=[1.0], ratio=4.0, checksum="", figures=figures))
    assert "6.0 sessions a second in one process, 11.0 with 2 processes" in told
