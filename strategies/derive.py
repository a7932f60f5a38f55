"""A row's measures depend on its gathered inputs alone, so they are computed column by column, many rows at once.

Everything here is one pass over short columns, without a branch that depends on a row where it can be had. *f*
and *anchors* are the columns of features and anchors for as many rows as there are: (FEATURES, rows) and (ANCHORS,
ANCHOR_COLUMNS, rows), of which the CHUNK rows from *at* on are those at hand.
"""

from typing import Final

import numpy as np

from strategies.exact import avwap_each, mean_each, relative_each, relatives_each
from strategies.layout import (
    A_ALIAS_OF,
    A_AVWAP,
    A_DISTANCE,
    A_FAILS,
    A_RECLAIM,
    A_SCORE,
    A_SESSION,
    A_SLOPE,
    ADV_SHARES20,
    ADV_USD20,
    ADX14,
    ANCHOR_COLUMNS,
    ANCHORS,
    ATR14,
    ATR_PCT,
    ATR_PCT_MEDIAN,
    BARS,
    BELOW,
    CHOSEN,
    CHUNK,
    CLOSE,
    CONFLUENCE,
    ENTRY_REF,
    FRACTAL_LOW,
    GAP_RESET,
    LEVEL,
    LIMIT_CAP,
    LINE_CHOSEN,
    LINE_VWAP20,
    LOW5,
    NULL,
    P_BAND,
    P_DISTANCE,
    P_SLOPE,
    PIVOT_R1,
    PIVOT_R2,
    PPM,
    R1,
    R2,
    SESSION,
    SLOPE5,
    SLOPE10,
    SLOPE_DOWN,
    SMA5,
    SMA20,
    SMA50,
    SMA200,
    STOP,
    STRUCTURE,
    TOO_FAR,
    TOO_YOUNG,
    TREND_SCORE,
    VWAP20,
    WEEKLY10,
    WEEKLY40,
    WEEKS,
    X_ADX,
    X_AGE,
    X_ATR_PCT,
    X_BARS,
    X_C5,
    X_C20,
    X_C50,
    X_C50_5,
    X_C50_10,
    X_C200,
    X_CLOSE,
    X_CLOSE1,
    X_CLOSE2,
    X_COUNT,
    X_CV20,
    X_D,
    X_FRACTAL,
    X_FRACTAL_LOW,
    X_GAP_RESET,
    X_HIGH,
    X_LINE,
    X_LINE1,
    X_LINE2,
    X_LINE5,
    X_LOW,
    X_LOW5,
    X_MEDIAN,
    X_ON,
    X_PV,
    X_PV1,
    X_PV2,
    X_PV5,
    X_PV20,
    X_PV21,
    X_PV22,
    X_PV_AT,
    X_PV_CHOSEN,
    X_SESSION,
    X_TR14,
    X_V,
    X_V_AT,
    X_V_CHOSEN,
    X_WEEK10,
    X_WEEK40,
    X_WEEKS,
    Ints,
)
from strategies.ticks import compiled, compiled_inside, levels, rhe_tick

PRIORITIES: Final = np.array([100, 95, 90, 80, 70, 60, 55, 50, 40]) * 10_000
NOBODY = -2  # no session, nor the -1 of an anchor that is absent

# Scratch in columns that are told later. A loop that writes to the array whose column k it reads is not vectorized.
BEST = CONFLUENCE


