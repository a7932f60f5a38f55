"""Every intent is decided once, best first, against the exposure that those before it left.

strategy.md 7.1 and 7.2. All findings are reported, not the first alone; a batch finding blocks every intent,
and a blocked intent takes no room. One intent is judged in ``arbiter``; the batch moves on here. Shadows are decided
last, each shadow strategy against the book as it was before the batch.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from portfolio import exposure as exposures
from portfolio.arbiter import Base, Peers, Place, decide_one, faulted
from portfolio.batch import (
    DecisionInputs,
    batch_findings,
    candidates_fault,
    is_drawn_down,
    sizing_equity,
)
from portfolio.conflicts import standing_of
from portfolio.correlation import Correlations
from portfolio.limits import PortfolioConfig
from portfolio.modulation import asked
from portfolio.moment import Moment, moment_of
from portfolio.profit import profit_of_session
from portfolio.records import batch_record, limits_record, sleeves_record
from portfolio.shadow import clones, sharing_of_shadow
from portfolio.sleeves import Sharing, config_findings, is_shadow, parse_daily_pnl, totals_findings
from schemas.book import BookState
from schemas.candidates import Candidates, TradeIntent
from schemas.decisions import Decision, Decisions, binding_of
from schemas.header import Finding
from schemas.reasons.ledger import ReadFaultCode
from schemas.strategy_registry import REGISTRY

_UNREGISTERED: Final = 1_000_000
"""Priority of a strategy without a registry row: behind all others, where its validity code blocks it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """What a guard caught: the kind of error, and where it was raised with what words."""

    kind: str
    detail: str


Guard = Callable[[Callable[[], Decision]], Decision | Caught]
"""Runs one deciding. The edge hands in one that turns an error into ``Caught``, so that the other intents go on."""


def unguarded(run_one: Callable[[], Decision]) -> Decision:
    """Let an error through: for who would rather see it."""
    return run_one()


def run(
    inputs: DecisionInputs,
    config: PortfolioConfig,
    sharing: Sharing | None = None,
    guard: Guard = unguarded,
) -> Decisions:
    """Decide every intent of the session; none is decided on an input that could not be read.

    *sharing*: how strategies share the book; None: by the book's own sleeves, nothing unsleeved, no overlap.
    """
    sharing = Sharing(sleeves=config.sleeves) if sharing is None else sharing
    candidates = inputs.candidates
    fault = candidates_fault(candidates, inputs.book_id, inputs.session_date, inputs.data_session)
    usable = candidates if isinstance(candidates, Candidates) and fault is None else None
    intents = () if usable is None else usable.intents
    book = None if isinstance(inputs.book, ReadFaultCode) else inputs.book
    before = _opening(inputs, book, sharing)
    base = _base(inputs, config, sharing, usable, book, before)

    verdicts: list[Decision] = []
    after = before
    real = [row for row in arbitrated(intents) if not is_shadow(row.strategy_id)]
    for sequence, intent in enumerate(real, start=1):
        decision, after = _step(intent, Place(sequence=sequence), base, after, guard)
        verdicts.append(decision)
    verdicts += _shadows(intents, base, before, guard, len(verdicts))
    batch = batch_record(base, verdicts)
    return Decisions(
        data_session=inputs.data_session,
        batch=batch,
        verdicts=tuple(verdicts),
        binding=binding_of(batch.codes, verdicts),
        sleeves=sleeves_record(base, before, after),
        limits_before=limits_record(before, base),
        limits_after=limits_record(after, base),
        modulation=base.modulation,
    )


def arbitrated(intents: Iterable[TradeIntent]) -> tuple[TradeIntent, ...]:
    """*intents* in the order of deciding: static priority, then rank; signals are never compared."""

    def key(intent: TradeIntent) -> tuple[int, str, int, str, str]:
        meta = REGISTRY.get(intent.strategy_id)
        priority = _UNREGISTERED if meta is None else meta.priority
        return (priority, intent.strategy_id, intent.rank, intent.symbol, intent.intent_id)

    return tuple(sorted(intents, key=key))


def adv_shares20(candidates: Candidates) -> dict[str, Decimal]:
    """Mean shares a day per symbol, as the candidates carry it."""
    return {row.symbol: row.adv_shares20 for row in candidates.candidates}


