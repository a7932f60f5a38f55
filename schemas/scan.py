"""Every symbol of the snapshot gets a verdict: in full past the data and liquidity gates, else its codes.

A scan has thousands of rows a day and is kept for years, so rows are typed dicts with short, documented keys:
pydantic validates them in compiled code, and a key that does not apply is left out. In memory a row is what it is
on disk, prices and dates in their one text, keys in the order of the bytes, so that it is spelled and read as it is.
Measures are floats already quantised at the scale that their field states; ``null`` is one that cannot be had.
"""

from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, NotRequired

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, with_config
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from schemas.base import Amount, Fact, Measure6, Price, SessionDate, Shares
from schemas.header import Artifact, Finding

_STRICT = ConfigDict(extra="forbid")


class ScanVerdict(StrEnum):
    """``CANDIDATE``: passed, within the cap; ``CAPPED``: passed, beyond it; ``REJECTED``: a gate said no."""

    CANDIDATE = "CANDIDATE"
    CAPPED = "CAPPED"
    REJECTED = "REJECTED"


def _said(text: str) -> object:
    return Field(description=text)


def _is_date(text: str) -> str:
    if date.fromisoformat(text).isoformat() != text:
        raise ValueError(f"{text!r} is not spelled as a date")
    return text


PriceText = Annotated[str, Field(pattern=r"^-?(0|[1-9][0-9]*)\.[0-9]{4}$")]
"""USD per share, scale 4."""
DateText = Annotated[str, AfterValidator(_is_date), WithJsonSchema({"type": "string", "format": "date"})]
"""A session, as 2016-06-01."""
M6 = Annotated[float | None, Field(allow_inf_nan=False, description="scale 6")]
M4 = Annotated[float | None, Field(allow_inf_nan=False, description="scale 4")]
M2 = Annotated[float | None, Field(allow_inf_nan=False, description="scale 2")]


class AnchorName(StrEnum):
    """Anchors in order of priority, highest first (strategy.md 2.2)."""

    YTD = "YTD"
    EARNINGS = "EARNINGS"
    GAP = "GAP"
    VOLUME_BREAKOUT = "VOLUME_BREAKOUT"
    MTD = "MTD"
    HIGH_52W = "HIGH_52W"
    LOW_52W = "LOW_52W"
    SWING_LOW = "SWING_LOW"
    SWING_HIGH = "SWING_HIGH"


ANCHOR_LETTERS: Final = MappingProxyType(
    {"Y": "ANCHOR_TOO_YOUNG", "B": "BELOW_AVWAP", "S": "AVWAP_SLOPE_DOWN", "F": "AVWAP_TOO_FAR"}
)
"""Codes of one anchor, a letter each: they alone would be a fifth of the file."""


@with_config(_STRICT)
class Features(TypedDict):
    """The features of strategy.md 2.1 at the bar of P, named as there."""

    adv_shares20: M2
    adv_usd20: M2
    adx14: M4
    atr14: M6
    atr_pct: M6
    atr_pct_median: M6
    bars: int
    close: PriceText
    fractal_low: NotRequired[Annotated[DateText, _said("its session; absent if none")]]
    pivot_r1: PriceText
    pivot_r2: PriceText
    sector_rs: NotRequired[
        Annotated[M6, _said("scale 6: the sector's fund against the benchmark; absent if not to be had")]
    ]
    sma20: M6
    sma200: M6
    sma5: M6
    sma50: M6
    sma50_slope10: M6
    sma50_slope5: M6
    trend_score: M4
    vwap20: M6
    weekly_sma10: M6
    weekly_sma40: M6


@with_config(_STRICT)
class AnchorRow(TypedDict):
    """One present anchor. Short keys: there are up to nine in each of thousands of rows."""

    a: Annotated[str, _said("an AnchorName")]
    also: NotRequired[Annotated[list[str], _said("aliases: anchors of lower priority on the same bar")]]
    d: Annotated[M6, _said("distance (close - avwap)/avwap")]
    no: NotRequired[Annotated[str, _said("letters of ANCHOR_LETTERS: why it is not eligible, in order")]]
    on: Annotated[DateText, _said("session of the anchor bar")]
    q: NotRequired[Annotated[M4, _said("anchor_score, if eligible")]]
    r: NotRequired[Annotated[bool, _said("reclaim; absent means false")]]
    s: Annotated[M6, _said("avwap_slope5")]
    v: Annotated[M6, _said("avwap at P, USD")]


@with_config(_STRICT)
class Labels(TypedDict):
    """Context labels of strategy.md 2.3, never a gate.

    A line's words: control, extension, then acceptance and ``reclaim`` where they apply. A line that does not
    exist is absent, and so is ``gap_reset`` when it is none.
    """

    chosen: NotRequired[list[str]]
    gap_reset: NotRequired[str]
    structure: str
    vwap20: NotRequired[list[str]]


