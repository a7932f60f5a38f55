"""Whole markets from a seed, with everything in them that real ones have, and the way from one to a panel.

A market is bars as traded with its actions, reports, sectors and verdicts of the data contract. It reaches a panel
by the product's own road: store, sidecar, ``load_panel``.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from market.calendar import EPOCH, Calendar
from market.panel import Panel, load_panel
from market.rows import FIELDS, NULL, Rows
from market.store import BarStore
from market.synthetic import SyntheticMarket
from schemas.base import SessionDate
from schemas.market import ActionKind, CorporateAction, EarningsEvent, EarningsTime
from schemas.observations import MetricsObservation, SymbolMetrics
from schemas.strategy_registry import EntryModel
from strategies.config import EarningsPolicy, ScanConfig
from strategies.scan import ScanInputs
from tests.strategies.reference import Limits
from tests.strategies.reference_scan import Action, Bar, Market
from tests.strategies.walks import walk

KINDS = (
    "calm",
    "calm",
    "calm",
    "wild",
    "gaps",
    "holes",
    "halted",
    "cheap",
    "dear",
    "loud",
    "young",
    "newborn",
)
KINDS_AT_THE_BOUNDS = ("atomic", "priceless", "beyond", "torrent")
DAYS = (
    date(2016, 1, 4),  # the first session of a year
    date(2016, 1, 5),  # P is the first session of a year
    date(2021, 1, 4),  # after ISO week 53
    date(2016, 3, 1),
    date(2016, 3, 2),  # P is the first session of a month
    date(2015, 12, 28),
    date(2016, 5, 31),  # after a long weekend
    date(2016, 9, 15),
)
FUNDS = {"Energy": "XLE", "Financials": "XLF"}


def market(calendar: Calendar, seed: int, today: date, symbols: int = 5) -> Market:
    """A market of a few symbols, the benchmark mostly among them."""
    chance = random.Random(f"{seed} {today}")
    p = calendar.previous(today)
    first = min(calendar.sessions(date(p.year - 1, 1, 1), p)[0], calendar.previous(p, 300))
    sessions = calendar.sessions(first, p)
    names = [f"S{k}" for k in range(symbols)]
    kinds = {name: chance.choice((*KINDS, *KINDS_AT_THE_BOUNDS)) for name in names}
    kinds |= {"SPY": chance.choice(("calm", "calm", "calm", "wild", "holes")), "XLE": "calm"}
    if chance.random() < 0.1:
        del kinds["SPY"]
    bars = {name: _bars(chance, sessions, kind) for name, kind in kinds.items()}
    bars = {name: own for name, own in bars.items() if own}
    actions: list[Action] = []
    for name in names:
        bars[name], told = _with_actions(chance, name, bars[name], sessions, today)
        actions += told
    made = Market(
        made_by=f"market(calendar, {seed}, {today!r}, {symbols})",
        sessions=sessions,
        today=today,
        ahead=calendar.sessions(today, calendar.next(today, 2))[1:],
        bars=bars,
        actions=actions,
        members=frozenset(names[1:]) if chance.random() < 0.2 else None,
        earnings=_earnings(chance, names, sessions, today) if chance.random() < 0.7 else {},
        sectors={name: chance.choice(("Energy", "Financials", "Other")) for name in names[:3]},
        funds=FUNDS,
        quarantine={names[0]: ("BARS_GAP", "BARS_FLAT")} if chance.random() < 0.3 else {},
        warnings={names[1]: ("BARS_OUTLIER",)} if chance.random() < 0.5 else {},
        blocking=("DAY_COVERAGE_LOW", "DAY_STALE_FEED") if chance.random() < 0.1 else (),
    )
    caps = (None, 10**9 - 1, 10**9, 10**9 + 1)
    worth = {name: chance.choice(caps) for name in names[1:]} | {"SPY": 10**12, "XLE": 10**10}
    return replace(made, market_caps=worth if chance.random() < 0.6 else None)


def _bars(chance: random.Random, sessions: Sequence[date], kind: str) -> list[Bar]:
    """Bars as traded of one symbol, of one nature."""
    n = len(sessions)
    made = walk(
        chance.randrange(2**32),
        n,
        start={"cheap": 45_000, "atomic": 3, "dear": 30_000_000, "priceless": 39_000_000_000}.get(
            kind, 500_000
        ),
        swing={"wild": 0.05, "priceless": 0.001, "gaps": 0.02}.get(kind, 0.012),
        gap={"gaps": 0.06, "wild": 0.02}.get(kind, 0.005),
        missing=0.1 if kind == "holes" else 0.0,
        grain=chance.choice((1, 100, 100, 2_500)) if kind not in ("atomic", "cheap") else 1,
        drift=chance.choice((0.0, 0.002, 0.002, -0.001)) if kind != "priceless" else 0.0,
    )
    bars = [(sessions[i], o, h, low, c, 4 * v) for i, o, h, low, c, v in made.bars]
    if kind == "halted":
        at = chance.randrange(n - 30, n)
        bars = [(*bar[:5], 0) if at <= k < at + 25 else bar for k, bar in enumerate(bars)]
        bars = [(d, c, c, c, c, v) if v == 0 else (d, o, h, low, c, v) for d, o, h, low, c, v in bars]
    if kind in ("young", "newborn"):
        bars = bars[
            -chance.choice((1, 1, 2, 5, 14, 19, 20) if kind == "newborn" else (60, 75, 80, 251, 252)) :
        ]
    if kind in ("torrent", "beyond"):
        bars = _at_the_bound(chance, bars, beyond=kind == "beyond")
    return bars[: -chance.randrange(1, 4)] if kind == "wild" and chance.random() < 0.3 else bars


def _at_the_bound(chance: random.Random, bars: list[Bar], *, beyond: bool) -> list[Bar]:
    """Turnover, volume or price on the last step before the kernel's bounds; *beyond*: one bar on the first after."""
    made = []
    for day, o, h, low, c, _ in bars:
        most = min((2**54 - 2) // (h + low + c) // 2, 2**45 - 1)
        made.append((day, o, h, low, c, most - chance.randrange(1000)))
    if beyond:
        at = chance.randrange(len(made))
        day, o, h, low, c, v = made[at]
        made[at] = chance.choice(
            (
                (day, o, h, low, c, 2**45),
                (day, o, 40_000_000_000, low, c, 1),
                (day, 0, h, low, c, v),
                (day, o, h, 0, c, v),
                (day, o, h, low, c, 2**62),
                (day, 10**12, 10**12, 10**12, 10**12, 2**62),
            )
        )
    return made


def _with_actions(
    chance: random.Random, name: str, bars: list[Bar], sessions: Sequence[date], today: date
) -> tuple[list[Bar], list[Action]]:
    """The bars with a split in them, or a dividend that explains a gap, or an action of D itself."""
    found: list[Action] = []
    if chance.random() < 0.4:
        ex = chance.choice((*sessions[-200:], today, today))
        num, den = chance.choice(((2, 1), (3, 2), (1, 10), (7, 3), (20, 1)))
        kind = chance.choice(("split", "stock_dividend", "spin_off")) if ex != today else "split"
        found.append(Action(symbol=name, ex=ex, kind=kind, num=num, den=den))
        if kind != "spin_off":
            bars = [_split(bar, num, den) if bar[0] >= ex else bar for bar in bars]
    if chance.random() < 0.4:
        for ex in chance.sample(list(sessions[-60:]), 3):
            before = [bar for bar in bars if bar[0] < ex]
            if before:
                cash = before[-1][4] * chance.choice((1, 4, 6)) // 100
                found.append(Action(symbol=name, ex=ex, kind="cash_dividend", cash=_usd(cash)))
                bars = [_less(bar, cash) if bar[0] == ex else bar for bar in bars]
    if chance.random() < 0.15 and bars:
        kind, cash = chance.choice((("merger", 1), ("delisting", 1), ("cash_dividend", bars[-1][4] // 20)))
        found.append(Action(symbol=name, ex=today, kind=kind, cash=_usd(max(cash, 1))))
    return bars, found


def _split(bar: Bar, num: int, den: int) -> Bar:
    day, *prices, volume = bar
    return (day, *(max(1, price * den // num) for price in prices), min(volume * num // den, 2**62))


def _less(bar: Bar, cash: int) -> Bar:
    """The bar with its open lower by the dividend, so that without it there would be a gap."""
    day, o, h, low, c, v = bar
    opened = max(1, o - cash)
    return (day, opened, h, min(low, opened), c, v)


def _usd(e4: int) -> Fraction:
    return Fraction(e4, 10_000)


def _earnings(
    chance: random.Random, names: Sequence[str], sessions: Sequence[date], today: date
) -> dict[str, list[tuple[date, bool]]]:
    found: dict[str, list[tuple[date, bool]]] = {}
    for name in names[1:]:
        days = chance.sample([*sessions[-90:], *sessions[-8:]], 2)
        if chance.random() < 0.3:
            days.append(date.fromordinal(today.toordinal() + chance.randrange(9)))
        found[name] = sorted((day, chance.random() < 0.5) for day in set(days))
    return found


# To the product ------------------------------------------------------------------------------------------


def panel_from(given: Market, calendar: Calendar, root: Path) -> Panel:
    """The panel of D by way of a store at *root*; members, sectors and reports are set beside it."""
    names = tuple(sorted(given.bars))
    flat = [(k, *bar) for k, name in enumerate(names) for bar in given.bars[name]]
    values = [[row[2 + k] for row in flat] for k in range(len(FIELDS))]
    rows = Rows(
        symbols=names,
        code=np.array([row[0] for row in flat], np.int32),
        day=np.array([row[1].toordinal() - EPOCH for row in flat], np.int32),
        values=np.array(values, np.int64),
        known_at=np.full(len(flat), NULL, np.int64),
        vintage=np.zeros(len(flat), np.int32),
    ).canonical()
    store = BarStore(root)
    told = tuple(_action(each) for each in given.actions)
    SyntheticMarket(rows=rows, actions=told).install(store)
    panel = load_panel(store, calendar, SessionDate(given.today), benchmark=given.benchmark)
    events = (
        EarningsEvent(
            symbol=name,
            date=day,
            at=EarningsTime.BEFORE_OPEN if is_before else EarningsTime.AFTER_CLOSE,
        )
        for name in sorted(given.earnings)
        for day, is_before in given.earnings[name]
    )
    return replace(panel, earnings=tuple(events), sectors=given.sectors, members=given.members)


def inputs_from(given: Market, panel: Panel) -> ScanInputs:
    """What the scan of D is given."""
    return ScanInputs(
        panel=panel,
        quarantine=given.quarantine,
        warnings=given.warnings,
        blocking=tuple(given.blocking),
        blocked_symbols=panel.blocking_symbols(),
        metrics=_metrics(given),
    )


def _metrics(given: Market) -> MetricsObservation | None:
    if given.market_caps is None:
        return None
    told = (
        SymbolMetrics(symbol=name, as_of=given.today, market_cap_usd=None if cap is None else Decimal(cap))
        for name, cap in sorted(given.market_caps.items())
    )
    at = datetime(2016, 1, 4, tzinfo=UTC)
    return MetricsObservation(ok=True, as_of=at, provider="file", metrics=tuple(told))


def config_of(limits: Limits) -> ScanConfig:
    """The product's settings for the reference's."""
    plain = ("earnings_policy", "at_level", "universe_allow", "universe_deny", "market_cap_usd_min")
    changes: dict[str, Any] = {}
    for name in Limits.__dataclass_fields__:
        value = getattr(limits, name)
        if name not in plain:
            is_whole = isinstance(value, int)
            changes[name] = value if is_whole else Decimal(value.numerator) / Decimal(value.denominator)
    allow = limits.universe_allow
    return ScanConfig().model_copy(
        update=changes
        | {
            "earnings_policy": EarningsPolicy(limits.earnings_policy),
            "entry_model": EntryModel.LIMIT_AT_LEVEL if limits.at_level else EntryModel.NEXT_OPEN,
            "universe_allow": None if allow is None else tuple(sorted(allow)),
            "universe_deny": tuple(sorted(limits.universe_deny)),
            "market_cap_usd_min": limits.market_cap_usd_min,
            "sector_funds": FUNDS,
        }
    )


def _action(each: Action) -> CorporateAction:
    kind = ActionKind(each.kind)
    has_ratio = each.kind in ("split", "stock_dividend", "spin_off")
    cash = Decimal(each.cash.numerator) / Decimal(each.cash.denominator)
    return CorporateAction(
        symbol=each.symbol,
        ex_date=each.ex,
        kind=kind,
        ratio_num=each.num if has_ratio else None,
        ratio_den=each.den if has_ratio else None,
        cash_usd=cash.quantize(Decimal("0.000001")) if kind is ActionKind.CASH_DIVIDEND else None,
    )
