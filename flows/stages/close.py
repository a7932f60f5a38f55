"""What happened and whose it was: the close of a session, from its journal and one last look outside, to its seal."""

from collections.abc import Callable

from analytics import attribution as attributions
from analytics import reconciliation as reconciliations
from analytics import snapshot as snapshots
from analytics import trades as trades_stage
from execution_v2.broker.port import ReadFailed
from flows import risk
from flows.day import Day
from flows.stages.cycle import history_bars, recent_sessions
from flows.stages.opening import Session
from flows.stages.premarket import BOOK
from flows.world import World
from ledger.artifacts import Loaded, ReadFault, Written
from ledger.seal import Sealed, last_sealed, seal
from schemas.book import Book
from schemas.errors import Denied
from schemas.events import OrderFilled
from schemas.header import InputRef
from schemas.observations import BarFacts, CloseObservation
from schemas.parity import Parity
from schemas.reasons.edge import EdgeCode
from schemas.snapshot import Snapshot
from schemas.trades import Trades
from simulation import parity as parities

CLOSE = "observations/close.json"


def observe(day: Day, world: World, session: Session) -> Written:
    """Record once what the broker and the tape show after the close."""
    found = day.read(CLOSE, CloseObservation)
    if isinstance(found, Loaded):
        return Written(path=found.ref.path, sha256=found.ref.sha256, status="verified")
    now = world.clock.now()
    symbols = {p.symbol for p in session.carried.positions} | {p.symbol for p in session.state().positions}
    fills = (r.data for r in session.journal.records if r.event == "order.filled")
    symbols |= {OrderFilled.model_validate(data).symbol for data in fills}
    account, positions = world.broker.account(), world.broker.positions()
    orders, bars = world.broker.open_orders(), world.feed.day_bars(sorted(symbols), day.session)
    causes = tuple(seen.cause for seen in (account, positions, orders, bars) if isinstance(seen, ReadFailed))
    observed = CloseObservation(
        ok=not causes,
        as_of=now,
        account=None if isinstance(account, ReadFailed) else account.value,
        positions=() if isinstance(positions, ReadFailed) else positions.value,
        orders=() if isinstance(orders, ReadFailed) else orders.value,
        marks=() if isinstance(bars, ReadFailed) else bars.value,
        causes=causes,
    )
    return day.write(CLOSE, observed, ())


def _marks(seen: CloseObservation) -> dict[str, BarFacts]:
    return {bar.symbol: bar for bar in seen.marks}


def _journal_ref(day: Day) -> InputRef:
    ref = day.ref("journal.jsonl")
    assert ref is not None, "an open session has a journal"
    return ref


def trades(day: Day, session: Session) -> Written:
    """The session's fills, what they closed, and what stays open."""
    seen = day.need("trades", CLOSE, CloseObservation)
    before = day.sibling(day.previous).read("trades.json", Trades)
    inputs = trades_stage.TradesInputs(
        book_id=day.book_id,
        session_date=day.session,
        records=session.journal.records,
        previous=None if isinstance(before, ReadFault) else before.artifact,
        bars=_marks(seen.artifact),
    )
    refs = [seen.ref, _journal_ref(day)] + ([before.ref] if isinstance(before, Loaded) else [])
    return day.write("trades.json", trades_stage.run(inputs, day.house.settings.trades), refs)


def snapshot(day: Day, session: Session) -> Written:
    """The portfolio at the close, its equity proved by two roads."""
    seen = day.need("snapshot", CLOSE, CloseObservation)
    made = day.need("snapshot", "trades.json", Trades)
    before = day.sibling(day.previous).need("snapshot", "snapshot.json", Snapshot)
    inputs = snapshots.SnapshotInputs(
        session_date=day.session,
        previous=before.artifact,
        state=session.state(),
        trades=made.artifact,
        records=session.journal.records,
        marks=_marks(seen.artifact),
    )
    artifact = snapshots.run(inputs, day.house.settings.snapshot)
    return day.write("snapshot.json", artifact, (seen.ref, made.ref, before.ref, _journal_ref(day)))


def reconciliation(day: Day, session: Session) -> Written:
    """Our positions, cash and stops beside the broker's."""
    seen = day.need("reconciliation", CLOSE, CloseObservation)
    inputs = reconciliations.ReconciliationInputs(state=session.state(), close=seen.artifact)
    artifact = reconciliations.run(inputs, day.house.settings.reconciliation)
    return day.write("reconciliation.json", artifact, (seen.ref, _journal_ref(day)))


def attribution(day: Day, session: Session) -> Written:
    """Whose the day's money was; the rows add up to the change of equity."""
    del session
    made = day.need("attribution", "trades.json", Trades)
    now = day.need("attribution", "snapshot.json", Snapshot)
    before = day.sibling(day.previous).need("attribution", "snapshot.json", Snapshot)
    inputs = attributions.AttributionInputs(
        snapshot=now.artifact, previous=before.artifact, trades=made.artifact
    )
    artifact = attributions.run(inputs, attributions.AttributionConfig())
    refs = [made.ref, now.ref, before.ref]
    for name in risk.wanted(day):
        artifact, more = risk.with_section(artifact, name, day, before.artifact)
        refs += [ref for ref in more if ref not in refs]
    return day.write("attribution.json", artifact, refs)


def parity(day: Day, session: Session) -> Written:
    """The exit rules asked again, from the recorded day alone."""
    seen = day.need("parity", CLOSE, CloseObservation)
    made = day.need("parity", "trades.json", Trades)
    opened = day.need("parity", BOOK, Book)
    symbols = {p.symbol for p in session.carried.positions} | {fill.symbol for fill in made.artifact.fills}
    inputs = parities.ParityInputs(
        session_date=day.session,
        close_at=day.house.calendar.close_at(day.session),
        opening=opened.artifact.state,
        closing=session.state(),
        records=session.journal.records,
        trades=made.artifact,
        bars=_marks(seen.artifact),
        history=history_bars(day, symbols),
        sessions=recent_sessions(day),
    )
    artifact: Parity = parities.run(inputs, day.house.settings.exits)
    return day.write("parity.json", artifact, (seen.ref, made.ref, opened.ref))


STAGES: tuple[tuple[str, Callable[[Day, Session], Written]], ...] = (
    ("trades", trades),
    ("snapshot", snapshot),
    ("reconciliation", reconciliation),
    ("attribution", attribution),
    ("parity", parity),
)


def stages(day: Day) -> tuple[tuple[str, Callable[[Day, Session], Written]], ...]:
    """Those that the session has: what was done inside the day cannot be derived once more from its daily bar."""
    return tuple(each for each in STAGES if each[0] != "parity" or not day.is_intraday)


def close_seal(day: Day) -> Sealed:
    """List every file of the day, and the seal before. Errors: ``Denied`` if the session has no snapshot."""
    if day.ref("snapshot.json") is None:
        raise Denied(
            EdgeCode.SESSION_NOT_SEALED,
            f"{day.session} has no snapshot, so a seal would prove nothing",
            safe="nothing was written",
            next=f"avwap close --book {day.book_id} --date {day.session} says which stage refused",
        )
    return seal(day.house.disk, day.ctx, last_sealed(day.house.disk, day.book_id, day.session))
