"""One intent that fails is one intent blocked; sectors bind as recorded; every code that is declared is met."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.guard import guarded
from portfolio.decide import run, unguarded
from portfolio.limits import PortfolioConfig, portfolio_config
from schemas.book import Leg, OrderState, Side
from schemas.candidates import TradeIntent
from schemas.decisions import Decisions, Verdict
from schemas.reasons.ledger import ReadFaultCode
from schemas.reasons.portfolio import BatchCode, CapCode, DecisionInfo, IntentCode
from schemas.reconciliation import ReconciliationStatus
from tests.portfolio.books import (
    CORE,
    NOW,
    account,
    batches,
    book,
    candidates,
    config_with,
    decision_inputs,
    intent,
    order,
    position,
    sharing,
    sleeve,
    snapshot,
    usd,
)

SIM = portfolio_config("SIM")
TREND = "S2_INDEX_TREND"


def codes(decisions: Decisions, symbol: str = "AAA") -> list[str]:
    row = next(row for row in decisions.verdicts if row.symbol == symbol)
    return [finding.code for finding in row.reasons]


# --- an error of ours ---


def broken(*wishes: TradeIntent) -> Any:
    """Inputs in which the first wish's mean volume is no number, as no file could carry it."""
    found = candidates(*wishes)
    rows = (found.candidates[0].model_copy(update={"adv_shares20": Decimal("NaN")}), *found.candidates[1:])
    return decision_inputs(*wishes, candidates=found.model_copy(update={"candidates": rows}))


def test_an_intent_that_cannot_be_decided_is_blocked_with_its_error_and_the_next_goes_on() -> None:
    decisions = run(broken(intent("AAA"), intent("BBB", 2)), SIM, sharing(), guarded)
    first, second = decisions.verdicts
    assert (Verdict.BLOCK, 0, None) == (first.verdict, first.q2, first.sizing)
    assert (0, 0) == (first.notional, first.risk)
    error = first.reasons[-1]
    assert ("ARBITER_ERROR", "ValueError") == (error.code, error.observed)
    assert error.detail.startswith("portfolio.sizing._adv_room")
    assert (Verdict.ALLOW, 156) == (second.verdict, second.q2)
    assert decisions.limits_after is not None
    assert 1 == decisions.limits_after.entries


def test_a_shadow_that_cannot_be_decided_is_a_blocked_shadow() -> None:
    how = sharing(shadows={"S1_AVWAP_SHADOW": CORE})
    shadow = run(broken(intent("AAA")), SIM, how, guarded).verdicts[1]
    assert ["SHADOW_STRATEGY", "ARBITER_ERROR"] == [row.code for row in shadow.reasons]
    assert (Verdict.BLOCK, 0) == (shadow.shadow_verdict, shadow.shadow_q2)


def test_the_same_error_leaves_the_same_words() -> None:
    runs = [run(broken(intent("AAA")), SIM, sharing(), guarded) for _ in range(2)]
    assert runs[0] == runs[1]


def test_an_address_in_an_errors_words_is_left_out() -> None:
    def fail() -> Any:
        raise LookupError(f"{object()} is not here")

    found = guarded(fail)
    assert "LookupError" == getattr(found, "kind", None)
    assert "tests.portfolio.test_arbiter.fail: <object object> is not here" == getattr(found, "detail", None)


def test_without_a_guard_an_error_is_seen() -> None:
    with pytest.raises(ValueError, match="NaN"):
        run(broken(intent("AAA")), SIM, sharing(), unguarded)


# --- sectors ---

TABLE = {"AAA": "Energy", "BBB": "Energy", "CCC": "Utilities", "HELD": "Energy"}


def sectored(*wishes: TradeIntent, sectors: dict[str, str] | None = TABLE) -> Decisions:
    """A book with 25,000 USD of the 30,000 that Energy may have."""
    marks = {row.symbol: usd("50") for row in wishes} | {"HELD": usd("50")}
    state = book([position("HELD", 500)])
    return run(decision_inputs(*wishes, book=state, marks=marks, sectors=sectors), SIM)


def test_a_sector_takes_what_it_has_left_and_the_next_in_it_nothing() -> None:
    decisions = sectored(intent("AAA"), intent("BBB", 2), intent("CCC", 3))
    assert [100, 0, 156] == [row.q2 for row in decisions.verdicts]
    assert ["LIMIT_SECTOR"] == codes(decisions)
    assert ["Energy", "Energy", "Utilities"] == [row.sector for row in decisions.verdicts]
    room = next(row for row in decisions.verdicts[0].room if row.cap == "LIMIT_SECTOR")
    assert (5000, 0) == (room.before, room.after)