@compiled
def derive(x: Ints, p: Ints, f: Ints, anchors: Ints, at: int) -> None:
    """Features, anchors, labels and levels of all rows at hand, from row *at* of *f* and *anchors* on."""
    # Known lengths make straight code of every loop below.
    assert x.shape[1] == CHUNK
    assert anchors.shape[1] == ANCHOR_COLUMNS
    assert len(anchors) == ANCHORS
    _measures(x, f, at)
    _trend(x, f, at)
    _bar(x, f, at)
    _line(x, f, at, X_PV20, X_PV21, X_PV22, LINE_VWAP20)
    _copy(x[X_LINE], f[VWAP20, at : at + CHUNK])
    _fill(f[BEST, at : at + CHUNK], NULL)
    _fill(f[CHOSEN, at : at + CHUNK], -1)
    for k in range(len(anchors)):
        row = anchors[k]
        _present(
            x,
            row[A_SESSION, at : at + CHUNK],
            row[A_ALIAS_OF, at : at + CHUNK],
            row[A_SCORE, at : at + CHUNK],
            k,
        )
        _judge(x, p, f[BEST, at : at + CHUNK], f[CHOSEN, at : at + CHUNK], row, at, k)
    _choose(
        x, f[CHOSEN, at : at + CHUNK], f[LINE_CHOSEN, at : at + CHUNK], f[LINE_CHOSEN + 1, at : at + CHUNK]
    )
    _line(x, f, at, X_PV_CHOSEN, X_PV_CHOSEN, X_PV_CHOSEN, LINE_CHOSEN)
    _confluence(x, p, f[CHOSEN, at : at + CHUNK], f[CONFLUENCE, at : at + CHUNK], anchors, at)
    _levels(x, p, f, at)


@compiled_inside
def _copy(source: Ints, out: Ints) -> None:
    for i in range(CHUNK):
        out[i] = source[i]


@compiled_inside
def _fill(out: Ints, value: int) -> None:
    for i in range(CHUNK):
        out[i] = value


@compiled_inside
def _measures(x: Ints, f: Ints, at: int) -> None:
    count = x[X_COUNT]
    mean_each(x[X_C5], 100, 5, count, 5, f[SMA5, at : at + CHUNK])
    mean_each(x[X_C20], 100, 20, count, 20, f[SMA20, at : at + CHUNK])
    mean_each(x[X_C50], 100, 50, count, 50, f[SMA50, at : at + CHUNK])
    mean_each(x[X_C200], 100, 200, count, 200, f[SMA200, at : at + CHUNK])
    mean_each(x[X_TR14], 100, 14, count, 15, f[ATR14, at : at + CHUNK])
    mean_each(x[X_CV20], 1, 2000, count, 20, f[ADV_USD20, at : at + CHUNK])
    adv = f[ADV_SHARES20, at : at + CHUNK]
    for i in range(len(count)):
        traded = x[X_PV + X_V, i] - x[X_PV20 + X_V, i]
        adv[i] = 5 * traded if count[i] >= 20 else NULL
    for i in range(len(count)):
        x[X_LINE5, i] = x[X_C50_5, i] if count[i] >= 55 else NULL
        x[X_D, i] = x[X_C50_10, i] if count[i] >= 60 else NULL
    relatives_each(
        (x[X_C50], x[X_C50]),
        (1, 1),
        (x[X_LINE5], x[X_D]),
        (f[SLOPE5, at : at + CHUNK], f[SLOPE10, at : at + CHUNK]),
    )
    for source, column in ((X_ATR_PCT, ATR_PCT), (X_MEDIAN, ATR_PCT_MEDIAN)):
        told = f[column, at : at + CHUNK]
        for i in range(len(count)):
            told[i] = x[source, i] if count[i] >= 15 else NULL
    for source, n, column in ((X_WEEK10, 10, WEEKLY10), (X_WEEK40, 40, WEEKLY40)):
        for i in range(len(count)):
            x[X_D, i] = x[X_WEEKS, i] if count[i] > 0 else 0
        mean_each(x[source], 100, n, x[X_D], 40, f[column, at : at + CHUNK])


