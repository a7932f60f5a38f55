"""Deciding a long list against a full book costs a small multiple of writing down what was decided."""

from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, Final

from execution_v2 import enforce
from execution_v2.enforce import EnforcementInputs
from execution_v2.gates.facts import EnforcementConfig
from ledger.artifacts import Context, encode
from ledger.canonical import digest
from portfolio import decide
from portfolio.batch import DecisionInputs
from portfolio.limits import LimitsConfig, PortfolioConfig, portfolio_config
from portfolio.sleeves import Sharing
from schemas.base import SessionDate
from schemas.decisions import Decisions
from schemas.enforcement import Enforcement
from tests.portfolio import books
from tools.benchmarks.result import Benchmark, Result, median, result, side_by_side
from tools.benchmarks.workspace import Workspace

INTENTS: Final = 3000
POSITIONS: Final = 200
RUNS: Final = 5
AT_MOST: Final = 3.0
EQUITY: Final = "1000000"
CORE: Final = books.CORE
ROOMY: Final = {"positions_max": 4000, "entries_per_day_max": 4000, "gross_abs_max_usd": Decimal(EQUITY)}
"""Counts that stop nobody, so that every intent is sized; gross is what runs out, after some ninety entries."""


def config() -> PortfolioConfig:
    """The simulated book's, with counts and a sleeve that leave the gross cap to decide."""
    base = portfolio_config("SIM")
    caps = {"max_concurrent_positions": 4000, "max_gross_exposure": Decimal(EQUITY)}
    sleeves = {CORE: base.sleeves[CORE].model_copy(update=caps)}
    limits = LimitsConfig(**(base.limits.model_dump() | ROOMY))
    return PortfolioConfig(**(base.model_dump() | {"limits": limits, "sleeves": sleeves}))


def morning(intents: int, positions: int) -> DecisionInputs:
    """A sound morning of that many intents and positions; the numbers are made up, the forms are real."""
    wishes = [books.intent(f"W{n:04d}", n, notional="0.01") for n in range(1, intents + 1)]
    held = [books.position(f"H{n:04d}", 10, position_id=f"pos_{n}") for n in range(positions)]
    marks = books.marks_of(wishes) | {row.symbol: Decimal("50.0000") for row in held}
    return books.decision_inputs(
        *wishes,
        book=books.book(held),
        marks=marks,
        snapshot=books.snapshot(EQUITY, positions=held),
        account=books.account(EQUITY, EQUITY),
        returns=books.returns_of(sorted(marks)),
    )


def gated(inputs: DecisionInputs, decisions: Decisions) -> EnforcementInputs:
    """What the gates read of the same morning."""
    session: date = inputs.session_date
    return EnforcementInputs(
        book_id=inputs.book_id,
        session_date=inputs.session_date,
        data_session=inputs.data_session,
        candidates=inputs.candidates,
        decisions=decisions,
        snapshot=inputs.snapshot,
        book=inputs.book,
        account=inputs.account,
        control=books.control(),
        marks=inputs.marks,
        observed=dict.fromkeys(("account", "positions", "orders", "clock"), session),
        record=(),
    )


def stages(inputs: DecisionInputs) -> tuple[Decisions, Enforcement]:
    """Both stages, decisions binding."""
    mine = config()
    sharing = Sharing(sleeves=mine.sleeves)
    decided = decide.run(inputs, mine, sharing)
    gates = EnforcementConfig(portfolio=mine, sharing=sharing, decision_enforce=True)
    return decided, enforce.run(gated(inputs, decided), gates)


def run(_: Workspace, intents: int = INTENTS, positions: int = POSITIONS) -> Result:
    """Both stages beside the canonical bytes of what they return."""
    inputs = morning(intents, positions)
    both = stages(inputs)
    _checked(both, intents)
    ctx = Context(book_id=books.BOOK, session_date=SessionDate(inputs.session_date), config_sha256="0" * 64)

    def spelled() -> list[bytes]:
        return [encode(each, ctx, ()) for each in both]

    again: Any = [encode(each, ctx, ()) for each in stages(inputs)]
    assert again == spelled(), "the same morning gives the same bytes"
    ours, theirs = side_by_side(partial(stages, inputs), spelled, RUNS)
    ratio = median(ours) / median(theirs)
    figures = {"bytes": float(sum(map(len, again)))}
    checksum = digest(b"".join(again))
    return result("decisions", ours=ours, ratio=ratio, checksum=checksum, at_most=AT_MOST, figures=figures)


def _checked(both: tuple[Decisions, Enforcement], intents: int) -> None:
    """The work was done: every intent has its decision, and every one that is allowed passes the gates."""
    decided, enforced = both
    assert decided.batch.codes == (), decided.batch.codes
    assert intents == len(decided.verdicts) == len(enforced.authorised) + len(enforced.refused)
    allowed = [row.intent_id for row in decided.verdicts if row.q2 > 0]
    assert allowed == [row.intent_id for row in enforced.authorised], "decided and authorised are the same"
    assert allowed, "something is allowed"
    assert all(row.sizing is not None for row in decided.verdicts), "every intent was sized"


DECISIONS: Final = Benchmark(
    name="decisions",
    what="""\
Decisions and enforcement of 3,000 intents against a book of 200 positions, decisions binding, counts so wide that each
intent is sized, compared with what is held, and put to every gate. Theirs: `ledger.artifacts.encode` of the two files
that come of it, their canonical bytes. Every allowed intent is authorised, and a second run gives the same bytes.
Ratio: our median over theirs.""",
    run=run,
    tell=lambda r: f"{r.figures['bytes'] / 1e6:,.1f} MB of canonical bytes",
)
