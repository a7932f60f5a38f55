"""What an operator set is judged as a whole, offline: every fault at once, whichever keeps a process from starting.

A setting that exits never read is taken as it is when a process starts, and blocks entries in the morning. Here,
the evening before, it is a fault like any other; and what is sound but probably not meant is a warning.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from flows.settings import BOOKS, SIM, ConfigInvalid, Given, Settings, given, load
from flows.sharing import read_text, sharing_of
from portfolio.limits import LimitsConfig
from portfolio.sleeves import Sharing, parse_daily_pnl
from schemas.base import SYMBOL_PATTERN
from schemas.reasons.edge import EdgeCode
from schemas.reasons.gates import AllowlistCode, LiveCode, PhaseCCode
from schemas.reasons.portfolio import BatchCode

LIVE: Final = "ALPACA_LIVE"
TOKEN_CHARACTERS_MIN: Final = 12
"""As gate 1 counts them; importing the gate would cost the check its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was found. ``settings`` is None where they cannot be loaded at all."""

    settings: Settings | None
    faults: tuple[str, ...]
    warnings: tuple[str, ...]


def judge(home: Path | None, **flags: Any) -> Judged:
    """Every fault and every warning of the configuration of *home*; *flags* as for ``load``."""
    settings: Settings | None = None
    faults: list[str] = []
    try:
        settings = load(home, **flags)
    except ConfigInvalid as refused:
        faults += refused.faults
    texts = given(home, **flags)
    if texts is not None:
        faults += _of_the_texts(texts, settings)
    return Judged(
        settings=settings,
        faults=tuple(dict.fromkeys(faults)),
        warnings=() if settings is None else tuple(warnings(settings)),
    )


# --- faults: what exits never read, so that no process waits for it ---


def _of_the_texts(texts: Given, settings: Settings | None) -> Iterator[str]:
    sharing = _sharing(texts, settings)
    for fault in sharing.faults:
        yield f"{BatchCode.S2_CONFIG_INVALID}: {fault}; entries wait for it"
    if texts.s2_daily_pnl_json is not None:
        for fault in parse_daily_pnl(texts.s2_daily_pnl_json, sharing)[1]:
            yield f"{BatchCode.S2_CONFIG_INVALID}: {fault}; entries wait for it"
    yield from _allowlist(texts)
    yield from _phase_c(texts)


def _sharing(texts: Given, settings: Settings | None) -> Sharing:
    """How the book that needs no broker is shared. Without settings, tables of the file have told their faults."""
    return sharing_of(
        {} if settings is None else settings.books[SIM].sleeves,
        texts.s2_sleeves_json,
        read_text(texts.home, texts.s2_sleeves_file),
        allow_unsleeved=False,
        allow_symbol_overlap=False,
        shadows=texts.shadow_strategy_ids,
    )


def _allowlist(texts: Given) -> Iterator[str]:
    for symbol in texts.allowlist_symbols or ():
        if re.fullmatch(SYMBOL_PATTERN, symbol) is None:
            yield f"ALLOWLIST_SYMBOLS {symbol!r}: no symbol is spelt so; it would let nothing pass"


def _phase_c(texts: Given) -> Iterator[str]:
    """A date that is none is a fault even while Phase C is off: it was written for a day to come."""
    if texts.live_enable_date_ny:
        try:
            date.fromisoformat(texts.live_enable_date_ny)
        except ValueError:
            code = PhaseCCode.PHASE_C_DATE_INVALID
            yield f"{code}: LIVE_ENABLE_DATE_NY = {texts.live_enable_date_ny}: YYYY-MM-DD is wanted"
    if not texts.phase_c:
        return
    if not texts.live_enable_date_ny:
        code = PhaseCCode.PHASE_C_DATE_MISSING
        yield f"{code}: PHASE_C is on without LIVE_ENABLE_DATE_NY: {LIVE} enters nothing"
    count = len(texts.allowlist_symbols or ())
    if count != 1:
        code = PhaseCCode.PHASE_C_ALLOWLIST_NOT_SINGLE
        yield f"{code}: PHASE_C is on and ALLOWLIST_SYMBOLS names {count} symbols: {LIVE} enters nothing"


# --- warnings: what is sound and probably not meant ---


def warnings(settings: Settings) -> Iterator[str]:
    """What is allowed and probably not meant."""
    yield from _about_money(settings)
    yield from _about_sharing(settings)
    for book in BOOKS:
        yield from _about_limits(book, settings.books[book].limits)
    yield from _about_flags(settings)
    yield from _about_costs(settings)


def _about_money(settings: Settings) -> Iterator[str]:
    if settings.live_trading and settings.alpaca.host != "live":
        code = LiveCode.LIVE_HOST_MISMATCH
        yield f"{code}: LIVE_TRADING is on and [alpaca] host is {settings.alpaca.host}: {LIVE} is not opened"
    if settings.live_trading:
        token = settings.live_confirm_token
        if token is None or len(token.get_secret_value().strip()) < TOKEN_CHARACTERS_MIN:
            code = LiveCode.LIVE_TOKEN_MISSING
            yield f"{code}: LIVE_TRADING is on without a token of {TOKEN_CHARACTERS_MIN} characters"
        if settings.allowlist_symbols is None:
            empty = AllowlistCode.ALLOWLIST_EMPTY
            yield f"{empty}: LIVE_TRADING is on without ALLOWLIST_SYMBOLS: {LIVE} enters nothing"
    if settings.allowlist_symbols == ():
        yield f"{AllowlistCode.ALLOWLIST_EMPTY}: ALLOWLIST_SYMBOLS is set and names none: no book enters anything"
    if settings.phase_c and len(settings.candidates.strategies_enabled) > 1:
        names = ", ".join(settings.candidates.strategies_enabled)
        yield f"{PhaseCCode.PHASE_C_STRATEGY_NOT_SINGLE}: PHASE_C is on and {names} are enabled"
    if settings.dry_run:
        yield "DRY_RUN is set: every cycle is a plan, and no book sends anything, exits included"
    if settings.kill_switch:
        yield "KILL_SWITCH is set: no book enters anything"


def _about_sharing(settings: Settings) -> Iterator[str]:
    enabled = settings.candidates.strategies_enabled
    for book in _meant(settings):
        sharing = settings.sharing(book)
        if sharing.faults:
            continue  # told as such
        for name in enabled:
            if name not in sharing.sleeves and not settings.s2_allow_unsleeved:
                code = BatchCode.S2_MISSING_SLEEVE
                yield f"{code}: {name} is enabled and has no sleeve in {book}: no strategy enters there"
        for shadow, original in sorted(sharing.shadows.items()):
            if original not in enabled:
                yield f"SHADOW_STRATEGY_IDS {shadow}: {original} is not enabled, so it has nothing to repeat"


def _meant(settings: Settings) -> list[str]:
    """SIM, and the Alpaca book whose keys are set, or for which an exchange of this machine stands in."""
    wanted = {SIM}
    if settings.apca_api_key_id is not None or settings.alpaca.url_override is not None:
        wanted.add(f"ALPACA_{settings.alpaca.host.upper()}")
    return [book for book in BOOKS if book in wanted]


def _about_limits(book: str, limits: LimitsConfig) -> Iterator[str]:
    """A limit under which a book can enter nothing: 0 means nothing, and a minimum above a maximum leaves nothing."""
    where = f"books.{book}.limits"
    for name, value in limits:
        if value == 0 and name != "notional_usd_min":
            yield f"{where}.{name} = 0: {book} enters nothing"
    for name in ("gross_abs_max_usd", "symbol_notional_usd_max"):
        most = getattr(limits, name)
        if most is not None and 0 < most < limits.notional_usd_min:
            yield f"{where}.{name} lies below notional_usd_min: {book} enters nothing"


def _about_flags(settings: Settings) -> Iterator[str]:
    if settings.e2_regime_risk_modulation and not settings.portfolio_decision_enforce:
        yield (
            f"{EdgeCode.E2_WITHOUT_ENFORCEMENT}: the regime lowers quantities; its counts of positions and entries "
            "do not bind while PORTFOLIO_DECISION_ENFORCE is off"
        )
    rests_on_summary = {
        "E3_RISK_ATTRIBUTION_ROLLING_WRITE": settings.e3_risk_attribution_rolling_write,
        "E3_RISK_ATTRIBUTION_SLACK_SUMMARY": settings.e3_risk_attribution_slack_summary,
    }
    for name, is_on in rests_on_summary.items():
        if is_on and not settings.e3_risk_attribution_summary_write:
            yield (
                f"{EdgeCode.E3_WITHOUT_SUMMARY}: {name} reads the daily summaries, and "
                "E3_RISK_ATTRIBUTION_SUMMARY_WRITE, which writes them, is off"
            )


def _about_costs(settings: Settings) -> Iterator[str]:
    band = settings.entry.limit_band * 10_000
    for bucket in settings.exchange.costs.buckets:
        cost = bucket.slippage_bps + bucket.half_spread_bps
        if cost > band and bucket.adv_usd_min > 0:
            yield (
                f"{EdgeCode.ENTRY_LIMIT_BELOW_COST}: symbols trading from {bucket.adv_usd_min:,.0f} USD a day cost "
                f"{cost} bps, above the entry limit's {band} bps"
            )
