"""FIFO by hand: partial closes, flips, splits, fees and excursions; and the journal told as exit events."""

from collections.abc import Sequence
from decimal import Decimal

from analytics.config import TradesConfig
from analytics.trades import TradesInputs, run
from schemas.base import Fact, SessionDate
from schemas.book import Leg, Side
from schemas.events import OrderSubmitting
from schemas.observations import BarFacts
from schemas.trades import RoundTrip, Trades
from tests.analytics.journal_of import DAYS, action, bar, entry_order, fill, journal, order, stop_event

MON, TUE, WED, THU, _ = DAYS


def usd(text: str) -> Decimal:
    return Decimal(text)


def booked(
    day: SessionDate,
    *data: Fact | tuple[str, Fact],
    previous: Trades | None = None,
    bars: Sequence[BarFacts] = (),
) -> Trades:
    return run(
        TradesInputs(
            book_id="SIM",
            session_date=day,
            records=journal(day, *data),
            previous=previous,
            bars={b.symbol: b for b in bars},
        ),
        TradesConfig(),
    )


def only(trades: Trades) -> RoundTrip:
    (trip,) = trades.closed
    return trip


def test_a_sale_of_15_closes_the_oldest_10_and_5_of_the_next_lot() -> None:
    # bought 10 @ 100.00 and 10 @ 110.00, sold 15 @ 120.00: 10*20 + 5*10 = 250.00
    trades = booked(
        MON,
        fill(MON, "buy", 10, "100.00", minute=5),
        fill(MON, "buy", 10, "110.00", minute=6),
        fill(MON, "sell", 15, "120.00", minute=9, reason="TRIM_R1"),
    )
    (held,) = trades.open_trades
    assert [(10, usd("200.00")), (5, usd("50.00"))] == [(m.quantity, m.gross) for m in held.matches]
    assert [(5, usd("110.00"))] == [(lot.quantity, lot.price) for lot in held.lots]
    assert usd("250.00") == trades.realised[0].gross
    assert () == trades.closed


def test_the_pieces_of_a_fee_are_rounded_down_and_the_last_takes_the_rest() -> None:
    # A fee of 1.00 on 3 shares: 0.333333, 0.333333, 0.333334. The exit's 0.10 over 2 + 1: 0.066666, 0.033334.
    trades = booked(
        MON,
        fill(MON, "buy", 2, "100.00", fee="0.50", minute=1),
        fill(MON, "buy", 3, "100.00", fee="1.00", minute=2),
        fill(MON, "sell", 3, "101.00", fee="0.10", minute=3),
        fill(MON, "sell", 1, "101.00", minute=4),
        fill(MON, "sell", 1, "101.00", minute=5),
    )
    matches = only(trades).matches
    assert ["0.500000", "0.333333", "0.333333", "0.333334"] == [str(m.fee_in) for m in matches]
    assert ["0.066666", "0.033334", "0.000000", "0.000000"] == [str(m.fee_out) for m in matches]
    assert (usd("1.50"), usd("0.10"), usd("5"), usd("3.40")) == (
        only(trades).fees_in,
        only(trades).fees_out,
        only(trades).gross,
        only(trades).net,
    )


def test_a_sale_through_zero_is_a_flip_one_position_closed_and_another_opened() -> None:
    # long 10 @ 50.00, sold 25 @ 52.00 with a fee of 2.50: 10 of them close for 20.00.
    trades = booked(
        MON,
        fill(MON, "buy", 10, "50.00"),
        fill(MON, "sell", 25, "52.00", fee="2.50", minute=9),
    )
    (short,) = trades.open_trades
    assert (usd("20.00"), usd("1.00")) == (only(trades).gross, only(trades).fees_out)
    assert (-15, usd("52.00"), usd("1.50")) == (
        short.lots[0].quantity,
        short.lots[0].price,
        short.lots[0].fee,
    )
    assert "short" == short.direction
    assert short.position_id != only(trades).position_id
    covered = booked(TUE, fill(TUE, "buy", 15, "51.00"), previous=trades)
    assert usd("15.00") == only(covered).gross
    assert (short.trade_id, 2) == (only(covered).trade_id, only(covered).sessions_held)


