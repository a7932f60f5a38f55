"""Reason codes of the market floor: what the store refuses, and what the data contract finds in the bars."""

from enum import StrEnum
from typing import Final


class MarketFault(StrEnum):
    """Faults of the calendar, the store and its imports; they stop the command that met them."""

    NOT_A_SESSION = "NOT_A_SESSION"
    CALENDAR_OUT_OF_RANGE = "CALENDAR_OUT_OF_RANGE"
    IMPORT_UNREADABLE = "IMPORT_UNREADABLE"
    IMPORT_COLUMNS = "IMPORT_COLUMNS"
    IMPORT_VALUES = "IMPORT_VALUES"
    IMPORT_RESTATES = "IMPORT_RESTATES"
    STORE_BUSY = "STORE_BUSY"
    STORE_CORRUPT = "STORE_CORRUPT"


class FeedCode(StrEnum):
    """Why a feed of historical bars brought nothing; a read that failed half-way brings nothing either."""

    FEED_NETWORK_DISALLOWED = "FEED_NETWORK_DISALLOWED"
    FEED_CREDENTIALS_MISSING = "FEED_CREDENTIALS_MISSING"
    FEED_BASIS_ADJUSTED = "FEED_BASIS_ADJUSTED"
    FEED_REFUSED = "FEED_REFUSED"
    FEED_THROTTLED = "FEED_THROTTLED"
    FEED_ERRED = "FEED_ERRED"
    FEED_UNREACHABLE = "FEED_UNREACHABLE"
    FEED_MALFORMED = "FEED_MALFORMED"
    FEED_PAGES_ENDLESS = "FEED_PAGES_ENDLESS"
    FEED_BUDGET_SPENT = "FEED_BUDGET_SPENT"
    FEED_FILE_UNREADABLE = "FEED_FILE_UNREADABLE"


class MetricsCode(StrEnum):
    """Why no metrics of companies came (U2). Nobody is removed from the universe for it."""

    UNIVERSE_NETWORK_DISALLOWED = "UNIVERSE_NETWORK_DISALLOWED"
    METRICS_UNREADABLE = "METRICS_UNREADABLE"


class SetAside(StrEnum):
    """Why an import left a row out; the rest of the file goes in."""

    SYMBOL_INVALID = "SYMBOL_INVALID"
    DATE_INVALID = "DATE_INVALID"
    FACT_INVALID = "FACT_INVALID"
    BAR_UNKNOWN = "BAR_UNKNOWN"


class BarCode(StrEnum):
    """What the contract finds about one symbol (strategy.md 1.5), in its order."""

    BARS_STALE = "BARS_STALE"
    BARS_GAP = "BARS_GAP"
    BARS_NOT_A_SESSION = "BARS_NOT_A_SESSION"
    BARS_DUPLICATE = "BARS_DUPLICATE"
    BARS_PRICE_NOT_POSITIVE = "BARS_PRICE_NOT_POSITIVE"
    BARS_OHLC_INCONSISTENT = "BARS_OHLC_INCONSISTENT"
    BARS_VOLUME_ZERO = "BARS_VOLUME_ZERO"
    BARS_FLAT = "BARS_FLAT"
    BARS_SPLIT_RESIDUE = "BARS_SPLIT_RESIDUE"
    BARS_OUTLIER = "BARS_OUTLIER"
    BARS_REVERTED = "BARS_REVERTED"
    BARS_SPIKE = "BARS_SPIKE"
    BARS_RESTATED = "BARS_RESTATED"
    BARS_IDENTICAL_SERIES = "BARS_IDENTICAL_SERIES"
    ACTION_UNRESOLVED = "ACTION_UNRESOLVED"


class DayCode(StrEnum):
    """What the contract finds about the whole day; all but the info codes block new entries."""

    DAY_CALENDAR_DISAGREEMENT = "DAY_CALENDAR_DISAGREEMENT"
    CALENDAR_SOURCE_MISSING = "CALENDAR_SOURCE_MISSING"
    DAY_BENCHMARK_BAD = "DAY_BENCHMARK_BAD"
    DAY_COVERAGE_LOW = "DAY_COVERAGE_LOW"
    DAY_QUARANTINE_HIGH = "DAY_QUARANTINE_HIGH"
    DAY_IDENTICAL_SERIES = "DAY_IDENTICAL_SERIES"
    DAY_STALE_FEED = "DAY_STALE_FEED"
    DAY_MOVE_IMPLAUSIBLE = "DAY_MOVE_IMPLAUSIBLE"
    DAY_SNAPSHOT_CORRUPT = "DAY_SNAPSHOT_CORRUPT"
    BENCHMARK_ABSENT = "BENCHMARK_ABSENT"


INFO_CODES: Final = frozenset({DayCode.BENCHMARK_ABSENT})
"""They are written down and never block."""
