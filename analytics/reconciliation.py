"""What we believe and what the broker shows stand side by side; a failed read compares nothing and says so.

Source: strategy.md 9.8. It reports; what follows from a difference is decided elsewhere.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from analytics.config import ReconciliationConfig
from analytics.exact import divided
from analytics.lots import ZERO
from schemas.book import BookState, OrderType, Position
from schemas.header import Finding
from schemas.observations import WORKING, BrokerOrder, BrokerPosition, CloseObservation
from schemas.reasons.analytics import ReconciliationCode as Code
from schemas.reconciliation import Reconciliation, ReconciliationRow, ReconciliationStatus

ACCOUNT: Final = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationInputs:
    """state: the fold at the session's end. close: what the broker showed after it."""

    state: BookState
    close: CloseObservation


def run(inputs: ReconciliationInputs, config: ReconciliationConfig) -> Reconciliation:
    """Compare positions, stops and cash, symbol by symbol; clean days are written too."""
    state, close = inputs.state, inputs.close
    if not close.ok or close.account is None:
        return _unread(state, close)
    held = {p.symbol: p for p in close.positions}
    mine = {p.symbol for p in state.positions}
    stops = _stop_quantities(close.orders)
    rows: list[ReconciliationRow] = []
    findings: list[Finding] = []
    for symbol in sorted(mine | set(held) | set(stops)):
        positions = [p for p in state.positions if p.symbol == symbol]
        row, found = _compare(symbol, positions, held.get(symbol), stops.get(symbol, ZERO), config)
        rows.append(row)
        findings += found
    difference = close.account.cash - state.cash
    if abs(difference) > config.cash_max:
        findings.append(
            Finding(
                code=Code.CASH_MISMATCH,
                subject=ACCOUNT,
                observed=str(close.account.cash),
                threshold=str(state.cash),
                detail=f"the broker has {difference} more than the book",
            )
        )
    order = list(Code)
    return Reconciliation(
        status=ReconciliationStatus.DIFFERENT if findings else ReconciliationStatus.CLEAN,
        rows=tuple(rows),
        cash_internal=state.cash,
        cash_broker=close.account.cash,
        cash_difference=difference,
        findings=tuple(sorted(findings, key=lambda f: (order.index(Code(f.code)), f.subject))),
    )


def _unread(state: BookState, close: CloseObservation) -> Reconciliation:
    """Our side alone, uncompared."""
    symbols = sorted({p.symbol for p in state.positions})
    rows = (_internal(symbol, [p for p in state.positions if p.symbol == symbol]) for symbol in symbols)
    return Reconciliation(
        status=ReconciliationStatus.UNKNOWN,
        rows=tuple(
            ReconciliationRow(
                symbol=symbol,
                quantity_internal=quantity,
                quantity_broker=None,
                average_internal=average,
                average_broker=None,
                stop_quantity=None,
                codes=(),
            )
            for symbol, quantity, average in rows
        ),
        cash_internal=state.cash,
        cash_broker=None,
        cash_difference=None,
        findings=(
            Finding(
                code=Code.OBSERVATION_FAILED,
                subject=ACCOUNT,
                detail="; ".join(close.causes) or "the broker could not be read",
            ),
        ),
    )


def _internal(symbol: str, positions: Iterable[Position]) -> tuple[str, Decimal, Decimal | None]:
    """(symbol, quantity, average) of all strategies together."""
    positions = tuple(positions)
    quantity = sum((p.quantity for p in positions), ZERO)
    cost = sum((p.average_entry * p.quantity for p in positions), ZERO)
    return symbol, quantity, divided(cost, quantity, 6) if quantity else None


def _stop_quantities(orders: Iterable[BrokerOrder]) -> dict[str, Decimal]:
    """Shares by symbol that open stop orders would still trade."""
    sums: dict[str, Decimal] = {}
    for order in orders:
        if order.order_type is OrderType.STOP and order.status in WORKING:
            sums[order.symbol] = sums.get(order.symbol, ZERO) + order.quantity - order.filled
    return sums


def _compare(
    symbol: str,
    positions: list[Position],
    broker: BrokerPosition | None,
    stop_quantity: Decimal,
    config: ReconciliationConfig,
) -> tuple[ReconciliationRow, list[Finding]]:
    _, quantity, average = _internal(symbol, positions)
    shown = broker.quantity if broker else ZERO
    found = list(_quantities(symbol, bool(positions), broker is not None, quantity, shown))
    if average is not None and broker is not None:
        found += _averages(symbol, average, broker.average_price, config.average_price_max)
    # Without a plan nobody promised a stop (a position that no intent of ours opened); it may have one.
    promised = sum((abs(p.quantity) for p in positions if p.plan is not None), ZERO)
    unplanned = sum((abs(p.quantity) for p in positions if p.plan is None), ZERO)
    if not promised <= stop_quantity <= promised + unplanned:
        found.append(_found(Code.STOP_QTY_MISMATCH, symbol, stop_quantity, promised))
    row = ReconciliationRow(
        symbol=symbol,
        quantity_internal=quantity if positions else None,
        quantity_broker=broker.quantity if broker else None,
        average_internal=average,
        average_broker=broker.average_price if broker else None,
        stop_quantity=stop_quantity,
        codes=tuple(finding.code for finding in found),
    )
    return row, found


def _quantities(
    symbol: str, is_ours: bool, is_theirs: bool, quantity: Decimal, shown: Decimal
) -> Iterator[Finding]:
    if is_theirs and not is_ours:
        yield _found(Code.SYMBOL_MISSING_INTERNAL, symbol, shown, ZERO)
    elif is_ours and not is_theirs:
        yield _found(Code.SYMBOL_MISSING_BROKER, symbol, ZERO, quantity)
    elif quantity * shown < 0:
        yield _found(Code.SIGN_MISMATCH, symbol, shown, quantity)
    elif quantity != shown:
        yield _found(Code.QTY_MISMATCH, symbol, shown, quantity)


def _averages(symbol: str, average: Decimal, shown: Decimal, limit: Decimal) -> Iterator[Finding]:
    if abs(average - shown) > limit:
        yield _found(Code.AVG_PRICE_MISMATCH, symbol, shown, average)


def _found(code: Code, symbol: str, broker: Decimal, internal: Decimal) -> Finding:
    """observed is the broker's figure, threshold ours."""
    return Finding(code=code, subject=symbol, observed=str(broker), threshold=str(internal))
