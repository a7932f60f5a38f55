"""A seed's draws are a pure function of the seed and a name: nothing drawn elsewhere shifts them."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """Draws of one *seed* under one *name*, in their own order."""

    def __init__(self, seed: int, name: str) -> None:
        self._key = f"{seed}/{name}/".encode()
        self._number = 0

    def unit(self) -> float:
        """The next number in [0, 1)."""
        self._number += 1
        made = hashlib.blake2b(self._key + str(self._number).encode(), digest_size=7).digest()
        return int.from_bytes(made, "big") / (1 << 56)

    def between(self, low: float, high: float) -> float:
        """The next number in [*low*, *high*)."""
        return low + (high - low) * self.unit()

    def below(self, count: int) -> int:
        """The next whole number in [0, *count*)."""
        return int(self.unit() * count)

    def happens(self, probability: float) -> bool:
        """Whether something of that *probability* happens now."""
        return self.unit() < probability

    def pick(self, among: Sequence[T]) -> T:
        """One of *among*."""
        return among[self.below(len(among))]
