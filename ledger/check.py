"""A file is judged by its bytes alone: what it is, whether it keeps its contract, and what it says of others.

The facts that come out are small and depend on nothing but the bytes and the rules, so that they can be kept
in a memo; what they must agree with (seal, chain, inputs) is ``verify``'s business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from ledger import layout
from ledger.artifacts import HEADER_KEYS, ReadFault, open_document
from ledger.canonical import Malformed, parse, parse_canonical, parse_canonical_line
from ledger.journal import JournalCorrupt, parse_chain
from schemas.base import Fact, Scalar
from schemas.header import Artifact
from schemas.journal import JournalRecord
from schemas.reasons.ledger import LedgerCode, ReadFaultCode

Models = Mapping[str, type[Artifact]]
Events = Mapping[str, type[Fact]]

AS_RECEIVED: Final = frozenset({"observations", "evidence"})
"""Folders that may hold what others wrote: JSON in a spelling of their own, and files of any kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is not as it was written: which file, where in it (JSON pointer, if known), and how."""

    code: str
    path: str
    pointer: str = ""
    expected: Scalar = None
    actual: Scalar = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a valid file says that other files must agree with. Empty fields do not apply to its kind."""

    book_id: str = ""
    session_date: str = ""
    supersedes: str | None = None
    inputs: Sequence[Sequence[str]] = field(default=())
    """(path, sha256) in the order of the header, so that the position is the pointer."""
    first_prev: str = ""
    prev_tail: str | None = None
    tail: str = ""


def kind_of(path: str) -> str:
    """How the file at *path* is judged: journal, artifact, received, lines or bytes."""
    *folders, name = path.split("/")
    if name == layout.JOURNAL:
        return "journal"
    if name.endswith(".jsonl"):
        return "lines"
    if not name.endswith(".json"):
        return "bytes"
    return "received" if AS_RECEIVED & set(folders) else "artifact"


def judge(path: str, data: bytes, models: Models, events: Events | None) -> Facts | Fault:
    """What the file says, or the first fault of its bytes.

    Args:
        path: as the fault will name it; its name decides the kind.
        models: schema name -> model of its artifacts.
        events: event name -> model of its data; ``None``: events are not typed here.
    """
    match kind_of(path):
        case "journal":
            return _journal(path, data, events)
        case "artifact":
            return _artifact(path, data, models)
        case "received":
            return _received(path, data, models)
        case "lines":
            return _lines(path, data)
        case _:
            return Facts()


def _artifact(path: str, data: bytes, models: Models) -> Facts | Fault:
    try:
        document = parse_canonical(data)
    except Malformed as error:
        return Fault(code=ReadFaultCode.CORRUPT, path=path, detail=str(error))
    schema = document.get("schema")
    model = models.get(schema) if isinstance(schema, str) else None
    if model is None:
        found = schema if isinstance(schema, str) else None
        return Fault(
            code=ReadFaultCode.SCHEMA_INVALID,
            path=path,
            pointer="/schema",
            actual=found,
            detail="no such schema",
        )
    opened = open_document(path, document, model)
    if isinstance(opened, ReadFault):
        return as_fault(opened)
    header, _ = opened
    return Facts(
        book_id=header.book_id,
        session_date=header.session_date.isoformat(),
        supersedes=header.supersedes,
        inputs=tuple((ref.path, ref.sha256) for ref in header.inputs),
    )


def _received(path: str, data: bytes, models: Models) -> Facts | Fault:
    try:
        document = parse(data)
    except Malformed as error:
        return Fault(code=ReadFaultCode.CORRUPT, path=path, detail=str(error))
    # Only what carries our whole header claims to be ours.
    is_ours = isinstance(document, dict) and (HEADER_KEYS - {"supersedes"}) <= document.keys()
    return _artifact(path, data, models) if is_ours else Facts()


def _lines(path: str, data: bytes) -> Facts | Fault:
    return _misspelt(ReadFaultCode.CORRUPT, path, data) or Facts()


def _journal(path: str, data: bytes, events: Events | None) -> Facts | Fault:
    code = LedgerCode.JOURNAL_CORRUPT
    try:
        chain = parse_chain(data, path)
    except JournalCorrupt as error:
        return Fault(code=code, path=path, detail=error.message)
    if chain.torn:
        detail = f"line {len(chain.records) + 1} has no end; the next run sets it aside"
        return Fault(code=LedgerCode.JOURNAL_TORN_TAIL, path=path, detail=detail)
    if misspelt := _misspelt(code, path, data):
        return misspelt
    for record in chain.records:
        if events is not None and (fault := _event(path, record, events)):
            return fault
    if not chain.records:
        return Facts(tail=chain.tail)
    first = chain.records[0]
    carried = first.data.get("prev_tail")
    return Facts(
        first_prev=first.prev, prev_tail=carried if isinstance(carried, str) else None, tail=chain.tail
    )


def _misspelt(code: str, path: str, data: bytes) -> Fault | None:
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        try:
            parse_canonical_line(line + b"\n")
        except Malformed as error:
            return Fault(code=code, path=path, detail=f"line {number}: {error}")
    return None if data.endswith(b"\n") or not data else Fault(code=code, path=path, detail="no last newline")


def _event(path: str, record: JournalRecord, events: Events) -> Fault | None:
    code, event, line = ReadFaultCode.SCHEMA_INVALID, record.event, record.seq
    model = events.get(event)
    if model is None:
        return Fault(
            code=code, path=path, pointer="/event", actual=event, detail=f"line {line}: no such event"
        )
    try:
        model.model_validate(record.data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        pointer = "/data" + "".join(f"/{part}" for part in first["loc"])
        return Fault(code=code, path=path, pointer=pointer, detail=f"line {line}: {event}: {first['msg']}")
    return None


def as_fault(read: ReadFault) -> Fault:
    """The same fault in the words of a verification."""
    _, _, pointer = read.finding.subject.partition(" ")
    return Fault(
        code=read.code,
        path=read.path,
        pointer=pointer,
        expected=read.finding.threshold,
        actual=read.finding.observed,
        detail=read.finding.detail,
    )
