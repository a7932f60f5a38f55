"""Reason codes of analytics."""
