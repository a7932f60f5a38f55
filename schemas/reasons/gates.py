"""Reason codes of gates."""
