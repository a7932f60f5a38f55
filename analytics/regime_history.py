"""A history of labels is read in runs: how long each lasted, how often they changed, and what spoke for them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise
from typing import Final

from schemas.regime import Regime, RegimeLabel, RegimeStatus

CODES_SHOWN: Final = 4
"""As many as the votes of one label can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Sessions in a row of one label (``None``: skipped).

    confidence: least and most of them; ``None`` where skipped. codes: the most frequent first, at most four.
    """

    first: date
    last: date
    sessions: int
    label: RegimeLabel | None
    confidence: tuple[float, float] | None
    codes: tuple[str, ...]


def runs(history: Sequence[Regime]) -> tuple[Run, ...]:
    """*history*, by session, cut where the label changes."""
    assert all(a.data_session < b.data_session for a, b in pairwise(history)), "one label a session, in order"
    return tuple(_run(list(group)) for _, group in groupby(history, key=lambda each: each.label))


def counts(history: Sequence[Regime]) -> Mapping[str, int]:
    """Sessions by label in the order of the table; those without one under ``SKIPPED``, last."""
    found = Counter(each.label for each in history)
    named = {label.value: found[label] for label in RegimeLabel}
    return {**named, RegimeStatus.SKIPPED.value: found[None]}


def changes_by_year(history: Sequence[Regime]) -> Mapping[int, int]:
    """Calendar year -> sessions in it whose label is not that of the session before."""
    found = {each.data_session.year: 0 for each in history}
    for before, after in pairwise(history):
        found[after.data_session.year] += before.label is not after.label
    return found


def _run(members: list[Regime]) -> Run:
    sure = [each.confidence for each in members if each.confidence is not None]
    told = Counter(finding.code for each in members for finding in each.reasons)
    return Run(
        first=members[0].data_session,
        last=members[-1].data_session,
        sessions=len(members),
        label=members[0].label,
        confidence=(min(sure), max(sure)) if sure else None,
        codes=tuple(code for code, _ in told.most_common(CODES_SHOWN)),
    )
