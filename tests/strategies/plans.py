"""One intent made by hand, to be varied field by field."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from schemas.base import SessionDate
from schemas.book import Side
from schemas.candidates import Entry, EntryModel, ExitPlan, StopPlan, TradeIntent

OPEN = datetime(2016, 9, 16, 13, 30, tzinfo=UTC)
CLOSE = datetime(2016, 9, 16, 20, 0, tzinfo=UTC)


def usd(text: str) -> Decimal:
    """A price at scale 4."""
    return Decimal(text).quantize(Decimal("0.0001"))


def intent(**changes: Any) -> TradeIntent:
    """A buy at 100.00: level 98.00, stop 95.00, r1 105.00, r2 110.00, cap 103.00."""
    prices = {"entry_ref": "100", "stop": "95", "r1": "105", "r2": "110", "limit_cap": "103", "level": "98"}
    prices |= {name: str(changes.pop(name)) for name in list(changes) if name in prices}
    model = changes.pop("model", EntryModel.NEXT_OPEN)
    fields: dict[str, Any] = {
        "intent_id": "int_0123456789abcdef0123",
        "book_id": "SIM",
        "session_date": SessionDate(date(2016, 9, 16)),
        "data_session": SessionDate(date(2016, 9, 15)),
        "strategy_id": "S1_AVWAP_CORE",
        "sleeve_id": "S1_AVWAP_CORE",
        "model_version": "1.0.0",
        "data_version": "0" * 20,
        "symbol": "AAA",
        "side": Side.BUY,
        "intended_notional_fraction": Decimal("0.100000"),
        "intended_risk_fraction": Decimal("0.005000"),
        "entry": Entry(
            model=model,
            level=usd(prices["level"]),
            entry_ref=usd(prices["entry_ref"]),
            limit_cap=usd(prices["limit_cap"]),
        ),
        "stop_plan": StopPlan(initial_stop=usd(prices["stop"])),
        "exit_plan": ExitPlan(
            r1=usd(prices["r1"]),
            r1_fraction=Decimal("0.500000"),
            r2=usd(prices["r2"]),
            r2_fraction=Decimal("0.500000"),
            trail_fraction=Decimal("0.500000"),
        ),
        "valid_from": OPEN,
        "valid_until": datetime(2016, 9, 16, 14, 0, tzinfo=UTC),
        "thesis": "above YTD AVWAP, tier A, confluence 3",
        "tags": ("anchor:YTD", "tier:A"),
        "rank": 1,
        "scan_ref": "/rows/0",
    }
    return TradeIntent(**(fields | changes))
