"""At the end of a stage its messages are kept and sent, where people asked to hear of the book; elsewhere nothing is.

What a morning's scan and a change of posture say is kept in any case; these further kinds are for a channel, and can be
read with ``avwap notify preview`` of any session at any time.
"""

from collections.abc import Sequence

from flows.day import Day
from flows.outbox import outbox_of, post
from flows.slack.leaving import after_stage, is_told
from schemas.journal import JournalRecord
from schemas.outbox import Message


def morning(day: Day) -> None:
    """After the enforcement. Errors: as ``outbox.post`` and ``after_stage``; the caller goes on."""
    if not is_told(day.house.settings, day.book_id):
        return
    from flows.blocked import blocked_summary
    from flows.messages.enforcement import enforcement_summary

    if blocked_summary(day) is None:
        _keep(day, enforcement_summary(day))
    after_stage(day)


def cycle(day: Day, records: Sequence[JournalRecord]) -> None:
    """After a cycle: what nobody was told yet of *records*, the session's so far. Errors: as ``morning``."""
    if not is_told(day.house.settings, day.book_id):
        return
    from flows.messages.execution import execution_alerts

    made = execution_alerts(day, records)
    outbox = outbox_of(day.house, day.book_id)
    # A cycle that died before its message is made up for by the next.
    fresh = set(outbox.untold([message.id for message in made]))
    for message in made:
        if message.id in fresh:
            outbox.post(message, records[-1].ts)
    after_stage(day)


def close(day: Day) -> None:
    """After the seal. Errors: as ``morning``."""
    settings = day.house.settings
    if not is_told(settings, day.book_id):
        return
    from flows.messages.daily import daily_summary
    from flows.messages.risk import risk_summary

    _keep(day, daily_summary(day))
    if settings.e3_risk_attribution_slack_summary:
        _keep(day, risk_summary(day))
    after_stage(day)


def _keep(day: Day, message: Message | None) -> None:
    if message is not None:
        post(day, message)
