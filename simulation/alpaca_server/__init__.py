"""The simulated exchange speaks Alpaca's protocol on this machine, so that the real client can be put to the test."""

from simulation.alpaca_server.faults import Rule, Script, Seeded, Trouble
from simulation.alpaca_server.server import KEY_ID, SECRET_KEY, AlpacaServer, Request

__all__ = ["KEY_ID", "SECRET_KEY", "AlpacaServer", "Request", "Rule", "Script", "Seeded", "Trouble"]
