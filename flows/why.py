"""Why a symbol was bought, and why not: every verdict on it in one session, from the data contract to the stop."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from flows import stories, why_tables
from flows.day import Day
from flows.stages import premarket
from ledger.artifacts import Loaded
from schemas.candidates import Candidates
from schemas.decisions import Decisions
from schemas.enforcement import AuthorisedEntry, Enforcement, RefusedEntry
from schemas.errors import UsageFault
from schemas.events import GateVerdict
from schemas.reasons.edge import EdgeCode
from schemas.scan import Scan, ScanRow, ScanVerdict
from schemas.strategy_registry import S2_INDEX_TREND
from strategies.lookup import Standing, standing_of

if TYPE_CHECKING:
    from strategies.explain import Explanation

Rows = list[dict[str, str]]
CODES_IN_VERDICT: Final = 4
"""A symbol without a bar fails a dozen gates: the first codes say why, the table below holds all."""


def explain(day: Day, symbol: str) -> dict[str, Any]:
    """Everything that the session says of *symbol*.

    ``sections``: titled rows for a person, in the order of the stages. ``verdict``: the furthest point reached, in
    one sentence. ``measured``: what the scan measures, as numbers and fractions. ``snapshot``: whether the store
    still holds the bars that the scan read; where it does not, nothing is recomputed.

    Errors: ``StageRefused`` without a scan of the day; ``UsageFault`` if the snapshot holds no bar of *symbol*.
    """
    scan, standing = stands(day, symbol)
    lost = lost_snapshot(day, scan)
    found = None if lost else _recomputed(day, symbol)
    measured = _from_row(standing.row) if found is None else _from_explanation(found)
    sections = [
        {"title": "Scan", "rows": [_scan_row(standing)]},
        {"title": "Data contract", "rows": [] if lost else _contract(day, symbol)},
        *why_tables.measured(measured, recomputed=found is not None),
        *why_tables.trend(scan, symbol),
        {"title": "Decision", "rows": _decision(day, symbol)},
        {"title": "Gates, asked before the open", "rows": _gates(day, symbol)},
        {"title": "Not sent", "rows": _not_sent(day, symbol)},
        {"title": "Fills", "rows": _of(stories.fills(day), symbol)},
        {"title": "Stop after the last cycle", "rows": _of(stories.stops(day), symbol)},
        {"title": "Profit and loss of the session", "rows": _of(stories.pnl(day), symbol)},
    ]
    return {
        "book": day.book_id,
        "session": day.session.isoformat(),
        "data_session": scan.data_session.isoformat(),
        "symbol": symbol,
        "verdict": _verdict(day, symbol, scan, standing),
        "codes": list(standing.codes),
        "snapshot": lost or f"recomputed from the recorded snapshot {scan.data_version}",
        "measured": measured,
        "sections": [each for each in sections if each["rows"]],
    }


def stands(day: Day, symbol: str) -> tuple[Scan, Standing]:
    """The scan of *day* and its verdict on *symbol*. Errors: as ``explain``."""
    scan = day.need("why", "scan.json", Scan).artifact
    standing = standing_of(scan, symbol)
    if standing is None:
        raise _unknown(day, scan, symbol)
    return scan, standing


def _unknown(day: Day, scan: Scan, symbol: str) -> UsageFault:
    """No verdict without a bar: the names that look most like it, for most of these are slips of the hand."""
    names = [row["symbol"] for row in scan.rows] + [
        each for group in scan.others for each in group["symbols"]
    ]
    near = get_close_matches(symbol, names, n=3, cutoff=0.6)
    also = f"did you mean {' or '.join(near)}? " if near else "check the spelling; "
    return UsageFault(
        EdgeCode.SYMBOL_NOT_SCANNED,
        f"the snapshot {scan.data_version} of {day.session} holds no bar of {symbol}",
        safe="nothing was changed",
        next=f"{also}avwap show {day.house.root / day.path('scan.json')} lists every symbol",
    )


def lost_snapshot(day: Day, scan: Scan) -> str | None:
    """Why the scan's bars cannot be had again; ``None`` if the store still gives them."""
    try:
        now = day.house.panel(day.session).data_version
    except UsageFault as fault:
        return f"the store cannot be read for {day.session}: {fault.message}"
    if now == scan.data_version:
        return None
    return (
        f"the store holds {now} for {day.session}, the scan read {scan.data_version}: "
        "nothing was recomputed, what follows is the record"
    )


def _recomputed(day: Day, symbol: str) -> "Explanation | None":
    """A pure function of the recorded snapshot, for every symbol with a bar in it."""
    from strategies.explain import explain as measure

    return measure(premarket.scan_inputs(day), day.house.settings.scan, symbol)


def _from_explanation(found: "Explanation") -> dict[str, Any]:
    return {
        "has_bar_at_data_session": found.has_bar_at_p,
        "features": found.features,
        "anchors": [dict(each) for each in found.anchors],
        "chosen": found.chosen,
        "labels": found.labels,
        "levels": found.levels,
        "gates": [
            {
                "gate": each.gate,
                "code": each.code,
                "passed": each.passed,
                "observed": each.observed,
                "threshold": each.threshold,
                "detail": each.detail,
            }
            for each in found.gates
        ],
    }


