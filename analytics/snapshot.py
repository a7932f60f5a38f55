"""A snapshot proves the equity of a close: what the book owns and what it earned are one number, in Decimal.

assets = cash + sum of quantity * mark, from the book's fold. sources = starting capital + flows + realised
net + unrealised + cash movements + transfers, from the trades. Two roads that share nothing but the marks.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from analytics.config import SnapshotConfig
from analytics.exact import divided
from analytics.lots import ZERO, cost
from schemas.base import SessionDate, quantise
from schemas.book import BookState, Leg, Order, Position
from schemas.events import AccountFunded, ActionApplied, OperatorAct
from schemas.header import Finding
from schemas.journal import JournalRecord
from schemas.observations import AccountFacts, BarFacts
from schemas.reasons.analytics import SnapshotCode as Code
from schemas.snapshot import (
    EquityProof,
    Exposure,
    ExposureRow,
    MarkSource,
    PnL,
    PositionMark,
    Snapshot,
)
from schemas.trades import OpenTrade, Trades

SESSIONS_A_YEAR: Final = 252
RETURNS_KEPT: Final = 20
DRAWDOWN_BREACH: Final = "DD_BREACH"

Mark = tuple[Decimal, MarkSource, SessionDate, int]
"""Price, where it is from, the session that saw it, and its age in sessions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotInputs:
    """What the snapshot of a close is made from.

    state: the fold at the session's end. records: the session's journal, for capital in or out (booked
    before the opening), splits (they restate an older mark) and an operator's ack of DD_BREACH (it restarts
    the peak). marks: official closes of the session by symbol.
    """

    session_date: SessionDate
    previous: Snapshot
    state: BookState
    trades: Trades
    records: Sequence[JournalRecord]
    marks: Mapping[str, BarFacts]


def genesis(account: AccountFacts, session: SessionDate) -> Snapshot:
    """The first snapshot, dated P: capital alone. Holdings that no strategy owns make it incomplete."""
    capital = account.cash
    findings: tuple[Finding, ...] = ()
    if account.equity != account.cash:
        findings = (
            Finding(
                code=Code.GENESIS_NOT_FLAT,
                subject="account",
                observed=str(account.equity),
                threshold=str(account.cash),
                detail="equity is not cash: the account holds something at the start",
            ),
        )
    nothing = _pnl(ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)
    return Snapshot(
        closed_session=session,
        previous_session=None,
        starting_capital=capital,
        net_flows=ZERO,
        flows=ZERO,
        cash=capital,
        equity=capital,
        equity_previous=None,
        exposure=_exposure((), capital),
        positions=(),
        pnl_session=nothing,
        pnl_total=nothing,
        session_return=None,
        returns=(),
        peak_equity=capital,
        drawdown=ZERO,
        drawdown_max=ZERO,
        volatility20=None,
        entries_today=0,
        proof=EquityProof(assets=capital, sources=capital, difference=ZERO),
        findings=findings,
        complete=not findings,
    )


def run(inputs: SnapshotInputs, config: SnapshotConfig) -> Snapshot:
    """Mark the book, prove its equity, and carry the path on from the previous snapshot."""
    state, before = inputs.state, inputs.previous
    flows, is_restarted = _flows(inputs.records), _restarts_peak(inputs.records)
    positions = tuple(_marked(inputs))
    notional = sum((p.notional for p in positions), ZERO)
    unrealised = sum((p.unrealised for p in positions), ZERO)
    session = _session_pnl(inputs.trades, unrealised - before.pnl_total.unrealised)
    total = _sum(before.pnl_total, session)
    assets = state.cash + notional
    sources = (
        state.starting_capital
        + state.net_flows
        + total.realised_net
        + total.unrealised
        + total.cash_movements
        + total.transfers
    )
    proof = EquityProof(assets=assets, sources=sources, difference=assets - sources)
    findings = (*_identity(proof), *_marks(positions, config))
    equity = None if any(p.mark_age > config.mark_age_max for p in positions) else assets
    change = _return(equity, before.equity, flows)
    returns = (*before.returns, *([] if change is None else [change]))[-RETURNS_KEPT:]
    peak = _peak(before.peak_equity + flows, equity, is_restarted)
    drawdown = None if equity is None else _drawdown(equity, peak)
    blocking = {str(Code.EQUITY_IDENTITY_BROKEN), str(Code.MARK_EXPIRED)}
    return Snapshot(
        closed_session=inputs.session_date,
        previous_session=before.closed_session,
        starting_capital=state.starting_capital,
        net_flows=state.net_flows,
        flows=flows,
        cash=state.cash,
        equity=equity,
        equity_previous=before.equity,
        exposure=_exposure(positions, equity),
        positions=positions,
        pnl_session=session,
        pnl_total=total,
        session_return=change,
        returns=returns,
        peak_equity=peak,
        drawdown=drawdown,
        drawdown_max=max(before.drawdown_max, drawdown or ZERO),
        volatility20=_volatility(returns),
        entries_today=len(state.entry_intents_today),
        proof=proof,
        findings=findings,
        complete=not any(finding.code in blocking for finding in findings),
    )


