"""Every limit of a book stands in one list: what it is, how much of it is in use and left, and whose it is.

Told from files alone, for the moment after the last record of a session's journal. What was authorised this morning
and not sent yet counts as used, for the gates count it so. Unknown use is told as unknown, never as none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from execution_v2.sleeve_facts import since_the_close, sleeve_pnl
from flows.day import Day, open_day, sealed
from flows.house import House
from flows.settings import Settings, book_of
from flows.status import latest_state, locked, state_of, switches
from ledger.artifacts import Loaded, ReadFault
from portfolio.batch import sizing_equity
from portfolio.exposure import Exposure, measure
from portfolio.limits import LimitsConfig
from portfolio.modulation import effective
from portfolio.sizing import of_equity
from portfolio.sleeves import Sharing, use_by_sleeve
from schemas.book import BookState
from schemas.decisions import Decisions
from schemas.enforcement import Enforcement
from schemas.observations import AccountObservation, SleevePnlObservation
from schemas.reasons.ledger import ReadFaultCode
from schemas.reasons.portfolio import BatchCode
from schemas.snapshot import Snapshot

USD: Final = "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One limit. *value* None: no limit is set, or it is a share of an equity that is unknown.

    *used* and *left* None: unknown, or a limit that a single entry meets and nothing adds up to. *source* is the
    setting, and what it says where *value* is made from it.
    """

    limit: str
    value: Decimal | None
    unit: str
    used: Decimal | None
    left: Decimal | None
    whose: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the rows are told from.

    Attributes:
        exposure: worst case now, what is authorised and not yet sent included.
        equity: E of sizing, USD; None: unknown.
        drawdown: fall from the peak at the last proved close.
        sectors: symbol -> sector; None: there is no table of sectors.
        pnl: of the session by sleeve_id, USD; None: unknown.
    """

    day: Day
    state: BookState
    exposure: Exposure
    equity: Decimal | None
    drawdown: Decimal | None
    sectors: Mapping[str, str] | None
    pnl: Mapping[str, Decimal | None]
    limits: LimitsConfig
    is_modulated: bool
    is_over: bool


def of_book(house: House, book_id: str, on: date | None) -> dict[str, Any]:
    """Rows, locks and switches of *on*, or of the newest session. Errors: ``UsageFault`` if it was never opened."""
    book_of(book_id)
    if on is None:
        session, state, _ = latest_state(house, book_id)
        day = open_day(house, book_id, session)
    else:
        day = open_day(house, book_id, on)
        state = state_of(house, book_id, day.session)
    found = _standing(day, state)
    sharing = house.settings.sharing(book_id)
    return {
        "book": book_id,
        "session": day.session.isoformat(),
        "as_of": "the close" if found.is_over else "the last record of the journal",
        "equity": found.equity,
        "limits": [asdict(row) for row in rows(found, sharing, house.settings)],
        "locks": locked(house, book_id, day.session, state, is_over=found.is_over),
        "switches": [row for row in switches(house, book_id, state) if row["set"] == "yes"],
        "faults": [f"{BatchCode.S2_CONFIG_INVALID}: {fault}" for fault in sharing.faults],
    }


def rows(found: Standing, sharing: Sharing, settings: Settings) -> list[Row]:
    """Every limit, the book's first."""
    return [
        *_of_the_book(found),
        *_of_an_entry(found),
        *_of_symbols(found),
        *_of_sleeves(found, sharing, settings),
        *_of_losses(found, settings),
    ]


# --- the facts ---


def _standing(day: Day, state: BookState) -> Standing:
    from flows.peers import sectors

    is_over = sealed(day) is not None
    snapshot = _snapshot(day if is_over else day.sibling(day.previous))
    account = day.read("observations/account.json", AccountObservation)
    observed = account.artifact.account if isinstance(account, Loaded) else None
    symbols = {row.symbol for row in state.positions} | {row.symbol for row in state.orders}
    reserved = () if is_over else _reserved(day, state)
    marks = _closing_marks(snapshot) if is_over else _marks(day, symbols)
    exposure = measure(state, marks, day.session, cash=state.cash)
    for row in reserved:
        exposure = exposure.after(
            intent_id=row.intent_id,
            strategy_id=row.strategy_id,
            symbol=row.symbol,
            quantity=int(row.quantity),
            price=row.limit,
        )
    equity = sizing_equity(snapshot, ReadFaultCode.MISSING if observed is None else observed)
    known = None if isinstance(snapshot, ReadFaultCode) else snapshot
    decided = day.read("decisions.json", Decisions)
    modulation = decided.artifact.modulation if isinstance(decided, Loaded) else None
    return Standing(
        day=day,
        state=state,
        exposure=exposure,
        equity=equity if not is_over else None if known is None else known.equity,
        drawdown=None if known is None else known.drawdown,
        sectors=sectors(day.house.panel(day.session), exposure.symbols),
        pnl=_pnl(day, state, marks),
        limits=effective(day.house.settings.books[day.book_id], modulation).limits,
        is_modulated=modulation is not None,
        is_over=is_over,
    )


