"""An artifact is written once; whoever reads it gets a valid object or a named fault, never a guess."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Generic, Literal, TypeVar

from pydantic import ValidationError

from ledger import layout
from ledger.canonical import (
    Difference,
    Malformed,
    artifact_bytes,
    digest,
    first_difference,
    parse_canonical,
    plain,
)
from ledger.disk import Disk
from schemas.base import Scalar
from schemas.errors import ArtifactDivergence
from schemas.header import CODE_VERSION, Artifact, Finding, Header, InputRef
from schemas.reasons.ledger import ReadFaultCode

A = TypeVar("A", bound=Artifact)

HEADER_KEYS: Final = frozenset(field.alias or name for name, field in Header.model_fields.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the edge knows about a day and puts into every header."""

    book_id: str
    session_date: date
    config_sha256: str
    code_version: str = CODE_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of a write: a new file, the same bytes as before, or a new revision."""

    path: str
    sha256: str
    status: Literal["written", "verified", "revised"]

    @property
    def ref(self) -> InputRef:
        """The file as an input of whatever reads it next."""
        return InputRef(path=self.path, sha256=self.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Generic[A]):
    """A valid artifact, its header, and the file it came from (the latest revision)."""

    artifact: A
    header: Header
    ref: InputRef


class Held:
    """The artifacts that a process holds valid, the newest of each model: bytes of one digest are judged once.

    A reader still reads and hashes the file; what is spared is parsing and validating the same bytes again.
    """

    def __init__(self) -> None:
        self._newest: dict[type[Artifact], tuple[str, Header, Artifact]] = {}

    def keep(self, sha256: str, header: Header, artifact: Artifact) -> None:
        """Hold *artifact*, which the bytes of *sha256* say under *header*."""
        self._newest[type(artifact)] = (sha256, header, artifact)

    def recall(self, sha256: str, model: type[A]) -> tuple[Header, A] | None:
        """What the bytes of *sha256* say, if it is known."""
        known, header, artifact = self._newest.get(model, ("", None, None))
        if known != sha256 or header is None or not isinstance(artifact, model):
            return None
        return header, artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFault:
    """Why a file cannot be used. The caller prefixes the code with the artifact's name and blocks entries."""

    code: ReadFaultCode
    path: str
    finding: Finding


def encode(
    artifact: Artifact, ctx: Context, inputs: Sequence[InputRef], supersedes: str | None = None
) -> bytes:
    """The bytes of *artifact* under its header. *inputs* may come in any order, each path once."""
    return _spelled(artifact, _header(artifact, ctx, inputs, supersedes))


def _header(
    artifact: Artifact, ctx: Context, inputs: Sequence[InputRef], supersedes: str | None = None
) -> Header:
    ordered = tuple(sorted(inputs, key=lambda ref: ref.path))
    assert len({ref.path for ref in ordered}) == len(ordered), "an input was named twice"
    return Header(
        schema=artifact.SCHEMA,
        schema_version=artifact.VERSION,
        book_id=ctx.book_id,
        session_date=ctx.session_date,
        stage=artifact.STAGE,
        inputs=ordered,
        config_sha256=ctx.config_sha256,
        code_version=ctx.code_version,
        supersedes=supersedes,
    )


def _spelled(artifact: Artifact, header: Header) -> bytes:
    opening = plain(header)
    if header.supersedes is None:
        del opening["supersedes"]
    payload = {k: v for k, v in plain(artifact).items() if v is not None or k not in artifact.LEFT_OUT}
    assert not HEADER_KEYS & payload.keys(), f"{artifact.SCHEMA} uses a header's key for its own"
    return artifact_bytes(opening | payload, artifact.AS_WRITTEN)


def write(
    disk: Disk,
    path: str,
    artifact: Artifact,
    ctx: Context,
    inputs: Sequence[InputRef],
    held: Held | None = None,
) -> Written:
    """Write *artifact* once. One whose memory is its file is put into *held* for its readers.

    Returns: status "written", or "verified" if the file is there with the same bytes.
    Errors: ``ArtifactDivergence`` if it is there with others, which then stay; ``Denied`` LEDGER_UNAVAILABLE.
    """
    header = _header(artifact, ctx, inputs)
    written = write_once(disk, path, _spelled(artifact, header))
    if held is not None and artifact.AS_WRITTEN:
        held.keep(written.sha256, header, artifact)
    return written


def write_once(disk: Disk, path: str, data: bytes) -> Written:
    """Write a file that must never hold anything else: an artifact's bytes, or an observation as received."""
    if not disk.exists(path):
        disk.write(path, data)
        return Written(path=path, sha256=digest(data), status="written")
    before = disk.read(path)
    if before == data:
        return Written(path=path, sha256=digest(data), status="verified")
    parting = _parting(before, data)
    raise ArtifactDivergence(path, parting.pointer, parting.expected, parting.actual)


