"""A candidate becomes one trade intent: the scan's plan, who wishes it, how much at most, and until when.

The scan ranks, this module only words the wish; it knows no account, size or order (strategy.md 3). A blocked
day gives the empty list with its reasons, never a missing file.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from schemas.base import SessionDate
from schemas.book import Side
from schemas.candidates import Candidate, Candidates, Entry, ExitPlan, StopPlan, TradeIntent
from schemas.header import Finding
from schemas.ids import intent_id
from schemas.reasons.scan import CandidatesCode
from schemas.scan import Scan, ScanRow, ScanVerdict
from schemas.strategy_registry import S1_AVWAP_CORE, EntryModel, StrategyMeta, StrategyStatus, strategy
from strategies.config import CandidateConfig

PURPOSE: Final = "entry"
OPEN_FOR: Final = timedelta(minutes=30)
BEFORE_CLOSE: Final = {
    EntryModel.BOH_10M: timedelta(minutes=30),
    EntryModel.LIMIT_AT_LEVEL: timedelta(minutes=10),
}
"""How long before the close an entry model gives up; the others give up OPEN_FOR after the open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateInputs:
    """The book that asks, and the session D with its actual open and close (UTC instants)."""

    book_id: str
    session_date: SessionDate
    open_at: datetime
    close_at: datetime


def run(scan: Scan, inputs: CandidateInputs, config: CandidateConfig) -> Candidates:
    """The ranked candidates of *scan* and one intent for each.

    Errors: AssertionError if the scan was made for another entry model: its levels would not fit.
    """
    assert scan.entry_model == config.entry_model, "scan and candidates disagree on the entry model"
    reasons = _reasons(scan, config)
    meta = strategy(S1_AVWAP_CORE)
    assert meta is not None, "the strategy of this module is registered"
    chosen: list[tuple[ScanRow, Candidate, TradeIntent]] = []
    if not reasons:
        for place, row in enumerate(scan.rows):
            if row["verdict"] is ScanVerdict.CANDIDATE:
                intent = _intent(scan, row, f"/rows/{place}", meta, inputs, config)
                chosen.append((row, _candidate(row, intent), intent))
        if not chosen:
            reasons = (Finding(code=CandidatesCode.NO_SYMBOL_PASSED, subject=S1_AVWAP_CORE, observed=0),)
    intents = [intent for _, _, intent in chosen]
    return Candidates(
        data_session=scan.data_session,
        data_version=scan.data_version,
        strategies=config.strategies_enabled,
        reasons=reasons,
        candidates=tuple(sorted((each for _, each, _ in chosen), key=lambda each: each.rank)),
        intents=tuple(sorted(intents, key=lambda each: (each.symbol, each.strategy_id, each.intent_id))),
    )


def _reasons(scan: Scan, config: CandidateConfig) -> tuple[Finding, ...]:
    """Why nothing may be wished for at all."""
    found = []
    if scan.day_codes:
        detail = ", ".join(scan.day_codes[1:])
        found.append(Finding(code=CandidatesCode.DATA_DAY_BLOCKED, subject="day", detail=detail))
    meta = strategy(S1_AVWAP_CORE)
    is_active = meta is not None and meta.status is StrategyStatus.ACTIVE
    if S1_AVWAP_CORE not in config.strategies_enabled or not is_active:
        found.append(Finding(code=CandidatesCode.STRATEGY_NOT_ENABLED, subject=S1_AVWAP_CORE))
    return tuple(found)


def _intent(
    scan: Scan,
    row: ScanRow,
    scan_ref: str,
    meta: StrategyMeta,
    inputs: CandidateInputs,
    config: CandidateConfig,
) -> TradeIntent:
    levels = row["levels"]
    symbol, side = row["symbol"], Side.BUY
    return TradeIntent(
        intent_id=intent_id(
            inputs.book_id, inputs.session_date, meta.strategy_id, symbol, str(side), PURPOSE
        ),
        book_id=inputs.book_id,
        session_date=inputs.session_date,
        data_session=scan.data_session,
        strategy_id=meta.strategy_id,
        sleeve_id=meta.sleeve_id if config.sleeve_id is None else config.sleeve_id,
        model_version=meta.model_version,
        data_version=scan.data_version,
        symbol=symbol,
        side=side,
        intended_notional_fraction=config.intended_notional_fraction,
        intended_risk_fraction=config.intended_risk_fraction,
        entry=Entry(
            model=config.entry_model,
            level=levels["level"],
            entry_ref=levels["entry_ref"],
            limit_cap=levels["limit_cap"],
        ),
        stop_plan=StopPlan(initial_stop=levels["stop"]),
        exit_plan=ExitPlan(
            r1=levels["r1"],
            r1_fraction=config.r1_fraction,
            r2=levels["r2"],
            r2_fraction=config.r2_fraction,
            trail_fraction=config.trail_fraction,
            time_stop_sessions=config.time_stop_sessions,
        ),
        valid_from=inputs.open_at,
        valid_until=valid_until(config.entry_model, inputs.open_at, inputs.close_at),
        thesis=thesis(row),
        tags=tags(row),
        rank=row["rank"],
        scan_ref=scan_ref,
    )


def valid_until(model: EntryModel, open_at: datetime, close_at: datetime) -> datetime:
    """The instant from which an intent of *model* is stale."""
    before = BEFORE_CLOSE.get(model)
    return open_at + OPEN_FOR if before is None else close_at - before


def thesis(row: ScanRow) -> str:
    """Why this symbol, in one fixed sentence over its scan row."""
    back = "reclaimed" if "reclaim" in row["labels"].get("chosen", ()) else "above"
    return f"{back} {row['chosen']} AVWAP, tier {row['tier']}, confluence {row['confluence']}"


def tags(row: ScanRow) -> tuple[str, ...]:
    """Anchor, tier and label values, sorted, each once."""
    labels = row["labels"]
    found = {f"anchor:{row['chosen']}", f"tier:{row['tier']}", f"structure:{labels['structure']}"}
    found |= {f"gap_reset:{labels['gap_reset']}"} if "gap_reset" in labels else set()
    for line, words in (("chosen", labels.get("chosen", [])), ("vwap20", labels.get("vwap20", []))):
        found |= {word if word == "reclaim" else f"{line}:{word}" for word in words}
    return tuple(sorted(found))


def _candidate(row: ScanRow, intent: TradeIntent) -> Candidate:
    features = row["features"]
    score, shares, usd = features["trend_score"], features["adv_shares20"], features["adv_usd20"]
    assert shares is not None, "a row without volume passed the gates"
    assert usd is not None, "a row without turnover passed the gates"
    return Candidate(
        rank=row["rank"],
        symbol=intent.symbol,
        intent_id=intent.intent_id,
        strategy_id=intent.strategy_id,
        sleeve_id=intent.sleeve_id,
        tier=row["tier"],
        anchor=row["chosen"],
        trend_score=score,
        close=features["close"],
        # Down: a cap on participation is a limit, and one share over a limit is a breach.
        adv_shares20=Decimal(int(shares)),
        adv_usd20=Decimal(repr(usd)).quantize(Decimal("0.000001")),
        scan_ref=intent.scan_ref,
    )
