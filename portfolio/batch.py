"""A batch that cannot prove its inputs allows nothing: every reason is found, and each blocks every entry.

strategy.md 7.1. An input that could not be read arrives as its fault, never as a guess.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from portfolio.correlation import Returns
from portfolio.limits import PortfolioConfig
from schemas.base import Scalar
from schemas.book import BookState
from schemas.candidates import Candidates
from schemas.header import Finding
from schemas.observations import AccountFacts
from schemas.reasons.ledger import ReadFaultCode
from schemas.reasons.portfolio import BatchCode, DecisionInfo
from schemas.reconciliation import ReconciliationStatus
from schemas.regime import Regime
from schemas.snapshot import Snapshot

_STALE: Final = frozenset({ReadFaultCode.DATE_MISMATCH, ReadFaultCode.STALE_INPUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionInputs:
    """Everything that the decisions of one session rest on; each is recorded before it is used.

    Attributes:
        session_date, data_session: D, and P, the session before it.
        now: the recorded clock.
        candidates: ``candidates.json`` of D as read, or why not; a fault of ``scan.json`` counts as its own.
        day_blocked: the market's blocking codes of the day, empty on a good one.
        snapshot: ``snapshot.json`` of P as read, or why not.
        snapshot_sealed: whether the session of that snapshot carries its seal.
        reconciliation: what the close of that snapshot said of our book beside the broker's, or why it cannot
        be read; None: its seal names none, for a book's first snapshot is the broker's own account.
        book: state of ``observations/book.json`` of D, or why not.
        account: the account as observed for D, or why not (a failed observation is MISSING).
        marks: last known close per symbol on the basis of D, USD; at least those held or worked.
        unsettled: symbols in which book and broker disagree after a corporate action, each with what differs.
        rebased: symbols whose prices of P are told on another basis on D; their marks of P say nothing on D.
        sectors: symbol -> sector as of D; None: there is no table of sectors, and no cap on one.
        returns: the last 60 daily returns, in 1e-7, of every symbol held, worked or wished for that has bars.
        stated_pnl: what ``S2_DAILY_PNL_JSON`` said this morning, as received; None: it was not set.
        regime: ``regime.json`` of D as read, or why not; None while E2 is off, and then nobody asks for it.
    """

    book_id: str
    session_date: date
    data_session: date
    now: datetime
    candidates: Candidates | ReadFaultCode
    day_blocked: tuple[str, ...]
    snapshot: Snapshot | ReadFaultCode
    snapshot_sealed: bool
    book: BookState | ReadFaultCode
    account: AccountFacts | ReadFaultCode
    marks: Mapping[str, Decimal]
    reconciliation: ReconciliationStatus | ReadFaultCode | None = None
    unsettled: Mapping[str, str] = field(default_factory=dict)
    rebased: frozenset[str] = frozenset()
    sectors: Mapping[str, str] | None = None
    returns: Mapping[str, Returns] = field(default_factory=dict)
    stated_pnl: str | None = None
    regime: Regime | ReadFaultCode | None = None


def batch_findings(
    inputs: DecisionInputs, config: PortfolioConfig, sleeves: tuple[Finding, ...]
) -> tuple[Finding, ...]:
    """Every finding about the batch, in table order; all but the infos block. *sleeves*: those of B7 and B8."""
    found: list[Finding] = []

    def add(code: str, observed: object = None, threshold: object = None, detail: str = "") -> None:
        found.append(
            Finding(
                code=code,
                subject=inputs.book_id,
                observed=_text(observed),
                threshold=_text(threshold),
                detail=detail,
            )
        )

    fault = candidates_fault(inputs.candidates, inputs.book_id, inputs.session_date, inputs.data_session)
    if fault is not None:
        add(BatchCode[f"CANDIDATES_{fault}"], detail="candidates.json or its scan.json")
    for code in inputs.day_blocked:
        add(BatchCode.DATA_DAY_BLOCKED, observed=code)
    found.extend(_snapshot_findings(inputs))
    if isinstance(inputs.book, ReadFaultCode):
        add(BatchCode.OPEN_POSITIONS_MISSING, observed=inputs.book)
    elif inputs.book.session_date is not None and inputs.book.session_date > inputs.session_date:
        add(BatchCode.OPEN_POSITIONS_MISSING, inputs.book.session_date, inputs.session_date, "a later book")
    if isinstance(inputs.account, ReadFaultCode):
        add(BatchCode.ACCOUNT_MISSING, observed=inputs.account)
    elif isinstance(inputs.snapshot, Snapshot) and inputs.snapshot.equity is not None:
        stated, ours = inputs.account.equity, inputs.snapshot.equity
        if abs(stated - ours) > config.account_gap_max * ours:
            add(BatchCode.ACCOUNT_EQUITY_MISMATCH, stated, ours, f"apart by over {config.account_gap_max}")
    found.extend(sleeves)
    found.extend(_drawdown_findings(inputs, config))
    return tuple(found)


def blocking(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those of *findings* that block; an info explains and never does."""
    return tuple(row for row in findings if row.code not in set(DecisionInfo))