def _from_row(row: ScanRow | None) -> dict[str, Any]:
    """What the record alone tells: all of a full row, nothing of any other, and of no row the gates' observations."""
    kept: Mapping[str, Any] = row if row is not None else {}
    return {
        "has_bar_at_data_session": row is not None or None,
        "features": kept.get("features", {}),
        "anchors": [dict(each) for each in kept.get("anchors", ())],
        "chosen": kept.get("chosen"),
        "labels": kept.get("labels", {}),
        "levels": kept.get("levels", {}),
        "gates": [],
    }


def _of(rows: Rows, symbol: str) -> Rows:
    return [row for row in rows if row["symbol"] == symbol]


def _not_sent(day: Day, symbol: str) -> Rows:
    """Why no order left for the symbol, if it was wished for: its own denials, and what blocked every entry."""
    wished = day.read("candidates.json", Candidates)
    asked = isinstance(wished, Loaded) and any(each.symbol == symbol for each in wished.artifact.intents)
    every = "every symbol" if asked else symbol
    return [row for row in stories.denied(day) if row["symbol"] in (symbol, every)]


def _verdict(day: Day, symbol: str, scan: Scan, standing: Standing) -> str:
    """The furthest point that the symbol reached, and what ended it there."""
    bought = [each for each in _of(stories.fills(day), symbol) if each["side"] == "buy"]
    if bought:
        return f"bought {bought[0]['shares']} at {bought[0]['price']}: it passed every gate"
    denied = _not_sent(day, symbol)
    if denied:
        return f"not entered in cycle {denied[-1]['cycle']}: {denied[-1]['code']}"
    enforcement = day.read("enforcement.json", Enforcement)
    if isinstance(enforcement, Loaded):
        if any(each.symbol == symbol for each in enforcement.artifact.authorised):
            return "authorised, and not filled"
        for refused in enforcement.artifact.refused:
            if refused.symbol == symbol:
                return f"refused by gate {refused.gate}: {refused.code}"
    fund = why_tables.trend_row(scan, symbol)
    if fund is not None and fund.verdict is ScanVerdict.CANDIDATE:
        return f"{fund.verdict} of {S2_INDEX_TREND}, and no entry was tried"
    if standing.codes:
        more = len(standing.codes) - CODES_IN_VERDICT
        told = ", ".join(standing.codes[:CODES_IN_VERDICT])
        return f"rejected by the scan: {told}" + (f" and {more} more" if more > 0 else "")
    return f"{standing.verdict}, and no entry was tried"


def _contract(day: Day, symbol: str) -> Rows:
    """The contract's findings on the symbol, recomputed from the recorded snapshot."""
    return [
        {"code": f.code, "observed": str(f.observed), "wanted": str(f.threshold), "detail": f.detail}
        for f in premarket.judged(day).findings(symbol)
    ]


def _scan_row(standing: Standing) -> dict[str, str]:
    row = standing.row
    return {
        "verdict": str(standing.verdict),
        "measured in": "full, kept in scan.json"
        if row is not None
        else "codes only: outside data or liquidity",
        "rank": "-" if row is None else str(row.get("rank", "-")),
        "tier": "-" if row is None else row.get("tier", "-"),
        "codes": ", ".join(standing.codes) or "none",
        "warnings": "" if row is None else ", ".join(row.get("warnings", [])),
    }


def _decision(day: Day, symbol: str) -> Rows:
    found = day.read("decisions.json", Decisions)
    wished = day.read("candidates.json", Candidates)
    if not isinstance(found, Loaded) or not isinstance(wished, Loaded):
        return []
    theses = {intent.intent_id: intent.thesis for intent in wished.artifact.intents}
    return [
        {
            "strategy": each.strategy_id,
            "verdict": stories.verdict_of(each),
            "shares": str(each.q2),
            "of wanted": "-" if each.q0 is None else str(each.q0),
            "notional": stories.money(each.notional),
            "risk": stories.money(each.risk),
            "thesis": theses.get(each.intent_id, ""),
            "reasons": ", ".join(f.code for f in each.reasons),
            "went first": ", ".join(f"{row.winner_strategy_id} ({row.rule})" for row in each.conflicts)
            or "-",
        }
        for each in found.artifact.verdicts
        if each.symbol == symbol
    ]


def _gates(day: Day, symbol: str) -> Rows:
    found = day.read("enforcement.json", Enforcement)
    if not isinstance(found, Loaded):
        return []
    asked: list[tuple[str, GateVerdict]] = []
    entries: list[AuthorisedEntry | RefusedEntry] = [*found.artifact.authorised, *found.artifact.refused]
    for entry in entries:
        if entry.symbol == symbol:
            asked += [(entry.strategy_id, gate) for gate in entry.gates]
    return [
        {
            "strategy": strategy_id,
            "gate": each.gate,
            "passed": "yes" if each.passed else "NO",
            "code": ", ".join(f.code for f in each.findings),
            "observed": ", ".join(str(f.observed) for f in each.findings),
            "wanted": ", ".join(str(f.threshold) for f in each.findings),
        }
        for strategy_id, each in asked
    ]