@with_config(_STRICT)
class Levels(TypedDict):
    """Prices of the plan (strategy.md 2.5)."""

    entry_ref: PriceText
    level: PriceText
    limit_cap: PriceText
    r1: PriceText
    r2: PriceText
    stop: PriceText


@with_config(_STRICT)
class ScanRow(TypedDict):
    """One symbol past G2-G6, in full."""

    anchors: Annotated[list[AnchorRow], _said("by priority, descending")]
    chosen: NotRequired[Annotated[str, _said("name of the chosen anchor")]]
    codes: Annotated[list[str], _said("of every failed gate, in gate order")]
    confluence: NotRequired[Annotated[int, _said("anchors within confluence_band of it")]]
    features: Features
    info: NotRequired[Annotated[list[str], _said("info codes of this symbol alone")]]
    labels: Labels
    levels: NotRequired[Levels]
    rank: NotRequired[Annotated[int, _said("place among those without a code, from 1")]]
    sector: NotRequired[
        Annotated[str, _said("as of D, as the table spells it; absent if none names the symbol")]
    ]
    symbol: str
    tier: NotRequired[Annotated[str, _said("trend tier A or B; absent if neither")]]
    verdict: ScanVerdict
    warnings: NotRequired[Annotated[list[str], _said("W codes of the data contract")]]


@with_config(_STRICT)
class ScanGroup(TypedDict):
    """Symbols outside G2-G6 that share one verdict: thousands of them share a few hundred lists of codes."""

    verdict: ScanVerdict
    codes: Annotated[list[str], _said("in gate order; the Q codes follow DATA_QUARANTINED")]
    symbols: Annotated[list[str], _said("sorted")]


class ScanCounts(Fact):
    """How many symbols reached which point."""

    scanned: int
    full: int
    """Past G2-G6."""
    passed: int
    """Without a code."""
    candidates: int


class TrendMeasures(Fact):
    """What a verdict of the index trend rests on, at the bar of P; null is a measure that cannot be had."""

    close: Price | None
    bars: int
    sma50: Measure6 | None
    sma200: Measure6 | None
    lead: Measure6 | None
    """sma50/sma200 - 1: how far the trend has come, which candidates are ranked by."""
    high: Price | None
    """Highest close of the ``high_bars`` bars before P."""
    atr14: Measure6 | None
    adv_shares20: Shares | None
    """Floored to whole shares."""
    adv_usd20: Amount | None


class TrendLevels(Fact):
    """Prices of a fund's plan, at the tick."""

    level: Price
    entry_ref: Price
    stop: Price
    r1: Price
    r2: Price
    limit_cap: Price


class TrendRow(Fact):
    """One fund's verdict. There are few, so each reason keeps what was seen beside what was wanted."""

    symbol: str
    verdict: ScanVerdict
    reasons: tuple[Finding, ...]
    """Of every rule that failed, in the order of the rules."""
    rank: int | None
    """Place among those that passed, from 1."""
    measures: TrendMeasures
    levels: TrendLevels | None
    """``None`` where close, high or ATR is missing."""


class TrendScan(Fact):
    """``S2_INDEX_TREND``: a verdict on each fund of its universe, whether it has bars or not; sorted by symbol."""

    rows: tuple[TrendRow, ...]


class Scan(Artifact):
    """The scan of D on the bars up to P. Every symbol is in one of ``rows`` or in one of ``others``."""

    SCHEMA: ClassVar[str] = "avwap.scan"
    STAGE: ClassVar[str] = "scan"
    AS_WRITTEN: ClassVar[frozenset[str]] = frozenset({"rows", "others"})
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"trend"})

    data_session: SessionDate
    data_version: str
    entry_model: str
    """The entry model that the levels were made for."""
    benchmark: str
    benchmark_above_sma200: bool | None
    """``None`` when the store never held the benchmark or it has no 200 bars."""
    day_codes: tuple[str, ...]
    """DATA_DAY_BLOCKED and the B codes of the data contract; empty on a good day. Every row repeats them."""
    info: tuple[Finding, ...]
    """Info that holds for every symbol, said once."""
    counts: ScanCounts
    rows: tuple[ScanRow, ...]
    """Symbols past G2-G6, sorted by symbol."""
    others: tuple[ScanGroup, ...]
    """All other symbols, grouped by their codes; sorted by codes."""
    trend: TrendScan | None = None
    """Of the index trend; left out while ``S2_INDEX_TREND`` is not enabled."""
