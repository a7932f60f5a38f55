"""A code is said in words to whoever was woken by it: one line for each cause of a posture or a lifecycle."""

from collections.abc import Mapping
from typing import Final

from schemas.reasons.lifecycle import LifecycleCause, LifecycleReason
from schemas.reasons.posture import PostureCode, RecoveryCode
from schemas.tick import DivergenceCategory, Posture

P, L, D, R = PostureCode, LifecycleCause, DivergenceCategory, LifecycleReason

WORDS: Final[Mapping[str, str]] = {
    P.REST_STALE: "account, positions or orders were read too long ago",
    P.STREAM_STALE: "order updates are late or do not come; fills are found by reading",
    P.FILLS_STALE: "executions were read too long ago",
    P.CLOCK_SKEW: "a source's stamp lies in our future: look at this machine's clock",
    P.SOURCES_STALE: "two sources or more are stale together",
    P.SOURCES_DEAD: "no source says anything; stops at the broker stand",
    P.POSITIONS_UNREAD: "the broker's positions could not be read",
    P.CONTRADICTION_C2: "book and broker differ in an order or a part of a quantity",
    P.CONTRADICTION_C3: "book and broker differ in kind: side, held against flat, a quarter and more",
    P.FROZEN: "nobody knows what became of an order; it counts as live until a person settles it",
    P.GAVE_UP: "the replacement of an order was given up while either may be live",
    P.PROOF_OVERTURNED: "an order that was proved absent or ended turned up or was filled",
    P.EXTERNAL: "the broker holds shares that no order of ours bought",
    P.POSITION_SYNC: "the comparison of positions asks for it",
    P.RECORD_FAILING: "the journal could not be probed or written: look at the disk first",
    P.JOURNAL_CORRUPT: "the journal broke in its middle; a person has to repair and acknowledge",
    P.PROTECTION_GAP: "a position has no confirmed stop",
    P.DD_BREACH: "equity fell from its peak by as much as the book allows; a person decides",
    P.DEBT: "many small doubts together reached a band",
    P.DEBT_GROWTH: "the doubts grow so fast that they will reach a band",
    P.POSTURE_FLAP_HOLD: "it went up and down too often and stays where it is",
    RecoveryCode.RECOVERING: "nothing holds it any more; healthy cycles are counted",
    D.LEDGER_GAP: "replay: a record is missing",
    D.CORRUPT: "replay: a record is not what was written",
    D.STATE_HASH: "replay: the journal read again gives another state than the cycle's",
    D.NONDETERMINISM: "replay: the same tick gives another posture or lifecycle",
    D.POSITION: "replay: the journal's positions are not the broker's",
    D.ORPHAN: "replay: an order of ours that no record names",
    D.ILLEGAL_TRANSITION: "replay: a record that the rules refuse",
    D.DECISION: "replay: a decision that the rules would not make again",
    D.REPLACE_RACE: "replay: two orders may stand where one should",
    D.CONTRADICTION: "replay: two accounts of one thing differ",
    D.STALE_VERDICT: "replay: nothing was checked in this cycle",
    D.UNKNOWN: "replay: a difference that has no name",
    L.KILL_SWITCH: "a kill switch is set, or nobody recorded that it was lifted",
    L.OPERATOR_EMERGENCY: "a person declared an emergency",
    L.POSTURE_RED: "the posture is RED",
    L.FEED_STALE: "quotes were asked for, and not one came",
    L.OBSERVATION_INCOMPLETE: "not every read of the broker succeeded",
    L.LEDGER_UNAVAILABLE: "the journal cannot be written: a full disk, or no leave",
    L.BROKER_CIRCUIT_OPEN: "so many calls failed that the line is given a rest",
    L.RECONCILE_FAILED: "for two cycles nobody could compare positions with the broker's",
    L.OPERATOR_PAUSE: "paused, until a person resumes it",
    L.LOSS_LIMIT: "the session lost as much as a session may",
    L.CONSEC_LOSS: "so many positions in a row lost that a person decides",
    L.POSTURE_YELLOW: "the posture is YELLOW or ORANGE",
    L.WARM_UP: "after RED sizes grow back in steps",
    L.API_PRESSURE: "the broker answered too many requests with 429",
    R.SESSION_OPENED: "a session's first cycle enters nothing",
    R.REBUILD_RELEASED: "every read succeeded",
    R.ARMED: "the book may enter again",
    R.THROTTLE_CLEARED: "one whole cycle showed no cause to slow down",
    R.DEGRADE_CLEARED: "one whole cycle showed no cause of DEGRADED",
    R.PAUSE_CLEARED: "a person resumed, or the session with the loss is over",
    R.EMERGENCY_CLEARED: "each cause is answered for, and every position was seen covered",
}
"""By code; PROTECTION_GAP, JOURNAL_CORRUPT and DD_BREACH say the same wherever they stand."""

