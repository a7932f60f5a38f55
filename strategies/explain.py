"""Why, and why not: one symbol measured again in full, with every gate's observed value beside its threshold.

The scan keeps no features of a symbol outside G2-G6; they are a pure function of the recorded market
snapshot, and this is that function. The verdict is the scan's own, computed by the same code on the symbol
and the benchmark.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from schemas.base import Scalar
from schemas.reasons.scan import ScanCode
from schemas.scan import AnchorRow
from strategies import layout
from strategies.beside import next_report, sector_strength
from strategies.config import ScanConfig
from strategies.gates import BIT
from strategies.layout import NULL
from strategies.rows import decimal_of, full_row, usd
from strategies.scan import Judged, ScanInputs, judge_all


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    """One gate as it was asked: G3, its code, what was seen, what was wanted, and whether it passed."""

    gate: str
    code: str
    observed: Scalar
    threshold: Scalar
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything the scan knows of one symbol. ``features`` and ``anchors`` as in a full row of the scan."""

    symbol: str
    has_bar_at_p: bool
    features: dict[str, Any]
    anchors: tuple[AnchorRow, ...]
    chosen: str | None
    levels: dict[str, Any]
    labels: dict[str, Any]
    gates: tuple[GateRow, ...]


def explain(inputs: ScanInputs, config: ScanConfig, symbol: str) -> Explanation | None:
    """Measure and judge *symbol* alone; ``None`` if the snapshot holds no bar of it."""
    panel = inputs.panel
    k = panel.position(symbol)
    if k is None:
        return None
    beside = panel.position(panel.benchmark)
    kept = sorted({k} | ({beside} if beside is not None else set()))
    alone = replace(
        panel,
        symbols=tuple(panel.symbols[place] for place in kept),
        lo=panel.lo[kept],
        hi=panel.hi[kept],
    )
    own = replace(inputs, panel=alone)
    judged = judge_all(own, config)
    at = kept.index(k)
    f = judged.features[at].tolist()
    has_bar = f[layout.SESSION] != NULL
    strength = sector_strength(panel, config).get(symbol)
    days = [session.isoformat() for session in panel.sessions]
    row = full_row(days, f, judged.anchors[at].tolist(), strength) if f[layout.PIVOT_R1] != NULL else {}
    return Explanation(
        symbol=symbol,
        has_bar_at_p=has_bar,
        features=row.get("features", {}),
        anchors=tuple(row.get("anchors", ())),
        chosen=row.get("chosen"),
        levels=row.get("levels", {}),
        labels=row.get("labels", {}),
        gates=_gates(own, config, judged, at, symbol),
    )


_Ask = Callable[[list[int], ScanConfig], tuple[Scalar, Scalar]]


def _measure(column: int, scale: int, name: str) -> _Ask:
    """A gate that compares one measure with one setting."""
    return lambda f, config: (_show(f[column], scale), str(getattr(config, name)))


def _pair(left: int, right: int, scale: int) -> _Ask:
    """A gate that compares two measures."""
    return lambda f, _: (_show(f[left], scale), _show(f[right], scale))


def _levels(f: list[int], _: ScanConfig) -> tuple[Scalar, Scalar]:
    columns = (layout.STOP, layout.ENTRY_REF, layout.R1, layout.R2)
    shown = None if f[layout.STOP] == NULL else " < ".join(str(usd(f[column])) for column in columns)
    return shown, "0 < stop < entry_ref < r1 < r2"


def _risk(f: list[int], config: ScanConfig) -> tuple[Scalar, Scalar]:
    if f[layout.STOP] == NULL:
        return None, f"{config.unit_risk_pct_max} of entry_ref"
    risk = usd(f[layout.ENTRY_REF] - f[layout.STOP])
    return str(risk), str(config.unit_risk_pct_max * usd(f[layout.ENTRY_REF]))


def _expansion(f: list[int], config: ScanConfig) -> tuple[Scalar, Scalar]:
    median = _show(f[layout.ATR_PCT_MEDIAN], 6)
    return _show(f[layout.ATR_PCT], 6), f"{config.atr_expansion_max} of {median}"


def _trend(f: list[int], _: ScanConfig) -> tuple[Scalar, Scalar]:
    close = None if f[layout.CLOSE] == NULL else str(usd(f[layout.CLOSE]))
    sma20, sma50 = _show(f[layout.SMA20], 6), _show(f[layout.SMA50], 6)
    slope = _show(f[layout.SLOPE10], 6)
    return close, f"A: > {sma20} and {sma20} >= {sma50}; B: > {sma50} and slope10 {slope} > 0"


