"""What happened, whose it was, and whether it adds up: measured from the ledger, blocking nothing.

Each stage is a module with one ``run(inputs, config)``; ``report.render`` makes the day's page of them.
"""

from analytics import attribution, reconciliation, regime, report, snapshot, trades

__all__ = ["regime", "trades", "snapshot", "reconciliation", "attribution", "report"]