def revise(disk: Disk, path: str, artifact: Artifact, ctx: Context, inputs: Sequence[InputRef]) -> Written:
    """Write a correction of *path* beside it, as the next revision, naming the file that it supersedes.

    The superseded file is recorded among the inputs too, with its digest: that is the chain's link. The same
    correction made again is "verified", so that a restart after a crash adds no revision of its own.
    """
    assert disk.exists(path), f"{path} was never written, so there is nothing to revise"
    number = _latest(disk, path)
    for candidate in (number, number + 1):
        if candidate == 1:
            continue
        target, link = layout.revision(path, candidate), _link(disk, path, candidate - 1)
        data = encode(artifact, ctx, (*inputs, link), supersedes=_name(link.path))
        if candidate == number and disk.read(target) != data:
            continue
        status: Literal["verified", "revised"] = "verified" if candidate == number else "revised"
        return Written(path=target, sha256=write_once(disk, target, data).sha256, status=status)
    raise AssertionError("the next revision is always free")


def restate(disk: Disk, path: str, artifact: Artifact, ctx: Context, inputs: Sequence[InputRef]) -> Written:
    """Hold *artifact*, computed again, against the latest revision of *path*. Errors: as ``write``."""
    number = _latest(disk, path)
    assert number > 1, f"{path} was never revised"
    link = _link(disk, path, number - 1)
    data = encode(artifact, ctx, (*inputs, link), supersedes=_name(link.path))
    return write_once(disk, layout.revision(path, number), data)


def _link(disk: Disk, path: str, number: int) -> InputRef:
    """Revision *number* of *path* as the input that its successor names."""
    before = layout.revision(path, number)
    return InputRef(path=before, sha256=digest(disk.read(before)))


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def head(disk: Disk, path: str) -> str:
    """The path of the latest revision of *path*: its own, if it was never revised."""
    return layout.revision(path, _latest(disk, path))


def read(
    disk: Disk,
    path: str,
    model: type[A],
    book_id: str,
    session_date: date,
    *,
    expected_sha256: str | None = None,
    sealed: Mapping[str, str] | None = None,
    known_inputs: Mapping[str, str] | None = None,
    held: Held | None = None,
) -> Loaded[A] | ReadFault:
    """The latest revision of *path*, or the first fault met, in the order of ``ReadFaultCode``.

    Args:
        path: the first edition; revisions are found beside it, and every link of their chain must hold.
        expected_sha256: what the caller knows the file's digest to be.
        sealed: path -> digest of every file of a sealed day (``seal.listing``).
        known_inputs: path -> present digest of inputs that the caller vouches for: those already hashed, and
            those that this disk does not hold as plain files. Every other recorded input is read and hashed; one
            that was revised since is not what it was.
        held: what this process knows already, by digest.
    Errors: ``Denied`` LEDGER_UNAVAILABLE if the disk does not answer: that is not the same as "missing" (L6).
    """
    latest = head(disk, path)
    loaded = read_file(disk, latest, model, book_id, session_date, held)
    if isinstance(loaded, ReadFault):
        return loaded
    for wanted in (expected_sha256, None if sealed is None else sealed.get(latest, "not under the seal")):
        if wanted is not None and wanted != loaded.ref.sha256:
            return _Faults(latest).of(ReadFaultCode.DIGEST_MISMATCH, "", wanted, loaded.ref.sha256)
    header = loaded.header
    stale = _stale_chain(disk, path, latest, header) or _stale_input(disk, latest, header, known_inputs or {})
    return stale or loaded


def read_chain(
    disk: Disk, path: str, model: type[A], book_id: str, session_date: date
) -> Loaded[A] | ReadFault:
    """The latest revision of *path*, if every link holds: what a revision may supersede, stale inputs and all."""
    latest = head(disk, path)
    loaded = read_file(disk, latest, model, book_id, session_date)
    if isinstance(loaded, ReadFault):
        return loaded
    return _stale_chain(disk, path, latest, loaded.header) or loaded


def read_file(
    disk: Disk, path: str, model: type[A], book_id: str, session_date: date, held: Held | None = None
) -> Loaded[A] | ReadFault:
    """One file as it stands, without revisions, digests or inputs. Faults: those up to BOOK_MISMATCH."""
    try:
        data = disk.read(path)
    except FileNotFoundError:
        return _Faults(path).of(ReadFaultCode.MISSING, detail="no such file")
    return open_file(path, data, model, book_id, session_date, held)


def open_file(
    path: str, data: bytes, model: type[A], book_id: str, session_date: date, held: Held | None = None
) -> Loaded[A] | ReadFault:
    """As ``read_file``, from bytes in hand."""
    sha256 = digest(data)
    opened = (None if held is None else held.recall(sha256, model)) or open_bytes(path, data, model)
    if isinstance(opened, ReadFault):
        return opened
    header, artifact = opened
    if held is not None:
        held.keep(sha256, header, artifact)
    fault = _Faults(path)
    if header.session_date != session_date:
        wanted, found = session_date.isoformat(), header.session_date.isoformat()
        return fault.of(ReadFaultCode.DATE_MISMATCH, "/session_date", wanted, found)
    if header.book_id != book_id:
        return fault.of(ReadFaultCode.BOOK_MISMATCH, "/book_id", book_id, header.book_id)
    return Loaded(artifact=artifact, header=header, ref=InputRef(path=path, sha256=sha256))


