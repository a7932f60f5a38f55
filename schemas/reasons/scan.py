"""Reason codes of scan."""
