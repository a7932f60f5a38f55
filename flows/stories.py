"""A session told as tables, from its files alone: what a person reads at the prompt and in Prefect's window."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from flows.day import Day
from flows.house import House
from flows.pipeline import Step
from schemas.attribution import Attribution
from schemas.base import SessionDate
from schemas.candidates import Candidates
from schemas.cycle import Execution, Stops
from schemas.decisions import Decision, Decisions
from schemas.enforcement import Enforcement
from schemas.header import Artifact
from schemas.market import HeldAction, MarketObservation
from schemas.regime import Regime
from schemas.scan import Scan
from schemas.snapshot import Snapshot
from schemas.trades import Trades

Rows = list[dict[str, str]]
A = TypeVar("A", bound=Artifact)


def step_row(step: Step) -> dict[str, str]:
    """One stage's result as a row."""
    if step.written is not None:
        return {"stage": step.stage, "result": step.written.status, "sha256": step.written.sha256[:16]}
    assert step.error is not None
    return {"stage": step.stage, "result": f"refused: {step.error}", "sha256": ""}


def money(value: Decimal | None) -> str:
    """USD with cents, for reading."""
    return "-" if value is None else f"{value:,.2f}"


def percent(value: float | Decimal | None, digits: int = 2) -> str:
    """A fraction as a percentage, for reading."""
    return "-" if value is None else f"{value:.{digits}%}"


def market(day: Day) -> Rows:
    """What the data contract found, by code."""
    seen = day.seen("observations/market.json", MarketObservation)
    if seen is None:
        return []
    rows = [
        {"code": f.code, "effect": "day", "symbols": "", "first": str(f.observed or ""), "detail": f.detail}
        for f in seen.findings
    ]
    for count in seen.counts:
        first = ", ".join(example.subject for example in count.examples[:3])
        rows.append(
            {
                "code": count.code,
                "effect": "quarantine" if count.effect == "Q" else "warning",
                "symbols": str(count.symbols),
                "first": first,
                "detail": "",
            }
        )
    for held in held_actions(day):
        does = f"{held['shares']} shares, stop {held['stop']}"
        rows.append(
            {
                "code": held["action"],
                "effect": "held",
                "symbols": "1",
                "first": held["symbol"],
                "detail": does,
            }
        )
    return rows


def held_actions(day: Day) -> Rows:
    """Held positions whose symbol has a corporate action today, and what it makes of shares and stop."""
    seen = day.seen("observations/market.json", MarketObservation)
    return [
        {
            "symbol": row.symbol,
            "action": " ".join(filter(None, (row.kind, _terms(row)))),
            "shares": _turns(row.quantity, row.quantity_expected),
            "stop": "-" if row.stop is None else _turns(row.stop, row.stop_expected),
            "strategy": row.strategy_id,
        }
        for row in (seen.held_actions if seen is not None else ())
    ]


def _terms(row: HeldAction) -> str:
    if row.new_symbol is not None:
        return f"to {row.new_symbol}"
    if row.cash_usd is not None:
        return f"{row.cash_usd:f} a share"
    return "" if row.ratio_num is None else f"{row.ratio_num} for {row.ratio_den}"


def _turns(before: Decimal, after: Decimal | None) -> str:
    if after is None:
        return f"{before} to be told"
    return str(before) if before == after else f"{before} to {after}"


def regime(day: Day) -> Rows:
    """The label and its measures."""
    found = day.seen("regime.json", Regime)
    if found is None:
        return []
    measures = found.measures
    return [
        {
            "label": found.label or found.status,
            "confidence": "-" if found.confidence is None else f"{found.confidence:.2f}",
            "vol20": percent(measures.vol20),
            "drawdown63": percent(measures.drawdown63),
            "trend": percent(measures.trend),
            "breadth": percent(measures.breadth),
            "reasons": ", ".join(f.code for f in found.reasons),
        }
    ]


def scan(day: Day) -> Rows:
    """How many symbols reached which point, and what turned most of the rest away."""
    found = day.seen("scan.json", Scan)
    if found is None:
        return []
    turned: dict[str, int] = {}
    judged = [(row["codes"], 1) for row in found.rows]
    judged += [(group["codes"], len(group["symbols"])) for group in found.others]
    for codes, count in judged:
        if codes:
            turned[codes[0]] = turned.get(codes[0], 0) + count
    counts = found.counts
    rows = [
        {"what": "symbols scanned", "count": str(counts.scanned)},
        {"what": "past the data and liquidity gates", "count": str(counts.full)},
        {"what": "past every gate", "count": str(counts.passed)},
        {"what": "candidates", "count": str(counts.candidates)},
    ]
    most = sorted(turned.items(), key=lambda item: (-item[1], item[0]))[:6]
    return rows + [{"what": f"  first refused by {code}", "count": str(count)} for code, count in most]


