"""Equity by two roads over any book; marks, path and exposure by hand."""

import statistics
from decimal import Decimal

import pytest
from hypothesis import given, settings

from analytics import snapshot
from analytics.config import SnapshotConfig
from schemas.book import Leg
from schemas.events import AccountFunded, OperatorAct
from schemas.observations import AccountFacts
from schemas.snapshot import Snapshot
from schemas.trades import Trades
from tests.analytics.books import CAPITAL, Close, Ledger, Session, book_state, close, genesis, lived, sessions
from tests.analytics.journal_of import DAYS, action, bar, fill, journal, order

MON, TUE, WED, THU, FRI = DAYS


def usd(text: str) -> Decimal:
    return Decimal(text)


@settings(max_examples=80)
@given(sessions())
def test_any_book_has_one_equity_by_both_roads_and_never_a_negative_drawdown(days: list[Session]) -> None:
    closes, ledger = lived(days)
    for each in closes:
        assert each.snapshot.proof.difference == 0
        assert each.snapshot.complete
        assert each.snapshot.drawdown is not None
        assert 0 <= each.snapshot.drawdown <= each.snapshot.drawdown_max
        assert each.snapshot.pnl_session.realised_net == (
            each.snapshot.pnl_session.realised_gross
            - each.snapshot.pnl_session.fees
            + each.snapshot.pnl_session.dividends
        )
    last = closes[-1].snapshot
    held = {(p.symbol, p.strategy_id): p.quantity for p in last.positions}
    assert {key: shares for key, shares in ledger.held.items() if shares} == held
    assert last.equity == ledger.cash + sum(p.mark * p.quantity for p in last.positions)
    assert last.pnl_total.fees == ledger.fees


def test_a_day_by_hand() -> None:
    # Bought 100 @ 50.10, fee 1.00; the close is 51.00, the stop works at 48.00.
    ledger = Ledger(cash=CAPITAL - usd("5011.00"), held={("ABC", "S1_AVWAP_CORE"): 100})
    stop = order(MON, Leg.STOP, "STOP_INITIAL", quantity=100, stop="48.00")
    day = close(
        0,
        [fill(MON, "buy", 100, "50.10", fee="1.00")],
        None,
        ledger,
        [bar(MON, "50", "52", "49", "51.00")],
        [stop],
    ).snapshot
    assert (usd("100089"), usd("5100"), usd("5100")) == (day.equity, day.exposure.gross, day.exposure.net)
    assert usd("0.050955") == day.exposure.gross_fraction
    assert (usd("-1"), usd("90"), usd("0.00089")) == (
        day.pnl_session.realised_net,
        day.pnl_session.unrealised,
        day.session_return,
    )
    (held,) = day.positions
    assert (usd("50.10"), usd("48.00"), usd("300")) == (held.average_price, held.stop, held.open_risk)
    assert (usd("100089"), usd("0"), None) == (day.peak_equity, day.drawdown, day.volatility20)


def flat(
    number: int, before: Snapshot, cash: Decimal, *data: AccountFunded | OperatorAct, flows: str = "0"
) -> Snapshot:
    """A close of a book without positions whose cash came from nowhere: identity aside, its path is true."""
    nothing = Trades(fills=(), closed=(), open_trades=(), realised=(), exit_events=(), findings=())
    return snapshot.run(
        snapshot.SnapshotInputs(
            session_date=DAYS[number],
            previous=before,
            state=book_state(DAYS[number], cash, flows=usd(flows)),
            trades=nothing,
            records=journal(DAYS[number], *data),
            marks={},
        ),
        SnapshotConfig(),
    )


def test_the_peak_moves_with_flows_and_an_acknowledged_breach_restarts_it() -> None:
    lost = flat(0, genesis(), usd("75000"))
    assert (usd("100000"), usd("0.25")) == (lost.peak_equity, lost.drawdown)
    funded = flat(1, lost, usd("85000"), AccountFunded(amount="10000", genesis=False), flows="10000")
    assert (usd("110000"), usd("0.227272727"), usd("0")) == (
        funded.peak_equity,
        funded.drawdown,
        funded.session_return,
    )
    ack = OperatorAct(verb="ack", operator="ann", reason="seen", subject="DD_BREACH")
    acked = flat(2, funded, usd("85000"), ack, flows="10000")
    assert (usd("85000"), usd("0"), usd("0.25")) == (acked.peak_equity, acked.drawdown, acked.drawdown_max)