_ASKED: Final[tuple[tuple[str, ScanCode, _Ask], ...]] = (
    ("G5", ScanCode.HISTORY_SHORT, _measure(layout.BARS, 0, "history_bars_min")),
    ("G6", ScanCode.PRICE_BELOW_MIN, _measure(layout.CLOSE, 4, "price_min")),
    ("G6", ScanCode.ADV_SHARES_LOW, _measure(layout.ADV_SHARES20, 2, "adv_shares_min")),
    ("G6", ScanCode.ADV_DOLLARS_LOW, _measure(layout.ADV_USD20, 2, "adv_usd_min")),
    (
        "G7",
        ScanCode.EARNINGS_NEAR,
        lambda _, config: (None, f"none on D, D+1, D+2 ({config.earnings_policy})"),
    ),
    ("G8", ScanCode.MARKET_GATE_CLOSED, lambda _, __: (None, "benchmark close > sma200")),
    ("G9", ScanCode.WEEKLY_NOT_ALIGNED, _pair(layout.WEEKLY10, layout.WEEKLY40, 6)),
    ("G10", ScanCode.ATR_TOO_SMALL, _measure(layout.ATR14, 6, "atr_usd_min")),
    ("G11", ScanCode.ATR_PCT_TOO_HIGH, _measure(layout.ATR_PCT, 6, "atr_pct_max")),
    ("G12", ScanCode.ATR_EXPANDED, _expansion),
    ("G13", ScanCode.NO_TREND_TIER, _trend),
    ("G14", ScanCode.NO_ELIGIBLE_ANCHOR, lambda _, __: (None, "an eligible anchor")),
    ("G15", ScanCode.LEVELS_INVALID, _levels),
    ("G16", ScanCode.UNIT_RISK_TOO_WIDE, _risk),
)


def _gates(
    inputs: ScanInputs, config: ScanConfig, judged: Judged, at: int, symbol: str
) -> tuple[GateRow, ...]:
    f = judged.features[at].tolist()
    failed = int(judged.verdicts.failed[at])

    def row(gate: str, code: ScanCode, seen: Scalar, wanted: Scalar, detail: str = "") -> GateRow:
        passed = not failed & BIT[code]
        return GateRow(gate=gate, code=code, observed=seen, threshold=wanted, passed=passed, detail=detail)

    blocking, held = ", ".join(inputs.blocking), ", ".join(inputs.quarantine.get(symbol, ()))
    is_member = None if inputs.panel.members is None else symbol in inputs.panel.members
    rows = [
        row("G1", ScanCode.DATA_DAY_BLOCKED, blocking or None, "no B finding"),
        row("G2", ScanCode.UNIVERSE_NOT_MEMBER, is_member, "a member on D"),
        row("G2", ScanCode.UNIVERSE_LIST, None, "allow and deny lists"),
        row("G2", ScanCode.UNIVERSE_METRIC_FAILED, _metrics(inputs, symbol), _metrics_wanted(config)),
        row("G3", ScanCode.DATA_QUARANTINED, held or None, "no Q finding"),
        row("G4", ScanCode.CORP_ACTION_TODAY, symbol in inputs.blocked_symbols, False),
    ]
    for gate, code, ask in _ASKED:
        seen, wanted = ask(f, config)
        if code is ScanCode.EARNINGS_NEAR:
            seen = next_report(inputs.panel, symbol)
        if code is ScanCode.MARKET_GATE_CLOSED:
            seen = judged.benchmark_above_sma200
        if code is ScanCode.NO_ELIGIBLE_ANCHOR:
            seen = int((judged.anchors[at, :, layout.A_FAILS] == 0).sum())
        rows.append(row(gate, code, seen, wanted))
    return tuple(rows)


def _metrics(inputs: ScanInputs, symbol: str) -> Scalar:
    """What a provider answered about *symbol*, in one line."""
    if inputs.metrics is None or not inputs.metrics.ok:
        return None
    own = next((each for each in inputs.metrics.metrics if each.symbol == symbol), None)
    if own is None:
        return "unknown to the provider"
    return f"cap {own.market_cap_usd} USD, float {own.float_shares}, {own.listing}"


def _metrics_wanted(config: ScanConfig) -> Scalar:
    told = (
        ("cap >= {} USD", config.market_cap_usd_min),
        ("float >= {}", config.float_shares_min),
        ("on {}", None if config.listings is None else "/".join(config.listings)),
    )
    return ", ".join(text.format(wanted) for text, wanted in told if wanted is not None) or "no threshold"


def _show(q: int, scale: int) -> Scalar:
    return q if scale == 0 and q != NULL else decimal_of(q, scale)
