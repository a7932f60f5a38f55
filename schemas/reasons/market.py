"""Reason codes of market."""
