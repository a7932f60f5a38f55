"""Many mornings are judged one by one and added up, so that a file is known before anybody trades on it."""

from collections.abc import Iterable
from datetime import date
from typing import Final, Literal

import numpy as np

from market.checks import BIT, CODES
from market.contract import Judgement
from market.panel import Panel
from schemas.base import SessionDate
from schemas.check import CheckedCode, CheckedDay, CheckedSymbol
from schemas.header import Finding
from schemas.reasons.market import INFO_CODES

EXAMPLES_MAX: Final = 5
EFFECTS: Final[tuple[Literal["Q", "W"], ...]] = ("Q", "W")


class Tally:
    """What every code was found on, over the mornings added so far.

    Arrays are (effects, codes, symbols): mornings with the code; the first and last of them, and the session of the
    defect as the first one saw it, as ordinals, 0 for none.
    """

    def __init__(self, symbols: Iterable[str]) -> None:
        self.symbols = sorted(set(symbols))
        self._place = {symbol: at for at, symbol in enumerate(self.symbols)}
        shape = (len(EFFECTS), len(CODES), len(self.symbols))
        self._mornings = np.zeros(shape, np.int32)
        self._first, self._last, self._latest = (np.zeros(shape, np.int32) for _ in range(3))
        self._on_mornings = np.zeros(shape[:2], np.int64)
        self._liquid = np.zeros(len(self.symbols), np.bool_)
        self.days: list[CheckedDay] = []
        self._infos: dict[Finding, int] = {}
        self._judged: list[SessionDate] = []

    def add(self, panel: Panel, made: Judgement) -> None:
        """Add the morning of *panel*, judged as *made*. Every symbol of it must be one of ours; oldest first."""
        checked = made.ledger.checked
        at = np.fromiter((self._place[each] for each in panel.symbols), np.int64, len(panel.symbols))
        self._liquid[at[made.liquid]] = True
        ordinals = np.array([0, *(each.toordinal() for each in panel.sessions)], np.int32)
        bits = np.arange(len(CODES), dtype=np.int32)[:, None]
        today = panel.session_date.toordinal()
        for effect, carried in enumerate((checked.q, checked.w)):
            code, who = np.nonzero(carried[None, :] >> bits & 1)
            cell = (effect, code, at[who])
            new = self._mornings[cell] == 0
            fresh = (effect, code[new], at[who[new]])
            self._first[fresh] = today
            self._latest[fresh] = ordinals[checked.when[who[new], code[new]] + 1]
            self._mornings[cell] += 1
            self._last[cell] = today
            self._on_mornings[effect] += np.bincount(code, minlength=len(CODES)) > 0
        self._judged.append(panel.data_session)
        blocking = tuple(each for each in made.found if each.code not in INFO_CODES)
        if blocking:
            self.days.append(CheckedDay(session_date=panel.session_date, findings=blocking))
        for each in made.found:
            if each.code in INFO_CODES:
                self._infos[each] = self._infos.get(each, 0) + 1

    @property
    def mornings(self) -> int:
        """How many were added."""
        return len(self._judged)

    @property
    def first(self) -> SessionDate:
        """The session before the first morning."""
        return self._judged[0]

    @property
    def last(self) -> SessionDate:
        """The session before the last morning."""
        return self._judged[-1]

    def infos(self) -> tuple[Finding, ...]:
        """What was said of mornings without blocking them; observed: of how many."""
        return tuple(each.model_copy(update={"observed": count}) for each, count in self._infos.items())

    def found(self) -> tuple[CheckedSymbol, ...]:
        """Every symbol with every code, in the contract's order, then by symbol."""
        cells = (
            (e, BIT[code], k) for code in CODES for e in range(len(EFFECTS)) for k in self._who(e, BIT[code])
        )
        return tuple(self._row(*cell) for cell in cells)

    def codes(self) -> tuple[CheckedCode, ...]:
        """Every code that was found, in the contract's order."""
        return tuple(
            self._code(e, BIT[code])
            for code in CODES
            for e in range(len(EFFECTS))
            if self._mornings[e, BIT[code]].any()
        )

    def _code(self, effect: int, bit: int) -> CheckedCode:
        who = self._who(effect, bit)
        shown = sorted(who, key=lambda k: (not self._liquid[k], k))[:EXAMPLES_MAX]
        return CheckedCode(
            code=CODES[bit],
            effect=EFFECTS[effect],
            symbols=len(who),
            liquid=int(self._liquid[who].sum()),
            mornings=int(self._on_mornings[effect, bit]),
            times=int(self._mornings[effect, bit].sum()),
            examples=tuple(self._row(effect, bit, k) for k in shown),
        )

    def _who(self, effect: int, bit: int) -> list[int]:
        return np.flatnonzero(self._mornings[effect, bit]).tolist()

    def _row(self, effect: int, bit: int, k: int) -> CheckedSymbol:
        return CheckedSymbol(
            symbol=self.symbols[k],
            code=CODES[bit],
            effect=EFFECTS[effect],
            mornings=int(self._mornings[effect, bit, k]),
            first=_session(self._first[effect, bit, k]),
            last=_session(self._last[effect, bit, k]),
            latest=_session(self._latest[effect, bit, k]) if self._latest[effect, bit, k] else None,
        )


def _session(ordinal: np.int32) -> SessionDate:
    return SessionDate(date.fromordinal(int(ordinal)))
