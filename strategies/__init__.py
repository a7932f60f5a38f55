"""Strategies turn market facts into wishes: what we would like, and why not the rest; never an order."""
