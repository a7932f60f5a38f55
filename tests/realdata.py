"""Real market data is looked for in one place, and a machine without it says so instead of failing."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def real_data(name: str) -> Path:
    """Path of the data file *name* under AVWAP_TEST_DATA (default ``../shared/data``); skips when absent."""
    folder = Path(os.environ.get("AVWAP_TEST_DATA") or ROOT.parent / "shared" / "data")
    path = folder / name
    if not path.is_file():
        pytest.skip(f"needs the real data file {name}: set AVWAP_TEST_DATA to the folder that holds it")
    return path
