"""Break and hold is judged on bars that are whole: a slot with a missing part is no bar, and an average needs sessions.

Pure functions on closed 5-minute bars (strategy.md 4.1); ``strategies.entry.boh`` judges the two bars made here.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from schemas.candidates import TradeIntent
from schemas.header import Finding
from schemas.observations import IntradayBarFacts
from schemas.reasons.scan import EntryCode
from strategies.config import EntryConfig
from strategies.entry import SlotBar, boh

PART: Final = timedelta(seconds=300)
SLOT: Final = timedelta(seconds=600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """Closed 5-minute bars of one symbol by session, each oldest first, and each session's open."""

    bars: Mapping[date, Sequence[IntradayBarFacts]]
    opens: Mapping[date, datetime]


def slot_bars(bars: Sequence[IntradayBarFacts], open_at: datetime) -> tuple[SlotBar, ...]:
    """The 10-minute bars from *open_at* whose two parts are both there, oldest first."""
    parts = {bar.start_at: bar for bar in bars}
    found = []
    for start in sorted(at for at in parts if at >= open_at and not (at - open_at) % SLOT):
        second = parts.get(start + PART)
        if second is not None:
            volume = int(parts[start].volume + second.volume)
            found.append(SlotBar(start_at=start, close=Decimal(second.close), volume=volume))
    return tuple(found)


def average_volume(tape: Tape, session: date, offset: timedelta, config: EntryConfig) -> Decimal | None:
    """Mean volume of the slot *offset* after the open over the sessions before *session*; None with too few."""
    volumes = []
    for day in _earlier(tape, session, config):
        made = {bar.start_at - tape.opens[day]: bar for bar in slot_bars(tape.bars[day], tape.opens[day])}
        if offset in made:
            volumes.append(made[offset].volume)
    return _mean(volumes, config)


def relative_volume(tape: Tape, session: date, upto: timedelta, config: EntryConfig) -> Decimal | None:
    """Volume of *session* in its first *upto*, over the mean of the sessions before; None where there is no mean."""
    volumes = [_volume(tape, day, upto) for day in _earlier(tape, session, config)]
    mean = _mean([volume for volume in volumes if volume], config)
    return None if not mean else Decimal(_volume(tape, session, upto)) / mean


def check_hold(
    intent: TradeIntent, ref: Decimal, tape: Tape, session: date, now: datetime, config: EntryConfig
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Why *intent* has not broken and held at *now*, and what could not be asked: (reasons, infos)."""
    symbol, level, open_at = intent.symbol, Decimal(intent.entry.level), tape.opens[session]

    def finding(code: EntryCode, observed: object, threshold: object) -> Finding:
        texts = [None if value is None else str(value) for value in (observed, threshold)]
        return Finding(code=code, subject=symbol, observed=texts[0], threshold=texts[1])

    reasons: list[Finding] = []
    infos: list[Finding] = []
    earliest = open_at + timedelta(seconds=config.boh_early_s)
    if now < earliest:
        reasons.append(finding(EntryCode.ENTRY_TOO_EARLY, now.isoformat(), earliest.isoformat()))
    bars = tape.bars.get(session, ())
    whole = _newest(slot_bars(bars, open_at), open_at, now)
    if not bars:
        reasons.append(finding(EntryCode.BARS_INTRADAY_MISSING, 0, 1))
    else:
        offset = whole[0].start_at - open_at if whole else timedelta(0)
        verdict = boh(whole, level, average_volume(tape, session, offset, config), config, symbol)
        found = [row for row in verdict.findings if row.code == EntryCode.BOH_VOLUME_UNCHECKED]
        blocks = found if config.boh_volume_required else []
        infos += [row for row in found if row not in blocks]
        reasons += [row for row in verdict.findings if row not in infos]
        rvol = relative_volume(tape, session, (now - open_at) // PART * PART, config)
        if rvol is None:
            infos.append(finding(EntryCode.RVOL_UNAVAILABLE, None, config.rvol_min))
        elif rvol < config.rvol_min:
            observed = rvol.quantize(Decimal("0.0001"))
            reasons.append(finding(EntryCode.RVOL_LOW, observed, config.rvol_min))
    lowest = level * (1 - config.boh_level_slack)
    if ref < lowest:
        reasons.append(finding(EntryCode.PRICE_BELOW_LEVEL, ref, lowest))
    return tuple(reasons), tuple(infos)


def check_level(intent: TradeIntent, ref: Decimal) -> tuple[Finding, ...]:
    """Why a wish to buy at its level waits: the price is above it."""
    level = Decimal(intent.entry.level)
    if ref <= level:
        return ()
    code = EntryCode.PRICE_ABOVE_LEVEL
    return (Finding(code=code, subject=intent.symbol, observed=str(ref), threshold=str(level)),)


def _newest(whole: Sequence[SlotBar], open_at: datetime, now: datetime) -> tuple[SlotBar, ...]:
    """The two slots that closed last before *now*, as far as they are whole: older ones do not stand in for them."""
    closed = (now - open_at) // SLOT
    starts = [open_at + SLOT * number for number in (closed - 2, closed - 1)]
    return tuple(bar for bar in whole if bar.start_at in starts)


def _earlier(tape: Tape, session: date, config: EntryConfig) -> list[date]:
    days = sorted(day for day in tape.bars if day < session and day in tape.opens)
    return days[-config.boh_average_sessions :]


def _volume(tape: Tape, day: date, upto: timedelta) -> int:
    until = tape.opens[day] + upto
    return sum(int(bar.volume) for bar in tape.bars.get(day, ()) if tape.opens[day] <= bar.start_at < until)


def _mean(volumes: Sequence[int], config: EntryConfig) -> Decimal | None:
    if len(volumes) < config.boh_average_min:
        return None
    return Decimal(sum(volumes)) / len(volumes)


def by_session(bars: Sequence[IntradayBarFacts]) -> Mapping[date, Sequence[IntradayBarFacts]]:
    """Bars grouped by the UTC date of their start, which is the session's: a US session lies within one."""
    grouped: dict[date, list[IntradayBarFacts]] = defaultdict(list)
    for bar in bars:
        grouped[bar.start_at.date()].append(bar)
    return grouped
