"""Gate 15: what an entry rests on was read whole, is of this session by its header, and its reader still answers.

A date is a header's, never a file's. While the broker's circuit is open its answers are too rare to add to.
"""

from datetime import timedelta
from decimal import Decimal

from execution_v2.gates.facts import (
    OBSERVATIONS_ASKED,
    EnforcementConfig,
    EntryOrder,
    GateFacts,
    SendMoment,
    finding,
)
from schemas.header import Finding
from schemas.reasons.gates import FreshnessCode


def check_book(facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """Candidates, the enforcement that named the entry, and the observations of today: those that every moment
    asks for, and whatever else this one has made (in the morning, the broker's clock)."""
    found: list[Finding] = []
    if facts.candidates_fault is not None:
        found.append(finding(FreshnessCode[f"CANDIDATES_{facts.candidates_fault}"], facts.book_id))
    if facts.enforcement_fault is not None:
        found.append(finding(FreshnessCode[f"ENFORCEMENT_{facts.enforcement_fault}"], facts.book_id))
    today = facts.session_date
    others = sorted(facts.observed.keys() - set(OBSERVATIONS_ASKED))
    seen = {name: facts.observed.get(name) for name in (*OBSERVATIONS_ASKED, *others)}
    found += [
        finding(FreshnessCode.OBSERVATION_INCOMPLETE, facts.book_id, None, today, name)
        for name, date in seen.items()
        if date is None
    ]
    found += [
        finding(FreshnessCode.OBSERVATION_STALE, facts.book_id, date, today, name)
        for name, date in seen.items()
        if date is not None and date != today
    ]
    return tuple(found)


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """The book's answer; before a send also the age of the observations, the symbol's quote, and the circuit."""
    found = check_book(facts, config)
    moment = facts.moment
    if moment is None:
        return found
    found += (*_ages(facts, moment, config), *_quote(entry, moment, config))
    if moment.breaker_open:
        found += (finding(FreshnessCode.BROKER_CIRCUIT_OPEN, facts.book_id, moment.breaker_open, False),)
    return found


def _ages(facts: GateFacts, moment: SendMoment, config: EnforcementConfig) -> list[Finding]:
    """Observations of today that are older than a minute all the same."""
    limit = config.observation_age_s_max
    found = []
    for name in OBSERVATIONS_ASKED:
        if facts.observed.get(name) != facts.session_date:
            continue  # said above
        at = moment.observed_at.get(name)
        age = None if at is None else _seconds(moment.now - at)
        if age is None or age > limit:
            detail = f"{name}, seconds"
            found.append(finding(FreshnessCode.OBSERVATION_STALE, facts.book_id, age, limit, detail))
    return found


def _quote(entry: EntryOrder, moment: SendMoment, config: EnforcementConfig) -> list[Finding]:
    """A last price, no older than the limit. Bid and ask are asked only where the feed has them."""
    quote, symbol = moment.quote, entry.symbol
    if quote is None or quote.symbol != symbol:
        return [finding(FreshnessCode.QUOTE_MISSING, symbol)]
    found = []
    age = _seconds(moment.now - quote.as_of)
    if age > config.quote_age_s_max:
        found.append(finding(FreshnessCode.QUOTE_STALE, symbol, age, config.quote_age_s_max, "seconds"))
    if quote.bid is not None and quote.ask is not None and quote.bid > quote.ask:
        found.append(finding(FreshnessCode.QUOTE_CROSSED, symbol, quote.bid, quote.ask, "bid above ask"))
    return found


def _seconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(microseconds=1)).scaleb(-6)
