"""A seed's market is a week with a holiday, a half day and a weekend, in which everything may happen to six symbols.

Daily bars with gaps, thin volume and missing days; splits overnight; and what a strategy wishes each morning. All of
it is drawn by ``Chance``, so one seed is one market.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from schemas.base import SessionDate, down
from schemas.book import Side
from schemas.candidates import Candidate, Candidates, Entry, EntryModel, ExitPlan, StopPlan, TradeIntent
from schemas.ids import intent_id
from schemas.market import ActionKind, CorporateAction
from schemas.strategy_registry import S1_AVWAP_CORE
from simulation.chance import Chance
from simulation.tape import Hours, TapeBar

FIRST: Final = SessionDate(date(2025, 11, 24))
"""Monday before Thanksgiving: Thursday is closed, Friday closes at 13:00."""
SYMBOLS: Final = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
THEIRS: Final = "ZZZ"
"""What the book never trades: a stranger in the account does. It never splits, so that his buy never fills."""
BOOK: Final = "SIM"
_CENT: Final = Decimal("0.01")
_RATIOS: Final = ((2, 1), (3, 2), (1, 2), (10, 1), (1, 10))
_MODELS: Final = (EntryModel.NEXT_OPEN, EntryModel.NEXT_OPEN, EntryModel.LIMIT_AT_LEVEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What truly happens, and what is wished for before it does."""

    sessions: tuple[SessionDate, ...]
    bars: dict[tuple[str, SessionDate], TapeBar]
    actions: tuple[CorporateAction, ...]
    adv: dict[str, Decimal]
    closes: dict[tuple[str, SessionDate], Decimal]
    """The last close before each session, on that session's basis."""


def market(seed: int, sessions: tuple[SessionDate, ...]) -> Market:
    """The market of *seed* over *sessions*."""
    bars: dict[tuple[str, SessionDate], TapeBar] = {}
    closes: dict[tuple[str, SessionDate], Decimal] = {}
    actions: list[CorporateAction] = []
    adv: dict[str, Decimal] = {}
    for symbol in (*SYMBOLS, THEIRS):
        chance = Chance(seed, f"market/{symbol}")
        close = _cents(chance.between(8, 180))
        volume = int(10 ** chance.between(3.3, 6.2))
        adv[symbol] = (close * volume).quantize(_CENT)
        for at, session in enumerate(sessions):
            if at and chance.happens(0.06) and symbol != THEIRS:
                num, den = chance.pick(_RATIOS)
                action = CorporateAction(
                    symbol=symbol, ex_date=session, kind=ActionKind.SPLIT, ratio_num=num, ratio_den=den
                )
                actions.append(action)
                close = max(_CENT, (close * den / num).quantize(_CENT))
            closes[symbol, session] = close
            made = _day(chance, close, volume)
            if chance.happens(0.03) and session != sessions[-1]:
                continue  # halted all day; not on the last one, which shows whether all comes to rest
            bars[symbol, session] = made
            close = made.close
    return Market(sessions=sessions, bars=bars, actions=tuple(actions), adv=adv, closes=closes)


def _day(chance: Chance, close: Decimal, volume: int) -> TapeBar:
    wide = chance.happens(0.15)
    gap = chance.between(-0.12, 0.08) if wide else chance.between(-0.015, 0.015)
    opened = _cents(float(close) * (1 + gap))
    drift = chance.between(-0.05, 0.05) if wide else chance.between(-0.03, 0.035)
    ended = _cents(float(opened) * (1 + drift))
    high = _cents(float(max(opened, ended)) * (1 + chance.between(0, 0.02)))
    low = _cents(float(min(opened, ended)) * (1 - chance.between(0, 0.02)))
    return TapeBar(
        open=opened,
        high=high,
        low=min(low, opened, ended),
        close=ended,
        volume=int(volume * chance.between(0.3, 2)),
    )


def wishes(seed: int, made: Market, session: SessionDate, previous: SessionDate, hours: Hours) -> Candidates:
    """What the strategy asks for in *session*, knowing the close before it alone."""
    chance = Chance(seed, f"wishes/{session}")
    asked = [symbol for symbol in SYMBOLS if chance.happens(0.55)]
    rows = tuple(
        _intent(
            chance, made, session, previous, symbol, rank, hours.open_at(session), hours.close_at(session)
        )
        for rank, symbol in enumerate(asked, start=1)
    )
    return candidates(rows, previous, made.adv)


def candidates(
    rows: Sequence[TradeIntent], data_session: SessionDate, adv_usd: Mapping[str, Decimal]
) -> Candidates:
    """What a scan that found just *rows* would have written. *adv_usd*: each symbol's mean day, USD."""
    return Candidates(
        data_session=data_session,
        data_version="0" * 20,
        strategies=(S1_AVWAP_CORE,),
        reasons=(),
        candidates=tuple(
            Candidate(
                rank=row.rank,
                symbol=row.symbol,
                intent_id=row.intent_id,
                strategy_id=row.strategy_id,
                sleeve_id=row.sleeve_id,
                tier="A",
                anchor="YTD",
                trend_score=1.0,
                close=row.entry.entry_ref,
                adv_shares20=Decimal(1_000_000),
                adv_usd20=adv_usd[row.symbol],
                scan_ref=row.scan_ref,
            )
            for row in rows
        ),
        intents=tuple(sorted(rows, key=lambda row: (row.symbol, row.strategy_id, row.intent_id))),
    )


def _intent(
    chance: Chance,
    made: Market,
    session: SessionDate,
    previous: SessionDate,
    symbol: str,
    rank: int,
    open_at: datetime,
    close_at: datetime,
) -> TradeIntent:
    close = made.closes[symbol, session]
    risk = Decimal(str(round(chance.between(0.02, 0.06), 4)))
    step = Decimal(str(round(chance.between(0.01, 0.05), 4)))
    r1 = _tick(close * (1 + step))
    return TradeIntent(
        intent_id=intent_id(BOOK, session, S1_AVWAP_CORE, symbol, Side.BUY, "entry"),
        book_id=BOOK,
        session_date=session,
        data_session=previous,
        strategy_id=S1_AVWAP_CORE,
        sleeve_id=S1_AVWAP_CORE,
        model_version="1.0.0",
        data_version="0" * 20,
        symbol=symbol,
        side=Side.BUY,
        intended_notional_fraction=Decimal("0.10"),
        intended_risk_fraction=Decimal("0.005"),
        entry=Entry(
            model=chance.pick(_MODELS),
            level=_tick(close * Decimal("0.995")),
            entry_ref=close,
            limit_cap=_tick(close * Decimal("1.02")),
        ),
        stop_plan=StopPlan(initial_stop=_tick(close * (1 - risk))),
        exit_plan=ExitPlan(
            r1=r1,
            r1_fraction=Decimal("0.5"),
            r2=max(r1, _tick(close * (1 + 2 * step))),
            r2_fraction=Decimal("0.5"),
            trail_fraction=Decimal("0.5"),
            time_stop_sessions=2 if chance.happens(0.2) else None,
        ),
        valid_from=open_at,
        valid_until=close_at,
        thesis="drawn by a seed",
        tags=(),
        rank=rank,
        scan_ref=f"/rows/{rank}",
    )


def _cents(price: float) -> Decimal:
    return max(_CENT * 50, Decimal(str(round(price, 2))).quantize(_CENT))


def _tick(price: Decimal) -> Decimal:
    return max(_CENT, down(price))
