"""The data contract says, before anyone looks at the bars, which symbols may be traded on and whether the
day may.

Q quarantines a symbol (no new entry; positions keep their exits), W warns, B blocks the day. The table is
strategy.md 1.5; the arithmetic of single symbols is in ``market.checks``, the shares of the day are in
``market.day``. ``judge`` gives the judgement as arrays, ``run`` the report of it: every quarantined symbol, the
rest counted with a few examples.

Without a membership table a symbol is a member while it has a bar at P or in one of the 5 sessions before:
a name that left the exchange is stale for ever, and would otherwise count against every day that follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from market.actions import BLOCKING_FROM_ANNOUNCEMENT, is_unresolved, takes_effect
from market.checks import (
    ACTION,
    BIT,
    CODES,
    GHOST,
    LIQUID,
    NOW,
    RESTATED,
    TWICE,
    TWINS,
    WINDOW,
    Checked,
    check_bars,
    thresholds,
)
from market.config import ContractConfig
from market.day import ContractInputs, day_findings
from market.inforce import Restatement
from market.panel import Panel
from market.rows import Bools
from schemas.header import Finding
from schemas.market import CodeCount, MarketObservation, Quarantined
from schemas.observations import Acknowledgement
from schemas.reasons.market import INFO_CODES, BarCode, DayCode

__all__ = [
    "ContractConfig", "ContractInputs", "ContractResult", "Judgement", "judge", "quarantined_codes", "run",
]  # fmt: skip

EXAMPLES_MAX: Final = 5


def wanted(config: ContractConfig) -> dict[BarCode, str]:
    """What each rule asks of a symbol, in words, for its findings."""
    c = {name: f"{value:f}" for name, value in config if isinstance(value, Decimal)}
    return {
        BarCode.BARS_GAP: f"none of the last 5, {config.gaps_year_max} of the last 252",
        BarCode.BARS_NOT_A_SESSION: "none in the last 20 sessions",
        BarCode.BARS_DUPLICATE: "one row per session",
        BarCode.BARS_PRICE_NOT_POSITIVE: "every price > 0",
        BarCode.BARS_OHLC_INCONSISTENT: "L <= O, C <= H",
        BarCode.BARS_VOLUME_ZERO: f"none at P, {config.zero_volume_max} of the last 20 bars",
        BarCode.BARS_FLAT: f"{config.flat_max} of the last 20 bars",
        BarCode.BARS_SPLIT_RESIDUE: "no untold split ratio in the last 20 bars",
        BarCode.BARS_OUTLIER: f"{c['outlier_max']} close to close",
        BarCode.BARS_REVERTED: f"no outlier undone within {c['reverted_max']}, last 20 bars",
        BarCode.BARS_SPIKE: f"{c['spike_max']} times the body, last 20 bars",
        BarCode.BARS_RESTATED: f"close {c['restated_close_max']}, volume {c['restated_volume_max']}",
        BarCode.BARS_IDENTICAL_SERIES: "no twin over 20 bars",
        BarCode.ACTION_UNRESOLVED: "ratio, cash or new symbol told",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractResult:
    """The report, and beside it every symbol's codes for the scan, in the contract's order."""

    observation: MarketObservation
    quarantine: Mapping[str, tuple[BarCode, ...]]
    warnings: Mapping[str, tuple[BarCode, ...]]
    blocking: tuple[DayCode, ...]
    ledger: "Ledger"

    def findings(self, symbol: str) -> tuple[Finding, ...]:
        """Everything the contract found about *symbol*, quarantines and warnings alike."""
        at = self.ledger.panel.position(symbol)
        if at is None:
            return ()
        both = int(self.ledger.checked.q[at] | self.ledger.checked.w[at])
        return tuple(self.ledger.finding(at, code) for code in _codes(both))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The arrays behind a judgement, from which a finding is spelled out when someone asks."""

    panel: Panel
    checked: Checked
    restated: Mapping[str, Restatement]
    wanted: Mapping[BarCode, str]

    def finding(self, at: int, code: BarCode) -> Finding:
        """The finding *code* of the symbol at position *at*."""
        bit = BIT[code]
        session = int(self.checked.when[at, bit])
        latest = self.panel.sessions[session].isoformat() if session >= 0 else ""
        observed: str | int = int(self.checked.times[at, bit])
        threshold = self.wanted.get(code, "")
        detail = f"latest {latest}" if latest else ""
        if code is BarCode.BARS_STALE:
            observed, threshold, detail = latest, self.panel.data_session.isoformat(), "last bar"
        elif code is BarCode.BARS_RESTATED:
            told = self.restated[self.panel.symbols[at]]
            detail = (
                f"{told.session}: close {told.close_before_e4} to {told.close_after_e4} e4, "
                f"volume {told.volume_before} to {told.volume_after}"
            )
        return Finding(
            code=code, subject=self.panel.symbols[at], observed=observed, threshold=threshold, detail=detail
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A judgement before it is put in words. member, liquid: (n,) who counts for the day's shares."""

    ledger: Ledger
    member: Bools
    liquid: Bools
    found: tuple[Finding, ...]
    lifted: tuple[Finding, ...]

    @property
    def blocking(self) -> tuple[DayCode, ...]:
        return tuple(DayCode(f.code) for f in self.found if f.code not in INFO_CODES)


def judge(inputs: ContractInputs, config: ContractConfig) -> Judgement:
    """Judge every symbol of the panel and the day as a whole. Pure."""
    panel = inputs.panel
    checked = _check(panel, config)
    restated = _mark_restated(panel, checked, config)
    _mark_defects(panel, checked)
    _mark_twins(panel, checked)
    _mark_actions(panel, checked)
    lifted = _lift(panel, checked, inputs.acknowledged)
    checked.w[:] &= ~checked.q
    ledger = Ledger(panel=panel, checked=checked, restated=restated, wanted=wanted(config))
    member = checked.seen != 0
    if panel.members is not None:
        member &= np.fromiter((s in panel.members for s in panel.symbols), np.bool_, len(panel.symbols))
    liquid = member & ((checked.state & LIQUID) != 0)
    found = day_findings(inputs, config, checked, member, liquid)
    return Judgement(ledger=ledger, member=member, liquid=liquid, found=found, lifted=lifted)


def run(inputs: ContractInputs, config: ContractConfig) -> ContractResult:
    """``judge``, and the report of it."""
    made = judge(inputs, config)
    panel, checked, member, liquid = inputs.panel, made.ledger.checked, made.member, made.liquid
    quarantined = {panel.symbols[at]: _codes(int(checked.q[at])) for at in _where(checked.q != 0)}
    warned = {panel.symbols[at]: _codes(int(checked.w[at])) for at in _where(checked.w != 0)}
    observation = MarketObservation(
        data_session=panel.data_session,
        data_version=panel.data_version,
        cut_at=inputs.calendar.cut_at(panel.session_date),
        sessions_first=panel.sessions[0],
        sessions_last=panel.sessions[-1],
        sessions=len(panel.sessions),
        symbols=len(panel.symbols),
        members=int(member.sum()),
        liquid_members=int(liquid.sum()),
        bars_at_data_session=int((checked.state & NOW != 0).sum()),
        benchmark=panel.benchmark,
        blocked=bool(made.blocking),
        findings=made.found,
        counts=_counts(made.ledger, liquid),
        lifted=made.lifted,
        actions=tuple(
            a
            for a in panel.told
            if takes_effect(a, panel.data_session, panel.session_date) or a.kind in BLOCKING_FROM_ANNOUNCEMENT
        ),
        quarantined=_grouped(quarantined),
    )
    return ContractResult(
        observation=observation,
        quarantine=quarantined,
        warnings=warned,
        blocking=made.blocking,
        ledger=made.ledger,
    )


def _check(panel: Panel, config: ContractConfig) -> Checked:
    last = len(panel.sessions) - 1
    ends = np.array([s.toordinal() for s in panel.sessions])
    acts: dict[int, list[int]] = {}
    for action in panel.actions:
        at = panel.position(action.symbol)
        if at is not None and action.ex_date <= panel.data_session:
            acts.setdefault(at, []).append(int(np.searchsorted(ends, action.ex_date.toordinal())))
    counts = np.zeros(len(panel.symbols) + 1, np.int64)
    for at, dates in acts.items():
        counts[at + 1] = len(dates)
    told = [each for at in sorted(acts) for each in acts[at]]
    return check_bars(
        panel.lo,
        panel.hi,
        panel.session,
        (panel.open, panel.high, panel.low, panel.close, panel.volume),
        last,
        np.cumsum(counts),
        np.array(told, np.int64),
        thresholds(config),
    )


def _mark(checked: Checked, at: int, bit: int, session: int, *, quarantines: bool) -> None:
    (checked.q if quarantines else checked.w)[at] |= 1 << bit
    checked.times[at, bit] += 1
    checked.when[at, bit] = max(int(checked.when[at, bit]), session)


def _mark_defects(panel: Panel, checked: Checked) -> None:
    """Dropped rows, all at once: a feed that published a day three times over has them by the thousand."""
    defects = panel.defects
    ends = np.array([each.toordinal() for each in panel.sessions])
    days = np.array([each.toordinal() for each in defects.phantom_date], np.int64)
    # A phantom bar is told by the session before it; one before the panel's first session, by that session.
    at = np.maximum(np.searchsorted(ends, days, "left") - 1, 0)
    rows = (
        (GHOST, defects.phantom_symbol, at, days >= ends[max(0, len(ends) - WINDOW)]),
        (TWICE, defects.duplicate_symbol, defects.duplicate_session, defects.duplicate_differs),
    )
    for bit, symbol, session, quarantines in rows:
        np.bitwise_or.at(checked.q, symbol[quarantines], np.int32(1 << bit))
        np.bitwise_or.at(checked.w, symbol[~quarantines], np.int32(1 << bit))
        np.add.at(checked.times[:, bit], symbol, 1)
        np.maximum.at(checked.when[:, bit], symbol, session)


def _mark_restated(panel: Panel, checked: Checked, config: ContractConfig) -> dict[str, Restatement]:
    """Compare what each changed bar said at the last sealed session's cut with what it says now."""
    # The cut of a session precedes its open: what was effective at that open came after the cut.
    excused = {a.symbol for a in panel.actions if panel.since <= a.ex_date <= panel.session_date}
    worst: dict[str, Restatement] = {}
    for told in panel.restated:
        at = panel.position(told.symbol)
        if at is None or told.symbol in excused:
            continue
        close = _beyond(told.close_before_e4, told.close_after_e4, config.restated_close_max)
        volume = _beyond(told.volume_before, told.volume_after, config.restated_volume_max)
        if close or volume:
            session = panel.sessions.index(told.session)
            _mark(checked, at, RESTATED, session, quarantines=close)
            if close or told.symbol not in worst:
                worst[told.symbol] = told
    return worst


def _beyond(before: int, after: int, most: Decimal) -> bool:
    """Whether the value moved by more than *most* of what it was; from nothing to something is beyond."""
    return abs(after - before) * 1_000_000 > int(most * 1_000_000) * max(before, 0)


def _mark_twins(panel: Panel, checked: Checked) -> None:
    prints, inverse, counts = np.unique(checked.prints, return_inverse=True, return_counts=True)
    shared = np.flatnonzero((counts[inverse] > 1) & (checked.prints != 0))
    del prints
    groups: dict[bytes, list[int]] = {}
    for at in shared.tolist():
        rows = slice(int(panel.hi[at]) - WINDOW, int(panel.hi[at]))
        series = (panel.session, panel.open, panel.high, panel.low, panel.close, panel.volume)
        groups.setdefault(b"".join(each[rows].tobytes() for each in series), []).append(at)
    for twins in groups.values():
        for at in twins if len(twins) > 1 else ():
            _mark(checked, at, TWINS, int(panel.session[panel.hi[at] - 1]), quarantines=True)


def _mark_actions(panel: Panel, checked: Checked) -> None:
    for action in panel.actions:
        at = panel.position(action.symbol)
        if at is None or not panel.since < action.ex_date <= panel.session_date:
            continue
        if is_unresolved(action):
            _mark(checked, at, ACTION, len(panel.sessions) - 1, quarantines=True)


def _lift(panel: Panel, checked: Checked, acknowledged: tuple[Acknowledgement, ...]) -> tuple[Finding, ...]:
    lifted = []
    for each in sorted(acknowledged, key=lambda one: (one.symbol, BIT[one.code])):
        at, bit = panel.position(each.symbol), 1 << BIT[each.code]
        if at is None or each.session_date != panel.session_date or not checked.q[at] & bit:
            continue
        checked.q[at] &= ~bit
        detail = f"acknowledged by {each.operator}: {each.reason}"
        lifted.append(
            Finding(code=each.code, subject=each.symbol, observed=None, threshold=None, detail=detail)
        )
    return tuple(lifted)


def _codes(bits: int) -> tuple[BarCode, ...]:
    return tuple(code for code in CODES if bits >> BIT[code] & 1)


def _where(mask: Bools) -> list[int]:
    return [int(at) for at in np.flatnonzero(mask)]


def quarantined_codes(observation: MarketObservation) -> dict[str, tuple[BarCode, ...]]:
    """Symbol -> its codes, as the report has them: for a reader that has the file and not the judgement."""
    return {symbol: group.codes for group in observation.quarantined for symbol in group.symbols}


def _grouped(quarantined: Mapping[str, tuple[BarCode, ...]]) -> tuple[Quarantined, ...]:
    groups: dict[tuple[BarCode, ...], list[str]] = {}
    for symbol, codes in quarantined.items():
        groups.setdefault(codes, []).append(symbol)
    ordered = sorted(groups, key=lambda codes: [BIT[code] for code in codes])
    return tuple(Quarantined(codes=codes, symbols=tuple(sorted(groups[codes]))) for codes in ordered)


def _counts(ledger: Ledger, liquid: Bools) -> tuple[CodeCount, ...]:
    made = []
    for code in CODES:
        for effect, bits in (("Q", ledger.checked.q), ("W", ledger.checked.w)):
            carries = (bits >> BIT[code] & 1) != 0
            total = int(carries.sum())
            if not total:
                continue
            shown = [*_where(carries & liquid), *_where(carries & ~liquid)][:EXAMPLES_MAX]
            made.append(
                CodeCount(
                    code=code,
                    effect=effect,
                    symbols=total,
                    liquid=int((carries & liquid).sum()),
                    examples=tuple(ledger.finding(at, code) for at in shown),
                )
            )
    return tuple(made)
