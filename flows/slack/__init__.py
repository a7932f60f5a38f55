"""Slack is one way by which messages leave the outbox; off unless a channel is named, and nothing waits for it."""