def _marked(inputs: SnapshotInputs) -> Iterator[PositionMark]:
    """Every position of the book with its mark; cost comes from the lots of its trade."""
    trades = _trades(inputs)
    earlier = {p.symbol: p for p in inputs.previous.positions}
    before = {
        p.position_id: p for p in inputs.previous.positions
    }  # found by its id although its symbol changed
    splits = _splits(inputs.records)
    for position in sorted(inputs.state.positions, key=lambda p: (p.symbol, p.strategy_id)):
        trade = trades.get(position.position_id)
        last = before.get(position.position_id) or earlier.get(position.symbol)
        found = _mark(inputs, position, trade, last, splits.get(position.symbol, (1, 1)))
        yield _position_mark(position, trade, found, _stop(inputs.state.orders, position))


def _trades(inputs: SnapshotInputs) -> dict[str, OpenTrade]:
    """The open trade of each position, by the position's id.

    A trade that is its intent's second bears an ordinal in its id, which the book does not know: it is the one of its
    strategy in its symbol that no position names.
    """
    named = {p.position_id for p in inputs.state.positions}
    found = {t.position_id: t for t in inputs.trades.open_trades}
    others = {(t.symbol, t.strategy_id): t for name, t in found.items() if name not in named}
    for position in inputs.state.positions:
        if position.position_id not in found:
            other = others.get((position.symbol, position.strategy_id))
            found |= {} if other is None else {position.position_id: other}
    return found


def _position_mark(
    position: Position, trade: OpenTrade | None, found: Mark, stop: Decimal | None
) -> PositionMark:
    # Unrealised is read off the lots and the notional off the book: if the two hold different shares, the
    # equity's two roads part, and the identity says so.
    basis = cost(trade.lots) if trade else position.average_entry * position.quantity
    shares = sum((lot.quantity for lot in trade.lots), ZERO) if trade else position.quantity
    mark, source, session, age = found
    notional = mark * position.quantity
    risk = None if stop is None else max(ZERO, (mark - stop) * position.quantity)
    return PositionMark(
        position_id=position.position_id,
        strategy_id=position.strategy_id,
        sleeve_id=position.sleeve_id,
        symbol=position.symbol,
        quantity=position.quantity,
        average_price=divided(basis, position.quantity, 6),
        cost=basis,
        mark=mark,
        mark_source=source,
        mark_session=session,
        mark_age=age,
        notional=notional,
        unrealised=mark * shares - basis,
        stop=stop,
        open_risk=risk,
    )


def _mark(
    inputs: SnapshotInputs,
    position: Position,
    trade: OpenTrade | None,
    earlier: PositionMark | None,
    ratio: tuple[int, int],
) -> Mark:
    bar = inputs.marks.get(position.symbol)
    if bar is not None and bar.session_date == inputs.session_date:
        return bar.close, MarkSource.OFFICIAL_CLOSE, inputs.session_date, 0
    if earlier is not None:
        mark = divided(earlier.mark * ratio[1], ratio[0], 4)
        source = MarkSource.FILL if earlier.mark_source is MarkSource.FILL else MarkSource.LAST
        return mark, source, earlier.mark_session, earlier.mark_age + 1
    # Never seen at a close: the price that we paid last is the last one known.
    price = trade.lots[-1].price if trade else position.average_entry
    return divided(price, 1, 4), MarkSource.FILL, position.entry_session, 0


def _flows(records: Sequence[JournalRecord]) -> Decimal:
    """Capital in, or out, since the genesis funding, which is no flow but the start."""
    funded = (AccountFunded.model_validate(r.data) for r in records if r.event == "account.funded")
    return sum((Decimal(data.amount) for data in funded if not data.genesis), ZERO)


def _splits(records: Sequence[JournalRecord]) -> dict[str, tuple[int, int]]:
    """New per old shares by symbol, of today."""
    applied = (ActionApplied.model_validate(r.data) for r in records if r.event == "action.applied")
    return {
        data.symbol: (data.ratio_num, data.ratio_den)
        for data in applied
        if data.symbol is not None and data.ratio_num is not None and data.ratio_den is not None
    }


def _restarts_peak(records: Sequence[JournalRecord]) -> bool:
    acts = (OperatorAct.model_validate(r.data) for r in records if r.event == "operator.acted")
    return any(act.verb == "ack" and act.subject == DRAWDOWN_BREACH for act in acts)


