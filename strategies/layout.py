"""Where everything stands in the kernel's integer columns, and at which scale; constants only.

e4: price in 1e-4 USD. q_k: measure * 10**k, rounded half-even. NULL: a measure that cannot be had.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]

NULL: Final = np.iinfo(np.int64).min
"""A measure that cannot be had."""

# Columns of a feature row. Scale in brackets.
CLOSE, BARS, VWAP20, ATR14, ATR_PCT, ATR_PCT_MEDIAN = 0, 1, 2, 3, 4, 5  # e4, count, q6 …
SMA5, SMA20, SMA50, SMA200, SLOPE5, SLOPE10 = 6, 7, 8, 9, 10, 11  # q6
ADX14, TREND_SCORE, WEEKLY10, WEEKLY40, WEEKS = 12, 13, 14, 15, 16  # q4, q4, q6, q6, count
ADV_SHARES20, ADV_USD20, PIVOT_R1, PIVOT_R2, FRACTAL_LOW = 17, 18, 19, 20, 21  # q2, q2, e4, e4, session
CHOSEN, CONFLUENCE = 22, 23  # anchor index, count
LEVEL, ENTRY_REF, STOP, R1, R2, LIMIT_CAP = 24, 25, 26, 27, 28, 29  # e4
LINE_VWAP20, LINE_CHOSEN = 30, 34  # each four columns: reclaim, control, acceptance, extension
GAP_RESET, STRUCTURE, SESSION, LOW5 = 38, 39, 40, 41
FEATURES: Final = 42

# Columns of an anchor row.
A_SESSION, A_AVWAP, A_DISTANCE, A_SLOPE, A_RECLAIM, A_FAILS, A_SCORE, A_ALIAS_OF = 0, 1, 2, 3, 4, 5, 6, 7
ANCHOR_COLUMNS: Final = 8
ANCHORS: Final = 9
YTD, EARNINGS, GAP, BURST, MTD, HIGH_52W, LOW_52W, SWING_LOW, SWING_HIGH = 0, 1, 2, 3, 4, 5, 6, 7, 8
TOO_YOUNG, BELOW, SLOPE_DOWN, TOO_FAR = 1, 2, 4, 8

# Parameters, ppm unless said otherwise.
P_GAP, P_SLOPE, P_DISTANCE, P_BAND, P_STOP, P_RISK, P_R1, P_R2, P_DRIFT, P_AT_LEVEL = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
)
PARAMETERS: Final = 10

PRICE_MAX = 40_000_000_000
VOLUME_MAX = 1 << 45
BAR_MAX = float(1 << 54)
REACH = 260  # bars: no window but that of ADX looks back farther, for a year has at most 253 sessions
PPM = 1_000_000


class Bars(NamedTuple):
    """Flat columns of the panel, or one symbol's slice of them, plus its cash dividends (session, e4)."""

    session: NDArray[np.int32]
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints


class Sessions(NamedTuple):
    """What the kernel knows of the calendar, by session index.

    ``year_from``, ``month_from``: the first known session of its year, month; ``week``: any number that changes
    with the ISO week; ``first_of_year``, ``first_of_month``: known to be the first session of its year, month;
    ``panel_from``: index of P0 when this session is P.
    """

    year_from: Ints
    month_from: Ints
    week: Ints
    first_of_year: NDArray[np.bool_]
    first_of_month: NDArray[np.bool_]
    panel_from: Ints


class Dividends(NamedTuple):
    """Cash dividends of all symbols: symbol s owns ``lo[s]:hi[s]``, by ascending session; cash in e4."""

    lo: Ints
    hi: Ints
    session: Ints
    cash: Ints


class Events(NamedTuple):
    """Reports of earnings of all symbols: symbol s owns ``lo[s]:hi[s]``, by ascending ``seen``.

    All but lo and hi are session indices. on: the last session up to the report's date, -1 before the first.
    reacts: the session from which on the next bar is the anchor's. seen: the first P that knows the report
    and may hold that bar.
    """

    lo: Ints
    hi: Ints
    on: Ints
    reacts: Ints
    seen: Ints


