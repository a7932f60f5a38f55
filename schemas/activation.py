"""What modulation by the regime would change, or has changed, over a range: shown to a person, and changing nothing."""

from schemas.base import Amount, Fact, Fraction9, Measure6, SessionDate


class Sides(Fact):
    """One number without modulation and with it. Which of the two happened, ``realised`` of its row says."""

    without: Amount
    with_: Amount


class SessionSides(Fact):
    """What was let in on one morning, USD at the sizing prices."""

    session_date: SessionDate
    label: str | None
    realised: str
    """``with`` or ``without``: how the morning was decided."""
    entries: int
    notional: Sides


class RegimeSides(Fact):
    """The mornings under one label."""

    label: str | None
    sessions: int
    entries: int
    notional: Sides
    left: Fraction9 | None
    """with / without; null where nothing was let in."""


class Path(Fact):
    """Of the closed trades' net, booked on the session of their exit."""

    net: Amount
    drawdown_max: Fraction9
    """Deepest fall of its running sum, over the book's starting capital."""
    volatility: Measure6 | None
    """Sample standard deviation of its sessions over that capital, annualised; null with fewer than 20 sessions."""


class Activation(Fact):
    """The range."""

    first: SessionDate
    last: SessionDate
    policy: str
    sessions: tuple[SessionSides, ...]
    regimes: tuple[RegimeSides, ...]
    trades: int
    """Closed in the range, and decided in it, with a quantity on the side that was realised."""
    trades_elsewhere: int
    """Closed in the range, and decided before it, or by nobody: in neither path."""
    without: Path
    with_: Path
    questions: tuple[str, ...]
    """What these numbers cannot answer."""