@compiled_inside
def _trend(x: Ints, f: Ints, at: int) -> None:
    count, adx, slope10 = x[X_COUNT], f[ADX14, at : at + CHUNK], f[SLOPE10, at : at + CHUNK]
    atr, median, trend = (
        f[ATR_PCT, at : at + CHUNK],
        f[ATR_PCT_MEDIAN, at : at + CHUNK],
        f[TREND_SCORE, at : at + CHUNK],
    )
    for i in range(len(count)):
        adx[i] = x[X_ADX, i] if count[i] > 0 else NULL
    for i in range(len(count)):
        is_known = (slope10[i] != NULL) & (adx[i] != NULL) & (median[i] > 0)
        slope = slope10[i] / 1e6
        sign = 1.0 if slope10[i] > 0 else (-1.0 if slope10[i] < 0 else 0.0)
        expansion = (atr[i] / 1e6) / ((median[i] if is_known else 1) / 1e6)
        score = 200.0 * slope + 0.7 * (adx[i] / 1e4) * sign - 10.0 * expansion
        trend[i] = np.int64(np.rint(score * 1e4)) if is_known else NULL
    sma20, sma50 = f[SMA20, at : at + CHUNK], f[SMA50, at : at + CHUNK]
    slope5, structure = f[SLOPE5, at : at + CHUNK], f[STRUCTURE, at : at + CHUNK]
    for i in range(len(count)):
        is_up = (sma20[i] > sma50[i]) & (slope5[i] > 0)
        is_down = (sma20[i] < sma50[i]) & (slope5[i] < 0)
        side = (np.int64(is_up) - np.int64(is_down)) if slope5[i] != NULL else 0
        structure[i] = side if count[i] > 0 else NULL


@compiled_inside
def _bar(x: Ints, f: Ints, at: int) -> None:
    _copy(x[X_SESSION], f[SESSION, at : at + CHUNK])
    _copy(x[X_BARS], f[BARS, at : at + CHUNK])
    _copy(x[X_CLOSE], f[CLOSE, at : at + CHUNK])
    _copy(x[X_FRACTAL], f[FRACTAL_LOW, at : at + CHUNK])
    count, weeks, reset, low5 = (
        x[X_COUNT],
        f[WEEKS, at : at + CHUNK],
        f[GAP_RESET, at : at + CHUNK],
        f[LOW5, at : at + CHUNK],
    )
    pivot1, pivot2 = f[PIVOT_R1, at : at + CHUNK], f[PIVOT_R2, at : at + CHUNK]
    for i in range(len(count)):
        is_known = count[i] > 0
        weeks[i] = x[X_WEEKS, i] if is_known else NULL
        reset[i] = x[X_GAP_RESET, i] if is_known else NULL
        low5[i] = x[X_LOW5, i] if count[i] >= 5 else NULL
    for i in range(len(count)):
        high, low = x[X_HIGH, i], x[X_LOW, i]
        total = high + low + x[X_CLOSE, i]
        is_known = count[i] > 0
        pivot1[i] = rhe_tick(2 * total - 3 * low, 3) if is_known else NULL
        pivot2[i] = rhe_tick(total + 3 * (high - low), 3) if is_known else NULL


@compiled_inside
def _line(x: Ints, f: Ints, at: int, before: int, before1: int, before2: int, column: int) -> None:
    """reclaim 0/1; control and acceptance -1/0/1 (below, at or none, above); extension 0/1/2, of one line.

    The line is the average price of the bars after the prefix sums *before*; *before1* and *before2* make that
    of the last bar and of the one before it.
    """
    count, line, line1, line2, d = x[X_COUNT], x[X_LINE], x[X_LINE1], x[X_LINE2], x[X_D]
    least = 20 if before == X_PV20 else 0
    avwap_each(
        (x[X_PV], x[X_PV1], x[X_PV2]),
        (x[X_PV + X_V], x[X_PV1 + X_V], x[X_PV2 + X_V]),
        (x[before], x[before1], x[before2]),
        (x[_shares(before)], x[_shares(before1)], x[_shares(before2)]),
        (line, line1, line2),
    )
    for i in range(len(count)):
        line[i] = line[i] if count[i] >= least else NULL
        line1[i] = line1[i] if count[i] > least else NULL
        line2[i] = line2[i] if count[i] > least + 1 else NULL
    relative_each(x[X_CLOSE], 100, line, d)
    reclaim, control = f[column, at : at + CHUNK], f[column + 1, at : at + CHUNK]
    acceptance, extension = f[column + 2, at : at + CHUNK], f[column + 3, at : at + CHUNK]
    for i in range(len(count)):
        is_there, close, close1 = line[i] != NULL, x[X_CLOSE, i], x[X_CLOSE1, i]
        is_reclaimed = _is_reclaimed(close1, close, line1[i], line[i])
        side = np.int64(d[i] >= 2_000) - np.int64(d[i] <= -2_000)
        reclaim[i] = np.int64(is_reclaimed) if is_there else NULL
        control[i] = side if is_there else NULL
        is_known = (line1[i] != NULL) & (line2[i] != NULL)
        u, v, z = close * 100 - line[i], close1 * 100 - line1[i], x[X_CLOSE2, i] * 100 - line2[i]
        is_above, is_below = (u > 0) & (v > 0) & (z > 0), (u < 0) & (v < 0) & (z < 0)
        accepted = (np.int64(is_above) - np.int64(is_below)) if is_known else 0
        acceptance[i] = accepted if is_there else NULL
        size = abs(d[i])
        extended = np.int64(size > 10_000) + np.int64(size >= 60_000)
        extension[i] = extended if is_there else NULL


