"""No record of a wish, a decision, an order, shares or money can be written without its strategy and its sleeve."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Final

import pytest

import schemas
from schemas.base import Fact

IDS: Final = frozenset(("intent_id", "decision_id", "ord_id", "position_id", "trade_id", "fill_id"))
SCOPE: Final = ("strategy_id", "sleeve_id")
UNITS: Final = frozenset(
    """
    TradeIntent Candidate Decision AuthorisedEntry RefusedEntry EntryAuthorised EntryDenied Order OrderLine
    OrderFilled Fill Lot Position PositionMark PositionMarked PositionFailed Closing StopEvent StopLine ExitEvent
    RoundTrip OpenTrade Realised AttributionRow ActionApplied HeldAction ParityRow PositionAdjusted RouterDecided
    StopCovered
    """.split()
)
ABOUT_AN_ORDER: Final = frozenset(
    """
    OrderCancelling OrderConfirmed OrderEnded OrderRejected OrderReplaceRejected OrderReplaced OrderReplacing
    OrderResolved OrderUnresolved OrderContradicted OrderOperatorResolved IllegalTransition ReplaceEnded
    Divergence RiskEvent
    """.split(),
)
"""They name an order, or a decision, which says whose it is."""


def models() -> dict[str, type[Fact]]:
    """Every record that the schemas declare, by name."""
    found: dict[str, type[Fact]] = {}
    for module in iter_modules(schemas.__path__):
        for name, each in vars(import_module(f"schemas.{module.name}")).items():
            if (
                isinstance(each, type)
                and issubclass(each, Fact)
                and each.__module__ == f"schemas.{module.name}"
            ):
                found[name] = each
    return found


@pytest.mark.parametrize("name", sorted(UNITS))
@pytest.mark.parametrize("field", SCOPE)
def test_neither_can_be_left_out_of_a_unit(name: str, field: str) -> None:
    told = models()[name].model_fields[field]
    assert told.is_required()
    assert str is told.annotation


def test_whatever_names_a_unit_is_one_or_is_about_an_order() -> None:
    names = {name for name, model in models().items() if IDS & model.model_fields.keys()}
    assert set() == names - UNITS - ABOUT_AN_ORDER
