"""A floor acts on the tick that sees it: what is known to be wrong is not waited for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from execution_v2 import divergence
from execution_v2.posture.config import PostureConfig
from execution_v2.posture.contradiction import Agreement
from execution_v2.posture.debt import Bands
from execution_v2.posture.freshness import Heard
from schemas.posture import Floor, PostureState
from schemas.reasons.posture import PostureCode
from schemas.tick import ContradictionGrade, Posture, Source, Tick

C = PostureCode
RANK: Final[Mapping[Posture, int]] = {posture: rank for rank, posture in enumerate(Posture)}
"""GREEN 0 to RED 3: the greater, the less may be risked."""
_STALE: Final[Mapping[Source, C]] = {
    Source.REST: C.REST_STALE,
    Source.STREAM: C.STREAM_STALE,
    Source.FILLS: C.FILLS_STALE,
}
DIVERGENCE: Final = "div_"
"""How the id of a divergence begins, which is the subject of its floor and of no other."""
SUBJECTS_MAX: Final = 5
"""Subjects that one floor names; the tick beside it holds them all."""


def floors(
    before: PostureState,
    tick: Tick,
    sources: Sequence[Heard],
    agreement: Agreement,
    bands: Bands,
    config: PostureConfig,
    *,
    drawn_down: bool,
) -> tuple[Floor, ...]:
    """All that holds at this tick, the flap hold excepted; worst first, among equals in the order of section 9."""
    found = [
        *_of_sources(sources, config),
        *_of_positions(tick, agreement, config),
        *_of_orders(tick),
        *_of_records(tick),
        *_of_gaps(tick, config),
    ]
    if drawn_down:
        found.append(Floor(code=C.DD_BREACH, posture=Posture.RED, ack=C.DD_BREACH))
    if bands.reached is not None:
        found.append(Floor(code=C.DEBT, posture=bands.reached))
    if bands.growth is not None:
        found.append(Floor(code=C.DEBT_GROWTH, posture=bands.growth))
    found += _of_divergences(before, tick)
    return worst_first(found)


def worst_first(found: Sequence[Floor]) -> tuple[Floor, ...]:
    """Sorted by posture; what is equally bad stays in its order."""
    return tuple(sorted(found, key=lambda floor: -RANK[floor.posture]))


def worst(found: Sequence[Floor]) -> Posture:
    """What they allow at best; GREEN without any."""
    return max((floor.posture for floor in found), key=RANK.__getitem__, default=Posture.GREEN)


def _of_sources(sources: Sequence[Heard], config: PostureConfig) -> Iterator[Floor]:
    stale = [row for row in sources if row.known_worth < config.stale_below]
    for row in stale:
        code = C.CLOCK_SKEW if row.is_skewed else _STALE[row.source]
        yield Floor(code=code, posture=Posture.YELLOW, subject=row.source.value)
    if len(stale) >= 2:
        yield Floor(code=C.SOURCES_STALE, posture=Posture.ORANGE, subject=_named(row.source for row in stale))
    if all(row.known_worth == 0 for row in sources):
        yield Floor(code=C.SOURCES_DEAD, posture=Posture.RED)


def _of_positions(tick: Tick, agreement: Agreement, config: PostureConfig) -> Iterator[Floor]:
    if not tick.has_positions:
        posture = Posture.RED if agreement.blind >= config.blind_red else Posture.ORANGE
        yield Floor(code=C.POSITIONS_UNREAD, posture=posture)
    for grade, code, posture, ack in (
        (ContradictionGrade.C2, C.CONTRADICTION_C2, Posture.ORANGE, None),
        (ContradictionGrade.C3, C.CONTRADICTION_C3, Posture.RED, C.CONTRADICTION_C3),
    ):
        subjects = [row.subject for row in tick.contradictions if row.grade is grade]
        if subjects:
            yield Floor(code=code, posture=posture, subject=_named(subjects), ack=ack)


def _of_orders(tick: Tick) -> Iterator[Floor]:
    orange = Posture.ORANGE
    if tick.frozen_orders:
        yield Floor(code=C.FROZEN, posture=orange, subject=f"{tick.frozen_orders} orders")
    if tick.gave_up:
        yield Floor(code=C.GAVE_UP, posture=orange, subject=f"{tick.gave_up} replacements")
    if tick.overturned:
        yield Floor(code=C.PROOF_OVERTURNED, posture=orange, subject=_named(tick.overturned))
    if tick.external:
        yield Floor(code=C.EXTERNAL, posture=orange, subject=_named(tick.external))
    asked = max((Posture(name) for name in tick.syncs), key=RANK.__getitem__, default=Posture.GREEN)
    if asked is not Posture.GREEN:
        yield Floor(code=C.POSITION_SYNC, posture=asked)


def _of_records(tick: Tick) -> Iterator[Floor]:
    if tick.record_faults:
        yield Floor(code=C.RECORD_FAILING, posture=Posture.ORANGE, subject=_named(tick.record_faults))
    if tick.is_corrupt:
        yield Floor(code=C.JOURNAL_CORRUPT, posture=Posture.RED, ack=C.JOURNAL_CORRUPT)


def _of_gaps(tick: Tick, config: PostureConfig) -> Iterator[Floor]:
    if tick.gap_s > config.gap_orange_s:
        posture = Posture.RED if tick.gap_s > config.gap_red_s else Posture.ORANGE
        yield Floor(code=C.PROTECTION_GAP, posture=posture, subject=f"{tick.gap_s} s")


def _of_divergences(before: PostureState, tick: Tick) -> Iterator[Floor]:
    """What replay clamps. No verdict clamps as well, and closes nothing that was open: only a later check does."""
    if tick.verdict is None:
        stale = divergence.C.STALE_VERDICT
        yield Floor(code=stale.value, posture=divergence.ROWS[stale].clamp, subject="verdict")
        yield from (row for row in before.floors if row.subject.startswith(DIVERGENCE) and row.code != stale)
        return
    for row in tick.verdict.divergences:
        if row.clamp is not Posture.GREEN:
            ack = row.divergence_id if row.needs_ack else None
            yield Floor(code=row.category.value, posture=row.clamp, subject=row.divergence_id, ack=ack)


def _named(subjects: Iterator[str] | Sequence[str]) -> str:
    rows = list(dict.fromkeys(subjects))
    more = len(rows) - SUBJECTS_MAX
    return ", ".join(rows[:SUBJECTS_MAX]) + (f" and {more} more" if more > 0 else "")