def test_the_genesis_funding_is_the_start_and_no_flow() -> None:
    day = flat(0, genesis(), usd("100000"), AccountFunded(amount="100000", genesis=True))
    assert (usd("0"), usd("0")) == (day.flows, day.session_return)


def test_cash_that_no_trade_explains_breaks_the_identity_and_says_by_how_much() -> None:
    day = flat(0, genesis(), usd("99999.99"))
    assert ["EQUITY_IDENTITY_BROKEN"] == [f.code for f in day.findings]
    assert (False, usd("-0.01")) == (day.complete, day.proof.difference)


def test_a_missing_close_keeps_the_last_mark_for_five_sessions_and_then_there_is_no_equity() -> None:
    ledger = Ledger(cash=CAPITAL - usd("500"), held={("ABC", "S1_AVWAP_CORE"): 10})
    seen: Close = close(0, [fill(MON, "buy", 10, "50")], None, ledger, [bar(MON, "50", "52", "49", "51")])
    old = seen.snapshot.model_copy(
        update={
            "positions": tuple(
                p.model_copy(update={"mark_age": 4, "mark_source": "last"}) for p in seen.snapshot.positions
            )
        }
    )
    fifth = close(1, [], Close(seen.trades, old, seen.attribution), ledger, [])
    assert (usd("100010"), ["MARK_STALE"], True) == (
        fifth.snapshot.equity,
        [f.code for f in fifth.snapshot.findings],
        fifth.snapshot.complete,
    )
    sixth = close(2, [], fifth, ledger, [])
    assert (None, None, ["MARK_EXPIRED"], False) == (
        sixth.snapshot.equity,
        sixth.snapshot.drawdown,
        [f.code for f in sixth.snapshot.findings],
        sixth.snapshot.complete,
    )
    assert ["EQUITY_UNKNOWN"] == [f.code for f in sixth.attribution.findings]


def test_a_carried_mark_is_restated_by_the_days_split() -> None:
    ledger = Ledger(cash=CAPITAL - usd("500"), held={("ABC", "S1_AVWAP_CORE"): 10})
    seen = close(0, [fill(MON, "buy", 10, "50")], None, ledger, [bar(MON, "50", "52", "49", "51")])
    ledger.held["ABC", "S1_AVWAP_CORE"] = 20
    halved = close(1, [action("split", ratio=(2, 1), before=10, after=20)], seen, ledger, [])
    (held,) = halved.snapshot.positions
    assert (usd("25.50"), usd("25"), usd("10")) == (held.mark, held.average_price, held.unrealised)
    assert seen.snapshot.equity == halved.snapshot.equity


def test_twenty_returns_give_a_volatility_and_nineteen_do_not() -> None:
    returns = tuple(Decimal(i % 5 - 2).scaleb(-2) for i in range(19))
    before = genesis().model_copy(update={"returns": returns[1:]})
    assert flat(0, before, usd("101000")).volatility20 is None
    twentieth = flat(0, before.model_copy(update={"returns": returns}), usd("101000"))
    expected = statistics.stdev([*map(float, returns), 0.01]) * 252**0.5
    assert twentieth.volatility20 == pytest.approx(expected, abs=1e-6)
    assert (20, usd("0.01")) == (len(twentieth.returns), twentieth.returns[-1])


def test_an_account_that_starts_with_holdings_is_not_complete() -> None:
    account = AccountFacts(equity="1200", cash="1000", buying_power="1000")
    first = snapshot.genesis(account, MON)
    assert (["GENESIS_NOT_FLAT"], False) == ([f.code for f in first.findings], first.complete)


def test_lots_that_hold_other_shares_than_the_book_break_the_identity() -> None:
    ledger = Ledger(cash=CAPITAL - usd("500"), held={("ABC", "S1_AVWAP_CORE"): 11})
    day = close(0, [fill(MON, "buy", 10, "50")], None, ledger, [bar(MON, "50", "52", "49", "51")])
    assert ["EQUITY_IDENTITY_BROKEN"] == [f.code for f in day.snapshot.findings]
    assert usd("51") == day.snapshot.proof.difference
