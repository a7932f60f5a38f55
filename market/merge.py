"""What a file repeats is dropped, what it adds goes in, and what it changes must say when it became known."""

from dataclasses import dataclass

import numpy as np

from market.rows import NULL, Bools, Rows, concatenated

Values = tuple[int, ...]
Revisions = dict[tuple[int, int], set[Values]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Of the incoming rows: those to append, and the positions of those that contradict the store."""

    fresh: Rows
    present: int
    conflicts: tuple[tuple[str, int], ...]
    """(symbol, day) of each row that differs from the store and does not say when it became known."""


def merge(existing: Rows, incoming: Rows) -> Merge:
    """Split *incoming* against *existing*; both in canonical order.

    A row is present if its revision is the same set of values as one already there: for an import without
    ``known_at`` any revision of that bar, else the latest one known by then.
    """
    symbols = tuple(sorted({*existing.symbols, *incoming.symbols}))
    old, new = existing.against(symbols), incoming.against(symbols)
    old_key, new_key = old.key, new.key
    lo = np.searchsorted(old_key, new_key, "left")
    hi = np.searchsorted(old_key, new_key, "right")
    met = hi > lo
    if not met.any():
        return Merge(fresh=incoming, present=0, conflicts=())
    plain = met & (hi - lo == 1) & _alone(new_key)
    equal = np.zeros(len(new), np.bool_)
    equal[plain] = (new.values[:, plain] == old.values[:, lo[plain]]).all(axis=0)
    late = new.known_at != NULL
    present = plain & equal & (~late | (old.known_at[np.minimum(lo, len(old) - 1)] <= new.known_at))
    conflict = plain & ~equal & ~late
    for start, stop in _groups(new_key, met & ~plain):
        verdict = _judge(old, slice(int(lo[start]), int(hi[start])), new, slice(start, stop))
        present[start:stop] = [v == "present" for v in verdict]
        conflict[start:stop] = [v == "conflict" for v in verdict]
    contradicted = np.flatnonzero(conflict)
    return Merge(
        fresh=concatenated([incoming.take(~(present | conflict))]),
        present=int(present.sum()),
        conflicts=tuple((symbols[new.code[at]], int(new.day[at])) for at in contradicted),
    )


def _alone(key: np.ndarray) -> Bools:
    """Whether each element of a sorted array differs from both neighbours."""
    alone = np.ones(len(key), np.bool_)
    same = key[1:] == key[:-1]
    alone[1:] &= ~same
    alone[:-1] &= ~same
    return alone


def _groups(key: np.ndarray, wanted: Bools) -> list[tuple[int, int]]:
    at = np.flatnonzero(wanted)
    if not len(at):
        return []
    breaks = np.flatnonzero(key[at][1:] != key[at][:-1]) + 1
    starts = [0, *breaks.tolist()]
    stops = [*breaks.tolist(), len(at)]
    return [(int(at[a]), int(at[b - 1]) + 1) for a, b in zip(starts, stops, strict=True)]


def _revisions(rows: Rows, span: slice) -> Revisions:
    found: Revisions = {}
    for at in range(span.start, span.stop):
        revision = (int(rows.known_at[at]), int(rows.vintage[at]))
        found.setdefault(revision, set()).add(tuple(int(v) for v in rows.values[:, at]))
    return found


def _judge(old: Rows, old_span: slice, new: Rows, new_span: slice) -> list[str]:
    there = _revisions(old, old_span)
    verdicts = []
    offered = _revisions(new, new_span)
    for at in range(new_span.start, new_span.stop):
        known = int(new.known_at[at])
        values = offered[known, int(new.vintage[at])]
        if known == NULL:
            verdicts.append("present" if values in there.values() else "conflict")
        else:
            before = [there[revision] for revision in sorted(there) if revision[0] <= known]
            verdicts.append("present" if before and before[-1] == values else "fresh")
    return verdicts
