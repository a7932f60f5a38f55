"""A sealed day can no longer change unseen: its manifest names every file, the day before, and itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger import layout
from ledger.artifacts import Context, Loaded, ReadFault, Written, encode, open_file, write_once
from ledger.canonical import artifact_bytes, digest, parse_canonical
from ledger.disk import Disk
from schemas.base import SessionDate
from schemas.header import Finding, InputRef
from schemas.journal import ZEROS
from schemas.manifest import Manifest, PreviousSeal, SealedFile
from schemas.reasons.ledger import ReadFaultCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A day under its seal; ``digest`` is the seal: the sha256 of the manifest's bytes."""

    manifest: Manifest
    written: Written

    @property
    def digest(self) -> str:
        return self.written.sha256


def seal(disk: Disk, ctx: Context, previous: PreviousSeal | None) -> Sealed:
    """List every file of the day, at any depth, and write ``manifest.json`` once.

    Not listed: the manifest itself, and ``report.html``, which is rendered after it and outside replay.

    Args:
        previous: the seal of the session sealed before (``last_sealed``); ``None`` for a book's first.
    Errors: ``ArtifactDivergence`` if the day was sealed before and a file has changed, come or gone since.
    """
    folder = layout.day(ctx.book_id, ctx.session_date)
    names = [path.removeprefix(f"{folder}/") for path in disk.list(folder)]
    files = tuple(_listed(disk, folder, name) for name in names if name not in layout.OUTSIDE_SEAL)
    assert files, f"{folder} is empty: a seal of nothing would prove nothing"
    inputs = []
    if previous is not None:
        before = layout.manifest(ctx.book_id, previous.session_date)
        inputs.append(InputRef(path=before, sha256=previous.sha256))
    blank = Manifest(files=files, previous=previous, content_sha256=ZEROS)
    content = content_digest(parse_canonical(encode(blank, ctx, inputs)))
    manifest = Manifest(files=files, previous=previous, content_sha256=content)
    path = layout.manifest(ctx.book_id, ctx.session_date)
    return Sealed(manifest=manifest, written=write_once(disk, path, encode(manifest, ctx, inputs)))


def content_digest(document: Mapping[str, Any]) -> str:
    """What a manifest says of its own bytes: their digest without the key that holds it."""
    return digest(artifact_bytes({key: value for key, value in document.items() if key != "content_sha256"}))


def read_manifest(disk: Disk, book_id: str, session: date) -> Loaded[Manifest] | ReadFault:
    """The seal of *session*. Faults: those of a read, and DIGEST_MISMATCH if it does not vouch for itself.

    Its link to the seal before is not followed here: ``verify`` does that for the whole chain.
    """
    path = layout.manifest(book_id, session)
    try:
        data = disk.read(path)
    except FileNotFoundError:
        return _fault(ReadFaultCode.MISSING, path, detail="not sealed")
    return open_manifest(path, data, book_id, session)


def open_manifest(path: str, data: bytes, book_id: str, session: date) -> Loaded[Manifest] | ReadFault:
    """As ``read_manifest``, from bytes in hand."""
    loaded = open_file(path, data, Manifest, book_id, session)
    if isinstance(loaded, ReadFault):
        return loaded
    found, wanted = content_digest(parse_canonical(data)), loaded.artifact.content_sha256
    if found == wanted:
        return loaded
    detail = "the manifest changed after it was written"
    return _fault(ReadFaultCode.DIGEST_MISMATCH, path, "/content_sha256", wanted, found, detail)


def listing(book_id: str, session: date, manifest: Manifest) -> dict[str, str]:
    """Path from the root -> sha256 of every file under a seal, as ``artifacts.read`` wants it."""
    folder = layout.day(book_id, session)
    return {f"{folder}/{each.path}": each.sha256 for each in manifest.files}


def sessions_of(disk: Disk, book_id: str) -> tuple[SessionDate, ...]:
    """The sessions for which a book has a folder, sealed or not, oldest first."""
    dates = (layout.session_of(name) for name in disk.folders(layout.book(book_id)))
    return tuple(SessionDate(each) for each in dates if each is not None)


def last_sealed(disk: Disk, book_id: str, before: date) -> PreviousSeal | None:
    """The newest seal of a session earlier than *before*: what that session's own seal will name."""
    for session in reversed(sessions_of(disk, book_id)):
        path = layout.manifest(book_id, session)
        if session < before and disk.exists(path):
            return PreviousSeal(session_date=session, sha256=digest(disk.read(path)))
    return None


def _listed(disk: Disk, folder: str, name: str) -> SealedFile:
    data = disk.read(f"{folder}/{name}")
    return SealedFile(path=name, sha256=digest(data), bytes=len(data))


def _fault(
    code: ReadFaultCode,
    path: str,
    pointer: str = "",
    wanted: str | None = None,
    found: str | None = None,
    detail: str = "",
) -> ReadFault:
    subject = f"{path} {pointer}".strip()
    finding = Finding(code=code, subject=subject, observed=found, threshold=wanted, detail=detail)
    return ReadFault(code=code, path=path, finding=finding)
