"""Brokers answer through one port; every adapter keeps the same promises."""