@compiled_inside
def _shares(column: int) -> int:
    return X_V_CHOSEN if column == X_PV_CHOSEN else column + X_V


@compiled_inside
def _is_reclaimed(close_before: int, close: int, line_before: int, line: int) -> bool:
    is_known = (line != NULL) & (line_before != NULL)
    return is_known & (close_before * 100 <= line_before) & (close * 100 > line)


@compiled_inside
def _present(x: Ints, session: Ints, alias: Ints, sold: Ints, k: int) -> None:
    """Whose bar it is: -1 its own, else the anchor of higher priority on the same bar; NULL where it is absent.

    Of what does not stand for itself no share has traded since: *sold* says as much.
    """
    on = x[X_ON + k]
    for i in range(len(on)):
        session[i] = on[i]
        alias[i] = -1 if on[i] >= 0 else NULL
    for other in range(k):
        taken = x[X_ON + other]
        for i in range(len(on)):
            alias[i] = other if on[i] == taken[i] else alias[i]
    at, now = x[X_V_AT + k], x[X_PV + X_V]
    for i in range(len(on)):
        sold[i] = at[i] if alias[i] == -1 else now[i]
    for i in range(len(on)):
        on[i] = on[i] if alias[i] == -1 else NOBODY


@compiled_inside
def _judge(x: Ints, p: Ints, best: Ints, chosen: Ints, row: Ints, at: int, k: int) -> None:
    """Average, distance, slope, reclaim, failures and score of one anchor; the best one so far is chosen."""
    sums, line, alias, age = (
        x[X_PV_AT + k],
        row[A_AVWAP, at : at + CHUNK],
        row[A_ALIAS_OF, at : at + CHUNK],
        x[X_AGE + k],
    )
    # Each column has one name: of two the compiler would have to assume, at every row, that one may change the other.
    reclaim, fails, score = (
        row[A_RECLAIM, at : at + CHUNK],
        row[A_FAILS, at : at + CHUNK],
        row[A_SCORE, at : at + CHUNK],
    )
    line1, line5, sold = reclaim, fails, score
    close, distance, slope = x[X_CLOSE], row[A_DISTANCE, at : at + CHUNK], row[A_SLOPE, at : at + CHUNK]
    avwap_each(
        (x[X_PV], x[X_PV1], x[X_PV5]),
        (x[X_PV + X_V], x[X_PV1 + X_V], x[X_PV5 + X_V]),
        (sums, sums, sums),
        (sold, sold, sold),
        (line, line1, line5),
    )
    relatives_each((close, line), (100, 1), (line, line5), (distance, slope))
    priority, rising, near = PRIORITIES[k], p[P_SLOPE], p[P_DISTANCE]
    for i in range(len(close)):
        is_own, is_there, d = alias[i] == -1, line[i] != NULL, distance[i]
        is_reclaimed = _is_reclaimed(x[X_CLOSE1, i], close[i], line1[i], line[i])
        is_above = is_there & (close[i] * 100 > line[i])
        is_rising = (slope[i] != NULL) & (slope[i] >= rising) | (is_own & is_reclaimed)
        is_near = (d != NULL) & (d <= near)
        young = TOO_YOUNG * np.int64(age[i] < 5) | BELOW * np.int64(not is_above)
        failed = young | SLOPE_DOWN * np.int64(not is_rising) | TOO_FAR * np.int64(not is_near)
        reclaim[i] = np.int64(is_reclaimed) if is_own else NULL
        fails[i] = failed if is_own else NULL
        close_by = 500_000 if (d >= 1_000) & (d <= 15_000) else 0
        back = 400_000 if is_reclaimed else 0
        score[i] = priority - abs(d) + close_by + back if is_own & (failed == 0) else NULL
    # Apart, or the compiler would branch at every row that has no score.
    for i in range(len(best)):
        # Strictly greater: on equal scores the higher priority, met first, stays.
        is_better = score[i] > best[i]
        best[i] = score[i] if is_better else best[i]
        chosen[i] = k if is_better else chosen[i]


