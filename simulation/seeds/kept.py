"""A seed that once failed is played for ever: what it found stays found."""

from typing import Final

KEPT: Final[tuple[tuple[int, bool], ...]] = ()
"""(seed, whether at full length), each of which broke an invariant when it was kept."""
