"""A regime record says what kind of market the last close was, by which measures, and why that label."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from schemas.base import Fact, Measure2, Measure6, Price, SessionDate
from schemas.header import Artifact, Finding


class RegimeLabel(StrEnum):
    """Labels in the order in which they are tried (strategy.md 8.2)."""

    STRESSED = "STRESSED"
    RISK_OFF = "RISK_OFF"
    RISK_ON = "RISK_ON"
    NEUTRAL = "NEUTRAL"


class RegimeStatus(StrEnum):
    """``SKIPPED``: an input was not to be had; label and confidence are null, the codes say which."""

    MEASURED = "MEASURED"
    SKIPPED = "SKIPPED"


class RegimeMeasures(Fact):
    """What the label was read from, all from closes up to P. A measure that could not be had is null."""

    vol20: Measure6 | None = None
    """Population standard deviation of the benchmark's last 20 simple returns, annualised by sqrt(252)."""
    drawdown63: Measure6 | None = None
    """Largest fall from a running peak within the last 63 closes of the benchmark; >= 0."""
    trend: Measure6 | None = None
    """Benchmark's mean of 50 closes over that of 200, less 1."""
    breadth: Measure6 | None = None
    """Share of clean members with a close at or above their mean of 50 closes; or the proxy, 1 or 0."""
    breadth_members: int = 0
    """Clean members with 50 bars, the denominator of ``breadth``."""
    breadth_above: int = 0


class Regime(Artifact):
    """``regime.json``: the label of the market at the close of P, measured before D opens."""

    SCHEMA: ClassVar[str] = "avwap.regime"
    STAGE: ClassVar[str] = "regime"

    status: RegimeStatus
    label: RegimeLabel | None
    confidence: Measure2 | None
    benchmark: str
    data_session: SessionDate
    """P, the close that the label is meant for."""
    resolved_session: SessionDate | None
    """Last session <= P with a bar of the benchmark; None if there is none."""
    measures: RegimeMeasures
    reasons: tuple[Finding, ...]
    """The votes for the label, then info codes; or every code for which the record is skipped."""


class RegimeRecord(Fact):
    """One line of ``MARKET/regime.jsonl``: the label of one close, from which data, by which rules.

    The id is the hash of session, data, rules and code, and of nothing that is measured: whoever has these four
    knows whether the record is there before measuring anything.
    """

    id: str = Field(pattern=r"^reg_[0-9a-f]{20}$")
    session_date: SessionDate
    """D, the session whose morning the label is for: the one after ``regime.data_session``."""
    data_version: str
    """The market snapshot of D."""
    rules_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Digest of the benchmark's name and of the settings that a label depends on."""
    code_version: str
    close: Price | None
    """The benchmark's last close up to the session, USD on the basis of D; for a drawing, no rule reads it."""
    regime: Regime
