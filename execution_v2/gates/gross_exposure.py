"""Gate 7: the worst case of the book, this entry included, stays within dollars and a share of equity."""

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from schemas.header import Finding
from schemas.reasons.gates import GrossCode


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """Without a mark for everything held, worked and wished there is no worst case: refused.

    An entry without a price adds nothing that could be counted here; gate 19 refuses it.
    """
    limits, exposure = config.limits, facts.exposure
    if exposure is None or exposure.gross is None:
        return (finding(GrossCode.MARK_UNKNOWN, facts.book_id),)
    found: list[Finding] = []
    if entry.symbol not in facts.marks:
        found.append(finding(GrossCode.MARK_UNKNOWN, entry.symbol))
    gross = exposure.gross + entry.notional
    if gross > limits.gross_abs_max_usd:
        found.append(finding(GrossCode.GROSS_EXPOSURE_ABS, entry.symbol, gross, limits.gross_abs_max_usd))
    if facts.equity is None or gross > limits.gross_pct_max * facts.equity:
        allowed = None if facts.equity is None else limits.gross_pct_max * facts.equity
        found.append(finding(GrossCode.GROSS_EXPOSURE_PCT, entry.symbol, gross, allowed))
    return tuple(found)
