"""The scan of D is a pure function of the bars up to P and of nothing else: a verdict for every symbol.

Measures come from the compiled kernel, verdicts from the gates; this module ranks and writes rows. A symbol
past G2-G6 gets a full row, the others are grouped by their codes (strategy.md 2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from market.panel import Panel
from schemas.header import Finding
from schemas.observations import MetricsObservation
from schemas.reasons.scan import ScanCode, ScanInfo
from schemas.scan import Scan, ScanCounts, ScanRow, ScanVerdict
from strategies import layout
from strategies.beside import is_reporting, sector_strength
from strategies.config import EarningsPolicy, ScanConfig
from strategies.gates import BIT, OUTSIDE, TIER_NONE, Day, Standing, Verdicts, codes_of, judge
from strategies.layout import NULL, Ints
from strategies.measures import Measures, measure
from strategies.rows import full_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanInputs:
    """What the scan of D may know.

    quarantine, warnings: Q and W codes by symbol, in the data contract's order. blocking: B codes of the day.
    blocked_symbols: symbols with a blocking corporate action. metrics: what a provider answered, or ``None``
    when none was asked.
    """

    panel: Panel
    quarantine: Mapping[str, Sequence[str]]
    warnings: Mapping[str, Sequence[str]]
    blocking: tuple[str, ...]
    blocked_symbols: frozenset[str]
    metrics: MetricsObservation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Measures and verdicts of every symbol, before they become rows. Arrays by panel position."""

    measures: Measures
    features: Ints
    anchors: Ints
    verdicts: Verdicts
    standing: Standing
    day: Day
    benchmark_above_sma200: bool | None


def run(inputs: ScanInputs, config: ScanConfig) -> Scan:
    """Measure, judge and rank every symbol of the panel."""
    judged = judge_all(inputs, config)
    panel, failed = inputs.panel, judged.verdicts.failed
    ranks = _ranks(panel.symbols, judged)
    codes = _code_lists(inputs, judged)
    is_full = (failed & OUTSIDE) == 0
    order = sorted(range(len(panel.symbols)), key=panel.symbols.__getitem__)
    wanted = np.array([k for k in order if is_full[k]], np.int64)
    rows = tuple(
        _row(inputs, judged, k, codes[k], ranks.get(k), config) | full
        for k, full in full_rows(
            panel, judged.features, judged.anchors, wanted, sector_strength(panel, config)
        )
    )
    groups: dict[tuple[str, ...], list[str]] = {}
    for k in order:
        if not is_full[k]:
            groups.setdefault(tuple(codes[k]), []).append(panel.symbols[k])
    return Scan(
        data_session=panel.data_session,
        data_version=panel.data_version,
        entry_model=config.entry_model,
        benchmark=panel.benchmark,
        benchmark_above_sma200=judged.benchmark_above_sma200,
        day_codes=_day_codes(inputs),
        info=_infos(inputs, config),
        counts=ScanCounts(
            scanned=len(order),
            full=len(rows),
            passed=len(ranks),
            candidates=min(len(ranks), config.candidate_cap),
        ),
        rows=cast(tuple[ScanRow, ...], rows),
        others=tuple(
            {"verdict": ScanVerdict.REJECTED, "codes": list(group), "symbols": groups[group]}
            for group in sorted(groups)
        ),
    )


def _row(
    inputs: ScanInputs, judged: Judged, k: int, codes: list[str], rank: int | None, config: ScanConfig
) -> dict[str, Any]:
    """What a full row says beside its measures."""
    row: dict[str, Any] = {"symbol": inputs.panel.symbols[k], "verdict": ScanVerdict.REJECTED, "codes": codes}
    if rank is not None:
        row["rank"] = rank
        row["verdict"] = ScanVerdict.CANDIDATE
        if rank > config.candidate_cap:
            row["verdict"], row["codes"] = ScanVerdict.CAPPED, [ScanCode.CANDIDATE_CAP]
    if judged.verdicts.tier[k] != TIER_NONE:
        row["tier"] = "-AB"[judged.verdicts.tier[k]]
    if (sector := inputs.panel.sectors.get(row["symbol"])) is not None:
        row["sector"] = sector
    info = _info(inputs, judged, k, config)
    if info:
        row["info"] = info
    if row["symbol"] in inputs.warnings:
        row["warnings"] = [str(code) for code in inputs.warnings[row["symbol"]]]
    return row


def _info(inputs: ScanInputs, judged: Judged, k: int, config: ScanConfig) -> list[str]:
    """Info codes of one symbol; what holds for all of them is said once, in the scan's own ``info``."""
    info: list[str] = []
    is_asked = config.earnings_policy is not EarningsPolicy.OFF and bool(inputs.panel.earnings)
    if is_asked and not judged.standing.has_earnings[k]:
        info.append(ScanInfo.EARNINGS_UNKNOWN)
    if not judged.verdicts.has_weeks[k]:
        info.append(ScanInfo.WEEKLY_NOT_APPLICABLE)
    return info


def judge_all(inputs: ScanInputs, config: ScanConfig) -> Judged:
    """Measures and gates of every symbol; the part of ``run`` that ``strategies.explain`` shares."""
    panel = inputs.panel
    measures = measure(panel, config)
    n = len(panel.symbols)
    features = np.full((n, layout.FEATURES), NULL, np.int64)
    features[:, layout.CHOSEN] = -1
    anchors = np.full((n, layout.ANCHORS, layout.ANCHOR_COLUMNS), NULL, np.int64)
    anchors[:, :, layout.A_SESSION] = -1
    has_row = measures.at >= 0
    features[has_row] = measures.features[measures.at[has_row]]
    anchors[has_row] = measures.anchors[measures.at[has_row]]
    standing = _standing(inputs, config, features[:, layout.CLOSE])
    is_up = _benchmark(panel, features)
    # A store that never held the benchmark cannot ask G8; one that lost it fails closed.
    day = Day(is_open=not inputs.blocking, is_market_up=bool(is_up) or not panel.benchmark_held)
    verdicts = judge(features, anchors, standing, day, config)
    return Judged(
        measures=measures,
        features=features,
        anchors=anchors,
        verdicts=verdicts,
        standing=standing,
        day=day,
        benchmark_above_sma200=is_up,
    )