# Rows of the working columns of one symbol, reused for the next; sums are prefix sums with a leading zero.
W_SUM_PV, W_SUM_V, W_SUM_C, W_TR14, W_SUM_CV, W_SUM_WEEK, W_WEEK, W_IS_BAD = 0, 1, 2, 3, 4, 5, 6, 7
W_FIRST, W_FRACTAL, W_GAP_STATE, W_ATR_PCT, W_MEDIAN, W_ADX, W_SCRATCH = 8, 9, 10, 11, 12, 13, 14
W_REFERENCE = 15
W_AT = 16  # and following, one per anchor: its bar as seen from each row, -1 if there is none yet
WORKING: Final = 25

# Rows of the gathered columns: all that a row's measures are made of, for CHUNK rows at a time, of one symbol or of
# many. A bar count of 0 stands for a row without a measure.
CHUNK: Final = 128
X_SESSION, X_BARS, X_COUNT, X_CLOSE, X_CLOSE1, X_CLOSE2, X_HIGH, X_LOW = 0, 1, 2, 3, 4, 5, 6, 7
X_C5, X_C20, X_C50, X_C200, X_C50_5, X_C50_10, X_CV20, X_TR14 = (
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
)  # sums of windows
X_ATR_PCT, X_MEDIAN, X_ADX, X_WEEKS, X_WEEK10, X_WEEK40 = 16, 17, 18, 19, 20, 21
X_FRACTAL, X_FRACTAL_LOW, X_LOW5, X_GAP_RESET = 22, 23, 24, 25
# Prefix sums up to and including the bar so many back; those of V stand X_V rows after those of PV.
X_PV, X_PV1, X_PV2, X_PV5, X_PV20, X_PV21, X_PV22 = 26, 27, 28, 29, 30, 31, 32
X_V: Final = 7
# By anchor: its session or -1, its age in bars, and the prefix sums before it.
X_ON, X_AGE, X_PV_AT, X_V_AT = 40, 40 + ANCHORS, 40 + 2 * ANCHORS, 40 + 3 * ANCHORS
# Scratch of the derivation.
X_LINE, X_LINE1, X_LINE2, X_LINE5, X_PV_CHOSEN, X_V_CHOSEN, X_D = range(40 + 4 * ANCHORS, 47 + 4 * ANCHORS)
GATHERED: Final = 47 + 4 * ANCHORS


# Recursions side by side, TILE steps at a time; a year and the one before it have less than STEPS days.
LANES: Final = 16
TILE: Final = 16
STEPS: Final = 736
R_FIRST, R_ROW, R_BARS, R_TOLD, R_COLUMN = 0, 1, 2, 3, 4


class Wilder(NamedTuple):
    """Room for recursions side by side: high, low (TILE + 1, LANES); told (TILE, LANES); state (3, LANES).

    lanes (5, LANES), of each lane: the step of its first movement, the row that step 0 would be, its bars from the
    seed on, the first row that is told, and the gathered column that waits for its last value.
    """

    high: Ints
    low: Ints
    told: NDArray[np.float64]
    state: NDArray[np.float64]
    lanes: Ints


ORDERED: Final = 122
BEYOND: Final = np.iinfo(np.int64).max
SHORT_BEYOND: Final = np.iinfo(np.int32).max
"""What fills up an ordered window of 120 between its two sentinels: of 64 bits, of 32."""


class Working(NamedTuple):
    """Room that the kernel writes over: columns (WORKING, longest symbol + 1), and CHUNK rows of all the rest.

    gathered (GATHERED, CHUNK), features (FEATURES, CHUNK), anchors (ANCHORS, ANCHOR_COLUMNS, CHUNK), ordered and
    short (2, ORDERED) between the least and the greatest number, column (longest symbol + 1).
    """

    columns: Ints
    gathered: Ints
    features: Ints
    anchors: Ints
    ordered: Ints
    short: Shorts
    column: Shorts
    wilder: Wilder