def test_symbols_without_a_sector_share_one_bucket() -> None:
    decisions = sectored(intent("AAA"), intent("BBB", 2), sectors={"CCC": "Utilities"})
    assert [100, 0, None] == [*(row.q2 for row in decisions.verdicts), decisions.verdicts[0].sector]


def test_without_a_table_no_sector_binds() -> None:
    decisions = sectored(intent("AAA"), sectors=None)
    assert 156 == decisions.verdicts[0].q2
    assert [] == [row for row in decisions.verdicts[0].room if row.cap == "LIMIT_SECTOR"]


@given(
    rows=batches(12),
    sectors=st.none()
    | st.dictionaries(st.sampled_from([f"S{n:02d}" for n in range(1, 13)]), st.sampled_from("XYZ")),
    draw=st.data(),
)
def test_no_sector_is_exceeded_and_the_order_of_rows_changes_nothing(
    rows: tuple[TradeIntent, ...], sectors: dict[str, str] | None, draw: st.DataObject
) -> None:
    inputs = decision_inputs(*rows, sectors=sectors)
    config = config_with(positions_max=50, entries_per_day_max=50)
    decisions = run(inputs, config)
    taken: dict[str | None, Decimal] = {}
    for row in decisions.verdicts:
        taken[row.sector] = taken.get(row.sector, Decimal(0)) + row.notional
    assert sectors is None or all(usd_sum <= 30_000 for usd_sum in taken.values())
    shuffled = decision_inputs(*draw.draw(st.permutations(rows)), sectors=sectors)
    assert decisions == run(shuffled, config)


# --- every code is met ---

WISH = intent("AAA")
HELD = {"AAA": usd("50"), "BBB": usd("50")}


def of(*wishes: TradeIntent, config: PortfolioConfig = SIM, how: Any = None, **over: Any) -> Decisions:
    return run(decision_inputs(*wishes, **over), config, how, guarded)


