"""The command line's tests share one home; each that writes takes a copy."""

from pathlib import Path

import pytest

from tests.flows.worlds import build, copy


@pytest.fixture(autouse=True)
def no_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests sets nothing here."""
    import os

    for name in list(os.environ):
        if name.startswith("AVWAP_") and name not in ("AVWAP_TEST_DATA", "AVWAP_FULL"):
            monkeypatch.delenv(name)
    for name in ("KILL_SWITCH", "LIVE_TRADING", "LIVE_CONFIRM_TOKEN", "ALLOWLIST_SYMBOLS", "DRY_RUN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home as built; only read."""
    return build(tmp_path_factory.mktemp("flows") / "home")


@pytest.fixture
def home(ready: Path, tmp_path: Path) -> Path:
    """A copy of the home, to write in."""
    return copy(ready, tmp_path / "home")
