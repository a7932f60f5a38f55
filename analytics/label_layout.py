"""No label lies over another: each is put as near to its own place as the others allow, and their order is kept."""

from collections.abc import Sequence

GAP_PIXELS = 6.0
"""Blank between two labels of one row."""


def spread(wanted: Sequence[float], gap: float, bounds: tuple[float, float]) -> tuple[float, ...]:
    """Places for labels that want to stand at *wanted* (rising), at least *gap* apart and within *bounds*.

    The sum of squared moves is least. Where the bounds cannot hold them all, the gap shrinks to what they can.
    """
    low, high = bounds
    if not wanted:
        return ()
    if len(wanted) > 1:
        gap = min(gap, (high - low) / (len(wanted) - 1))
    # Without the gaps the places must only not fall: neighbours that would are pooled at their mean.
    pools: list[tuple[float, int]] = []
    for number, place in enumerate(wanted):
        total, count = place - number * gap, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / count:
            before, many = pools.pop()
            total, count = total + before, count + many
        pools.append((total, count))
    room = high - gap * (len(wanted) - 1)
    settled = [min(max(total / count, low), room) for total, count in pools for _ in range(count)]
    return tuple(place + number * gap for number, place in enumerate(settled))


def in_rows(
    middles: Sequence[float], widths: Sequence[float], bounds: tuple[float, float]
) -> tuple[tuple[int, float], ...]:
    """(row, middle) of each label, given the middles they want (rising): the first row in which it is free.

    A label that would leave *bounds* is moved just inside.
    """
    ends: list[float] = []
    found: list[tuple[int, float]] = []
    low, high = bounds
    for middle, width in zip(middles, widths, strict=True):
        placed = min(max(middle, low + width / 2), max(high - width / 2, low + width / 2))
        row = next((r for r, end in enumerate(ends) if placed - width / 2 >= end + GAP_PIXELS), len(ends))
        if row == len(ends):
            ends.append(0.0)
        ends[row] = placed + width / 2
        found.append((row, placed))
    return tuple(found)