def candidates(day: Day) -> Rows:
    """Ranked candidates with their levels, strategy by strategy."""
    found = day.seen("candidates.json", Candidates)
    if found is None:
        return []
    plans = {intent.intent_id: intent for intent in found.intents}
    rows = []
    for row in found.candidates:
        intent = plans[row.intent_id]
        rows.append(
            {
                "strategy": row.strategy_id,
                "rank": str(row.rank),
                "symbol": row.symbol,
                "tier": row.tier or "-",
                "anchor": row.anchor or "-",
                "score": "-" if row.trend_score is None else f"{row.trend_score:.2f}",
                "close": money(row.close),
                "stop": money(intent.stop_plan.initial_stop),
                "r1": money(intent.exit_plan.r1),
                "r2": money(intent.exit_plan.r2),
            }
        )
    return rows


def decisions(day: Day) -> Rows:
    """Each intent's verdict, and what bound it."""
    found = day.seen("decisions.json", Decisions)
    if found is None:
        return []
    return [
        {
            "strategy": row.strategy_id,
            "symbol": row.symbol,
            "verdict": verdict_of(row),
            "wanted": "-" if row.q0 is None else str(row.q0),
            "shares": str(row.q2),
            "notional": money(row.notional),
            "risk": money(row.risk),
            "reasons": ", ".join(f.code for f in row.reasons),
        }
        for row in found.verdicts
    ]


def verdict_of(row: Decision) -> str:
    """The verdict, and of a shadow what would have been."""
    if row.shadow_verdict is None:
        return str(row.verdict)
    return f"{row.verdict} (would be {row.shadow_verdict} {row.shadow_q2})"


def enforcement(day: Day) -> Rows:
    """Which entries may be tried, and the gate that refused each other."""
    found = day.seen("enforcement.json", Enforcement)
    if found is None:
        return []
    rows = [
        _gated("every entry", "", "refused", "", [gate.gate], gate.findings[0].code)
        for gate in found.book_gates
        if not gate.passed
    ]
    rows += [
        _gated(row.symbol, row.strategy_id, "authorised", str(row.quantity), [], "")
        for row in found.authorised
    ]
    return rows + [
        _gated(
            row.symbol,
            row.strategy_id,
            "refused",
            str(row.quantity),
            [gate.gate for gate in row.gates if not gate.passed],
            row.code,
        )
        for row in found.refused
    ]


def _gated(
    symbol: str, strategy: str, verdict: str, shares: str, failed: Sequence[str], code: str
) -> dict[str, str]:
    """The first gate that failed is the verdict; those after it failed as well."""
    return {
        "symbol": symbol,
        "strategy": strategy,
        "verdict": verdict,
        "shares": shares,
        "gate": failed[0] if failed else "",
        "code": code,
        "also": ", ".join(failed[1:]),
    }


def fills(day: Day) -> Rows:
    """What was traded in the session."""
    rows = []
    for name in day.cycles():
        found = day.seen(f"cycles/{name}/execution.json", Execution)
        for fill in found.fills if found is not None else ():
            rows.append(
                {
                    "cycle": name,
                    "symbol": fill.symbol,
                    "side": fill.side,
                    "shares": str(fill.quantity),
                    "price": f"{fill.price}",
                    "fee": f"{fill.fee:.4f}",
                    "reason": fill.reason,
                }
            )
    return rows


def denied(day: Day) -> Rows:
    """Entries that a cycle did not send: single ones, or all of them where a file could not be used."""
    rows = []
    for name in day.cycles():
        found = day.seen(f"cycles/{name}/execution.json", Execution)
        if found is None:
            continue
        rows += [{"cycle": name, "symbol": "every symbol", "code": code} for code in found.blocked]
        rows += [{"cycle": name, "symbol": entry.symbol, "code": entry.code} for entry in found.denied]
    return rows


