"""What the market was, as it lies on disk: store manifest, corporate actions, report of the data contract."""

from datetime import date
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from schemas.base import SYMBOL_PATTERN, Amount, Fact, Instant, Price, SessionDate, Shares
from schemas.header import Artifact, Finding
from schemas.reasons.market import BarCode


class ActionKind(StrEnum):
    """Corporate actions (strategy.md 1.7)."""

    SPLIT = "split"
    STOCK_DIVIDEND = "stock_dividend"
    CASH_DIVIDEND = "cash_dividend"
    SYMBOL_CHANGE = "symbol_change"
    SPIN_OFF = "spin_off"
    MERGER = "merger"
    DELISTING = "delisting"


class CorporateAction(Fact):
    """One action of one symbol, effective from the open of ``ex_date``.

    ratio_num / ratio_den: new shares per old; of a spin-off, old price per new. cash_usd: per share.
    known_at: when we first held it; None means the evening before ``ex_date`` is assumed.
    """

    symbol: str = Field(pattern=SYMBOL_PATTERN)
    ex_date: date
    kind: ActionKind
    ratio_num: int | None = Field(default=None, gt=0, le=1_000_000)
    ratio_den: int | None = Field(default=None, gt=0, le=1_000_000)
    cash_usd: Amount | None = None
    new_symbol: str | None = Field(default=None, pattern=SYMBOL_PATTERN)
    known_at: Instant | None = None

    @model_validator(mode="after")
    def _whole_ratio(self) -> "CorporateAction":
        if (self.ratio_num is None) != (self.ratio_den is None):
            raise ValueError("a ratio has both its numbers or neither")
        return self


class Membership(Fact):
    """One interval [start, end) in which a symbol belonged to the universe; end None: it still does.

    known_at: when we first held it; None means the evening before ``start`` is assumed.
    """

    symbol: str = Field(pattern=SYMBOL_PATTERN)
    start: date
    end: date | None = None
    known_at: Instant | None = None


class SectorLine(Fact):
    """The sector of a symbol as the table stood on ``as_of``; in force until a later table names it again.

    known_at: when we first held it; None means the evening of ``as_of`` is assumed.
    """

    symbol: str = Field(pattern=SYMBOL_PATTERN)
    as_of: date
    sector: str = Field(min_length=1, max_length=60)
    known_at: Instant | None = None


class EarningsTime(StrEnum):
    """When on its date a company reports. ``UNKNOWN`` counts as after the close: the next bar reacts."""

    BEFORE_OPEN = "before_open"
    AFTER_CLOSE = "after_close"
    UNKNOWN = "unknown"


class EarningsEvent(Fact):
    """One report of earnings, past or announced, on a New York date.

    known_at: when we first held it; None means the evening before ``date`` is assumed.
    """

    symbol: str = Field(pattern=SYMBOL_PATTERN)
    date: date
    at: EarningsTime = EarningsTime.UNKNOWN
    known_at: Instant | None = None


class FactKind(StrEnum):
    """What a market store keeps beside the bars; the folder of its vintages under ``MARKET/``."""

    ACTIONS = "actions"
    MEMBERSHIP = "membership"
    SECTORS = "sectors"
    EARNINGS = "earnings"


class StoreFile(Fact):
    """One file of a vintage: path inside the data root."""

    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int
    rows: int


class Vintage(Fact):
    """One import: never rewritten. ``known_at`` None: each row says it, or its kind's assumption holds."""

    number: int
    kind: Literal["bars", "actions", "membership", "sectors", "earnings"]
    source: str
    source_sha256: str
    known_at: Instant | None
    files: tuple[StoreFile, ...]


class StoreManifest(Fact):
    """``MARKET/manifest.json``: what the market store holds, oldest vintage first."""

    format: Literal["avwap.market.store/1"] = "avwap.market.store/1"
    vintages: tuple[Vintage, ...] = ()


class ActionFile(Fact):
    """One vintage of corporate actions, sorted by (symbol, ex_date, kind)."""

    format: Literal["avwap.market.actions/1"] = "avwap.market.actions/1"
    actions: tuple[CorporateAction, ...]


class MembershipFile(Fact):
    """One vintage of membership intervals, sorted by (symbol, start)."""

    format: Literal["avwap.market.membership/1"] = "avwap.market.membership/1"
    membership: tuple[Membership, ...]


class SectorFile(Fact):
    """One vintage of sector lines, sorted by (symbol, as_of)."""

    format: Literal["avwap.market.sectors/1"] = "avwap.market.sectors/1"
    sectors: tuple[SectorLine, ...]


class EarningsFile(Fact):
    """One vintage of earnings events, sorted by (symbol, date)."""

    format: Literal["avwap.market.earnings/1"] = "avwap.market.earnings/1"
    earnings: tuple[EarningsEvent, ...]


class CodeCount(Fact):
    """How many symbols carry one code with one effect (Q quarantines, W warns), and a few of them.

    symbols: of all in the panel; liquid: of the liquid members. Examples in symbol order, liquid ones first.
    """

    code: BarCode
    effect: Literal["Q", "W"]
    symbols: int
    liquid: int
    examples: tuple[Finding, ...]


class Quarantined(Fact):
    """Symbols without new entries today, sorted, that share one list of reasons, in the contract's order."""

    codes: tuple[BarCode, ...]
    symbols: tuple[str, ...]


class HeldAction(Fact):
    """A position carried into D whose symbol has a corporate action on D, and what that makes of it.

    quantity, stop: as booked before the open. *_expected: after the action, for information: the broker's own
    event is what is booked; None where nobody can say it yet (a spin-off, a merger, an action without its ratio).
    """

    symbol: str
    kind: ActionKind
    ex_date: date
    ratio_num: int | None
    ratio_den: int | None
    cash_usd: Amount | None
    new_symbol: str | None
    position_id: str
    strategy_id: str
    sleeve_id: str
    quantity: Shares
    quantity_expected: Shares | None
    stop: Price | None
    stop_expected: Price | None


class MarketObservation(Artifact):
    """``observations/market.json``: what the data contract found in the bars of D's market snapshot.

    symbols: with a bar in the panel. members: those of them that still trade (a bar at P or in the 5 sessions
    before; the membership table, where there is one, narrows them). liquid_members: members whose last 20
    bars
    meet the price and volume floors. bars_at_data_session: symbols with a bar at P.
    findings: day-level, blocking ones and infos. lifted: quarantines that an operator acknowledged away.
    quarantined: every quarantined symbol once, grouped by its codes (thousands share a few lists of them).
    actions: corporate actions with ex_date D, and announced spin-offs, mergers and delistings. held_actions: those
    of D in symbols that the book carries into it, position by position.
    """

    SCHEMA: ClassVar[str] = "avwap.observation.market"
    STAGE: ClassVar[str] = "market"

    data_session: SessionDate
    data_version: str = Field(pattern=r"^[0-9a-f]{20}$")
    cut_at: Instant
    sessions_first: SessionDate
    sessions_last: SessionDate
    sessions: int
    symbols: int
    members: int
    liquid_members: int
    bars_at_data_session: int
    benchmark: str
    blocked: bool
    findings: tuple[Finding, ...]
    counts: tuple[CodeCount, ...]
    lifted: tuple[Finding, ...]
    actions: tuple[CorporateAction, ...]
    quarantined: tuple[Quarantined, ...]
    held_actions: tuple[HeldAction, ...] = ()
