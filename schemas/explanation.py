"""An explanation says whose a range of sessions was: money by strategy, sleeve and symbol, and what each had decided.

It is told on request and kept nowhere: every number is a function of sealed files.
"""

from schemas.base import Amount, Fact, Fraction9, SessionDate
from schemas.header import Finding
from schemas.risk_attribution import CodeCount


class Money(Fact):
    """Sums over the range; exposure is that of its last close. net: as in a row of ``attribution.json``."""

    realised_gross: Amount
    fees: Amount
    dividends: Amount
    cash_movements: Amount
    transfers: Amount
    unrealised_change: Amount
    net: Amount
    gross_exposure: Amount
    net_exposure: Amount


class Ratios(Fact):
    """Four ratios of one part, or of the whole book; each is null with a finding that says why.

    The parts of one cut add up to the whole, but for what rounding at scale 9 leaves (``Cut.residual``).
    """

    contribution: Fraction9 | None
    """Sum of the sessions' net / (equity before + flows). The whole: the sum of the sessions' returns."""
    drawdown: Fraction9 | None
    """Of the fall from the book's running peak to the last close, over that peak."""
    drawdown_max: Fraction9 | None
    """Likewise, of the deepest fall since inception, from its peak to its trough."""
    volatility: Fraction9 | None
    """cov(contribution, return) / std(return) * sqrt(252), over the last 60 sessions, at least 20."""


class Part(Money):
    """One strategy, sleeve or symbol. Own drawdowns are of its cumulative net since inception, over ``own_base``."""

    name: str
    ratios: Ratios
    own_drawdown: Fraction9
    """At the last close."""
    own_drawdown_max: Fraction9
    own_base: Amount
    """The gross cap of its sleeve; the book's starting capital where there is none, or several."""


class Cut(Fact):
    """The book cut one way; the parts with the most money first, either way."""

    parts: tuple[Part, ...]
    residual: Ratios
    """The whole less the sum of the parts: rounding alone."""


class Activity(Fact):
    """What became of one strategy's intents over the range. Shadows are not counted."""

    strategy_id: str
    intents: int
    allowed: int
    resized: int
    blocked: int
    resized_by: tuple[CodeCount, ...]
    """Every code of a resized intent, most frequent first."""
    blocked_by: tuple[CodeCount, ...]
    conflicts_won: int
    conflicts_lost: int
    suppressed_notional: Amount | None
    """What E2 took off those of its sizes that nothing else blocked, USD; null where that could not be derived."""


class Explanation(Fact):
    """The range, the whole, the three cuts, and what each strategy had decided."""

    first: SessionDate
    last: SessionDate
    sessions: int
    whole: Money
    ratios: Ratios
    """Of the book: its return, drawdowns and volatility."""
    peak: SessionDate | None
    """The last close at the running peak; null: the start."""
    deepest: tuple[SessionDate | None, SessionDate] | None
    """Peak and trough of the deepest fall; null: the book never fell."""
    volatility_sessions: int
    by_strategy: Cut
    by_sleeve: Cut
    by_symbol: Cut
    activity: tuple[Activity, ...]
    """In the order of ``by_strategy``, then those that earned nothing, by name."""
    findings: tuple[Finding, ...]
