"""A holding that trades no more is paid out by rule, and the book is whole again."""

from decimal import Decimal
from pathlib import Path

from analytics import trades
from analytics.config import TradesConfig
from ledger.disk import LocalDisk
from schemas.reasons.scan import ExitEventType
from simulation.tape import TapeBar
from tests.simulation.world import BOOK, DAYS, Want, World, bar, usd

QUIET = bar("50.10", "51.00", "49.50", "50.80")


def gone_after(root: Path, days: int, back_on: int | None = None) -> World:
    """AAA is bought on the first day and trades on *days* days; *back_on*: it trades once more then."""
    bars: dict[tuple[str, object], TapeBar] = {("AAA", DAYS[n]): QUIET for n in range(days)}
    if back_on is not None:
        bars["AAA", DAYS[back_on]] = QUIET
    return World(disk=LocalDisk(root), bars=bars, wants={DAYS[0]: (Want(),)})  # type: ignore[arg-type]


def test_after_five_sessions_without_a_trade_a_holding_is_paid_out_at_seventy_percent(tmp_path: Path) -> None:
    made = gone_after(tmp_path, 2)
    kept = made.run(*DAYS[:7])  # two with bars, five without
    assert [Decimal(150)] == [p.quantity for p in kept.positions]
    left = made.run(DAYS[7])
    assert ((), ()) == (left.positions, left.orders)
    assert kept.cash + 150 * usd("35.56") == left.cash == made.exchange.state.cash  # 50.80 less 30%
    assert {} == made.exchange.state.holdings


def test_a_symbol_that_comes_back_in_time_is_not_delisted(tmp_path: Path) -> None:
    made = gone_after(tmp_path, 2, back_on=7)
    assert [Decimal(150)] == [p.quantity for p in made.run(*DAYS[:8]).positions]


def test_a_delisting_ends_the_round_trip_with_its_own_reason(tmp_path: Path) -> None:
    made = gone_after(tmp_path, 2)
    made.run(*DAYS[:8])
    before = None
    for session in DAYS[:8]:
        inputs = trades.TradesInputs(
            book_id=BOOK,
            session_date=session,
            records=made.journal(session).records,
            previous=before,
            bars={},
        )
        before = trades.run(inputs, TradesConfig())
    assert before is not None
    (trip,) = before.closed
    assert ("EXIT_DELISTING",) == trip.exit_reasons
    assert (usd("50.122600"), usd("35.560000")) == (trip.average_entry, trip.average_exit)
    assert trip.gross == 150 * (usd("35.56") - usd("50.1226"))
    assert [ExitEventType.EXIT_DELISTING] == [e.event_type for e in before.exit_events if e.price is not None]
    assert () == before.open_trades
    assert () == before.findings
