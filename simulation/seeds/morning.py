"""What the edge would have read before a cycle, made from a seed's market instead of from files."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from analytics.snapshot import genesis
from execution_v2.enforce import EnforcementInputs
from execution_v2.enforce import run as enforce
from execution_v2.gates.facts import EnforcementConfig
from portfolio.limits import LimitsConfig, PortfolioConfig, portfolio_config
from schemas.base import SessionDate
from schemas.book import BookState
from schemas.candidates import Candidates
from schemas.enforcement import Enforcement
from schemas.observations import AccountFacts, ControlObservation
from schemas.reasons.ledger import ReadFaultCode
from schemas.snapshot import Snapshot
from simulation.seeds.market import BOOK

TIGHT: Final = {
    "gross_pct_max": Decimal("0.180000"),
    "symbol_pct_max": Decimal("0.120000"),
    "positions_max": 3,
    "entries_per_day_max": 2,
}
"""Limits so narrow that a run meets each of them."""


def limits() -> PortfolioConfig:
    """The simulated book's own configuration, with ``TIGHT`` limits."""
    base = portfolio_config(BOOK)
    return base.model_copy(update={"limits": LimitsConfig(**(base.limits.model_dump() | TIGHT))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """A session's files as read."""

    session: SessionDate
    previous: SessionDate
    candidates: Candidates
    enforcement: Enforcement
    snapshot: Snapshot
    marks: Mapping[str, Decimal]


def morning(
    wished: Candidates,
    session: SessionDate,
    previous: SessionDate,
    book: BookState,
    account: AccountFacts,
    marks: Mapping[str, Decimal],
    config: EnforcementConfig,
) -> Morning:
    """The morning of *session*, the account being worth *account* at the close before."""
    closed = snapshot(account, previous)
    made = enforce(
        EnforcementInputs(
            book_id=BOOK,
            session_date=session,
            data_session=previous,
            candidates=wished,
            decisions=ReadFaultCode.MISSING,
            snapshot=closed,
            book=book,
            account=account,
            control=control(datetime.combine(session, datetime.min.time(), tzinfo=UTC)),
            marks=marks,
            observed=dict.fromkeys(("account", "positions", "orders"), session),
            record=(),
        ),
        config,
    )
    return Morning(
        session=session,
        previous=previous,
        candidates=wished,
        enforcement=made,
        snapshot=closed,
        marks=marks,
    )


def control(at: datetime, *, killed: bool = False) -> ControlObservation:
    """What the operator's switches say."""
    return ControlObservation(
        as_of=at,
        kill_env=killed,
        kill_file=None,
        kill_unreadable=None,
        live_trading=False,
        live_token_ok=False,
        live_token_fault=None,
        live_host_ok=True,
    )


def snapshot(account: AccountFacts, closed: SessionDate) -> Snapshot:
    """A proved close: what sizing and the gates read of it is equity and that it is whole."""
    flat = account.model_copy(update={"cash": account.equity})
    return genesis(flat, closed).model_copy(update={"cash": account.cash})