def _snapshot(day: Day) -> Snapshot | ReadFaultCode:
    found = day.read("snapshot.json", Snapshot)
    return found.code if isinstance(found, ReadFault) else found.artifact


def _closing_marks(snapshot: Snapshot | ReadFaultCode) -> Mapping[str, Decimal]:
    return {} if isinstance(snapshot, ReadFaultCode) else {row.symbol: row.mark for row in snapshot.positions}


def _marks(day: Day, symbols: set[str]) -> Mapping[str, Decimal]:
    from flows.stages.premarket import marks

    return marks(day, symbols)


def _reserved(day: Day, state: BookState) -> tuple[Any, ...]:
    """Entries that were authorised this morning and are not in the journal yet."""
    found = day.read("enforcement.json", Enforcement)
    rows = found.artifact.authorised if isinstance(found, Loaded) else ()
    return tuple(row for row in rows if row.intent_id not in state.entry_intents_today)


def _pnl(day: Day, state: BookState, marks: Mapping[str, Decimal]) -> Mapping[str, Decimal | None]:
    told = day.read("observations/sleeve_pnl.json", SleevePnlObservation)
    stated = told.artifact.text if isinstance(told, Loaded) else None
    earned = since_the_close(state, marks, _snapshot(day.sibling(day.previous)), day.session)
    return sleeve_pnl(day.house.settings.sharing(day.book_id), earned, stated).by_sleeve


# --- the rows ---


def _source(found: Standing, name: str) -> str:
    """The setting, what it says where the value is made from it, and whether the regime lowered it."""
    own = getattr(found.day.house.settings.books[found.day.book_id].limits, name)
    said = f" = {own.normalize():f}" if name.endswith("_pct_max") else ""
    if found.is_modulated and getattr(found.limits, name) != own:
        said = f" = {own}, lowered by E2_REGIME_RISK_MODULATION"
    return f"books.{found.day.book_id}.limits.{name}{said}"


def _share(found: Standing, fraction: Decimal) -> Decimal | None:
    """*fraction* of equity, USD, as decisions round it."""
    return None if found.equity is None else of_equity(max(0, int(found.equity.scaleb(6))), fraction)


def _row(
    found: Standing, name: str, value: Decimal | None, unit: str, used: Decimal | None, whose: str
) -> Row:
    left = None if value is None or used is None else value - used
    return Row(
        limit=name, value=value, unit=unit, used=used, left=left, whose=whose, source=_source(found, name)
    )


def _of_the_book(found: Standing) -> Iterator[Row]:
    limits, exposure, whose = found.limits, found.exposure, f"book {found.day.book_id}"
    slots, sent = Decimal(len(exposure.slots)), Decimal(len(exposure.entry_intents))
    yield _row(found, "positions_max", Decimal(limits.positions_max), "positions", slots, whose)
    yield _row(found, "entries_per_day_max", Decimal(limits.entries_per_day_max), "entries", sent, whose)
    yield _row(found, "gross_abs_max_usd", limits.gross_abs_max_usd, USD, exposure.gross, whose)
    yield _row(found, "gross_pct_max", _share(found, limits.gross_pct_max), USD, exposure.gross, whose)
    fall = None if found.drawdown is None else abs(found.drawdown)
    yield _row(found, "drawdown_max", limits.drawdown_max, "of the peak", fall, whose)
    cash, reserved = exposure.cash, exposure.cash_reserved
    yield Row(
        limit="cash",
        value=cash,
        unit=USD,
        used=reserved,
        left=None if cash is None or reserved is None else cash - reserved,
        whose=whose,
        source="the book's cash; no margin",
    )


