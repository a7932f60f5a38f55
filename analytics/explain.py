"""Which strategy caused what: the sealed days of a range cut by strategy, sleeve and symbol, each cut adding up.

Money adds up exactly; ratios but for rounding, which is printed. Source: strategy.md 9.9.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from analytics.attribution import EXPOSURE, MONEY
from analytics.attribution_path import (
    WINDOW_MIN,
    Closed,
    Fall,
    Window,
    current_fall,
    deepest_fall,
    own_drawdown,
    share_of_fall,
    share_of_volatility,
    volatility,
    window_of,
)
from analytics.lots import ZERO
from analytics.risk_events import is_by_size
from schemas.attribution import AttributionRow
from schemas.base import SessionDate
from schemas.decisions import Decision, Decisions, Verdict
from schemas.explanation import Activity, Cut, Explanation, Money, Part, Ratios
from schemas.header import Finding
from schemas.reasons.analytics import AttributionCode as Code
from schemas.reasons.portfolio import DecisionInfo
from schemas.risk_attribution import CodeCount, RiskEvent
from schemas.snapshot import Snapshot

RATIOS: Final = ("contribution", "drawdown", "drawdown_max", "volatility")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainInputs:
    """A book's closed sessions.

    Attributes:
        history: from its first to the last one that is asked for: peaks and windows reach back behind the range.
        first: position of the first session of the range.
        decided: the decisions of the range, each with its risk events; None: these could not be derived.
    """

    history: Sequence[Closed]
    first: int
    decided: Sequence[tuple[Decisions, tuple[RiskEvent, ...] | None]]
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class _Series:
    """One part, session by session; a session without a row is 0."""

    nets: dict[int, Decimal] = field(default_factory=dict)
    shares: dict[int, Decimal] = field(default_factory=dict)
    rows: list[tuple[int, AttributionRow]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """What every part of every cut is measured against."""

    inputs: ExplainInputs
    fall: Fall
    deepest: Fall | None
    window: Window
    is_known: bool
    """Whether every session of the range has a contribution."""
    caps: Mapping[str, Decimal]
    """Gross cap by sleeve_id, where there is one."""

    @property
    def last(self) -> Snapshot:
        return self.inputs.history[-1].snapshot


def run(inputs: ExplainInputs) -> Explanation:
    """The range of *inputs*. Errors: AssertionError if a cut does not add up to the book."""
    history = inputs.history
    assert 0 <= inputs.first < len(history), "the range holds a session"
    ranged = history[inputs.first :]
    frame = _Frame(
        inputs=inputs,
        fall=current_fall(history),
        deepest=deepest_fall(history),
        window=window_of(history),
        is_known=all(row.attribution.total.contribution is not None for row in ranged),
        caps=_caps([decided for decided, _ in inputs.decided]),
    )
    whole, ratios = _money(list(_rows(inputs)), len(history) - 1), _whole(frame, ranged)
    by_strategy = _cut(frame, lambda row: row.strategy_id, ratios)
    cuts = (
        by_strategy,
        _cut(frame, lambda row: row.sleeve_id, ratios),
        _cut(frame, lambda row: row.symbol or row.strategy_id, ratios),
    )
    for cut in cuts:
        assert sum((part.net for part in cut.parts), ZERO) == whole.net, "a cut loses no money"
    return Explanation(
        first=ranged[0].session,
        last=ranged[-1].session,
        sessions=len(ranged),
        whole=whole,
        ratios=ratios,
        peak=None if frame.fall.peak is None else history[frame.fall.peak].session,
        deepest=_dated(frame),
        volatility_sessions=len(frame.window.at),
        by_strategy=cuts[0],
        by_sleeve=cuts[1],
        by_symbol=cuts[2],
        activity=_activity(inputs, [part.name for part in by_strategy.parts]),
        findings=(*inputs.findings, *_findings(frame, ratios)),
    )


def _dated(frame: _Frame) -> tuple[SessionDate | None, SessionDate] | None:
    fall, history = frame.deepest, frame.inputs.history
    if fall is None:
        return None
    return (None if fall.peak is None else history[fall.peak].session), history[fall.trough].session


def _rows(inputs: ExplainInputs, since: int | None = None) -> Iterator[tuple[int, AttributionRow]]:
    """(position of the session, row) from position *since* on; default: of the range."""
    begin = inputs.first if since is None else since
    for at in range(begin, len(inputs.history)):
        for row in inputs.history[at].attribution.rows:
            yield at, row


def _money(rows: Sequence[tuple[int, AttributionRow]], last: int) -> Money:
    sums = {name: sum((getattr(row, name) for _, row in rows), ZERO) for name in MONEY}
    held = {name: sum((getattr(row, name) for at, row in rows if at == last), ZERO) for name in EXPOSURE}
    return Money(**sums, **held)


def _whole(frame: _Frame, ranged: Sequence[Closed]) -> Ratios:
    returns = [row.attribution.session_return for row in ranged]
    return Ratios(
        contribution=sum((each or ZERO for each in returns), ZERO) if frame.is_known else None,
        drawdown=frame.last.drawdown,
        drawdown_max=_depth(frame),
        volatility=volatility(frame.window),
    )


def _depth(frame: _Frame) -> Decimal | None:
    """The deepest fall; 0 if there was none."""
    if frame.deepest is None:
        return ZERO
    return frame.inputs.history[frame.deepest.trough].snapshot.drawdown


def _cut(frame: _Frame, name: Callable[[AttributionRow], str], whole: Ratios) -> Cut:
    found: dict[str, _Series] = {}
    for at, row in _rows(frame.inputs, since=0):
        part = found.setdefault(name(row), _Series())
        part.nets[at] = part.nets.get(at, ZERO) + row.net
        part.shares[at] = part.shares.get(at, ZERO) + (row.contribution or ZERO)
        part.rows.append((at, row))
    parts = [_part(frame, each, series, whole) for each, series in sorted(found.items())]
    ordered = tuple(sorted(parts, key=lambda part: (-abs(part.net), part.name)))
    left = {ratio: _left(ratio, whole, ordered) for ratio in RATIOS}
    return Cut(parts=ordered, residual=Ratios(**left))


def _left(ratio: str, whole: Ratios, parts: Sequence[Part]) -> Decimal | None:
    total, each = getattr(whole, ratio), [getattr(part.ratios, ratio) for part in parts]
    if total is None or any(share is None for share in each):
        return None
    left: Decimal = total - sum(each, ZERO)
    return left


def _part(frame: _Frame, name: str, series: _Series, whole: Ratios) -> Part:
    history, first = frame.inputs.history, frame.inputs.first
    base = _base(frame, {row.sleeve_id for _, row in series.rows})
    now, deepest = own_drawdown(series.nets.values(), base)
    in_range = sum((share for at, share in series.shares.items() if at >= first), ZERO)
    deep = ZERO if frame.deepest is None else share_of_fall(series.nets, frame.deepest, history)
    return Part(
        name=name,
        **dict(_money([(at, row) for at, row in series.rows if at >= first], len(history) - 1)),
        ratios=Ratios(
            contribution=in_range if frame.is_known else None,
            drawdown=None if whole.drawdown is None else share_of_fall(series.nets, frame.fall, history),
            drawdown_max=deep,
            volatility=share_of_volatility(series.shares, frame.window),
        ),
        own_drawdown=now,
        own_drawdown_max=deepest,
        own_base=base,
    )


def _base(frame: _Frame, sleeves: set[str]) -> Decimal:
    cap = frame.caps.get(next(iter(sleeves))) if len(sleeves) == 1 else None
    return cap or frame.last.starting_capital


def _caps(decided: Sequence[Decisions]) -> dict[str, Decimal]:
    """As configured on the last morning of the range."""
    rows = decided[-1].sleeves.configuration if decided else ()
    return {row.sleeve_id: row.max_gross_exposure for row in rows if row.max_gross_exposure is not None}


def _activity(inputs: ExplainInputs, order: Sequence[str]) -> tuple[Activity, ...]:
    rows = [row for decided, _ in inputs.decided for row in decided.verdicts if row.shadow_verdict is None]
    # A strategy that decided nothing may have won: by what it holds.
    names = {row.strategy_id for row in rows}
    names |= {met.winner_strategy_id for row in rows for met in row.conflicts}
    ranked = [*(name for name in order if name in names), *sorted(names - set(order))]
    return tuple(_of_strategy(name, rows, inputs) for name in ranked)


def _of_strategy(name: str, rows: Sequence[Decision], inputs: ExplainInputs) -> Activity:
    mine = [row for row in rows if row.strategy_id == name]
    by = {verdict: [row for row in mine if row.verdict is verdict] for verdict in Verdict}
    met = [conflict for row in rows for conflict in row.conflicts]
    return Activity(
        strategy_id=name,
        intents=len(mine),
        allowed=len(by[Verdict.ALLOW]),
        resized=len(by[Verdict.RESIZE]),
        blocked=len(by[Verdict.BLOCK]),
        resized_by=_codes(by[Verdict.RESIZE]),
        blocked_by=_codes(by[Verdict.BLOCK]),
        conflicts_won=sum(1 for each in met if each.winner_strategy_id == name),
        conflicts_lost=sum(1 for each in met if each.loser_strategy_id == name),
        suppressed_notional=_suppressed(name, inputs),
    )


def _suppressed(name: str, inputs: ExplainInputs) -> Decimal | None:
    """What was taken off sizes that nothing else kept out."""
    taken = ZERO
    for decided, events in inputs.decided:
        if events is None:
            return None
        mine = {row.decision_id for row in decided.verdicts if row.strategy_id == name and is_by_size(row)}
        taken -= sum((event.delta.notional for event in events if event.decision_id in mine), ZERO)
    return taken


def _codes(rows: Iterable[Decision]) -> tuple[CodeCount, ...]:
    found: dict[str, int] = {}
    for row in rows:
        for code in {reason.code for reason in row.reasons} - {DecisionInfo.ALLOW_WITHIN_LIMITS}:
            found[code] = found.get(code, 0) + 1
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return tuple(CodeCount(code=code, decisions=n) for code, n in ordered)


def _findings(frame: _Frame, whole: Ratios) -> Iterator[Finding]:
    inputs = frame.inputs
    if not frame.is_known or whole.drawdown is None:
        unknown = [
            row.session.isoformat()
            for row in inputs.history[inputs.first :]
            if row.attribution.total.contribution is None or row.snapshot.equity is None
        ]
        yield Finding(
            code=Code.EQUITY_UNKNOWN,
            subject=", ".join(unknown),
            detail="no contribution is told over a range that holds such a close, and no drawdown at one",
        )
    if whole.volatility is None:
        yield Finding(
            code=Code.INSUFFICIENT_SESSIONS,
            subject="volatility",
            observed=len(frame.window.at),
            threshold=WINDOW_MIN,
            detail="sessions with a return",
        )
    elif frame.window.spread == 0:
        yield Finding(code=Code.RETURNS_WITHOUT_SPREAD, subject="volatility", observed=len(frame.window.at))
