"""A candidate becomes one trade intent: the scan's plan, who wishes it, how much at most, and until when.

The scan ranks, this module only words the wish; it knows no account, size or order (strategy.md 3). Strategies stand
side by side: each has its own ranks, and which of two wishes in one symbol comes first is left to the decisions. A
blocked day gives the empty list with its reasons, never a missing file.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from schemas.base import SessionDate
from schemas.book import Side
from schemas.candidates import Candidate, Candidates, Entry, ExitPlan, StopPlan, TradeIntent
from schemas.header import Finding
from schemas.ids import intent_id
from schemas.reasons.scan import CandidatesCode
from schemas.scan import Scan, ScanRow, ScanVerdict, TrendRow
from schemas.strategy_registry import S1_AVWAP_CORE, S2_INDEX_TREND, EntryModel, StrategyMeta, in_order
from strategies.config import CandidateConfig, TrendConfig

PURPOSE: Final = "entry"
OPEN_FOR: Final = timedelta(minutes=30)
BEFORE_CLOSE: Final = {
    EntryModel.BOH_10M: timedelta(minutes=30),
    EntryModel.LIMIT_AT_LEVEL: timedelta(minutes=10),
}
"""How long before the close an entry model gives up; the others give up OPEN_FOR after the open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateInputs:
    """The book that asks, and the session D with its actual open and close (UTC instants).

    sleeves: strategy_id -> sleeve_id where it is not the registry's.
    """

    book_id: str
    session_date: SessionDate
    open_at: datetime
    close_at: datetime
    sleeves: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """One candidate of one strategy, before it is said whose and when. Prices in USD, at the tick."""

    symbol: str
    rank: int
    scan_ref: str
    entry: Entry
    stop: Decimal
    exit_plan: ExitPlan
    notional_fraction: Decimal
    risk_fraction: Decimal
    thesis: str
    tags: tuple[str, ...]
    adv_shares20: Decimal
    adv_usd20: Decimal
    close: Decimal
    tier: str | None = None
    anchor: str | None = None
    trend_score: float | None = None


def run(scan: Scan, inputs: CandidateInputs, config: CandidateConfig, trend: TrendConfig) -> Candidates:
    """The ranked candidates of *scan* and one intent for each, strategy by strategy in the order of arbitration.

    Errors: AssertionError if the scan was made for another entry model: its levels would not fit; or if it lacks the
    section of a strategy that is enabled.
    """
    assert scan.entry_model == config.entry_model, "scan and candidates disagree on the entry model"
    reasons = list(_reasons(scan, config))
    candidates: list[Candidate] = []
    intents: list[TradeIntent] = []
    if not reasons:
        for meta in in_order(config.strategies_enabled):
            wishes = sorted(_WISHES[meta.strategy_id](scan, config, trend), key=lambda wish: wish.rank)
            if not wishes:
                code = CandidatesCode.NO_SYMBOL_PASSED
                reasons.append(Finding(code=code, subject=meta.strategy_id, observed=0))
            for wish in wishes:
                intents.append(_intent(scan, wish, meta, inputs))
                candidates.append(_candidate(wish, intents[-1]))
    return Candidates(
        data_session=scan.data_session,
        data_version=scan.data_version,
        strategies=config.strategies_enabled,
        reasons=tuple(reasons),
        candidates=tuple(candidates),
        intents=tuple(sorted(intents, key=lambda each: (each.symbol, each.strategy_id, each.intent_id))),
    )


def _reasons(scan: Scan, config: CandidateConfig) -> Iterator[Finding]:
    """Why nothing may be wished for at all."""
    if scan.day_codes:
        detail = ", ".join(scan.day_codes[1:])
        yield Finding(code=CandidatesCode.DATA_DAY_BLOCKED, subject="day", detail=detail)
    if not config.strategies_enabled:
        yield Finding(code=CandidatesCode.STRATEGY_NOT_ENABLED, subject=S1_AVWAP_CORE)


def _avwap(scan: Scan, config: CandidateConfig, _: TrendConfig) -> Iterator[_Wish]:
    """S1_AVWAP_CORE: the candidates among the scan's rows."""
    for place, row in enumerate(scan.rows):
        if row["verdict"] is not ScanVerdict.CANDIDATE:
            continue
        features = row["features"]
        levels = {name: Decimal(text) for name, text in row["levels"].items() if isinstance(text, str)}
        shares, usd = features["adv_shares20"], features["adv_usd20"]
        assert shares is not None, "a row without volume passed the gates"
        assert usd is not None, "a row without turnover passed the gates"
        yield _Wish(
            symbol=row["symbol"],
            rank=row["rank"],
            scan_ref=f"/rows/{place}",
            entry=Entry(
                model=config.entry_model,
                level=levels["level"],
                entry_ref=levels["entry_ref"],
                limit_cap=levels["limit_cap"],
            ),
            stop=levels["stop"],
            exit_plan=_exit_plan(levels["r1"], levels["r2"], config),
            notional_fraction=config.intended_notional_fraction,
            risk_fraction=config.intended_risk_fraction,
            thesis=thesis(row),
            tags=tags(row),
            # Down: a cap on participation is a limit, and one share over a limit is a breach.
            adv_shares20=Decimal(int(shares)),
            adv_usd20=Decimal(repr(usd)).quantize(Decimal("0.000001")),
            close=Decimal(features["close"]),
            tier=row["tier"],
            anchor=row["chosen"],
            trend_score=features["trend_score"],
        )


