"""One calendar, and one store per real file, serve all market tests: making them costs seconds."""

import pytest

from market.calendar import Calendar
from market.imports import import_bars
from market.sidecar import open_sidecar
from market.store import BarStore
from tests.market.worlds import Files, Known
from tests.realdata import real_data


@pytest.fixture(scope="session")
def calendar() -> Calendar:
    return Calendar(2007, 2027)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory, calendar: Calendar) -> Files:
    """Each file is imported when it is first asked for; tests only read its store."""
    made: dict[str, Known] = {}

    def known(name: str) -> Known:
        if name not in made:
            path = real_data(name)
            root = tmp_path_factory.mktemp("known")
            report = import_bars(root, path)
            store = BarStore(root)
            made[name] = Known(store, open_sidecar(store, calendar), report, calendar)
        return made[name]

    return known
