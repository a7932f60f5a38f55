"""What happened, whose it was, and whether it adds up: measured from the ledger, blocking nothing.

Each stage is a module with one ``run(inputs, config)``. ``analytics.report`` makes the day's page of them; it is
imported by whoever renders one, and by nobody else, for its weight.
"""

import importlib
from typing import Any

__all__ = ["regime", "trades", "snapshot", "reconciliation", "attribution"]


def __getattr__(name: str) -> Any:
    """A stage, imported when it is first asked for: most commands run none of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"analytics.{name}")