def open_bytes(path: str, data: bytes, model: type[A]) -> tuple[Header, A] | ReadFault:
    """Header and payload of an artifact's bytes. Faults: CORRUPT, SCHEMA_INVALID, VERSION_UNSUPPORTED."""
    try:
        return open_document(path, parse_canonical(data), model)
    except Malformed as error:
        return _Faults(path).of(ReadFaultCode.CORRUPT, detail=str(error))


def open_document(path: str, document: Mapping[str, Any], model: type[A]) -> tuple[Header, A] | ReadFault:
    """As ``open_bytes``, from the parsed object."""
    fault = _Faults(path)
    try:
        header = Header.model_validate({key: document[key] for key in HEADER_KEYS & document.keys()})
        if header.schema_ != model.SCHEMA:
            return fault.of(ReadFaultCode.SCHEMA_INVALID, "/schema", model.SCHEMA, header.schema_)
        if header.schema_version != model.VERSION:
            # Told before the payload is judged: another version's fields would only read as a broken schema.
            wanted, found = model.VERSION, header.schema_version
            return fault.of(ReadFaultCode.VERSION_UNSUPPORTED, "/schema_version", wanted, found)
        payload = {key: value for key, value in document.items() if key not in HEADER_KEYS}
        return header, model.model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        pointer = "".join(f"/{part}" for part in first["loc"])
        return fault.of(ReadFaultCode.SCHEMA_INVALID, pointer, None, _scalar(first["input"]), first["msg"])


def _latest(disk: Disk, path: str) -> int:
    number = 1
    while disk.exists(layout.revision(path, number + 1)):
        number += 1
    return number


def _stale_chain(disk: Disk, path: str, latest: str, header: Header) -> ReadFault | None:
    """Walk a revision chain down to the first edition: each names the one before, with its digest."""
    number = layout.split_revision(latest)[1]
    while True:
        here = layout.revision(path, number)
        fault = _Faults(here)
        before = layout.revision(path, number - 1) if number > 1 else None
        named = None if before is None else _name(before)
        if header.supersedes != named:
            return fault.of(ReadFaultCode.STALE_INPUT, "/supersedes", named, header.supersedes)
        if before is None:
            return None
        recorded = {ref.path: at for at, ref in enumerate(header.inputs)}
        if before not in recorded:
            return fault.of(ReadFaultCode.STALE_INPUT, "/inputs", before, None, "the chain has no link")
        if not disk.exists(before):
            return fault.of(ReadFaultCode.STALE_INPUT, f"/inputs/{recorded[before]}/path", before, None)
        data = disk.read(before)
        wanted = header.inputs[recorded[before]].sha256
        if digest(data) != wanted:
            pointer = f"/inputs/{recorded[before]}/sha256"
            return fault.of(ReadFaultCode.STALE_INPUT, pointer, wanted, digest(data))
        document = parse_canonical(data)  # cannot fail: its digest is the one that its successor recorded
        header = Header.model_validate({key: document[key] for key in HEADER_KEYS & document.keys()})
        number -= 1


def _stale_input(disk: Disk, path: str, header: Header, known: Mapping[str, str]) -> ReadFault | None:
    fault = _Faults(path)
    for at, ref in enumerate(header.inputs):
        pointer = f"/inputs/{at}/sha256"
        if _name(ref.path) != header.supersedes and (later := _successor(disk, ref.path)) is not None:
            return fault.of(ReadFaultCode.STALE_INPUT, pointer, ref.path, later, "made before its revision")
        now = known.get(ref.path)
        if now is None:
            try:
                now = digest(disk.read(ref.path))
            except FileNotFoundError:
                return fault.of(ReadFaultCode.STALE_INPUT, pointer, ref.sha256, None, f"{ref.path} is gone")
        if now != ref.sha256:
            detail = f"made from another {ref.path}"
            return fault.of(ReadFaultCode.STALE_INPUT, pointer, ref.sha256, now, detail)
    return None


def _successor(disk: Disk, path: str) -> str | None:
    """The revision that supersedes *path*; None: there is none, or *path* is no artifact."""
    if not path.endswith(".json"):
        return None
    first, number = layout.split_revision(path)
    later = layout.revision(first, number + 1)
    return later if disk.exists(later) else None


@dataclass(frozen=True, slots=True)
class _Faults:
    path: str

    def of(
        self,
        code: ReadFaultCode,
        pointer: str = "",
        expected: Scalar = None,
        found: Scalar = None,
        detail: str = "",
    ) -> ReadFault:
        subject = f"{self.path} {pointer}".strip()
        finding = Finding(code=code, subject=subject, observed=found, threshold=expected, detail=detail)
        return ReadFault(code=code, path=self.path, finding=finding)


def _scalar(value: Any) -> Scalar:
    return value if isinstance(value, (str, int, float, bool)) else None


def _parting(before: bytes, now: bytes) -> Difference:
    try:
        found = first_difference(parse_canonical(before), parse_canonical(now))
    except Malformed as error:
        return Difference(pointer="", expected=f"{len(before)} bytes ({error})", actual=f"{len(now)} bytes")
    assert found is not None, "two canonical files of one value have one spelling"
    return found
