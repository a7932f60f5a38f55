"""What a book's fills cost is measured from its closed days, and given back to the exchange as a file.

The file is read when settings are loaded: its rows then stand in the configuration, and in its digest, as if typed.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError, ValidationInfo

from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from flows.house import House
    from schemas.calibration import Calibration

COSTS_OF_A_ROW = ("adv_usd_min", "slippage_bps", "half_spread_bps")


def with_slippage_file(exchange: Any, info: ValidationInfo) -> Any:
    """*exchange* as given, the rows of its ``costs.slippage_file`` in place of the name.

    Errors: ValueError for a file that cannot be read or is none, and where rows are typed beside it.
    """
    costs = exchange.get("costs") if isinstance(exchange, Mapping) else None
    if not isinstance(costs, Mapping) or "slippage_file" not in costs:
        return exchange
    name = costs["slippage_file"]
    left = {key: value for key, value in costs.items() if key != "slippage_file"}
    if not name:
        return {**exchange, "costs": left}
    if "buckets" in left:
        raise ValueError("costs.slippage_file and costs.buckets are both set: which one is meant?")
    return {**exchange, "costs": {**left, "buckets": _rows(info.data.get("home", Path()) / str(name))}}


def _rows(path: Path) -> list[dict[str, Any]]:
    from schemas.calibration import Calibration

    try:
        found = Calibration.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ValueError(f"costs.slippage_file {path.name}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ValueError(
            f"costs.slippage_file {path.name}: {where}: {first['msg']}; avwap calibrate writes such a file"
        ) from error
    if not found.buckets:
        raise ValueError(f"costs.slippage_file {path.name}: it has no bucket")
    return [{name: getattr(row, name) for name in COSTS_OF_A_ROW} for row in found.buckets]


def calibrate(house: "House", book_id: str, first: date, last: date, fills_min: int) -> "Calibration":
    """The costs of *book_id*'s fills from *first* to *last*, in the rows of the table in force. Writes nothing.

    Errors: ``UsageFault`` SESSION_NOT_OPEN where no session of the range was closed; ``StageRefused`` for a file
    that is there and cannot be trusted.
    """
    from analytics.calibration import Bucket, SessionFills, adv_usd20, run
    from flows.day import StageRefused, open_day
    from flows.explaining import sessions
    from flows.stages.cycle import history_bars
    from ledger.artifacts import Loaded
    from schemas.reasons.ledger import ReadFaultCode
    from schemas.trades import Trades

    days: list[SessionFills] = []
    for session in sessions(house, book_id, last):
        if session < first:
            continue
        day = open_day(house, book_id, session)
        made = day.read("trades.json", Trades)
        if not isinstance(made, Loaded):
            if made.code is ReadFaultCode.MISSING:
                continue
            raise StageRefused("calibrate", day, (made.finding,))
        bars = history_bars(day, {fill.symbol for fill in made.artifact.fills})
        known = {symbol: adv_usd20(rows) for symbol, rows in bars.items()}
        adv = {symbol: value for symbol, value in known.items() if value is not None}
        days.append(SessionFills(session=session, fills=made.artifact.fills, adv_usd20=adv))
    if not days:
        raise UsageFault(
            EdgeCode.SESSION_NOT_OPEN,
            f"{book_id} closed no session from {first} to {last}",
            safe="nothing was written",
            next=f"avwap status --book {book_id} names its newest session",
        )
    table = [
        Bucket(
            adv_usd_min=row.adv_usd_min, slippage_bps=row.slippage_bps, half_spread_bps=row.half_spread_bps
        )
        for row in house.settings.exchange.costs.buckets
    ]
    return run(book_id, days, table, fills_min)