def _of_an_entry(found: Standing) -> Iterator[Row]:
    """Limits that each entry meets by itself: nothing adds up to them."""
    limits, whose = found.limits, "each entry"
    percent = _share(found, limits.risk_per_trade_pct_max)
    yield _row(found, "risk_per_trade_abs_max_usd", limits.risk_per_trade_abs_max_usd, USD, None, whose)
    yield _row(found, "risk_per_trade_pct_max", percent, USD, None, whose)
    volume = limits.adv_participation_max
    yield _row(found, "adv_participation_max", volume, "of 20-day volume", None, whose)
    yield _row(found, "notional_usd_min", limits.notional_usd_min, "USD at least", None, whose)


def _of_symbols(found: Standing) -> Iterator[Row]:
    """Concentration, by symbol and by sector; what is not in use has one row for all."""
    limits, worst = found.limits, found.exposure.symbols
    share = _share(found, limits.symbol_pct_max)
    held: list[tuple[str, Decimal | None]] = [(f"symbol {name}", worst[name]) for name in sorted(worst)]
    held.append(("any other symbol", Decimal(0)))
    for whose, used in held:
        yield _row(found, "symbol_pct_max", share, USD, used, whose)
        if limits.symbol_notional_usd_max is not None:
            most = limits.symbol_notional_usd_max
            yield _row(found, "symbol_notional_usd_max", most, USD, used, whose)
    sector_share = _share(found, limits.sector_pct_max)
    if found.sectors is None:
        yield _row(found, "sector_pct_max", sector_share, USD, None, "not asked: no table of sectors")
        return
    for sector in sorted({found.sectors.get(name, "") for name in worst}):
        parts = [worst[name] for name in worst if found.sectors.get(name, "") == sector]
        used = None if None in parts else sum((part for part in parts if part is not None), Decimal(0))
        whose = f"sector {sector}" if sector else "symbols without a sector"
        yield _row(found, "sector_pct_max", sector_share, USD, used, whose)
    yield _row(found, "sector_pct_max", sector_share, USD, Decimal(0), "any other sector")


def _of_sleeves(found: Standing, sharing: Sharing, settings: Settings) -> Iterator[Row]:
    """A sleeve's caps; one that has none stated has no limit of its own there."""
    uses = use_by_sleeve(found.exposure, sharing)
    for sleeve_id in sorted({row.sleeve_id for row in sharing.sleeves.values()}):
        caps, use, pnl = sharing.caps_of(sleeve_id), uses[sleeve_id], found.pnl.get(sleeve_id)
        assert caps is not None, "every sleeve of the table has its row"
        owner = next(name for name, row in sorted(sharing.sleeves.items()) if row.sleeve_id == sleeve_id)
        slots = None if caps.max_concurrent_positions is None else Decimal(caps.max_concurrent_positions)
        lost = None if pnl is None else max(Decimal(0), -pnl)
        for name, value, unit, used, left in (
            ("max_daily_loss", caps.max_daily_loss, USD, lost, pnl),
            ("max_gross_exposure", caps.max_gross_exposure, USD, use.gross, None),
            ("max_concurrent_positions", slots, "positions", Decimal(use.positions), None),
        ):
            # A sleeve that has earned something may lose that, too, before it meets its cap.
            more = left if name == "max_daily_loss" else None if used is None else -used
            yield Row(
                limit=name,
                value=value,
                unit=unit,
                used=used,
                left=None if value is None or more is None else value + more,
                whose=f"sleeve {sleeve_id}",
                source=f"{_table_of(settings, found.day.book_id)}.{owner}.{name}",
            )


def _table_of(settings: Settings, book_id: str) -> str:
    if settings.s2_sleeves_json:
        return "S2_SLEEVES_JSON"
    return "S2_SLEEVES_FILE" if settings.s2_sleeves_file else f"books.{book_id}.sleeves"


def _of_losses(found: Standing, settings: Settings) -> Iterator[Row]:
    """Losing positions in a row, of the book and of each strategy that had any."""
    book_id, rules = found.day.book_id, settings.protections[found.day.book_id]
    counts = {run.strategy_id: run.losses for run in found.state.loss_runs}
    scopes = [("", f"book {book_id}", "book", rules.book)]
    for name in sorted(set(counts) - {""}):
        own = f"strategies.{name}" if name in rules.strategies else "strategy"
        scopes.append((name, f"strategy {name}", own, rules.of(name)))
    for name, whose, where, rule in scopes:
        most, used = rule.losses_max, Decimal(counts.get(name, 0))
        yield Row(
            limit="losses_max",
            value=None if most is None else Decimal(most),
            unit="losses in a row",
            used=used,
            left=None if most is None else Decimal(most) - used,
            whose=whose,
            source=f"protections.{book_id}.{where}.losses_max",
        )
