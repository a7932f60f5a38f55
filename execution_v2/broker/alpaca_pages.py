"""A listing of Alpaca's is read to its end or has failed: twenty pages without an end are no answer.

The broker numbers no pages of orders: each begins where the one before ended, and what came twice counts once.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from execution_v2.broker import alpaca_wire as wire
from execution_v2.broker.port import ReadFailed
from schemas.reasons.execution import LineCode

Rows = list[wire.Json] | ReadFailed
Page = Callable[[str, str, Any], Rows]
"""(operation, path, parameters) -> one page."""
PAGE_ORDERS: Final = 500
PAGE_ACTIVITIES: Final = 100
PAGES_MAX: Final = 20


def orders_of(page: Page, op: str, status: str, after: datetime | None) -> Rows:
    """Every order of *status* (open, closed, all) sent after *after*, oldest first."""
    found: dict[str, wire.Json] = {}
    for _ in range(PAGES_MAX):
        params = {"status": status, "limit": PAGE_ORDERS, "direction": "asc", "nested": "false"}
        if after is not None:
            params["after"] = after.isoformat()
        rows = page(op, "/orders", params)
        if isinstance(rows, ReadFailed):
            return rows
        before = len(found)
        found |= {str(row.get("id")): row for row in rows}
        if len(rows) < PAGE_ORDERS:
            return list(found.values())
        if len(found) == before:
            break
        try:
            # A little before the last one: orders of one instant may lie on both sides of a page's end.
            after = wire.instant(rows[-1], "submitted_at") - timedelta(milliseconds=1)
        except wire.UNREADABLE as error:
            return ReadFailed(cause=f"{LineCode.ANSWER_UNREADABLE}: {error}")
    return ReadFailed(cause=f"{LineCode.LISTING_ENDLESS}: {len(found)} orders and no end")


def activities_of(page: Page, params: dict[str, Any]) -> Rows:
    """Every activity of the account that *params* ask for, oldest first."""
    found: dict[str, wire.Json] = {}
    asked = {**params, "direction": "asc", "page_size": PAGE_ACTIVITIES}
    for _ in range(PAGES_MAX):
        rows = page("activities", "/account/activities", dict(asked))
        if isinstance(rows, ReadFailed):
            return rows
        before = len(found)
        found |= {str(row.get("id")): row for row in rows}
        if len(rows) < PAGE_ACTIVITIES:
            return list(found.values())
        if len(found) == before:
            break
        asked["page_token"] = rows[-1].get("id")
    return ReadFailed(cause=f"{LineCode.LISTING_ENDLESS}: {len(found)} activities and no end")