_BOOKS: Final = {
    "broker-outage": (P.REST_STALE, P.FILLS_STALE, P.SOURCES_STALE, P.SOURCES_DEAD, P.POSITIONS_UNREAD,
                      L.OBSERVATION_INCOMPLETE, L.BROKER_CIRCUIT_OPEN, L.RECONCILE_FAILED),
    "position-mismatch": (P.CONTRADICTION_C2, P.CONTRADICTION_C3, P.POSITION_SYNC, P.EXTERNAL, D.POSITION,
                          D.CONTRADICTION),
    "ambiguous-order": (P.FROZEN, P.GAVE_UP, D.REPLACE_RACE),
    "missing-stop": (P.PROTECTION_GAP,),
    "orphan-order": (D.ORPHAN,),
    "ledger": (P.RECORD_FAILING, P.JOURNAL_CORRUPT, D.LEDGER_GAP, D.CORRUPT, L.LEDGER_UNAVAILABLE),
    "replay-divergence": (D.STATE_HASH, D.NONDETERMINISM, D.ILLEGAL_TRANSITION, D.DECISION),
    "kill-switch": (L.KILL_SWITCH,),
    "protections": (L.CONSEC_LOSS,),
}  # fmt: skip
RUNBOOKS: Final[Mapping[str, str]] = {
    str(code): f"runbooks/{page}.md" for page, codes in _BOOKS.items() for code in codes
}
"""By code, the page that says what to do; of a code without one the posture's and the lifecycle's say all."""
URGENT: Final[Mapping[str, str]] = {
    code: RUNBOOKS[code]
    for code in (P.PROTECTION_GAP, P.SOURCES_DEAD, P.CONTRADICTION_C3, P.JOURNAL_CORRUPT, D.ORPHAN, D.CORRUPT)
}
"""Codes that do not wait for the morning: money may lie unprotected, or nobody can say how much there is."""

ENTRIES: Final[Mapping[str, str]] = {
    Posture.GREEN: "allows entries",
    Posture.YELLOW: "allows one entry per cycle, smaller",
    Posture.ORANGE: "no entries; those that work are cancelled",
    Posture.RED: "no entries; those that work are cancelled",
    "INIT": "no entries before every read succeeded once",
    "READY": "no entries yet; it arms by itself, at YELLOW or better, where it may",
    "ACTIVE": "allows entries",
    "THROTTLED": "allows one entry per cycle, smaller",
    "PAUSED": "no entries",
    "DEGRADED": "no entries",
    "EMERGENCY": "no entries; those that work are cancelled",
}
"""What a posture or a state means for entries."""
ROUTINE: Final = frozenset({R.SESSION_OPENED, R.REBUILD_RELEASED, R.ARMED})
"""Reasons of moves that every morning makes: no news."""
SAFE: Final = "stops and exits go on"


def words(code: str) -> str:
    """*code* in words; the code itself where nobody has any."""
    return WORDS.get(code, code)
