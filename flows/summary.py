"""The scan of a session told to people in a few lines, from the files of its morning and from nothing else.

Sections are Slack's mrkdwn. What came from outside (symbols, details) is escaped, so that no ticker and no
vendor's text becomes a link or a mention.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from flows.day import Day
from flows.exports import chosen_anchor, ranked, rejections, unit_risk
from flows.messages.made import Sources, made
from ledger.artifacts import ReadFault
from schemas.candidates import Candidates
from schemas.market import MarketObservation
from schemas.outbox import Message, MessageKind
from schemas.regime import Regime
from schemas.scan import Scan, ScanRow

TOP: Final = 10
MOST: Final = 5
"""Codes named of each kind; the rest are in the files."""


def scan_summary(day: Day) -> Message:
    """The message of *day*. A file that is missing or unsound is said to be so: silence would read as a quiet day."""
    sources = Sources(day)
    read = sources.read
    seen = read("observations/market.json", MarketObservation)
    regime = read("regime.json", Regime)
    scan = read("scan.json", Scan)
    wished = read("candidates.json", Candidates)
    sections = [_heading(day, scan, regime), _counts(seen, scan, wished)]
    if isinstance(scan, Scan):
        sections += [_top(ranked(scan)[:TOP]), _turned_away(scan)]
    return made(day, MessageKind.SCAN_SUMMARY, sources.refs, _headline(day, scan, wished), sections)


def escaped(text: str) -> str:
    """*text* with the three characters that Slack reads as markup spelled out."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _headline(day: Day, scan: Scan | ReadFault, wished: Candidates | ReadFault) -> str:
    name = f"{day.book_id} {day.session}"
    if isinstance(scan, ReadFault):
        return f"{name}: no scan, so no entry today ({scan.code})"
    if isinstance(wished, ReadFault):
        return f"{name}: no candidates file, so no entry today ({wished.code})"
    count = len(wished.candidates)
    first = ", ".join(escaped(each.symbol) for each in wished.candidates[:3])
    told = f"{count} candidate{'' if count == 1 else 's'} of {scan.counts.scanned:,} symbols"
    return f"{name}: {told}" + (f", first {first}" if first else "")


def _heading(day: Day, scan: Scan | ReadFault, regime: Regime | ReadFault) -> list[str]:
    lines = [f"*{day.book_id}: scan for {day.session}*, on bars up to {day.previous}"]
    if isinstance(scan, Scan):
        is_up = scan.benchmark_above_sma200
        gate = "not measured" if is_up is None else "open" if is_up else "*shut*"
        side = {True: " is above its 200-bar mean", False: " is not above its 200-bar mean", None: ""}[is_up]
        lines.append(f"market gate {gate}: {escaped(scan.benchmark)}{side or ' has no 200-bar mean'}")
    if isinstance(regime, ReadFault):
        lines.append(f"regime unread: `{regime.code}`")
    elif regime.label is None:
        lines.append(f"regime {regime.status}: {_codes(f.code for f in regime.reasons)}")
    else:
        lines.append(f"regime {regime.label}, confidence {regime.confidence:.1f}")
    return lines


def _counts(
    seen: MarketObservation | ReadFault, scan: Scan | ReadFault, wished: Candidates | ReadFault
) -> list[str]:
    lines: list[str] = []
    if isinstance(scan, ReadFault):
        lines.append(f"*no scan*: `{scan.code}` {escaped(scan.path)}")
    else:
        counts = scan.counts
        lines.append(
            f"{counts.scanned:,} scanned, {counts.full:,} past data and liquidity, {counts.passed:,} passed, "
            f"{counts.candidates:,} within the cap"
        )
        if scan.day_codes:
            lines.append(f"*day blocked, no entry today*: {_codes(scan.day_codes)}")
    if isinstance(wished, ReadFault):
        lines.append(f"*no candidates file*: `{wished.code}`")
    elif wished.reasons:
        lines.append(f"candidates: {_codes(f.code for f in wished.reasons)}")
    if isinstance(seen, ReadFault):
        lines.append(f"*bars not judged*: `{seen.code}` {escaped(seen.path)}")
    else:
        held = sum(len(group.symbols) for group in seen.quarantined)
        worst = sorted((c for c in seen.counts if c.effect == "Q"), key=lambda c: (-c.symbols, c.code))[:MOST]
        told = ", ".join(f"`{each.code}` {each.symbols:,}" for each in worst)
        lines.append(f"{held:,} quarantined" + (f": {told}" if told else ""))
    return lines


def _codes(codes: Iterable[str]) -> str:
    return ", ".join(f"`{escaped(code)}`" for code in dict.fromkeys(codes))


def _top(rows: Sequence[ScanRow]) -> list[str]:
    return [_line(row) for row in rows]


def _line(row: ScanRow) -> str:
    anchor, levels, risk = chosen_anchor(row), row.get("levels"), unit_risk(row)
    told = f"{row['rank']}. *{escaped(row['symbol'])}* {row.get('tier', '-')}"
    if anchor is not None:
        told += f", {anchor['a']} of {anchor['on']}"
        told += "" if anchor["d"] is None else f" {anchor['d']:+.2%}"
    if levels is not None:
        told += f", entry {Decimal(levels['entry_ref']):.2f}, stop {Decimal(levels['stop']):.2f}"
        told += "" if risk is None else f" ({risk:.1%} below)"
        told += f", targets {Decimal(levels['r1']):.2f} and {Decimal(levels['r2']):.2f}"
    return told


def _turned_away(scan: Scan) -> list[str]:
    found = [each for each in rejections(scan) if each.first][:MOST]
    if not found:
        return []
    return ["turned away first by " + ", ".join(f"`{each.code}` {each.first:,}" for each in found)]
