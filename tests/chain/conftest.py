"""The chain's tests share one market and one warm-up, and wait for no disk."""

import os
from collections.abc import Iterator

import pytest

from tests.chain.days import Ground, ground


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """What a lost power forgets is played by ``FaultyDisk``, step for step; a real fsync would only take time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session")
def tiny_ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """See ``days.Ground``; nothing in it is ever written to after it is made."""
    return ground(tmp_path_factory.mktemp("chain"))
