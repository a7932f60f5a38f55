"""A week's reliability as families of numbers: each line of the artifact has one, under the name of execution.md 14."""

from collections.abc import Iterator

from flows.metrics_text import Family, Sample, counter, gauge, ratio, sample
from schemas.reliability import Rate, Reliability, Spread

Of = dict[str, str]


def of_week(found: Reliability, of: Of) -> Iterator[Family]:
    """Every family of *found*; *of*: the labels that all its samples carry, book and week."""
    yield from _unknown(found, of)
    yield from _run(found, of)
    yield from _entries(found, of)
    yield from _orders(found, of)


def _unknown(found: Reliability, of: Of) -> Iterator[Family]:
    rows = [(each, {**of, "leg": "all" if at == 0 else each.leg or "unknown"}) for at, each in
            enumerate((found.ambiguity, *found.ambiguity_by_leg))]  # fmt: skip
    for clock, name in (("wall", "ambiguity_seconds"), ("active", "ambiguity_active_seconds")):
        spreads: list[tuple[Spread, Of]] = [(getattr(each, clock), labels) for each, labels in rows]
        yield from _spread(f"avwap_{name}", f"How long orders were unknown, {clock} seconds", spreads)
    yield gauge(
        "avwap_ambiguous_open",
        "Orders still unknown at the end",
        *(sample(each.open, labels) for each, labels in rows),
    )
    yield from _spread(
        "avwap_ambiguous_intents", "Intents unknown at a cycle's end", [(found.surface.intents, of)]
    )
    yield from _spread(
        "avwap_ambiguous_symbols", "Symbols unknown at a cycle's end", [(found.surface.symbols, of)]
    )
    gaps = found.gaps
    yield gauge(
        "avwap_protective_gap_seconds_sum", "Seconds without full cover, in all", sample(gaps.sum_s, of)
    )
    yield gauge(
        "avwap_protective_gap_seconds_max", "Seconds without full cover, longest", sample(gaps.max_s, of)
    )
    yield gauge("avwap_protective_gap_open", "Gaps open after the last record", sample(gaps.open, of))
    yield gauge("avwap_protective_gap_positions", "Positions with a gap", sample(gaps.positions, of))


def _run(found: Reliability, of: Of) -> Iterator[Family]:
    for name, count in (
        ("began", found.cycles.began),
        ("ended", found.cycles.ended),
        ("missed", found.cycles.missed),
    ):
        yield counter(f"avwap_cycles_{name}_total", f"Cycles that {name}", sample(count, of))
    yield from _spread(
        "avwap_cycle_requests", "Requests to the broker in a cycle", [(found.cycles.requests, of)]
    )
    yield gauge(
        "avwap_posture_seconds",
        "Active seconds in a posture for its worst cause",
        *(
            sample(each.seconds.numerator, {**of, "posture": each.posture.value, "cause": each.cause})
            for each in found.postures
        ),
    )
    yield from _rates(
        "avwap_posture_ratio",
        "Active seconds in a posture for its worst cause, of all",
        [
            (each.seconds, {**of, "posture": each.posture.value, "cause": each.cause})
            for each in found.postures
        ],
    )
    moves = found.transitions
    yield counter(
        "avwap_lifecycle_transitions_total",
        "Changes of the lifecycle",
        *(sample(m.count, {**of, "from": m.before, "to": m.after, "reason": m.reason}) for m in moves),
    )


def _entries(found: Reliability, of: Of) -> Iterator[Family]:
    yield from _rates(
        "avwap_entry_clamp_ratio", "Attempts that posture or lifecycle held back", [(found.clamped, of)]
    )
    yield counter(
        "avwap_entry_clamp_total",
        "Attempts that posture or lifecycle refused or reduced",
        *(
            sample(count, {**of, "reason": each.reason, "outcome": outcome})
            for each in found.clamps
            for outcome, count in (("refused", each.refused), ("reduced", each.reduced))
        ),
    )
    yield from _rates(
        "avwap_entry_denied_ratio", "Attempts at an entry that were refused", [(found.denied, of)]
    )
    yield counter(
        "avwap_gate_denied_total",
        "Entries that a gate refused, by code",
        *(
            sample(each.entries, {**of, "phase": each.phase, "gate": each.gate, "code": each.code})
            for each in found.denials
        ),
    )


def _orders(found: Reliability, of: Of) -> Iterator[Family]:
    yield counter(
        "avwap_replay_divergence_total",
        "Divergences that cycles found, by category",
        *(sample(each.found, {**of, "category": each.category.value}) for each in found.divergences),
    )
    replaces = found.replaces
    yield counter(
        "avwap_replace_total",
        "Replaces, by how they ended",
        *(sample(each.count, {**of, "terminal": each.name}) for each in replaces.terminals),
    )
    yield gauge(
        "avwap_replace_ambiguity_points", "Ambiguous points of all replaces", sample(replaces.points, of)
    )
    yield from _rates(
        "avwap_replace_ambiguous_ratio", "Replaces with an ambiguous point", [(replaces.ambiguous, of)]
    )
    yield from _rates("avwap_replace_gave_up_ratio", "Replaces that were given up", [(replaces.gave_up, of)])
    yield counter(
        "avwap_illegal_transition_total",
        "Records that the table of orders refused",
        *(sample(each.count, {**of, "from": each.state, "event": each.event}) for each in found.illegal),
    )
    yield counter(
        "avwap_contradiction_total",
        "News that an order's end ruled out, by code",
        *(sample(each.count, {**of, "code": each.name}) for each in found.contradictions),
    )
    yield counter(
        "avwap_orphan_total",
        "Own orders at the broker that no record named",
        *(sample(each.count, {**of, "action": each.action, "reason": each.code}) for each in found.orphans),
    )
    yield counter(
        "avwap_sync_total",
        "Comparisons of positions, by status",
        *(sample(each.count, {**of, "status": each.name}) for each in found.syncs),
    )
    yield from _rates("avwap_in_sync_ratio", "Comparisons of positions that agreed", [(found.in_sync, of)])


def _rates(name: str, help_: str, rates: list[tuple[Rate, Of]]) -> tuple[Family, ...]:
    return ratio(
        name, help_, [(each.numerator, each.denominator, each.value, labels) for each, labels in rates]
    )


def _spread(name: str, help_: str, spreads: list[tuple[Spread, Of]]) -> Iterator[Family]:
    """A summary with its 95th percentile, sum and count, and the maximum beside it."""
    rows: list[Sample] = []
    for each, of in spreads:
        rows += sample(each.p95, {**of, "quantile": "0.95"})
        rows += (*sample(each.sum, of, "_sum"), *sample(each.count, of, "_count"))
    yield Family(name=name, kind="summary", help=help_, samples=tuple(rows))
    yield gauge(f"{name}_max", f"{help_}: maximum", *(sample(each.max, of) for each, of in spreads))
