"""A shadow is decided like its original, on a book of its own, and is never allowed anything.

strategy.md 7.5. Its intents are the original's under another id, so that what becomes of them differs by the rules
of the shadow alone. A shadow takes no slot, cash or symbol from anybody.
"""

from collections.abc import Iterable, Mapping

from portfolio.sleeves import Sharing
from schemas.candidates import TradeIntent
from schemas.ids import intent_id
from schemas.strategy_registry import REGISTRY
from strategies.candidates import PURPOSE


def clones(intents: Iterable[TradeIntent], shadows: Mapping[str, str]) -> tuple[tuple[TradeIntent, str], ...]:
    """What *shadows* repeat of *intents*: each clone, and the intent_id of its original."""
    rows = tuple(intents)
    stated = {row.intent_id for row in rows}
    found = []
    for shadow, original in sorted(shadows.items()):
        for row in rows:
            if row.strategy_id == original:
                clone = _clone(row, shadow)
                if clone.intent_id not in stated:  # the shadow's own wish stands before a copied one
                    found.append((clone, row.intent_id))
    return tuple(found)


def _clone(row: TradeIntent, shadow: str) -> TradeIntent:
    meta = REGISTRY[shadow]
    changed = {
        "intent_id": intent_id(row.book_id, row.session_date, shadow, row.symbol, row.side, PURPOSE),
        "strategy_id": shadow,
        "sleeve_id": meta.sleeve_id,
        "model_version": meta.model_version,
    }
    return row.model_copy(update=changed)


def sharing_of_shadow(sharing: Sharing, shadow: str) -> Sharing:
    """*sharing* as *shadow* meets it: under the sleeve of its original, unless it has one of its own."""
    original = sharing.sleeves.get(sharing.shadows.get(shadow, ""))
    if shadow in sharing.sleeves or original is None:
        return sharing
    return sharing.model_copy(update={"sleeves": {**sharing.sleeves, shadow: original}})