def _opening(inputs: DecisionInputs, book: BookState | None, sharing: Sharing) -> Moment | None:
    if book is None:
        return None
    account = inputs.account
    cash = None if isinstance(account, ReadFaultCode) else account.cash
    exposure = exposures.measure(book, inputs.marks, inputs.session_date, cash=cash)
    return moment_of(exposure, sharing, inputs.sectors)


def _base(
    inputs: DecisionInputs,
    config: PortfolioConfig,
    sharing: Sharing,
    candidates: Candidates | None,
    book: BookState | None,
    opening: Moment | None,
) -> Base:
    stated: Mapping[str, Decimal] | None = None
    if inputs.stated_pnl is not None:
        stated, faults = parse_daily_pnl(inputs.stated_pnl, sharing)
        sharing = sharing.model_copy(update={"faults": (*sharing.faults, *faults)})
    active = {row.strategy_id for row in (() if candidates is None else candidates.intents)}
    if book is not None:
        active |= {row.strategy_id for row in book.positions} | {row.strategy_id for row in book.orders}
    found: tuple[Finding, ...] = config_findings(sharing, active)
    if opening is not None:
        broken = totals_findings(opening.exposure, opening.sleeves)
        cut = len(sharing.faults)  # in table order: what is configured, what does not add up, who has none
        found = (*found[:cut], *broken, *found[cut:])
    guarded = is_drawn_down(inputs.snapshot, config)
    return Base(
        inputs=inputs,
        config=config,
        sharing=sharing,
        batch=batch_findings(inputs, config, found),
        equity=sizing_equity(inputs.snapshot, inputs.account),
        standing={} if book is None else standing_of(book, inputs.marks),
        pnl={} if book is None else profit_of_session(inputs, book, sharing, stated),
        adv_shares20={} if candidates is None else adv_shares20(candidates),
        peers=Peers(sectors=inputs.sectors, correlations=Correlations(inputs.returns)),
        modulation=asked(inputs.regime, inputs.data_session, config.limits, guarded=guarded),
    )


def _step(
    intent: TradeIntent, place: Place, base: Base, moment: Moment | None, guard: Guard
) -> tuple[Decision, Moment | None]:
    """The decision on *intent*, and the moment after it. What fails leaves the moment as it was."""
    after = moment

    def one() -> Decision:
        nonlocal after
        decision = decide_one(intent, place, base, moment)
        granted = decision.q2 if decision.shadow_q2 is None else decision.shadow_q2
        if granted > 0 and moment is not None and decision.sizing is not None:
            after = moment.after(
                intent,
                quantity=int(granted),
                price=decision.sizing.price,
                unit_risk=decision.sizing.unit_risk,
                sharing=base.sharing,
                sectors=base.peers.sectors,
            )
        return decision

    found = guard(one)
    if isinstance(found, Caught):
        return faulted(intent, place, base, found.kind, found.detail), moment
    return found, after


def _shadows(
    intents: tuple[TradeIntent, ...], base: Base, opening: Moment | None, guard: Guard, done: int
) -> list[Decision]:
    """What would have become of the shadows' intents: a second pass, on a copy of the book as it opened."""
    copied = {clone.intent_id: (clone, original) for clone, original in clones(intents, base.sharing.shadows)}
    own = [row for row in intents if is_shadow(row.strategy_id)]
    verdicts: list[Decision] = []
    moments: dict[str, Moment | None] = {}
    bases: dict[str, Base] = {}
    for intent in arbitrated([*own, *(clone for clone, _ in copied.values())]):
        shadow = intent.strategy_id
        if shadow not in bases:
            sharing = sharing_of_shadow(base.sharing, shadow)
            bases[shadow] = replace(base, sharing=sharing)
            moments[shadow] = (
                None if opening is None else moment_of(opening.exposure, sharing, base.peers.sectors)
            )
        original = copied[intent.intent_id][1] if intent.intent_id in copied else None
        place = Place(sequence=done + len(verdicts) + 1, shadow_of=original)
        decision, moments[shadow] = _step(intent, place, bases[shadow], moments[shadow], guard)
        verdicts.append(decision)
    return verdicts
