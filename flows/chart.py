"""The chart of a symbol shows what the scan of one session saw: bars up to P on the basis of D, and no later one."""

import textwrap
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from flows.day import Day
from flows.stages import premarket
from flows.why import lost_snapshot, stands
from schemas.base import SessionDate
from schemas.errors import Denied, UsageFault
from schemas.reasons.edge import EdgeCode
from schemas.reasons.market import DayCode
from schemas.scan import Scan
from strategies.lookup import Standing

if TYPE_CHECKING:
    from analytics.symbol_chart import Candle, Line, Picture
    from strategies.explain import Explanation
    from strategies.lines import Bar

LEVELS: Final = (("entry", "entry_ref"), ("stop", "stop"), ("r1", "r1"), ("r2", "r2"), ("level", "level"))
"""Name on the chart -> name in the scan."""
CHARS_A_LINE: Final = 135
CODE_LINES: Final = 2


def render(day: Day, symbol: str, bars: int, kind: str) -> bytes:
    """The chart of *symbol* on *day* over its last *bars* bars, as bytes of *kind* (svg, png).

    Errors: ``StageRefused`` without a scan; ``UsageFault`` SYMBOL_NOT_SCANNED; ``Denied`` DAY_SNAPSHOT_CORRUPT if the
    store no longer holds the bars of the scan.
    """
    from analytics.symbol_chart import draw

    return draw(picture(day, symbol, bars), kind)


def picture(day: Day, symbol: str, bars: int) -> "Picture":
    """What ``render`` draws. Errors: as there."""
    from analytics.symbol_chart import Line, Picture
    from strategies.explain import explain
    from strategies.lines import anchored, bars_of, mean

    scan, standing = stands(day, symbol)
    if (lost := lost_snapshot(day, scan)) is not None:
        raise Denied(
            DayCode.DAY_SNAPSHOT_CORRUPT,
            lost,
            safe="nothing was drawn: other bars than the scan's would show another story",
            next=f"avwap why --book {day.book_id} --date {day.session} {symbol} shows what was recorded",
        )
    found = explain(premarket.scan_inputs(day), day.house.settings.scan, symbol)
    assert found is not None, "a symbol of the scan has a bar in its panel"
    panel = day.house.panel(day.session)
    whole = bars_of(panel, symbol)
    drawn = [at for at, bar in enumerate(whole) if bar.is_whole][-bars:]
    if not drawn:
        raise UsageFault(
            EdgeCode.SYMBOL_NOT_SCANNED,
            f"of the {len(whole)} bars of {symbol} up to {scan.data_session} none has all its prices",
            safe="nothing was drawn",
            next=f"avwap why --book {day.book_id} --date {day.session} {symbol} names what is wrong with them",
        )

    def line(name: str, values: "Sequence[float | None]", **more: object) -> "Line":
        return Line(name=name, values=tuple(values[at] for at in drawn), **more)  # type: ignore[arg-type]

    lines = [line(f"sma{length}", mean(whole, length)) for length in (20, 50)]
    for row in found.anchors:
        weight = 2 if row["a"] == found.chosen else 0 if row.get("no") else 1
        on = SessionDate(date.fromisoformat(str(row["on"])))
        lines.append(line(row["a"], anchored(whole, panel.sessions, on), anchor=on, weight=weight))
    return Picture(
        title=_title(day, symbol, standing),
        under=_under(day, scan, standing, found, whole),
        candles=tuple(_candle(panel.sessions[whole[at].session], whole[at]) for at in drawn),
        lines=tuple(lines),
        levels=tuple((shown, float(found.levels[name])) for shown, name in LEVELS if name in found.levels),
    )


def _title(day: Day, symbol: str, standing: Standing) -> str:
    row = standing.row
    told = [f"{symbol}   {day.book_id} {day.session}   {standing.verdict}"]
    if row is not None and "rank" in row:
        told.append(f"rank {row['rank']}")
    if row is not None and "tier" in row:
        told.append(f"tier {row['tier']}")
    return ", ".join(told)


def _under(
    day: Day, scan: Scan, standing: Standing, found: "Explanation", bars: "Sequence[Bar]"
) -> tuple[str, ...]:
    """What was seen, and the codes in order, in as many lines as fit below the title."""
    told = f"bars up to {scan.data_session} on the basis of {day.session}"
    last = day.house.panel(day.session).sessions[bars[-1].session]
    if not found.has_bar_at_p:
        told += f"; the last is of {last}, so nothing is measured"
    if found.chosen is not None:
        told += f"; chosen anchor {found.chosen}"
    codes = textwrap.wrap(", ".join(standing.codes) or "passed every gate", CHARS_A_LINE)
    if len(codes) > CODE_LINES:
        codes = [
            *codes[: CODE_LINES - 1],
            textwrap.shorten(" ".join(codes[1:]), CHARS_A_LINE, placeholder=" …"),
        ]
    return told, *codes


def _candle(on: SessionDate, bar: "Bar") -> "Candle":
    from analytics.symbol_chart import Candle

    return Candle(
        at=bar.session,
        on=on,
        open=bar.open / 10_000,
        high=bar.high / 10_000,
        low=bar.low / 10_000,
        close=bar.close / 10_000,
        volume=bar.volume,
    )
