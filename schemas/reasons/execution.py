"""Reason codes of execution."""
