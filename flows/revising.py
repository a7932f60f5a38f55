"""What the morning decided is decided once more only by a person, on record, and before anything acted on it.

The first edition stays. The new one lies beside it and names it, and everybody reads the new one from then on. What was
made from the first is stale until it is revised too, so that between two revisions nothing is entered.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from flows.changed import config_of
from flows.day import Day, StageRefused, sealed
from flows.stages import premarket
from flows.stages.opening import Guard, Session, resume_session
from ledger import layout
from ledger.artifacts import Loaded, Written, read_chain
from ledger.canonical import plain
from schemas.decisions import Decisions
from schemas.enforcement import Enforcement
from schemas.errors import Denied
from schemas.events import OperatorAct
from schemas.header import Artifact, Finding, InputRef
from schemas.reasons.edge import EdgeCode
from schemas.reasons.ledger import ReadFaultCode

VERB: Final = "revise"
COMMAND: Final = {"decisions": "decide", "enforcement": "enforce"}
MODELS: Final[Mapping[str, type[Artifact]]] = {"decisions": Decisions, "enforcement": Enforcement}
RUNS: Final[Mapping[str, Callable[[Day, premarket.Keep], Written]]] = {
    "decisions": premarket.decisions,
    "enforcement": premarket.enforcement,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Who revises, and why."""

    operator: str
    reason: str


def revise(day: Day, stage: str, words: Words, guard: Guard | None) -> tuple[Written, Session]:
    """Compute *stage* again from the morning's files and write it as the next revision.

    Returns: the new file, and the session with the record of it.
    Errors: ``Denied`` REVISION_TOO_LATE once a cycle ran or the session is sealed, NOTHING_TO_REVISE if there is no
    first edition or the same would be said again; ``StageRefused`` if the edition that stands is damaged, which a
    revision must not paper over; ``UsageFault`` SESSION_NOT_OPEN.
    """
    _check_in_time(day, stage)
    before = _standing(day, stage)
    session = resume_session(day, guard)

    def keep(day: Day, name: str, artifact: Artifact, inputs: Sequence[InputRef]) -> Written:
        _check_news(day, stage, before, artifact, inputs)
        act = OperatorAct(
            verb=VERB,
            operator=words.operator,
            reason=words.reason,
            subject=before.ref.path,
            detail=before.ref.sha256,
        )
        session.journal.append([("operator.acted", datetime.now(UTC), None, act)])
        return day.revise(name, artifact, inputs)

    return RUNS[stage](day, keep), session


def _check_in_time(day: Day, stage: str) -> None:
    """A cycle acts on what it read, and its orders are out: what was decided is then a fact of the day."""
    cycles = day.cycles()
    if sealed(day) is None and not cycles:
        return
    why = "is sealed" if sealed(day) is not None else f"has run its cycle {cycles[0]} on them"
    raise Denied(
        EdgeCode.REVISION_TOO_LATE,
        f"{day.session} of {day.book_id} {why}: its {stage} are what they were",
        safe="nothing was changed; positions keep their stops",
        next=f"avwap kill on --book {day.book_id} stops what has not been entered yet; "
        "the next morning decides by the settings of then",
    )


def _standing(day: Day, stage: str) -> Loaded[Any]:
    """The edition to be superseded, whatever became of its inputs. Errors: as ``revise``."""
    path, model = day.path(f"{stage}.json"), MODELS[stage]
    found = read_chain(day.house.disk, path, model, day.book_id, day.session)
    if isinstance(found, Loaded):
        made = found.artifact
        if not isinstance(made, Decisions) or made.is_intact:
            return found
        code = ReadFaultCode.DIGEST_MISMATCH
        detail = "a verdict was changed by hand"
        raise StageRefused(stage, day, (Finding(code=code, subject=found.ref.path, detail=detail),))
    if found.code is not ReadFaultCode.MISSING:
        raise StageRefused(stage, day, (found.finding,))
    raise Denied(
        EdgeCode.NOTHING_TO_REVISE,
        f"{path} was never written",
        safe="nothing was changed",
        next=f"avwap {COMMAND[stage]} --book {day.book_id} --date {day.session} writes its first edition",
    )


def _check_news(
    day: Day, stage: str, before: Loaded[Any], artifact: Artifact, inputs: Sequence[InputRef]
) -> None:
    """Refuse a revision that says the same of the same files: a header alone is nothing to supersede one for."""
    supersedes = before.header.supersedes
    was = {ref for ref in before.header.inputs if ref.path.rsplit("/", 1)[-1] != supersedes}
    if plain(artifact) != plain(before.artifact) or set(inputs) != was:
        return
    raise Denied(
        EdgeCode.NOTHING_TO_REVISE,
        f"computed again, {before.ref.path} says the same",
        safe="nothing was changed",
        next=f"change the setting that is meant first; avwap why --book {day.book_id} --date {day.session} SYMBOL "
        "tells what bound an entry"
        + ("" if stage == "decisions" else ", and avwap decide --revise changes what was decided"),
    )


def taken_as_recorded(day: Day, config_sha256: str) -> frozenset[str]:
    """Names of the files of *day*, sealed under *config_sha256*, that nobody can compute again.

    Where a person revised the morning: what was superseded, and what was made under the settings before. Empty on
    every other day. That their bytes are those of then, the seal proves.
    """
    folder = f"{layout.day(day.book_id, day.session)}/"
    disk = day.house.disk
    paths = [path for path in disk.list(folder.rstrip("/")) if path.endswith(".json")]
    editions = [layout.split_revision(path) for path in paths]
    if all(number == 1 for _, number in editions):
        return frozenset()
    superseded = {layout.revision(first, number - 1) for first, number in editions if number > 1}
    morning = [path for path in paths if not path.startswith(f"{folder}cycles/")]
    before = {path for path in morning if config_of(disk.read(path)) not in (None, config_sha256)}
    return frozenset(path.removeprefix(folder) for path in superseded | before)