def _stop(orders: Iterable[Order], position: Position) -> Decimal | None:
    """The tightest working stop: highest for a long, lowest for a short."""
    stops = [
        order.stop
        for order in orders
        if order.position_id == position.position_id and order.leg is Leg.STOP and order.stop is not None
    ]
    tightest = max if position.quantity > 0 else min
    return tightest(stops, default=None)


def _session_pnl(trades: Trades, unrealised: Decimal) -> PnL:
    rows = trades.realised
    return _pnl(
        sum((row.gross for row in rows), ZERO),
        sum((row.fees for row in rows), ZERO),
        sum((row.dividends for row in rows), ZERO),
        unrealised,
        sum((row.cash_movements for row in rows), ZERO),
        sum((row.transfers for row in rows), ZERO),
    )


def _pnl(
    gross: Decimal,
    fees: Decimal,
    dividends: Decimal,
    unrealised: Decimal,
    cash: Decimal,
    transfers: Decimal,
) -> PnL:
    return PnL(
        realised_gross=gross,
        fees=fees,
        dividends=dividends,
        realised_net=gross - fees + dividends,
        unrealised=unrealised,
        cash_movements=cash,
        transfers=transfers,
    )


def _sum(a: PnL, b: PnL) -> PnL:
    return PnL(**{name: getattr(a, name) + getattr(b, name) for name in PnL.model_fields})


def _identity(proof: EquityProof) -> tuple[Finding, ...]:
    if proof.difference == 0:
        return ()
    return (
        Finding(
            code=Code.EQUITY_IDENTITY_BROKEN,
            subject="book",
            observed=str(proof.assets),
            threshold=str(proof.sources),
            detail=f"assets less sources: {proof.difference}",
        ),
    )


def _marks(positions: Sequence[PositionMark], config: SnapshotConfig) -> Iterator[Finding]:
    for position in positions:
        if position.mark_source is not MarkSource.OFFICIAL_CLOSE:
            expired = position.mark_age > config.mark_age_max
            yield Finding(
                code=Code.MARK_EXPIRED if expired else Code.MARK_STALE,
                subject=position.symbol,
                observed=position.mark_age,
                threshold=config.mark_age_max,
                detail=f"last mark of {position.mark_session.isoformat()} ({position.mark_source})",
            )


def _return(equity: Decimal | None, previous: Decimal | None, flows: Decimal) -> Decimal | None:
    """equity / (previous + flows) - 1 at scale 9; None if a side is unknown or nothing was invested."""
    if equity is None or previous is None or previous + flows <= 0:
        return None
    return divided(equity - previous - flows, previous + flows, 9)


def _peak(carried: Decimal, equity: Decimal | None, restarts: bool) -> Decimal:
    """The highest close so far, shifted by the session's flows; a flow out never leaves it below equity."""
    if equity is None:
        return carried
    return equity if restarts else max(carried, equity)


def _drawdown(equity: Decimal, peak: Decimal) -> Decimal:
    assert equity <= peak, "the peak is the highest close, this one included"
    # No peak, nothing to have fallen from: capital gone whole is a drawdown of 1 while the peak was positive.
    return divided(peak - equity, peak, 9) if peak > 0 else ZERO


def _volatility(returns: Sequence[Decimal]) -> float | None:
    """Sample standard deviation of exactly the last 20 returns, annualised; exact integers up to the root."""
    if len(returns) < RETURNS_KEPT:
        return None
    units = [int(r.scaleb(9)) for r in returns]
    spread = RETURNS_KEPT * sum(u * u for u in units) - sum(units) ** 2
    variance = spread / (RETURNS_KEPT * (RETURNS_KEPT - 1))
    return quantise(math.sqrt(variance) / 1e9 * math.sqrt(SESSIONS_A_YEAR), 6)


def _exposure(positions: Sequence[PositionMark], equity: Decimal | None) -> Exposure:
    gross = sum((abs(p.notional) for p in positions), ZERO)
    net = sum((p.notional for p in positions), ZERO)
    base = equity if equity is not None and equity > 0 else None
    return Exposure(
        gross=gross,
        net=net,
        gross_fraction=None if base is None else divided(gross, base, 6),
        net_fraction=None if base is None else divided(net, base, 6),
        by_strategy=_grouped((p.strategy_id, p.notional) for p in positions),
        by_sleeve=_grouped((p.sleeve_id, p.notional) for p in positions),
    )


def _grouped(pairs: Iterable[tuple[str, Decimal]]) -> tuple[ExposureRow, ...]:
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for name, notional in pairs:
        gross, net = sums.get(name, (ZERO, ZERO))
        sums[name] = gross + abs(notional), net + notional
    return tuple(ExposureRow(name=name, gross=g, net=n) for name, (g, n) in sorted(sums.items()))