@compiled_inside
def _choose(x: Ints, chosen: Ints, pv: Ints, shares: Ints) -> None:
    """The prefix sums before the chosen anchor; where there is none, those of which no share has traded since."""
    for i in range(CHUNK):
        k = max(chosen[i], 0)
        pv[i] = x[X_PV_AT + k, i] if chosen[i] >= 0 else x[X_PV, i]
        shares[i] = x[X_V_AT + k, i] if chosen[i] >= 0 else x[X_PV + X_V, i]
    _copy(pv, x[X_PV_CHOSEN])
    _copy(shares, x[X_V_CHOSEN])


@compiled_inside
def _confluence(x: Ints, p: Ints, choice: Ints, found: Ints, anchors: Ints, at: int) -> None:
    """How many of the anchors that stand for themselves are near the chosen one; X_LINE holds its average."""
    chosen = x[X_LINE]
    for i in range(len(found)):
        found[i] = 0 if choice[i] >= 0 else NULL
    for k in range(len(anchors)):
        line = anchors[k, A_AVWAP, at : at + CHUNK]
        for i in range(len(chosen)):
            is_there = (line[i] != NULL) & (chosen[i] != NULL)
            apart = abs((line[i] if is_there else 0) - (chosen[i] if is_there else 0))
            found[i] += np.int64(is_there & (apart * PPM <= p[P_BAND] * chosen[i]))


@compiled_inside
def _levels(x: Ints, p: Ints, f: Ints, at: int) -> None:
    """The price plan of rows that have a chosen anchor and an ATR."""
    line, close, fractal, chosen = x[X_LINE], x[X_CLOSE], x[X_FRACTAL_LOW], f[CHOSEN, at : at + CHUNK]
    low5, sma5, atr14 = f[LOW5, at : at + CHUNK], f[SMA5, at : at + CHUNK], f[ATR14, at : at + CHUNK]
    pivot1, pivot2 = f[PIVOT_R1, at : at + CHUNK], f[PIVOT_R2, at : at + CHUNK]
    planned, entry, stops = f[LEVEL, at : at + CHUNK], f[ENTRY_REF, at : at + CHUNK], f[STOP, at : at + CHUNK]
    first, second, limit = f[R1, at : at + CHUNK], f[R2, at : at + CHUNK], f[LIMIT_CAP, at : at + CHUNK]
    for i in range(len(line)):
        is_planned = (chosen[i] >= 0) & (atr14[i] != NULL)
        plan = levels(line[i], close[i], fractal[i], low5[i], sma5[i], atr14[i], pivot1[i], pivot2[i], p)
        level, ref, stop, r1, r2, cap = plan
        planned[i] = level if is_planned else NULL
        entry[i] = ref if is_planned else NULL
        stops[i] = stop if is_planned else NULL
        first[i] = r1 if is_planned else NULL
        second[i] = r2 if is_planned else NULL
        limit[i] = cap if is_planned else NULL