FAULTS = {f"CANDIDATES_{fault}": (lambda fault=fault: of(candidates=fault)) for fault in ReadFaultCode}
MET: dict[str, Callable[[], Decisions]] = {
    **FAULTS,
    "DATA_DAY_BLOCKED": lambda: of(day_blocked=("DAY_COVERAGE_LOW",)),
    "PORTFOLIO_SNAPSHOT_MISSING": lambda: of(snapshot=ReadFaultCode.MISSING),
    "PORTFOLIO_SNAPSHOT_INVALID": lambda: of(snapshot=snapshot(complete=False)),
    "PORTFOLIO_SNAPSHOT_STALE": lambda: of(snapshot_sealed=False),
    "PORTFOLIO_SNAPSHOT_UNRECONCILED": lambda: of(reconciliation=ReconciliationStatus.DIFFERENT),
    "OPEN_POSITIONS_MISSING": lambda: of(book=ReadFaultCode.MISSING),
    "ACCOUNT_MISSING": lambda: of(account=ReadFaultCode.MISSING),
    "ACCOUNT_EQUITY_MISMATCH": lambda: of(account=account("90000")),
    "S2_CONFIG_INVALID": lambda: of(how=sharing(faults=("x",))),
    "S2_TOTALS_BROKEN": lambda: of(
        book=book([position("BBB", 9), position("BBB", -9, strategy_id="EXTERNAL")]), marks=HELD
    ),
    "S2_MISSING_SLEEVE": lambda: of(WISH, how=sharing(sleeves={})),
    "LIMIT_DRAWDOWN_THROTTLE": lambda: of(snapshot=snapshot(drawdown="0.2")),
    "SHADOW_STRATEGY": lambda: of(WISH, how=sharing(shadows={"S1_AVWAP_SHADOW": CORE})),
    "SYMBOL_ALREADY_HELD": lambda: of(WISH, book=book([position("AAA")])),
    "OPEN_ORDER_EXISTS": lambda: of(WISH, book=book([], [order("AAA", state=OrderState.SUBMIT_UNKNOWN)])),
    "SYMBOL_CONFLICT": lambda: of(WISH, intent("AAA", strategy_id=TREND), how=sharing(allow_unsleeved=True)),
    "S2_SYMBOL_OVERLAP": lambda: of(WISH, book=book([position("AAA", strategy_id="EXTERNAL")])),
    "S3_OPPOSING_INTENT": lambda: of(
        WISH, intent("AAA", strategy_id=TREND, side=Side.SELL), how=sharing(allow_unsleeved=True)
    ),
    "S3_OPPOSING_POSITION": lambda: of(WISH, book=book([position("AAA", -5, strategy_id="EXTERNAL")])),
    "S3_EXIT_IN_PROGRESS": lambda: of(
        WISH, book=book([], [order("AAA", leg=Leg.EXIT, stop=None, strategy_id=TREND)])
    ),
    "QUANTITIES_UNSETTLED": lambda: of(WISH, unsettled={"AAA": "AAA: the book holds 1, the broker 2"}),
    "S2_SLEEVE_MISMATCH": lambda: of(WISH, how=sharing(sleeves={CORE: sleeve("OTHER")})),
    "S2_MISSING_PNL": lambda: of(WISH, stated_pnl="{}"),
    "S2_MAX_DAILY_LOSS": lambda: of(WISH, stated_pnl='{"S1_AVWAP_CORE": -2000}'),
    "S2_MAX_POSITIONS": lambda: of(WISH, how=sharing(sleeves={CORE: sleeve(max_concurrent_positions=0)})),
    "LIMIT_MAX_OPEN_POSITIONS": lambda: of(WISH, config=config_with(positions_max=0)),
    "LIMIT_MAX_NEW_ENTRIES_PER_DAY": lambda: of(WISH, config=config_with(entries_per_day_max=0)),
    "ARBITER_ERROR": lambda: run(broken(WISH), SIM, None, guarded),
    "LIMIT_RISK_PER_TRADE": lambda: of(WISH, config=config_with(risk_per_trade_abs_max_usd="50")),
    "LIMIT_SYMBOL_CONCENTRATION": lambda: of(WISH, config=config_with(symbol_pct_max="0.01")),
    "LIMIT_SYMBOL_NOTIONAL": lambda: of(WISH, config=config_with(symbol_notional_usd_max="2000")),
    "LIMIT_GROSS_EXPOSURE": lambda: of(WISH, config=config_with(gross_abs_max_usd="5000")),
    "S2_MAX_GROSS_EXPOSURE": lambda: of(
        WISH, how=sharing(sleeves={CORE: sleeve(max_gross_exposure=usd("5000"))})
    ),
    "LIMIT_SECTOR": lambda: of(WISH, sectors=TABLE, config=config_with(sector_pct_max="0.01")),
    "LIMIT_BUYING_POWER": lambda: of(WISH, account=account(cash="5000")),
    "LIMIT_ADV_PARTICIPATION": lambda: of(candidates=candidates(WISH, adv="5000")),
    "S3_OVERLAP_RISK": lambda: of(
        WISH,
        book=book([position("AAA", strategy_id="EXTERNAL")]),
        how=sharing(allow_symbol_overlap=True),
    ),
    "BELOW_MIN_NOTIONAL": lambda: of(WISH, config=config_with(notional_usd_min="9000")),
    "ALLOW_WITHIN_LIMITS": lambda: of(WISH),
    "DRAWDOWN_SIGN_NORMALISED": lambda: of(snapshot=snapshot(drawdown="-0.1")),
}  # fmt: skip


@pytest.mark.parametrize("code", [*BatchCode, *IntentCode, *CapCode, *DecisionInfo])
def test_every_declared_code_is_told_by_some_morning(code: str) -> None:
    decisions = MET[code]()
    told = {row.code for row in decisions.batch.findings}
    told |= {finding.code for row in decisions.verdicts for finding in row.reasons}
    assert code in told
    # An info alone blocks nothing; any other code leaves less than was wished for.
    for row in decisions.verdicts:
        assert (row.verdict is Verdict.ALLOW) == (
            {finding.code for finding in row.reasons} == {"ALLOW_WITHIN_LIMITS"}
        )


@given(late=st.booleans(), rows=batches(6))
def test_a_blocked_batch_allows_nothing_whatever_it_wishes(late: bool, rows: tuple[TradeIntent, ...]) -> None:
    over: dict[str, Any] = {"now": NOW + timedelta(hours=9)} if late else {"snapshot_sealed": False}
    assert all(row.q2 == 0 for row in of(*rows, **over).verdicts)
