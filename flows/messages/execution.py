"""What a cycle did at the broker is one message, read off the journal: each fill, and what somebody has to look at.

A cycle in which nothing was filled and nothing went wrong is told to nobody.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flows.day import Day
from flows.messages.made import made
from flows.summary import escaped
from schemas.book import OrderState, Side
from schemas.events import (
    CycleGap,
    OrderContradicted,
    OrderFilled,
    OrderRejected,
    OrderUnresolved,
    PositionAdjusted,
    PositionFailed,
    RemedyDecided,
    StopEvent,
)
from schemas.header import InputRef
from schemas.journal import JournalRecord
from schemas.outbox import Message, MessageKind, Severity

N, W, C = Severity.NOTICE, Severity.WARNING, Severity.CRITICAL
_RANK: Final = {N: 0, W: 1, C: 2}
RUNBOOK: Final = "runbooks/incident.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One record that is worth a line: *what* for the headline, *line* for the section."""

    severity: Severity
    what: str
    line: str


def execution_alerts(day: Day, records: Iterable[JournalRecord]) -> tuple[Message, ...]:
    """The messages of the session's *records*, in order: one for each cycle, and for each record outside of any."""
    groups: dict[str | int, list[tuple[JournalRecord, News]]] = {}
    for record in records:
        found = news(record)
        if found is not None:
            groups.setdefault(record.cycle or record.seq, []).append((record, found))
    return tuple(_message(day, rows) for rows in groups.values())


def news(record: JournalRecord) -> News | None:
    """What *record* has to say to people, if anything."""
    read = _READERS.get(record.event)
    return None if read is None else read(record.data)


def _message(day: Day, rows: list[tuple[JournalRecord, News]]) -> Message:
    slot = rows[0][0].cycle
    severity = max((found.severity for _, found in rows), key=_RANK.__getitem__)
    # The gravest first: a headline has room for few, and the sort keeps the journal's order among equals.
    ordered = sorted((found for _, found in rows), key=lambda found: -_RANK[found.severity])
    name = f"{day.book_id} {day.session}" + (f" cycle {slot}" if slot else "")
    source = None if slot is None else day.ref(f"cycles/{slot}/execution.json")
    whats = list(dict.fromkeys(found.what for found in ordered))
    more = f" and {len(whats) - 4} more" if len(whats) > 4 else ""
    look = [f"`avwap status --book {day.book_id}` says how it stands now; read {RUNBOOK}"]
    return made(
        day,
        MessageKind.EXECUTION_ALERT,
        () if source is None else (InputRef(path=source.path, sha256=source.sha256),),
        f"{name}: {'; '.join(whats[:4])}{more}",
        ([f"*{name}*"], [found.line for found in ordered], [] if severity is N else look),
        severity=severity,
        # Of the journal's lines, which no later run can alter.
        about=[part for record, _ in rows for part in (record.seq, record.prev)],
    )


def _filled(data: Mapping[str, Any]) -> News:
    fill = OrderFilled.model_validate(data)
    verb = "bought" if fill.side is Side.BUY else "sold"
    symbol = escaped(fill.symbol)
    line = f"{verb} {fill.quantity:,} *{symbol}* at {fill.price:,.2f} (`{escaped(fill.reason)}`)"
    if fill.arrival_price:
        worse = (fill.price - fill.arrival_price) / fill.arrival_price
        worse = worse if fill.side is Side.BUY else -worse
        line += f", slippage {worse * 10000:+.1f} bps"
    return News(severity=N, what=f"{verb} {fill.quantity:,} {symbol}", line=line)


def _lost(data: Mapping[str, Any]) -> News:
    stop = StopEvent.model_validate(data)
    symbol, at = escaped(stop.symbol), "" if stop.stop_before is None else f" at {stop.stop_before:,.2f}"
    line = f"*stop lost*: {stop.quantity:,} {symbol}{at} (`{escaped(stop.reason)}`)"
    return News(severity=C, what=f"stop of {symbol} lost", line=line)


def _unresolved(data: Mapping[str, Any]) -> News | None:
    order = OrderUnresolved.model_validate(data)
    if order.state is not OrderState.FROZEN:
        return None
    line = f"*order frozen*: `{escaped(order.ord_id)}` counts as live in full (`{escaped(order.cause)}`)"
    return News(severity=C, what="an order frozen", line=line)


def _gap(data: Mapping[str, Any]) -> News:
    gap = CycleGap.model_validate(data)
    missed = f"{gap.missed} cycle{'' if gap.missed == 1 else 's'}"
    return News(
        severity=C,
        what=f"{missed} missed",
        line=f"*gap*: {missed} never began, {gap.first} to {gap.last}; nothing was watched meanwhile",
    )


def _failed(data: Mapping[str, Any]) -> News:
    lost = PositionFailed.model_validate(data)
    symbol = escaped(lost.symbol)
    line = f"*position failed*: {symbol} `{escaped(lost.code)}` {escaped(lost.detail)}; the others went on"
    return News(severity=C, what=f"position {symbol} failed", line=line)


def _contradicted(data: Mapping[str, Any]) -> News:
    order = OrderContradicted.model_validate(data)
    line = f"*contradicted*: `{escaped(order.ord_id)}` `{escaped(order.code)}` {escaped(order.detail)}"
    return News(severity=C, what="the broker contradicts an order", line=line)


def _rejected(data: Mapping[str, Any]) -> News:
    order = OrderRejected.model_validate(data)
    line = f"*rejected*: `{escaped(order.ord_id)}` (`{escaped(order.reason)}`)"
    return News(severity=W, what="an order rejected", line=line)


def _adjusted(data: Mapping[str, Any]) -> News:
    row = PositionAdjusted.model_validate(data)
    symbol = escaped(row.symbol)
    moved = f"from {row.quantity_before:,} to {row.quantity_after:,} shares"
    line = f"*adjusted*: {symbol} {moved} (`{escaped(row.reason)}`)"
    return News(severity=W, what=f"{symbol} adjusted without a fill", line=line)


def _remedy(data: Mapping[str, Any]) -> News:
    row = RemedyDecided.model_validate(data)
    symbol = escaped(row.symbol)
    line = f"*unexplained shares*: {row.quantity:,} {symbol} (`{escaped(row.code)}`)"
    return News(severity=W, what=f"unexplained shares of {symbol}", line=line)


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], News | None]]] = {
    "order.filled": _filled,
    "stop.lost": _lost,
    "order.unresolved": _unresolved,
    "cycle.gap": _gap,
    "position.failed": _failed,
    "order.contradicted": _contradicted,
    "order.rejected": _rejected,
    "position.adjusted": _adjusted,
    "remedy.decided": _remedy,
}
