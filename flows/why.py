"""Why a symbol was bought, and why not: every verdict on it in one session, from the data contract to the stop."""

from typing import Any

from flows import stories
from flows.day import Day
from flows.stages import premarket
from ledger.artifacts import Loaded
from schemas.candidates import Candidates
from schemas.decisions import Decisions
from schemas.enforcement import AuthorisedEntry, Enforcement, RefusedEntry
from schemas.errors import UsageFault
from schemas.events import GateVerdict
from schemas.reasons.edge import EdgeCode
from schemas.scan import ANCHOR_LETTERS, Scan
from strategies.lookup import Standing, standing_of

Rows = list[dict[str, str]]


def explain(day: Day, symbol: str) -> dict[str, Any]:
    """Sections of rows, in the order of the stages, and a verdict in one sentence.

    Errors: ``StageRefused`` without a scan of the day; ``UsageFault`` if the snapshot holds no bar of *symbol*.
    """
    scan = day.need("why", "scan.json", Scan).artifact
    standing = standing_of(scan, symbol)
    if standing is None:
        raise UsageFault(
            EdgeCode.SYMBOL_NOT_SCANNED,
            f"the snapshot {scan.data_version} of {day.session} holds no bar of {symbol}",
            safe="nothing was changed",
            next=f"check the spelling; avwap show {day.house.root / day.path('scan.json')} lists every symbol",
        )
    sections = [
        {"title": "Data contract", "rows": _contract(day, symbol)},
        *_measured(day, symbol),
        {"title": "Scan", "rows": [_scan_row(standing)]},
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
        "symbol": symbol,
        "verdict": _verdict(day, symbol, standing),
        "sections": [each for each in sections if each["rows"]],
    }


def _of(rows: Rows, symbol: str) -> Rows:
    return [row for row in rows if row["symbol"] == symbol]


def _not_sent(day: Day, symbol: str) -> Rows:
    """Why no order left for the symbol, if it was wished for: its own denials, and what blocked every entry."""
    wished = day.read("candidates.json", Candidates)
    asked = isinstance(wished, Loaded) and any(each.symbol == symbol for each in wished.artifact.intents)
    every = "every symbol" if asked else symbol
    return [row for row in stories.denied(day) if row["symbol"] in (symbol, every)]


def _verdict(day: Day, symbol: str, standing: Standing) -> str:
    """The furthest point that the symbol reached, and what ended it there."""
    bought = [each for each in _of(stories.fills(day), symbol) if each["side"] == "buy"]
    if bought:
        return f"bought {bought[0]['shares']} at {bought[0]['price']}: it passed every gate"
    denied = _not_sent(day, symbol)
    if denied:
        return f"not entered in cycle {denied[-1]['cycle']}: {denied[-1]['code']}"
    enforcement = day.read("enforcement.json", Enforcement)
    if isinstance(enforcement, Loaded):
        for refused in enforcement.artifact.refused:
            if refused.symbol == symbol:
                return f"refused by gate {refused.gate}: {refused.code}"
        if any(each.symbol == symbol for each in enforcement.artifact.authorised):
            return "authorised, and not filled"
    if standing.codes:
        return f"rejected by the scan: {', '.join(standing.codes)}"
    return f"{standing.verdict}, and no entry was tried"


def _contract(day: Day, symbol: str) -> Rows:
    """The contract's findings on the symbol, recomputed from the recorded snapshot."""
    return [
        {"code": f.code, "observed": str(f.observed), "wanted": str(f.threshold), "detail": f.detail}
        for f in premarket.judged(day).findings(symbol)
    ]


def _measured(day: Day, symbol: str) -> list[dict[str, Any]]:
    """Measures, anchors and every gate of the scan, recomputed: a pure function of the recorded snapshot."""
    from strategies.explain import explain as measure

    found = measure(premarket.scan_inputs(day), day.house.settings.scan, symbol)
    if found is None:
        return []
    gates = [
        {
            "gate": each.gate,
            "code": each.code,
            "passed": "yes" if each.passed else "NO",
            "observed": str(each.observed),
            "wanted": str(each.threshold),
            "detail": each.detail,
        }
        for each in found.gates
    ]
    features = [{"measure": name, "value": str(value)} for name, value in found.features.items()]
    anchors = [
        {
            "anchor": each["a"],
            "on": str(each["on"]),
            "avwap": str(each["v"]),
            "distance": stories.percent(each["d"]),
            "slope5": stories.percent(each["s"], 3),
            "why not": ", ".join(ANCHOR_LETTERS[letter] for letter in each.get("no", ""))
            or ("chosen" if each["a"] == found.chosen else "eligible"),
        }
        for each in found.anchors
    ]
    levels = [{name: str(value) for name, value in found.levels.items()}] if found.levels else []
    return [
        {"title": "Measures at the close before (recomputed)", "rows": features},
        {"title": "Anchors", "rows": anchors},
        {"title": "Levels", "rows": levels},
        {"title": "Gates of the scan", "rows": gates},
    ]


def _scan_row(standing: Standing) -> dict[str, str]:
    row = standing.row
    return {
        "verdict": str(standing.verdict),
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
            "verdict": each.verdict,
            "shares": str(each.q2),
            "of wanted": "-" if each.q0 is None else str(each.q0),
            "notional": stories.money(each.notional),
            "risk": stories.money(each.risk),
            "thesis": theses.get(each.intent_id, ""),
            "reasons": ", ".join(f.code for f in each.reasons),
        }
        for each in found.artifact.verdicts
        if each.symbol == symbol
    ]


def _gates(day: Day, symbol: str) -> Rows:
    found = day.read("enforcement.json", Enforcement)
    if not isinstance(found, Loaded):
        return []
    asked: list[GateVerdict] = []
    entries: list[AuthorisedEntry | RefusedEntry] = [*found.artifact.authorised, *found.artifact.refused]
    for entry in entries:
        if entry.symbol == symbol:
            asked += entry.gates
    return [
        {
            "gate": each.gate,
            "passed": "yes" if each.passed else "NO",
            "code": ", ".join(f.code for f in each.findings),
            "observed": ", ".join(str(f.observed) for f in each.findings),
            "wanted": ", ".join(str(f.threshold) for f in each.findings),
        }
        for each in asked
    ]
