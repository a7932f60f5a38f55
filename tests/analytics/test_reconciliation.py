"""Each difference has its code, a clean day has none, and a failed read is not an empty account."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from analytics.config import ReconciliationConfig
from analytics.reconciliation import ReconciliationInputs, run
from schemas.book import OrderType, Position, Side, TimeInForce
from schemas.observations import AccountFacts, BrokerOrder, BrokerPosition, CloseObservation
from schemas.reconciliation import Reconciliation, ReconciliationStatus
from tests.analytics.books import CAPITAL, book_state, position
from tests.analytics.journal_of import DAYS, at

MON = DAYS[0]


def stop(symbol: str, shares: int, status: str = "open") -> BrokerOrder:
    return BrokerOrder(
        order_id=f"o-{symbol}",
        client_order_id=f"c-{symbol}",
        symbol=symbol,
        side=Side.SELL,
        order_type=OrderType.STOP,
        time_in_force=TimeInForce.GTC,
        quantity=Decimal(shares),
        filled=Decimal(0),
        stop="90",
        status=status,
    )


def compared(
    ours: Sequence[Position],
    theirs: Sequence[tuple[str, int, str]],
    stops: Sequence[BrokerOrder],
    cash: Decimal = CAPITAL,
) -> Reconciliation:
    account = AccountFacts(equity=cash, cash=cash, buying_power=cash)
    close = CloseObservation(
        ok=True,
        as_of=at(MON, 410),
        account=account,
        positions=tuple(
            BrokerPosition(symbol=s, quantity=Decimal(q), average_price=price) for s, q, price in theirs
        ),
        orders=tuple(stops),
        marks=(),
    )
    state = book_state(MON, CAPITAL, ours)
    return run(ReconciliationInputs(state=state, close=close), ReconciliationConfig())


def codes(report: Reconciliation) -> list[str]:
    return [finding.code for finding in report.findings]


def test_agreement_is_a_clean_report_with_its_rows() -> None:
    ours = [
        position("ABC", 10, "100", strategy="S1_AVWAP_CORE"),
        position("ABC", 30, "104", strategy="S2_INDEX_TREND"),
    ]
    report = compared(ours, [("ABC", 40, "103.0001")], [stop("ABC", 40)])
    assert (ReconciliationStatus.CLEAN, (), 1) == (report.status, report.findings, len(report.rows))


@pytest.mark.parametrize(
    ("expected", "ours", "theirs", "stops"),
    [
        (["SYMBOL_MISSING_INTERNAL"], 0, ("ABC", 10, "100"), 0),
        (["SYMBOL_MISSING_BROKER"], 10, None, 10),
        (["SIGN_MISMATCH"], 10, ("ABC", -10, "100"), 10),
        (["QTY_MISMATCH"], 10, ("ABC", 9, "100"), 10),
        (["AVG_PRICE_MISMATCH"], 10, ("ABC", 10, "100.000101"), 10),
        (["STOP_QTY_MISMATCH"], 10, ("ABC", 10, "100"), 9),
        (["STOP_QTY_MISMATCH"], 0, None, 5),
        (["QTY_MISMATCH", "AVG_PRICE_MISMATCH", "STOP_QTY_MISMATCH"], 10, ("ABC", 9, "99"), 0),
    ],
)
def test_each_difference_has_its_code(
    expected: list[str], ours: int, theirs: tuple[str, int, str] | None, stops: int
) -> None:
    report = compared(
        [position("ABC", ours, "100")] if ours else [],
        [theirs] if theirs else [],
        [stop("ABC", stops)] if stops else [],
    )
    assert expected == codes(report)
    assert tuple(expected) == report.rows[0].codes


def test_a_cent_of_cash_is_agreement_and_more_is_not() -> None:
    assert [] == codes(compared([], [], [], CAPITAL + Decimal("0.01")))
    assert ["CASH_MISMATCH"] == codes(compared([], [], [], CAPITAL - Decimal("0.010001")))


def test_a_position_without_a_plan_was_promised_no_stop() -> None:
    ours = [position("ABC", 10, "100", planned=False)]
    assert [] == codes(compared(ours, [("ABC", 10, "100")], []))
    assert [] == codes(compared(ours, [("ABC", 10, "100")], [stop("ABC", 10)]))
    assert ["STOP_QTY_MISMATCH"] == codes(compared(ours, [("ABC", 10, "100")], [stop("ABC", 11)]))


@pytest.mark.parametrize("status", ["accepted", "pending_replace", "pending_cancel"])
def test_a_stop_that_works_without_being_called_open_protects(status: str) -> None:
    assert [] == codes(
        compared([position("ABC", 10, "100")], [("ABC", 10, "100")], [stop("ABC", 10, status)])
    )


def test_an_order_that_has_ended_protects_nothing() -> None:
    report = compared([position("ABC", 10, "100")], [("ABC", 10, "100")], [stop("ABC", 10, "cancelled")])
    assert ["STOP_QTY_MISMATCH"] == codes(report)


def test_a_failed_read_is_unknown_and_compares_nothing() -> None:
    close = CloseObservation(
        ok=False, as_of=at(MON, 410), account=None, positions=(), orders=(), marks=(), causes=("timeout",)
    )
    state = book_state(MON, CAPITAL, [position("ABC", 10, "100")])
    report = run(ReconciliationInputs(state=state, close=close), ReconciliationConfig())
    assert (ReconciliationStatus.UNKNOWN, ["OBSERVATION_FAILED"]) == (report.status, codes(report))
    assert (10, None, ()) == (
        report.rows[0].quantity_internal,
        report.rows[0].quantity_broker,
        report.rows[0].codes,
    )