def test_a_second_crossing_by_one_intent_gets_a_position_of_its_own() -> None:
    trades = booked(
        MON,
        fill(MON, "buy", 10, "50.00", minute=1),
        fill(MON, "sell", 10, "49.00", minute=2),
        fill(MON, "buy", 5, "49.50", minute=3),
        fill(MON, "sell", 5, "49.00", minute=4),
        fill(MON, "buy", 1, "49.50", minute=5),
    )
    ids = {t.position_id for t in trades.closed} | {t.position_id for t in trades.open_trades}
    assert 3 == len(ids)


def test_two_strategies_in_one_symbol_never_share_a_lot() -> None:
    trades = booked(
        MON,
        fill(MON, "buy", 10, "50.00", strategy="S1_AVWAP_CORE", minute=1),
        fill(MON, "buy", 10, "60.00", strategy="S2_INDEX_TREND", minute=2),
        fill(MON, "sell", 10, "61.00", strategy="S2_INDEX_TREND", minute=3),
    )
    assert usd("10.00") == only(trades).gross
    assert ["S1_AVWAP_CORE"] == [t.strategy_id for t in trades.open_trades]


def test_a_round_trip_over_three_sessions_has_these_figures() -> None:
    monday = booked(
        MON,
        entry_order(MON),
        fill(MON, "buy", 100, "100.1000", fee="1.00", arrival="100.00"),
        bars=[bar(MON, "100.00", "103.00", "99.00", "102.00")],
    )
    tuesday = booked(
        TUE,
        action("dividend", cash="25.00"),
        previous=monday,
        bars=[bar(TUE, "102.00", "112.00", "98.10", "108.00")],
    )
    wednesday = booked(
        WED,
        fill(WED, "sell", 60, "110.00", fee="0.50", reason="TRIM_R1", arrival="110.00", minute=1),
        fill(WED, "sell", 40, "105.00", fee="0.40", reason="STOP_RATCHET", arrival="105.21", minute=9),
        previous=tuesday,
        bars=[bar(WED, "109.00", "119.00", "90.00", "91.00")],
    )
    trip = only(wednesday)
    # gross 60*9.90 + 40*4.90 = 790.00; net 790 - 1.00 - 0.90 + 25 = 813.10; R = 100.10 - 95.00 = 5.10
    assert (usd("790"), usd("1"), usd("0.90"), usd("25"), usd("813.10")) == (
        trip.gross,
        trip.fees_in,
        trip.fees_out,
        trip.dividends,
        trip.net,
    )
    assert (usd("100.10"), usd("108"), 3, 100) == (
        trip.average_entry,
        trip.average_exit,
        trip.sessions_held,
        trip.quantity,
    )
    assert (usd("5.10"), 1.594314) == (trip.unit_risk, trip.r_multiple)
    # entry 10 bps; exits 0 bps on 60 and (1 - 105.00/105.21) on 40: 19.9601 * 40/100; 10.00 + 0 + 8.40 USD
    assert (10.0, 7.984, usd("18.40")) == (
        trip.slippage_entry_bps,
        trip.slippage_exit_bps,
        trip.slippage_usd,
    )
    # Entered at the open: Monday's bar counts whole, Tuesday's too, of Wednesday's only the open, 109.00.
    assert (usd("11.90"), usd("-2.00")) == (trip.mfe, trip.mae)
    assert (TUE, TUE) == (trip.mfe_session, trip.mae_session)
    # From Monday, 5 minutes after the opening, to Wednesday, 9 after it.
    assert 2 * 86_400 + 4 * 60 == trip.seconds_to_stop
    assert 0.663866 == trip.stop_efficiency  # 7.90/11.90
    assert ("TRIM_R1", "EXIT_STOP") == trip.exit_reasons


