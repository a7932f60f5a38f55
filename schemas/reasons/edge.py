"""Reason codes of edge."""
