"""Rows add up to the change of equity over any book, and a residual is named, never spread."""

from decimal import Decimal

from hypothesis import given, settings

from analytics import attribution
from tests.analytics.books import CAPITAL, Ledger, Session, close, lived, sessions
from tests.analytics.journal_of import DAYS, action, bar, fill

MON = DAYS[0]
HALF = Decimal("0.0000000005")


def usd(text: str) -> Decimal:
    return Decimal(text)


@settings(max_examples=80)
@given(sessions())
def test_the_rows_of_any_day_add_up_to_the_change_of_equity(days: list[Session]) -> None:
    for each in lived(days)[0]:
        told = each.attribution
        assert told.complete
        assert told.residual == 0
        assert sum(row.net for row in told.rows) == told.equity_change
        for groups in (told.by_strategy, told.by_sleeve):
            assert sum(group.net for group in groups) == told.total.net
        assert sum(row.gross_exposure for row in told.rows) == each.snapshot.exposure.gross
        assert told.rounding_residual is not None
        assert abs(told.rounding_residual) <= (len(told.rows) + 1) * HALF


@settings(max_examples=80)
@given(sessions())
def test_fees_and_shares_of_any_book_sum_exactly_over_its_trips(days: list[Session]) -> None:
    closes, ledger = lived(days)
    closed = [trip for each in closes for trip in each.trades.closed]
    still = closes[-1].trades.open_trades
    fees = sum(t.fees_in + t.fees_out for t in closed) + sum(
        t.tally.fees_in + t.tally.fees_out for t in still
    )
    assert ledger.fees == fees
    assert ledger.fees == sum(fill.fee for each in closes for fill in each.trades.fills)
    for trade in still:
        booked = sum(lot.quantity for lot in trade.lots)
        assert ledger.held[trade.symbol, trade.strategy_id] == booked
    if not any(day.split for day in days):
        for trip in closed:
            assert trip.quantity == sum(match.quantity for match in trip.matches)
            assert trip.fees_in == sum(match.fee_in for match in trip.matches)
            assert trip.fees_out == sum(match.fee_out for match in trip.matches)
            assert trip.gross == sum(match.gross for match in trip.matches)
    told = [e for each in closes for e in each.trades.exit_events if e.event_type == "EXIT_FILLED"]
    assert ledger.sold == sum(event.quantity for event in told)


def test_two_strategies_and_stray_interest_by_hand() -> None:
    # Core: 10 @ 100, close 102: +20 less 1 fee = +19. Trend: sold at 95 what cost 96: 5*-1 = -5. Interest 3.
    ledger = Ledger(cash=CAPITAL - usd("1000") - usd("1") - usd("5") + usd("3"))
    ledger.held = {("ABC", "S1_AVWAP_CORE"): 10}
    told = close(
        0,
        [
            fill(MON, "buy", 10, "100", fee="1", strategy="S1_AVWAP_CORE", minute=1),
            fill(MON, "buy", 5, "96", strategy="S2_INDEX_TREND", minute=2, symbol="XYZ"),
            fill(MON, "sell", 5, "95", strategy="S2_INDEX_TREND", minute=3, symbol="XYZ"),
            action("interest", cash="3", symbol=None),
        ],
        None,
        ledger,
        [bar(MON, "100", "103", "99", "102"), bar(MON, "96", "97", "94", "95", symbol="XYZ")],
    ).attribution
    assert [
        ("EXTERNAL", None, usd("3"), usd("0.000030000")),
        ("S1_AVWAP_CORE", "ABC", usd("19"), usd("0.000190000")),
        ("S2_INDEX_TREND", "XYZ", usd("-5"), usd("-0.000050000")),
    ] == [(r.strategy_id, r.symbol, r.net, r.contribution) for r in told.rows]
    assert ["S1_AVWAP_CORE", "S2_INDEX_TREND", "EXTERNAL"] == [t.name for t in told.by_strategy]
    assert (usd("17"), usd("0"), usd("0")) == (told.equity_change, told.residual, told.rounding_residual)


def test_equity_that_no_row_explains_is_a_residual_of_that_amount() -> None:
    ledger = Ledger(cash=CAPITAL - usd("1000"), held={("ABC", "S1_AVWAP_CORE"): 10})
    day = close(0, [fill(MON, "buy", 10, "100")], None, ledger, [bar(MON, "100", "103", "99", "102")])
    off = day.snapshot.model_copy(update={"equity": day.snapshot.equity and day.snapshot.equity + 7})
    before = close(0, [], None, Ledger(), []).snapshot
    told = attribution.run(
        attribution.AttributionInputs(snapshot=off, previous=before, trades=day.trades),
        attribution.AttributionConfig(),
    )
    assert (usd("7"), ["ATTRIBUTION_RESIDUAL"], False) == (
        told.residual,
        [f.code for f in told.findings],
        told.complete,
    )
    assert usd("20") == told.total.net
