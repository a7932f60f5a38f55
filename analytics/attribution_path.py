"""A fall and a volatility are divided among parts by what each earned on the way; the parts add up to the whole.

Of a fall: minus the sum of a part's net since the book's peak, over that peak. Of the volatility: the covariance of
the part's daily contribution with the book's, over the book's standard deviation. Source: strategy.md 9.9.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from analytics.exact import divided
from analytics.lots import ZERO
from schemas.attribution import Attribution
from schemas.base import SessionDate
from schemas.snapshot import Snapshot

WINDOW: Final = 60
WINDOW_MIN: Final = 20
SESSIONS_A_YEAR: Final = 252
SCALE: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """One closed session of a book."""

    session: SessionDate
    snapshot: Snapshot
    attribution: Attribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """A way down: from the close at *peak* (None: the start of the book) to the one at *trough*, both positions."""

    peak: int | None
    trough: int

    def holds(self, at: int) -> bool:
        """Whether what was earned in session *at* is part of it."""
        return (self.peak is None or at > self.peak) and at <= self.trough


def current_fall(history: Sequence[Closed]) -> Fall:
    """From the last close at the running peak to the last one. An acknowledged breach restarts the peak, and counts."""
    return Fall(peak=_peak(history, len(history) - 1), trough=len(history) - 1)


def deepest_fall(history: Sequence[Closed]) -> Fall | None:
    """The way to the first close with the deepest drawdown; None if the book never fell."""
    falls = [(row.snapshot.drawdown or ZERO, -at) for at, row in enumerate(history)]
    depth, negative = max(falls, default=(ZERO, 0))
    return None if depth == 0 else Fall(peak=_peak(history, -negative), trough=-negative)


def _peak(history: Sequence[Closed], until: int) -> int | None:
    for at in range(until, -1, -1):
        if history[at].snapshot.equity == history[at].snapshot.peak_equity:
            return at
    return None


def share_of_fall(nets: Mapping[int, Decimal], fall: Fall, history: Sequence[Closed]) -> Decimal | None:
    """What a part with these *nets* by session had in *fall*; None where there is no peak to fall from."""
    peak = history[fall.trough].snapshot.peak_equity
    lost = -sum((net for at, net in nets.items() if fall.holds(at)), ZERO)
    return divided(lost, peak, SCALE) if peak > 0 else None


def own_drawdown(nets: Iterable[Decimal], base: Decimal) -> tuple[Decimal, Decimal]:
    """(now, deepest) fall of the running sum of *nets* from its highest, 0 at the start, as fractions of *base*."""
    earned = highest = deepest = ZERO
    for net in nets:
        earned += net
        highest = max(highest, earned)
        deepest = max(deepest, highest - earned)
    return divided(highest - earned, base, SCALE), divided(deepest, base, SCALE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The last sessions whose contributions are known, oldest first, and the book's contribution in each."""

    at: tuple[int, ...]
    whole: tuple[int, ...]
    """In units of 1e-9."""

    @property
    def spread(self) -> int:
        """n (n - 1) times the sample variance of the whole, in units squared."""
        return self.against(self.whole)

    def against(self, part: Sequence[int]) -> int:
        """n (n - 1) times the sample covariance of *part* with the whole: exact, so that parts add up."""
        n = len(self.at)
        return n * sum(a * b for a, b in zip(part, self.whole, strict=True)) - sum(part) * sum(self.whole)


def window_of(history: Sequence[Closed]) -> Window:
    """The window that ends with the last of *history*."""
    known = tuple(_known(history))[-WINDOW:]
    return Window(at=tuple(at for at, _ in known), whole=tuple(_units(share) for _, share in known))


def _known(history: Sequence[Closed]) -> Iterator[tuple[int, Decimal]]:
    for at, row in enumerate(history):
        if row.attribution.total.contribution is not None:
            yield at, row.attribution.total.contribution


def volatility(window: Window) -> Decimal | None:
    """Of the book over *window*, annualised; None with fewer than 20 sessions."""
    n = len(window.at)
    return None if n < WINDOW_MIN else _annual(math.sqrt(window.spread / (n * (n - 1))))


def share_of_volatility(shares: Mapping[int, Decimal], window: Window) -> Decimal | None:
    """What a part with these contributions by session had in it; None where the window has no spread to divide."""
    n, spread = len(window.at), window.spread
    if n < WINDOW_MIN or spread == 0:
        return None
    part = [_units(shares.get(at, ZERO)) for at in window.at]
    return _annual(window.against(part) / math.sqrt(spread * n * (n - 1)))


def _annual(units: float) -> Decimal:
    return Decimal(round(units * math.sqrt(SESSIONS_A_YEAR))).scaleb(-SCALE)


def _units(share: Decimal) -> int:
    return int(share.scaleb(SCALE))
