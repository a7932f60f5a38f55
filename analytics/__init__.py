"""What happened, whose it was, and whether it adds up: measured from the ledger, blocking nothing.

Each stage is a module with one ``run(inputs, config)``. ``analytics.report`` makes the day's page of them; it is
imported by whoever renders one, and by nobody else, for its weight.
"""

from analytics import attribution, reconciliation, regime, snapshot, trades

__all__ = ["regime", "trades", "snapshot", "reconciliation", "attribution"]
