"""Whole runs of the real cycle under faults, each reproduced by its seed."""