def test_an_entry_inside_a_bar_and_an_exit_on_the_same_day_leave_no_excursion() -> None:
    day = [
        fill(MON, "buy", 10, "100.00", arrival="100.50", minute=30),
        fill(MON, "sell", 10, "99.00", minute=90),
    ]
    trip = only(booked(MON, *day, bars=[bar(MON, "101.00", "105.00", "95.00", "99.00")]))
    assert (None, None, None) == (trip.mae, trip.mfe, trip.stop_efficiency)


def test_a_short_sold_out_above_every_bar_has_its_worst_price_in_the_session_of_the_exit() -> None:
    monday = booked(
        MON,
        fill(MON, "sell", 10, "100.00", arrival="100.00"),
        bars=[bar(MON, "100.00", "101.00", "96.00", "97.00")],
    )
    tuesday = booked(
        TUE,
        fill(TUE, "buy", 10, "104.00", minute=9),
        previous=monday,
        bars=[bar(TUE, "96.00", "105.00", "95.00", "104.00")],
    )
    trip = only(tuesday)
    assert (usd("-4.00"), TUE) == (trip.mae, trip.mae_session)
    assert (usd("4.00"), MON) == (
        trip.mfe,
        trip.mfe_session,
    )  # Tuesday's open was no better than Monday's low
    assert trip.seconds_to_stop is None


def test_a_split_keeps_the_cost_and_pays_the_fraction_out() -> None:
    # 7 @ 100.00 and a 3:2 split: 10.5 -> 10 @ 66.666667; 33.33333 left for 33.00.
    monday = booked(MON, entry_order(MON), fill(MON, "buy", 7, "100.00", fee="0.70"))
    tuesday = booked(TUE, action("split", ratio=(3, 2), before=7, after=10, cash="33.00"), previous=monday)
    (held,) = tuesday.open_trades
    assert [(10, usd("66.666667"), usd("0.70"))] == [(x.quantity, x.price, x.fee) for x in held.lots]
    assert usd("-0.33333") == tuesday.realised[0].gross
    assert usd("63.33") == held.initial_stop
    wednesday = booked(WED, fill(WED, "sell", 10, "70.00"), previous=tuesday)
    # 10*70 + 33 - 700 = 33, less the fee of 0.70
    assert (usd("33.00"), usd("32.30")) == (only(wednesday).gross, only(wednesday).net)


def test_a_reverse_split_that_leaves_no_share_ends_the_trip() -> None:
    monday = booked(MON, fill(MON, "buy", 5, "1.00", fee="0.10"))
    tuesday = booked(TUE, action("split", ratio=(1, 10), before=5, after=0, cash="4.90"), previous=monday)
    assert () == tuesday.open_trades
    assert (("SPLIT",), usd("-0.10"), usd("-0.20"), None) == (
        only(tuesday).exit_reasons,
        only(tuesday).gross,
        only(tuesday).net,
        only(tuesday).average_exit,
    )


def test_a_split_comes_before_the_fills_of_its_session_wherever_it_stands_in_the_journal() -> None:
    monday = booked(MON, fill(MON, "buy", 10, "100.00"))
    sale = fill(TUE, "sell", 20, "49.00", reason="STOP_INITIAL", minute=0)
    halves = action("split", ratio=(2, 1), before=10, after=20)
    assert booked(TUE, halves, sale, previous=monday).closed[0].gross == usd("-20.00")
    assert booked(TUE, sale, halves, previous=monday).closed[0].gross == usd("-20.00")


def test_the_same_fill_told_twice_counts_once_and_a_changed_one_is_a_conflict() -> None:
    told = fill(MON, "buy", 10, "100.00", execution="x1")
    twice = booked(MON, told, told)
    assert (1, ()) == (len(twice.fills), twice.findings)
    flipped = told.model_copy(update={"side": Side.SELL})
    changed = booked(MON, told, flipped)
    assert ["FILL_CONFLICT"] == [f.code for f in changed.findings]
    assert twice.open_trades == changed.open_trades
    assert ["FILL_CONFLICT"] == [f.code for f in booked(TUE, flipped, previous=twice).findings]