def sizing_equity(
    snapshot: Snapshot | ReadFaultCode, account: AccountFacts | ReadFaultCode
) -> Decimal | None:
    """E of strategy.md 5: the smaller of snapshot equity and account equity; None unless both are known."""
    if isinstance(snapshot, ReadFaultCode) or isinstance(account, ReadFaultCode) or snapshot.equity is None:
        return None
    equity: Decimal = min(snapshot.equity, account.equity)
    return equity


def is_drawn_down(snapshot: Snapshot | ReadFaultCode, config: PortfolioConfig) -> bool:
    """Whether the fall from the peak has reached the limit; an unknown one is the snapshot's own fault."""
    if isinstance(snapshot, ReadFaultCode) or snapshot.drawdown is None:
        return False
    # The size of the fall decides, whichever sign its writer gave it: a wrong sign must not open the guard.
    drawn: bool = abs(snapshot.drawdown) >= config.limits.drawdown_max
    return drawn


def candidates_fault(
    candidates: Candidates | ReadFaultCode, book_id: str, session_date: date, data_session: date
) -> ReadFaultCode | None:
    """Why *candidates* may not be used for D: unread, of another day or book, or an intent in it twice."""
    if isinstance(candidates, ReadFaultCode):
        return candidates
    days = {(row.session_date, row.data_session) for row in candidates.intents}
    if candidates.data_session != data_session or days - {(session_date, data_session)}:
        return ReadFaultCode.DATE_MISMATCH
    if any(row.book_id != book_id for row in candidates.intents):
        return ReadFaultCode.BOOK_MISMATCH
    if any(count > 1 for count in Counter(row.intent_id for row in candidates.intents).values()):
        return ReadFaultCode.SCHEMA_INVALID
    return None


def _snapshot_findings(inputs: DecisionInputs) -> tuple[Finding, ...]:
    snapshot, due = inputs.snapshot, inputs.data_session

    def finding(code: BatchCode, observed: object, threshold: object, detail: str) -> Finding:
        return Finding(
            code=code,
            subject=inputs.book_id,
            observed=_text(observed),
            threshold=_text(threshold),
            detail=detail,
        )

    if isinstance(snapshot, ReadFaultCode):
        if snapshot is ReadFaultCode.MISSING:
            return (finding(BatchCode.PORTFOLIO_SNAPSHOT_MISSING, None, due, ""),)
        stale = snapshot in _STALE
        code = BatchCode.PORTFOLIO_SNAPSHOT_STALE if stale else BatchCode.PORTFOLIO_SNAPSHOT_INVALID
        return (finding(code, snapshot, due, ""),)
    found: list[Finding] = []
    invalid = BatchCode.PORTFOLIO_SNAPSHOT_INVALID
    if not snapshot.complete:
        found.append(finding(invalid, False, True, "complete"))
    if snapshot.equity is None or snapshot.equity <= 0:
        found.append(finding(invalid, snapshot.equity, 0, "equity"))
    if snapshot.drawdown is None or not -1 <= snapshot.drawdown <= 1:
        found.append(finding(invalid, snapshot.drawdown, 1, "drawdown"))
    if snapshot.closed_session != due:
        found.append(finding(BatchCode.PORTFOLIO_SNAPSHOT_STALE, snapshot.closed_session, due, "session"))
    elif not inputs.snapshot_sealed:
        found.append(finding(BatchCode.PORTFOLIO_SNAPSHOT_STALE, False, True, "seal"))
    if inputs.reconciliation not in (None, ReconciliationStatus.CLEAN):
        code = BatchCode.PORTFOLIO_SNAPSHOT_UNRECONCILED
        found.append(finding(code, inputs.reconciliation, ReconciliationStatus.CLEAN, "reconciliation"))
    return tuple(found)


def _drawdown_findings(inputs: DecisionInputs, config: PortfolioConfig) -> tuple[Finding, ...]:
    drawdown = None if isinstance(inputs.snapshot, ReadFaultCode) else inputs.snapshot.drawdown
    if drawdown is None:
        return ()
    found: list[Finding] = []
    observed, threshold = _text(drawdown), _text(config.limits.drawdown_max)
    if is_drawn_down(inputs.snapshot, config):
        code = BatchCode.LIMIT_DRAWDOWN_THROTTLE
        found.append(Finding(code=code, subject=inputs.book_id, observed=observed, threshold=threshold))
    if drawdown < 0:
        info = DecisionInfo.DRAWDOWN_SIGN_NORMALISED
        found.append(Finding(code=info, subject=inputs.book_id, observed=observed, threshold="0"))
    return tuple(found)


def _text(value: object) -> Scalar:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)
