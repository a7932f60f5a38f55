"""Reason codes of portfolio."""