def stops(day: Day) -> Rows:
    """Every position's protection after the last cycle."""
    names = day.cycles()
    found = day.seen(f"cycles/{names[-1]}/stops.json", Stops) if names else None
    if found is None:
        return []
    return [
        {
            "symbol": row.symbol,
            "held": str(row.quantity),
            "covered": str(row.covered),
            "stop before": "-" if row.stop_before is None else f"{row.stop_before}",
            "stop after": "-" if row.stop_after is None else f"{row.stop_after}",
            "basis": row.basis or "-",
            "reason": row.reason,
        }
        for row in found.positions
    ]


def pnl(day: Day) -> Rows:
    """Whose the day's money was."""
    found = day.seen("attribution.json", Attribution)
    if found is None:
        return []
    rows = [
        {
            "strategy": row.strategy_id,
            "symbol": row.symbol or "-",
            "realised": money(row.realised_gross),
            "fees": money(row.fees),
            "dividends": money(row.dividends),
            "unrealised": money(row.unrealised_change),
            "net": money(row.net),
        }
        for row in found.rows
    ]
    total = found.total
    return [
        *rows,
        {
            "strategy": "TOTAL",
            "symbol": "",
            "realised": money(total.realised_gross),
            "fees": money(total.fees),
            "dividends": money(total.dividends),
            "unrealised": money(total.unrealised_change),
            "net": money(total.net),
        },
    ]


def equity(day: Day) -> Rows:
    """The book at the close."""
    found = day.seen("snapshot.json", Snapshot)
    if found is None:
        return []
    return [
        {
            "equity": money(found.equity),
            "cash": money(found.cash),
            "gross": percent(found.exposure.gross_fraction, 1),
            "positions": str(len(found.positions)),
            "day": percent(found.session_return),
            "drawdown": percent(found.drawdown),
            "since start": percent(
                None if found.equity is None else found.equity / found.starting_capital - 1
            ),
            "proved": "yes" if found.complete else "NO",
        }
    ]


def closed(day: Day) -> Rows:
    """Round trips that ended in the session."""
    found = day.seen("trades.json", Trades)
    if found is None:
        return []
    return [
        {
            "symbol": trip.symbol,
            "shares": str(trip.quantity),
            "entry": f"{trip.average_entry:.2f}",
            "exit": "-" if trip.average_exit is None else f"{trip.average_exit:.2f}",
            "net": money(trip.net),
            "R": "-" if trip.r_multiple is None else f"{trip.r_multiple:.2f}",
            "days": str(trip.sessions_held),
            "why": ", ".join(trip.exit_reasons),
        }
        for trip in found.closed
    ]


STORY: Sequence[tuple[str, str, Callable[[Day], Rows]]] = (
    ("regime", "Regime at the close before", regime),
    ("market", "Data contract", market),
    ("scan", "Scan", scan),
    ("candidates", "Candidates", candidates),
    ("decisions", "Decisions", decisions),
    ("enforcement", "Enforcement", enforcement),
    ("fills", "Fills", fills),
    ("denied", "Not sent", denied),
    ("stops", "Stops after the last cycle", stops),
    ("closed", "Round trips closed", closed),
    ("pnl", "Profit and loss of the session", pnl),
    ("close", "Book at the close", equity),
)


def of_stage(day: Day, stage: str) -> Rows:
    """The table that belongs to a stage or cycle; empty if it has none."""
    if stage[:4].isdigit():
        return fills(day)
    return next((tell(day) for name, _, tell in STORY if name == stage), [])


def of_day(day: Day) -> dict[str, Any]:
    """Every table of a session, by name."""
    return {name: tell(day) for name, _, tell in STORY}


def months(house: House, book_id: str, sessions: Sequence[SessionDate]) -> Rows:
    """The book at the last session of each month, and what happened in it."""
    rows: Rows = []
    tally = {"entries": 0, "closed": 0, "won": 0}
    for at, session in enumerate(sessions):
        day = Day(house=house, book_id=book_id, session=session, previous=house.calendar.previous(session))
        made = day.seen("trades.json", Trades)
        if made is not None:
            tally["entries"] += sum(1 for fill in made.fills if fill.reason == "ENTRY")
            tally["closed"] += len(made.closed)
            tally["won"] += sum(1 for trip in made.closed if trip.net > 0)
        is_last = at + 1 == len(sessions) or sessions[at + 1].month != session.month
        if is_last and (row := equity(day)):
            counts = {"month": f"{session:%Y-%m}", **{name: str(count) for name, count in tally.items()}}
            rows.append(
                {**counts, **{name: row[0][name] for name in ("equity", "gross", "positions", "drawdown")}}
            )
            tally = dict.fromkeys(tally, 0)
    return rows
