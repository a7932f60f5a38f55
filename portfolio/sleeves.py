"""A sleeve is what one strategy, or several, may lose, hold and open; together the sleeves are the book, to the cent.

strategy.md 7.3. Which sleeve a share belongs to follows from its strategy alone. A configuration that cannot be
read is no configuration without caps: it blocks every entry until it can.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pydantic import Field, TypeAdapter, ValidationError

from portfolio.exposure import Exposure, total
from portfolio.limits import UNSLEEVED, Sleeve, table_faults
from schemas.base import Amount, Fact, Scalar
from schemas.header import Finding
from schemas.reasons.portfolio import BatchCode, CapCode, IntentCode
from schemas.strategy_registry import EXTERNAL, REGISTRY, StrategyStatus

_AMOUNT: Final[TypeAdapter[Decimal]] = TypeAdapter(Amount)


class Sharing(Fact):
    """How the strategies of one book share it."""

    sleeves: dict[str, Sleeve] = Field(default_factory=dict)
    """Strategy -> its sleeve."""
    faults: tuple[str, ...] = ()
    """Why a configuration that was given cannot be meant; any of them blocks every entry."""
    allow_unsleeved: bool = False
    """``S2_ALLOW_UNSLEEVED``: a strategy without a sleeve may trade, under the book's caps alone."""
    allow_symbol_overlap: bool = False
    """``S2_ALLOW_SYMBOL_OVERLAP``: two strategies may hold one symbol."""
    shadows: dict[str, str] = Field(default_factory=dict)
    """``SHADOW_STRATEGY_IDS``: shadow strategy -> the active one whose intents it clones."""

    def sleeve_of(self, strategy_id: str) -> str:
        """Where *strategy_id* is counted: its sleeve, UNSLEEVED, or EXTERNAL for what no strategy opened."""
        found = self.sleeves.get(strategy_id)
        if found is not None:
            return found.sleeve_id
        return EXTERNAL if strategy_id == EXTERNAL else UNSLEEVED

    def caps_of(self, sleeve_id: str) -> Sleeve | None:
        """The caps of *sleeve_id*; None for UNSLEEVED and EXTERNAL, which meet the book's alone."""
        return next((row for row in self.sleeves.values() if row.sleeve_id == sleeve_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a sleeve, or a strategy, takes of the book. None: unknown, for want of a mark."""

    positions: int
    gross: Decimal | None


# --- configuration ---


def parse_sleeves(text: str) -> tuple[dict[str, Sleeve], tuple[str, ...]]:
    """The sleeves that *text* (JSON, strategy_id -> caps) states, and every fault in it; with a fault, no sleeve.

    ``sleeve_id`` may be left out and then is the strategy's id; a cap that is left out or null is none.
    """
    table, faults = _object(text)
    sleeves: dict[str, Sleeve] = {}
    for strategy_id, row in sorted(table.items()):
        if not isinstance(row, dict):
            faults.append(f"{strategy_id}: an object of caps is wanted, not {json.dumps(row, default=str)}")
            continue
        try:
            sleeves[strategy_id] = Sleeve.model_validate({"sleeve_id": strategy_id} | row)
        except ValidationError as error:
            faults += [
                f"{strategy_id}.{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
            ]
    faults += table_faults(sleeves)
    return ({}, tuple(faults)) if faults else (sleeves, ())


def parse_daily_pnl(text: str, sharing: Sharing) -> tuple[dict[str, Decimal], tuple[str, ...]]:
    """Session PnL in USD by sleeve_id that *text* (JSON) states, and every fault in it; with a fault, none."""
    table, faults = _object(text)
    known = {row.sleeve_id for row in sharing.sleeves.values()}
    found: dict[str, Decimal] = {}
    for sleeve_id, amount in sorted(table.items()):
        if sleeve_id not in known:
            faults.append(f"S2_DAILY_PNL_JSON {sleeve_id}: no sleeve of that name is configured")
        try:
            found[sleeve_id] = _AMOUNT.validate_python(amount)
        except ValidationError as error:
            faults.append(f"S2_DAILY_PNL_JSON {sleeve_id}: {error.errors()[0]['msg']}")
    return ({}, tuple(faults)) if faults else (found, ())


def _object(text: str) -> tuple[dict[str, Any], list[str]]:
    """The JSON object in *text*, its numbers as written, or why there is none."""
    twice: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        names = [name for name, _ in pairs]
        twice.extend(f"{name}: stated twice" for name in sorted(found) if names.count(name) > 1)
        return found

    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=str, object_pairs_hook=once)
    except (json.JSONDecodeError, RecursionError) as error:
        return {}, [f"not JSON: {error}"]
    if not isinstance(found, dict):
        return {}, ["a JSON object is wanted, strategy_id to caps"]
    return found, twice


def is_shadow(strategy_id: str) -> bool:
    """Whether the registry names *strategy_id* a shadow."""
    meta = REGISTRY.get(strategy_id)
    return meta is not None and meta.status is StrategyStatus.SHADOW


def shadow_faults(shadows: Mapping[str, str]) -> tuple[str, ...]:
    """Why *shadows*, shadow to original, cannot be meant, in the order of the shadows."""
    found = []
    for shadow, original in sorted(shadows.items()):
        if not is_shadow(shadow):
            found.append(f"{shadow}: no strategy of status shadow has that name")
        meta = REGISTRY.get(original)
        if meta is None or meta.status is not StrategyStatus.ACTIVE:
            found.append(f"{shadow}={original}: the original is no active strategy")
    return tuple(found)


def config_findings(sharing: Sharing, strategies: Iterable[str]) -> tuple[Finding, ...]:
    """B7 and B8 of what is configured: its faults, and which of *strategies* have no sleeve and may not go without.

    *strategies*: those with a position, a working order or an intent. EXTERNAL opens nothing and needs none.
    """
    found = [
        Finding(code=BatchCode.S2_CONFIG_INVALID, subject="sleeves", detail=fault) for fault in sharing.faults
    ]
    if not sharing.allow_unsleeved:
        found += [
            Finding(code=BatchCode.S2_MISSING_SLEEVE, subject=strategy_id)
            for strategy_id in sorted(set(strategies))
            if strategy_id not in sharing.sleeves and _needs_one(strategy_id)
        ]
    return tuple(found)


def _needs_one(strategy_id: str) -> bool:
    meta = REGISTRY.get(strategy_id)  # who is not registered is refused by name, and holds nobody else up
    return strategy_id != EXTERNAL and meta is not None and meta.status is not StrategyStatus.SHADOW


# --- use ---


def use_by_strategy(exposure: Exposure) -> dict[str, Use]:
    """What each strategy with a position, an order or an allowed entry takes, sorted by id."""
    positions: dict[str, int] = defaultdict(int)
    for strategy_id, _ in exposure.slots:
        positions[strategy_id] += 1
    parts: dict[str, list[Decimal | None]] = defaultdict(list)
    for (strategy_id, _), worst in exposure.parts.items():
        parts[strategy_id].append(worst)
    ids = sorted(set(positions) | set(parts))
    return {name: Use(positions=positions[name], gross=total(parts[name])) for name in ids}


def use_by_sleeve(exposure: Exposure, sharing: Sharing) -> dict[str, Use]:
    """What each sleeve takes, every configured one named, UNSLEEVED and EXTERNAL where they hold something."""
    rows: dict[str, list[Use]] = {row.sleeve_id: [] for row in sharing.sleeves.values()}
    for strategy_id, use in use_by_strategy(exposure).items():
        rows.setdefault(sharing.sleeve_of(strategy_id), []).append(use)
    return {
        name: Use(positions=sum(use.positions for use in uses), gross=total(use.gross for use in uses))
        for name, uses in sorted(rows.items())
    }


def totals_findings(exposure: Exposure, uses: Mapping[str, Use]) -> tuple[Finding, ...]:
    """``S2_TOTALS_BROKEN`` where *uses* do not add up to the book, to the last digit.

    They differ when strategies offset each other in a symbol, or one has more sells working than shares: then it
    cannot be said whose the exposure is.
    """
    rows: tuple[tuple[str, Decimal | int | None, Decimal | int | None], ...] = (
        ("gross", total(use.gross for use in uses.values()), exposure.gross),
        ("positions", sum(use.positions for use in uses.values()), len(exposure.slots)),
    )
    return tuple(
        Finding(
            code=BatchCode.S2_TOTALS_BROKEN,
            subject=name,
            observed=_text(ours),
            threshold=_text(book),
            detail="sleeves together against the book",
        )
        for name, ours, book in rows
        if ours != book
    )


def session_pnl(
    sharing: Sharing, earned: Mapping[str, Decimal | None], stated: Mapping[str, Decimal] | None
) -> dict[str, Decimal | None]:
    """Profit of the session by configured sleeve, USD; None: unknown.

    Args:
        earned: by strategy, None where nobody knows; one that is not here earned nothing. Who asks before the open
            reckons it by ``portfolio.profit``, who is about to send by ``execution_v2.sleeve_facts``.
        stated: ``S2_DAILY_PNL_JSON``; if given it is the only source, and a sleeve that it leaves out is unknown.
    """
    ids = sorted({row.sleeve_id for row in sharing.sleeves.values()})
    if stated is not None:
        return {sleeve_id: stated.get(sleeve_id) for sleeve_id in ids}
    parts: dict[str, list[Decimal | None]] = defaultdict(list)
    for strategy_id, amount in earned.items():
        parts[sharing.sleeve_of(strategy_id)].append(amount)
    return {sleeve_id: total(parts[sleeve_id]) for sleeve_id in ids}


# --- rules ---


def cap_findings(
    strategy_id: str,
    symbol: str,
    sharing: Sharing,
    uses: Mapping[str, Use],
    pnl: Mapping[str, Decimal | None],
) -> Iterator[Finding]:
    """I8: why the sleeve of *strategy_id* takes no further position, against what is in use so far."""
    sleeve_id = sharing.sleeve_of(strategy_id)
    caps = sharing.caps_of(sleeve_id)
    if caps is None:
        return
    if caps.max_daily_loss is not None:
        earned, floor = pnl.get(sleeve_id), -caps.max_daily_loss
        code = IntentCode.S2_MISSING_PNL if earned is None else IntentCode.S2_MAX_DAILY_LOSS
        if earned is None or earned <= floor:
            yield Finding(
                code=code, subject=symbol, observed=_text(earned), threshold=_text(floor), detail=sleeve_id
            )
    used, most = uses[sleeve_id].positions, caps.max_concurrent_positions
    if most is not None and used >= most:
        yield Finding(
            code=IntentCode.S2_MAX_POSITIONS, subject=symbol, observed=used, threshold=most, detail=sleeve_id
        )


def gross_left(strategy_id: str, sharing: Sharing, uses: Mapping[str, Use]) -> dict[CapCode, Decimal | None]:
    """What the gross cap of the sleeve of *strategy_id* has left, USD, below 0 if exceeded; empty without a cap."""
    sleeve_id = sharing.sleeve_of(strategy_id)
    caps = sharing.caps_of(sleeve_id)
    if caps is None or caps.max_gross_exposure is None:
        return {}
    used = uses[sleeve_id].gross
    return {CapCode.S2_MAX_GROSS_EXPOSURE: None if used is None else caps.max_gross_exposure - used}


def _text(value: Decimal | int | None) -> Scalar:
    return format(value, "f") if isinstance(value, Decimal) else value
