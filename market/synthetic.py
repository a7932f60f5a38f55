"""A market made of a seed: the same seed gives the same bytes, on every machine and with every library
version.

Only the raw 64-bit words of PCG64 are drawn (its stream is fixed for good; the shapes of numpy's
distributions are not), and only +, -, *, / and rounding touch them: no logarithm, exponential or reduction,
whose last bits differ between platforms. Every symbol has a stream of its own, so its path does not depend
on how many others there are.

The world: one market factor with a steady rise, a crash at two fifths of the range, a recovery and a long
calm; names with a beta, a drift that changes every 60 sessions, noise, overnight gaps and bursts of volume;
two splits, told as corporate actions, prices as traded; some names too thin, too cheap or too young to
trade.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from market.calendar import EPOCH, Calendar
from market.rows import NULL, Rows
from market.store import BarStore
from schemas.market import ActionKind, CorporateAction, FactKind

BENCHMARK: Final = "SPY"
SECTORS: Final = ("XLE", "XLF", "XLI", "XLK", "XLV")
SECTORS_FROM: Final = 20
"""A universe of fewer names has no sector funds: it is there for tests that repeat a day many times."""
TINY: Final = 12
WORDS: Final = 3
BLOCK: Final = 60
"""Sessions over which a name keeps its drift."""
SIGMA4: Final = 37837.0
"""Standard deviation of the sum of four 16-bit words: 65536 / sqrt(3)."""
CENT: Final = 100
"""In 1e-4 USD: every price here is 1.00 USD or more, so a cent is its tick."""

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticMarket:
    """Bars as traded, in canonical order, and the splits among them."""

    rows: Rows
    actions: tuple[CorporateAction, ...]

    @property
    def digest(self) -> str:
        """sha256 over symbols, dates and values: what two machines compare."""
        told = hashlib.sha256("\n".join(self.rows.symbols).encode())
        for part, kind in ((self.rows.code, "<i4"), (self.rows.day, "<i4"), (self.rows.values, "<i8")):
            told.update(np.ascontiguousarray(part, kind).tobytes())
        return told.hexdigest()

    def install(self, store: BarStore, source: str = "synthetic") -> None:
        """Put bars and actions into *store*; what is there already stays."""
        store.append_bars(self.rows, source, source_sha256=self.digest)
        if self.actions:
            store.append_facts(FactKind.ACTIONS, self.actions, source, source_sha256=self.digest)


def generate(seed: int, symbols: int, first: date, last: date, calendar: Calendar) -> SyntheticMarket:
    """*symbols* names, the benchmark among them, over every session from *first* to *last*.

    Errors: AssertionError for fewer than 2 symbols, more than there are names, or under 40 sessions.
    """
    sessions = calendar.sessions(first, last)
    assert 2 <= symbols <= 11_000, "between 2 and 11,000 symbols"
    assert len(sessions) >= 40, "a market of under 40 sessions has no history to judge"
    funds = (BENCHMARK, *SECTORS) if symbols >= SECTORS_FROM else (BENCHMARK,)
    names = (*funds, *(_name(at) for at in range(symbols - len(funds))))
    steps = len(sessions)
    factor = _factor(_words(seed, 0, steps))
    splits = _splits(steps, len(funds), symbols)
    days = np.array([session.toordinal() - EPOCH for session in sessions], np.int32)
    code, day, values = [], [], []
    ranked = tuple(sorted(names))
    place = {name: position for position, name in enumerate(ranked)}
    for at, name in enumerate(names):
        born = steps * 2 // 3 if at >= len(funds) and at % 33 == 17 else 0
        bars = _path(_words(seed, at + 1, steps), factor, at, len(funds))
        for split_at, num, den in splits.get(at, ()):
            bars[:4, split_at:] = np.maximum(_cents(bars[:4, split_at:] * (den / num)), CENT)
            bars[4, split_at:] = np.rint(bars[4, split_at:] * (num / den))
        values.append(bars[:, born:].astype(np.int64))
        day.append(days[born:])
        code.append(np.full(steps - born, place[name], np.int32))
    count = sum(map(len, day))
    rows = Rows(
        symbols=ranked,
        code=np.concatenate(code),
        day=np.concatenate(day),
        values=np.concatenate(values, axis=1),
        known_at=np.full(count, NULL, np.int64),
        vintage=np.zeros(count, np.int32),
    ).canonical()
    actions = tuple(
        CorporateAction(
            symbol=names[at], ex_date=sessions[ex], kind=ActionKind.SPLIT, ratio_num=num, ratio_den=den
        )
        for at, told in splits.items()
        for ex, num, den in told
    )
    return SyntheticMarket(rows=rows, actions=tuple(sorted(actions, key=lambda a: (a.symbol, a.ex_date))))


def tiny(seed: int, first: date, last: date, calendar: Calendar) -> SyntheticMarket:
    """Twelve names: small enough to run a day a hundred times over."""
    return generate(seed, TINY, first, last, calendar)


def _name(at: int) -> str:
    """The at-th name: consonant, vowel, consonant, vowel; 11,025 of them, each once (7919 is prime to it)."""
    consonants, vowels = "BCDFGHJKLMNPQRSTVWXYZ", "AEIOU"
    at = at * 7919 % 11_025
    letters = (consonants[at % 21], vowels[at // 21 % 5], consonants[at // 105 % 21], vowels[at // 2205])
    return "".join(letters)


def _splits(steps: int, funds: int, symbols: int) -> dict[int, tuple[tuple[int, int, int], ...]]:
    """Number of the name -> (session, new, old): 2-for-1 in the middle, 3-for-2 near the end."""
    told = {funds + 2: ((steps // 2, 2, 1),), funds + 4: ((steps * 9 // 10, 3, 2),)}
    return {at: each for at, each in told.items() if at < symbols}


def _words(seed: int, stream: int, steps: int) -> Words:
    """(WORDS, steps) raw words of the stream."""
    bits = np.random.PCG64(np.random.SeedSequence([seed, stream]))
    return bits.random_raw(steps * WORDS).reshape(steps, WORDS).T


def _quarter(words: Any, place: int) -> Any:
    """The place-th 16 bits of each word, as floats 0..65535."""
    return ((words >> np.uint64(16 * place)) & np.uint64(0xFFFF)).astype(np.float64)


def _bell(words: Words) -> Floats:
    """About normal, unit variance, never beyond 3.47: the sum of a word's four quarters."""
    total = _quarter(words, 0) + _quarter(words, 1) + _quarter(words, 2) + _quarter(words, 3)
    bell: Floats = (total - 131070.0) / SIGMA4
    return bell