def _standing(inputs: ScanInputs, config: ScanConfig, close: Ints) -> Standing:
    symbols = inputs.panel.symbols
    told = frozenset(event.symbol for event in inputs.panel.earnings)
    near = is_reporting(inputs.panel)
    members, allow, deny = inputs.panel.members, config.universe_allow, frozenset(config.universe_deny)
    listed = None if allow is None else frozenset(allow)

    def column(values: list[bool]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return np.array(values, np.bool_)

    return Standing(
        is_member=column([members is None or symbol in members for symbol in symbols]),
        is_listed=column([s not in deny and (listed is None or s in listed) for s in symbols]),
        meets_metrics=column(_meets_metrics(inputs.metrics, symbols, config)),
        is_quarantined=column([symbol in inputs.quarantine for symbol in symbols]),
        has_action=column([symbol in inputs.blocked_symbols for symbol in symbols]),
        is_reporting=column([symbol in near for symbol in symbols]),
        has_earnings=column([symbol in told for symbol in symbols]),
        close_as_traded=_as_traded(inputs.panel, close),
    )


def _meets_metrics(told: MetricsObservation | None, symbols: Sequence[str], config: ScanConfig) -> list[bool]:
    """Whether each symbol meets the thresholds of U2. Without an answer all do; in an answer, unknown does not."""
    if told is None or not told.ok:
        return [True] * len(symbols)
    known = {each.symbol: each for each in told.metrics}

    def meets(symbol: str) -> bool:
        own = known.get(symbol)
        asked = (
            (config.market_cap_usd_min, own and own.market_cap_usd),
            (config.float_shares_min, own and own.float_shares),
        )
        is_listed = config.listings is None or (own is not None and own.listing in config.listings)
        return is_listed and all(
            least is None or (seen is not None and seen >= least) for least, seen in asked
        )

    return [meets(symbol) for symbol in symbols]


def _as_traded(panel: Panel, close: Ints) -> Ints:
    """Closes of P before the splits of D itself, for the price floor is about what was traded."""
    traded = close.copy()
    for symbol, raw in panel.unsplit.items():
        k = panel.position(symbol)
        if k is not None and traded[k] > 0:
            traded[k] = raw
    return traded


def _benchmark(panel: Panel, features: Ints) -> bool | None:
    k = panel.position(panel.benchmark)
    if k is None or features[k, layout.SMA200] == NULL:
        return None
    return bool(features[k, layout.CLOSE] * 100 > features[k, layout.SMA200])


def _ranks(symbols: Sequence[str], judged: Judged) -> dict[int, int]:
    passed = np.flatnonzero(judged.verdicts.failed == 0).tolist()
    tier, score = judged.verdicts.tier, judged.features[:, layout.TREND_SCORE]
    passed.sort(key=lambda k: (int(tier[k]), -int(score[k]), symbols[k]))
    return {k: place for place, k in enumerate(passed, start=1)}


def _day_codes(inputs: ScanInputs) -> tuple[str, ...]:
    if not inputs.blocking:
        return ()
    return (ScanCode.DATA_DAY_BLOCKED, *(str(code) for code in inputs.blocking))


def _code_lists(inputs: ScanInputs, judged: Judged) -> list[list[str]]:
    """Ordered codes by panel position; B codes follow DATA_DAY_BLOCKED, Q codes DATA_QUARANTINED."""
    day = list(_day_codes(inputs))
    known: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    lists = []
    for symbol, failed in zip(inputs.panel.symbols, judged.verdicts.failed.tolist(), strict=True):
        own = tuple(inputs.quarantine.get(symbol, ()))
        codes = known.get((failed, own))
        if codes is None:
            upto = BIT[ScanCode.DATA_QUARANTINED]
            before = codes_of(failed & (upto - 1) & ~BIT[ScanCode.DATA_DAY_BLOCKED])
            held = [str(ScanCode.DATA_QUARANTINED), *(str(code) for code in own)] if failed & upto else []
            codes = [*day, *before, *held, *codes_of(failed & -(upto << 1))]
            known[failed, own] = codes
        lists.append(codes)
    return lists


def _infos(inputs: ScanInputs, config: ScanConfig) -> tuple[Finding, ...]:
    found = []
    if inputs.panel.members is None:
        code = ScanInfo.UNIVERSE_NOT_POINT_IN_TIME
        found.append(Finding(code=code, subject="universe", detail="no membership table: every symbol is in"))
    if inputs.metrics is None:
        code = ScanInfo.UNIVERSE_METRICS_SKIPPED
        found.append(Finding(code=code, subject="universe", detail="no provider of metrics was asked"))
    elif not inputs.metrics.ok:
        code = ScanInfo.UNIVERSE_METRICS_UNAVAILABLE
        found.append(Finding(code=code, subject="universe", detail=inputs.metrics.cause or "no answer"))
    if config.earnings_policy is not EarningsPolicy.OFF and not inputs.panel.earnings:
        code = ScanInfo.EARNINGS_UNKNOWN
        found.append(Finding(code=code, subject="earnings", detail="no earnings dates are recorded"))
    return tuple(found)
