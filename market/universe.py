"""Who belonged to the universe, in which sector, and who reports when: as known at the cut, under the names of D."""

from collections.abc import Mapping
from datetime import date

from market.facts import F, Told, in_force
from market.sidecar import Sidecar
from market.symbols import Names
from schemas.market import EarningsEvent, FactKind


def members_on(held: Sidecar, cut: int, session: date, names: Names) -> frozenset[str] | None:
    """Members on *session* by the intervals [start, end) known at *cut*; ``None`` if no interval was known."""
    known = _known(held, FactKind.MEMBERSHIP, held.membership, cut)
    if not known:
        return None
    inside = (row for row in known if row.start <= session and (row.end is None or session < row.end))
    owners = (names.owner(row.symbol, row.start) for row in inside)
    return frozenset(owner for owner in owners if owner is not None)


def sectors_on(held: Sidecar, cut: int, data_session: date, names: Names) -> Mapping[str, str]:
    """Sector by symbol: of the lines known at *cut* the one with the latest as_of not after *data_session*."""
    known = _known(held, FactKind.SECTORS, held.sectors, cut)
    rows = sorted((row for row in known if row.as_of <= data_session), key=lambda row: row.as_of)
    owned = ((names.owner(row.symbol, row.as_of), row.sector) for row in rows)
    return {owner: sector for owner, sector in owned if owner is not None}


def earnings_on(held: Sidecar, cut: int, first: date, names: Names) -> tuple[EarningsEvent, ...]:
    """Earnings events known at *cut*, past and announced, from *first* on, by (symbol, date)."""
    known = _known(held, FactKind.EARNINGS, held.earnings, cut)
    rows = ((names.owner(row.symbol, row.date), row) for row in known if row.date >= first)
    found = (
        row if row.symbol == name else row.model_copy(update={"symbol": name})
        for name, row in rows
        if name is not None
    )
    return tuple(sorted(found, key=lambda row: (row.symbol, row.date)))


def _known(held: Sidecar, kind: FactKind, told: tuple[Told[F], ...], cut: int) -> tuple[F, ...]:
    if kind in held.retold:
        return in_force(told, cut)
    return tuple(fact for arrival, _, fact in told if arrival <= cut)