def _trend(scan: Scan, _: CandidateConfig, config: TrendConfig) -> Iterator[_Wish]:
    """S2_INDEX_TREND: the candidates among the rows of its own section."""
    assert scan.trend is not None, "the scan was made without S2_INDEX_TREND"
    for place, row in enumerate(scan.trend.rows):
        if row.verdict is not ScanVerdict.CANDIDATE:
            continue
        levels, seen = row.levels, row.measures
        assert row.rank is not None, "a candidate is ranked"
        assert levels is not None, "a fund without a plan passed the rules"
        assert seen.close is not None, "a fund without a close passed the rules"
        assert seen.adv_shares20 is not None, "a fund without volume passed the rules"
        assert seen.adv_usd20 is not None, "a fund without turnover passed the rules"
        yield _Wish(
            symbol=row.symbol,
            rank=row.rank,
            scan_ref=f"/trend/rows/{place}",
            entry=Entry(
                model=EntryModel.NEXT_OPEN,
                level=levels.level,
                entry_ref=levels.entry_ref,
                limit_cap=levels.limit_cap,
            ),
            stop=levels.stop,
            exit_plan=_exit_plan(levels.r1, levels.r2, config),
            notional_fraction=config.intended_notional_fraction,
            risk_fraction=config.intended_risk_fraction,
            thesis=trend_thesis(row, config),
            tags=(f"high:{config.high_bars}", "trend:rising"),
            adv_shares20=seen.adv_shares20,
            adv_usd20=seen.adv_usd20,
            close=seen.close,
        )


_Wishes = Callable[[Scan, CandidateConfig, TrendConfig], Iterator[_Wish]]
_WISHES: Final[Mapping[str, _Wishes]] = MappingProxyType({S1_AVWAP_CORE: _avwap, S2_INDEX_TREND: _trend})
"""Strategy -> what it wishes for. Every active one of the registry is here (test)."""


def _exit_plan(r1: Decimal, r2: Decimal, config: CandidateConfig | TrendConfig) -> ExitPlan:
    return ExitPlan(
        r1=r1,
        r1_fraction=config.r1_fraction,
        r2=r2,
        r2_fraction=config.r2_fraction,
        trail_fraction=config.trail_fraction,
        time_stop_sessions=config.time_stop_sessions,
    )


def _intent(scan: Scan, wish: _Wish, meta: StrategyMeta, inputs: CandidateInputs) -> TradeIntent:
    side = Side.BUY
    return TradeIntent(
        intent_id=intent_id(
            inputs.book_id, inputs.session_date, meta.strategy_id, wish.symbol, str(side), PURPOSE
        ),
        book_id=inputs.book_id,
        session_date=inputs.session_date,
        data_session=scan.data_session,
        strategy_id=meta.strategy_id,
        sleeve_id=inputs.sleeves.get(meta.strategy_id, meta.sleeve_id),
        model_version=meta.model_version,
        data_version=scan.data_version,
        symbol=wish.symbol,
        side=side,
        intended_notional_fraction=wish.notional_fraction,
        intended_risk_fraction=wish.risk_fraction,
        entry=wish.entry,
        stop_plan=StopPlan(initial_stop=wish.stop),
        exit_plan=wish.exit_plan,
        valid_from=inputs.open_at,
        valid_until=valid_until(wish.entry.model, inputs.open_at, inputs.close_at),
        thesis=wish.thesis,
        tags=wish.tags,
        rank=wish.rank,
        scan_ref=wish.scan_ref,
    )


def valid_until(model: EntryModel, open_at: datetime, close_at: datetime) -> datetime:
    """The instant from which an intent of *model* is stale."""
    before = BEFORE_CLOSE.get(model)
    return open_at + OPEN_FOR if before is None else close_at - before


def thesis(row: ScanRow) -> str:
    """Why this symbol, in one fixed sentence over its scan row."""
    back = "reclaimed" if "reclaim" in row["labels"].get("chosen", ()) else "above"
    return f"{back} {row['chosen']} AVWAP, tier {row['tier']}, confluence {row['confluence']}"


def trend_thesis(row: TrendRow, config: TrendConfig) -> str:
    """Why this fund, in one fixed sentence over its row of the trend."""
    lead = row.measures.lead
    assert lead is not None, "a fund without a lead passed the rules"
    return f"new {config.high_bars}-bar high, sma50 {lead:.2%} above sma200"


def tags(row: ScanRow) -> tuple[str, ...]:
    """Anchor, tier and label values, sorted, each once."""
    labels = row["labels"]
    found = {f"anchor:{row['chosen']}", f"tier:{row['tier']}", f"structure:{labels['structure']}"}
    found |= {f"gap_reset:{labels['gap_reset']}"} if "gap_reset" in labels else set()
    for line, words in (("chosen", labels.get("chosen", [])), ("vwap20", labels.get("vwap20", []))):
        found |= {word if word == "reclaim" else f"{line}:{word}" for word in words}
    return tuple(sorted(found))


def _candidate(wish: _Wish, intent: TradeIntent) -> Candidate:
    return Candidate(
        rank=wish.rank,
        symbol=wish.symbol,
        intent_id=intent.intent_id,
        strategy_id=intent.strategy_id,
        sleeve_id=intent.sleeve_id,
        tier=wish.tier,
        anchor=wish.anchor,
        trend_score=wish.trend_score,
        close=wish.close,
        adv_shares20=wish.adv_shares20,
        adv_usd20=wish.adv_usd20,
        scan_ref=wish.scan_ref,
    )