def test_cash_that_belongs_to_nobody_is_external_and_a_late_dividend_goes_to_its_strategy() -> None:
    trades = booked(
        MON,
        action("interest", cash="1.25", symbol=None),
        action("dividend", cash="3.00", symbol="XYZ", event="ev_2"),
    )
    assert [("EXTERNAL", None, usd("0"), usd("1.25")), ("S1_AVWAP_CORE", "XYZ", usd("3"), usd("0"))] == [
        (r.strategy_id, r.symbol, r.dividends, r.cash_movements) for r in trades.realised
    ]
    assert ["ACTION_WITHOUT_POSITION"] == [f.code for f in trades.findings]


def test_the_way_out_of_a_position_is_told_in_numbered_events() -> None:
    monday = booked(
        MON,
        entry_order(MON),
        fill(MON, "buy", 20, "100.00"),
        ("stop.placed", stop_event("STOP_INITIAL", "95.00")),
        ("stop.held", stop_event("STOP_TOO_CLOSE", "95.00", before="95.00")),
    )
    tuesday = booked(
        TUE,
        ("stop.ratcheted", stop_event("STOP_RATCHET", "100.00", before="95.00", basis="breakeven")),
        OrderSubmitting(order=order(TUE, Leg.TRIM, "TRIM_R1", limit="110.00")),
        fill(TUE, "sell", 10, "110.00", reason="TRIM_R1", minute=20),
        fill(TUE, "sell", 6, "100.00", reason="STOP_RATCHET", minute=30, execution="x1"),
        fill(TUE, "sell", 4, "99.90", reason="STOP_RATCHET", minute=31, execution="x2"),
        previous=monday,
    )
    assert ["STOP_INITIAL", "STOP_TOO_CLOSE"] == [e.event_type for e in monday.exit_events]
    told = [(e.sequence, e.event_type, e.quantity) for e in tuesday.exit_events]
    assert [
        (3, "STOP_RATCHET", 10),
        (4, "TRIM_R1", 10),
        (5, "EXIT_FILLED", 10),
        (6, "EXIT_STOP", 6),
        (7, "EXIT_FILLED", 6),
        (8, "EXIT_STOP", 4),
        (9, "EXIT_FILLED", 4),
    ] == told
    assert len({e.event_id for e in (*monday.exit_events, *tuesday.exit_events)}) == 9


def test_a_fill_learnt_of_a_day_late_is_booked_once_and_before_the_split() -> None:
    # 4 @ 100.00 on Monday, 6 more of Monday learnt on Tuesday, whose 2:1 split makes 20 @ 50.00 of them.
    monday = booked(MON, fill(MON, "buy", 4, "100"))
    late = fill(MON, "buy", 6, "100", fee="0.60")
    tuesday = booked(TUE, late, action("split", ratio=(2, 1), before=10, after=20), previous=monday)
    (held,) = tuesday.open_trades
    assert [(8, usd("50"), usd("0")), (12, usd("50"), usd("0.60"))] == [
        (lot.quantity, lot.price, lot.fee) for lot in held.lots
    ]
    assert usd("0") == tuesday.realised[0].gross


def test_an_event_told_twice_is_booked_once() -> None:
    monday = booked(MON, fill(MON, "buy", 10, "100"))
    dividend = action("cash_dividend", cash="3.00")
    (row,) = booked(TUE, dividend, dividend, previous=monday).realised
    assert usd("3.00") == row.dividends


def test_the_fee_of_a_lot_that_a_reverse_split_swallows_goes_to_the_next() -> None:
    monday = booked(
        MON,
        fill(MON, "buy", 1, "1.00", fee="0.10", minute=1),
        fill(MON, "buy", 19, "1.00", fee="0.20", minute=2),
    )
    (held,) = booked(TUE, action("split", ratio=(1, 10), before=20, after=2), previous=monday).open_trades
    assert [(2, usd("10.00"), usd("0.30"))] == [(x.quantity, x.price, x.fee) for x in held.lots]