def _factor(words: Words) -> Floats:
    """The market's return of each session."""
    steps = words.shape[1]
    at = np.arange(steps)
    crash = steps * 2 // 5
    drift = np.full(steps, 0.0006)
    size = np.full(steps, 0.0070)
    for lo, hi, mean, sigma in (
        (crash, crash + 12, -0.0160, 0.0200),
        (crash + 12, crash + 42, 0.0040, 0.0120),
        (steps * 3 // 5, steps * 3 // 4, 0.0005, 0.0040),
    ):
        within = (at >= lo) & (at < hi)
        drift = np.where(within, mean, drift)
        size = np.where(within, sigma, size)
    return drift + size * _bell(words[0])


def _path(words: Words, factor: Floats, at: int, funds: int) -> Floats:
    """One name's bars, (5, steps): open, high, low, close in 1e-4 USD, and volume."""
    steps = len(factor)
    nature = words[1, :8]
    is_fund = at < funds
    start, base = (2_000_000.0, 60_000_000.0) if is_fund else _size(nature, at)
    beta = 1.0 if is_fund else 0.6 + 0.8 * _quarter(nature[2], 0) / 65535.0
    noise = 0.0 if at == 0 else 0.004 if is_fund else 0.007 + 0.010 * _quarter(nature[3], 0) / 65535.0
    blocks = np.arange(steps) // BLOCK
    lean = 0.0 if is_fund else (_quarter(words[1, blocks * BLOCK], 3) / 65535.0 - 0.42) * 0.0040
    rare = _quarter(words[2], 0)
    jump = np.where(rare < 65536 / 120, np.where(_quarter(words[2], 1) < 30000, -0.06, 0.055), 0.0)
    jump = np.zeros(steps) if is_fund else jump
    burst = (rare >= 64700) & (not is_fund)
    moved = beta * factor + lean + noise * _bell(words[0]) + jump + np.where(burst, 0.022, 0.0)
    overnight = jump + 0.35 * (moved - jump)
    reach = 0.003 + 0.3 * noise
    above = reach * _quarter(words[2], 2) / 65535.0
    below = reach * _quarter(words[2], 3) / 65535.0
    volume = base * (0.7 + 0.6 * _quarter(words[1], 0) / 65535.0) * (1.0 + 9.0 * np.abs(moved))
    volume = np.where(burst, volume * 2.4, np.where(jump != 0.0, volume * 2.8, volume))
    bars = np.empty((5, steps))
    opens, closes = [0.0] * steps, [0.0] * steps
    previous = start
    for step, (open_by, close_by) in enumerate(zip(overnight.tolist(), moved.tolist(), strict=True)):
        # The close is rounded before the next day starts from it: the path is one of prices, not of real
        # numbers.
        opened = max(_cent(previous * (1.0 + open_by)), CENT)
        closed = max(_cent(previous * (1.0 + close_by)), CENT)
        opens[step], closes[step] = opened, closed
        previous = closed
    bars[0], bars[3] = opens, closes
    top, bottom = np.maximum(bars[0], bars[3]), np.minimum(bars[0], bars[3])
    bars[1] = np.maximum(_cents(top * (1.0 + np.where(burst, 0.0005, above))), top)
    bars[2] = np.maximum(np.minimum(_cents(bottom * (1.0 - below)), bottom), CENT)
    bars[4] = np.rint(volume / 100.0) * 100.0
    return bars


def _size(nature: Words, at: int) -> tuple[float, float]:
    """First price (1e-4 USD) and usual volume of a name: most can be traded, some are too cheap or too
    thin."""
    price = 150_000.0 + 1_650_000.0 * _quarter(nature[0], 0) / 65535.0 * (_quarter(nature[0], 1) / 65535.0)
    shares = 900_000.0 + 6_000_000.0 * _quarter(nature[1], 0) / 65535.0
    if at % 16 == 9:
        return 42_000.0, shares
    if at % 10 == 7:
        return price, 120_000.0
    return price, shares


def _cent(value: float) -> float:
    return round(value / CENT) * float(CENT)


def _cents(values: Floats) -> Floats:
    return np.rint(values / CENT) * float(CENT)
