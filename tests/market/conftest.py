"""One calendar for all market tests: building it costs a second, and it never changes."""

import pytest

from market.calendar import Calendar


@pytest.fixture(scope="session")
def calendar() -> Calendar:
    return Calendar(2007, 2027)
