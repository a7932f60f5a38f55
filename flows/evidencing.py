"""One archive holds all that a session's decisions rest on, so that another person judges them without our machine.

Packed is the day's folder as it lies, what its files were made from in other sessions of the book, the settings in
force, and for a symbol an extract. The check needs the archive alone: it derives the index from the members anew.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from flows import bundle
from flows.audit import models
from flows.bundle import INDEX, SUMS, NoBundle
from flows.day import Day
from flows.extracting import JOURNAL as EXTRACT_JOURNAL
from flows.extracting import ROWS, extract
from flows.replay import replay
from flows.replay_kept import artifact_of
from flows.settings import book_of
from ledger import layout
from ledger.artifacts import Context, ReadFault, encode, open_bytes
from ledger.canonical import Malformed, artifact_bytes, digest, first_difference, parse
from ledger.check import Fault
from ledger.memory import MemoryDisk
from ledger.verify import verify
from schemas.bundle import BundleFault, BundleReplay, EvidenceBundle, Member, MemberRole
from schemas.errors import AvwapError, Corrupt, UsageFault
from schemas.events import EVENTS
from schemas.header import CODE_VERSION, Header, InputRef
from schemas.reasons.edge import EdgeCode
from schemas.reasons.ledger import LedgerCode, ReadFaultCode

CONFIG: Final = "config.json"
LEDGER: Final = "ledger/"
"""Below it members lie as in the data root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """An archive, and its index."""

    data: bytes
    sha256: str
    index: EvidenceBundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What an archive turned out to be. faults: in the archive itself; empty: it is what was packed."""

    sha256: str
    header: Header | None
    index: EvidenceBundle | None
    faults: tuple[Fault, ...]


def pack(day: Day, symbol: str | None) -> Packed:
    """The archive of *day*, sealed or under way. Errors: ``UsageFault`` if the day never names *symbol*."""
    files = _files(day)
    members = {f"{LEDGER}{path}": data for path, data in files.items()}
    members[CONFIG] = artifact_bytes(
        {"config_sha256": day.house.config_sha256, "settings": day.house.settings.shown()}
    )
    if symbol is not None:
        found = extract(_of_day(files, day.book_id, day.session), symbol)
        if not (found[EXTRACT_JOURNAL] or parse(found[ROWS])["rows"]):
            raise UsageFault(
                EdgeCode.SYMBOL_NOT_SCANNED,
                f"no file of {day.book_id} {day.session} names {symbol}",
                safe="nothing was written",
                next="check the spelling, or leave --symbol out to pack the day without an extract",
            )
        members |= found
    ctx = Context(book_id=day.book_id, session_date=day.session, config_sha256=day.house.config_sha256)
    index = index_of(members, ctx, symbol, _replayed(day))
    data = bundle.packed({**members, INDEX: encode(index, ctx, _inputs(members, ctx))})
    return Packed(data=data, sha256=digest(data), index=index)


def check(data: bytes, expected: str | None = None) -> Checked:
    """Hold an archive against itself, and against the digest that its sender told (*expected*).

    Errors: ``Corrupt`` for bytes that are no such archive.
    """
    try:
        found = bundle.unpacked(data)
    except NoBundle as error:
        raise _no_bundle(str(error)) from error
    if INDEX not in found or SUMS not in found:
        raise _no_bundle(f"it has no {INDEX if INDEX not in found else SUMS}")
    faults = []
    if expected is not None and digest(data) != expected:
        code = ReadFaultCode.DIGEST_MISMATCH
        faults.append(
            Fault(code=code, path="", expected=expected, actual=digest(data), detail="another archive")
        )
    members = {path: each for path, each in found.items() if path != SUMS}
    again = bundle.packed(members)
    if again != data:
        faults.append(_altered(found, members, data, again))
    opened = open_bytes(INDEX, members.pop(INDEX), EvidenceBundle)
    if isinstance(opened, ReadFault):
        faults.append(Fault(code=opened.code, path=INDEX, detail=opened.finding.detail))
        return Checked(sha256=digest(data), header=None, index=None, faults=tuple(faults))
    header, index = opened
    try:
        book_of(header.book_id)
    except UsageFault as fault:
        faults.append(
            Fault(code=ReadFaultCode.BOOK_MISMATCH, path=INDEX, pointer="/book_id", detail=fault.message)
        )
        return Checked(sha256=digest(data), header=header, index=index, faults=tuple(faults))
    faults += _derived(found, members, header, index)
    return Checked(sha256=digest(data), header=header, index=index, faults=tuple(faults))


def index_of(
    members: Mapping[str, bytes], ctx: Context, symbol: str | None, replayed: BundleReplay
) -> EvidenceBundle:
    """The index of *members*; only *replayed* does not follow from them."""
    files = {path.removeprefix(LEDGER): data for path, data in members.items() if path.startswith(LEDGER)}
    journal = files.get(f"{layout.day(ctx.book_id, ctx.session_date)}/{layout.JOURNAL}", b"")
    seal = files.get(layout.manifest(ctx.book_id, ctx.session_date))
    of_day = _of_day(files, ctx.book_id, ctx.session_date)
    named = {(path, sha256) for data in of_day.values() for path, sha256 in _named(data)}
    mine = f"{LEDGER}{layout.day(ctx.book_id, ctx.session_date)}/"
    return EvidenceBundle(
        symbol=symbol,
        seal_sha256=None if seal is None else digest(seal),
        members=tuple(
            Member(path=path, role=_role(path, mine), bytes=len(members[path]), sha256=digest(members[path]))
            for path in sorted(members)
        ),
        outside=tuple(InputRef(path=path, sha256=sha) for path, sha in sorted(named) if path not in files),
        records=journal.count(b"\n"),
        records_of_symbol=None if symbol is None else members.get(EXTRACT_JOURNAL, b"").count(b"\n"),
        faults=_faults(files, ctx),
        replay=replayed,
    )


def _files(day: Day) -> dict[str, bytes]:
    """The day's own files but its page, and those of the book that they were made from."""
    disk, page = day.house.disk, layout.report(day.book_id, day.session)
    files = {
        path: disk.read(path) for path in disk.list(layout.day(day.book_id, day.session)) if path != page
    }
    named = {path for data in files.values() for path, _ in _named(data)}
    mine = f"{layout.book(day.book_id)}/"
    return files | {
        path: disk.read(path) for path in named - files.keys() if path.startswith(mine) and disk.exists(path)
    }


def _named(data: bytes) -> list[tuple[str, str]]:
    """(path, digest) of the inputs in a file's header; none for what is no artifact."""
    if not data.startswith(b"{"):
        return []
    try:
        found = parse(data)
        header = found["inputs"] if isinstance(found, dict) and "inputs" in found else []
        return [(each["path"], each["sha256"]) for each in header]
    except (Malformed, KeyError, TypeError):
        return []  # told as a fault of its own


def _of_day(files: Mapping[str, bytes], book_id: str, session: date) -> dict[str, bytes]:
    folder = f"{layout.day(book_id, session)}/"
    return {path: data for path, data in files.items() if path.startswith(folder)}


def _role(path: str, mine: str) -> MemberRole:
    if path == CONFIG:
        return MemberRole.CONFIG
    if not path.startswith(LEDGER):
        return MemberRole.EXTRACT
    return MemberRole.DAY if path.startswith(mine) else MemberRole.INPUT


def _inputs(members: Mapping[str, bytes], ctx: Context) -> tuple[InputRef, ...]:
    folder = f"{LEDGER}{layout.day(ctx.book_id, ctx.session_date)}/"
    return tuple(
        InputRef(path=path.removeprefix(LEDGER), sha256=digest(data))
        for path, data in sorted(members.items())
        if path.startswith(folder)
    )


def _faults(files: Mapping[str, bytes], ctx: Context) -> tuple[BundleFault, ...]:
    """Seals, chains, schemas and links of the packed day, judged on a disk that holds nothing else."""
    disk = MemoryDisk()
    for path, data in files.items():
        disk.write(path, data)
    report = verify(disk, ctx.book_id, ctx.session_date, ctx.session_date, models(), EVENTS)
    return tuple(BundleFault(**asdict(each)) for each in report.faults)


def _replayed(day: Day) -> BundleReplay:
    try:
        verdict = replay(day.house, day)
    except AvwapError as error:
        return BundleReplay(identical=None, why_not=error.code, divergences=())
    kept = artifact_of(verdict)
    return BundleReplay(identical=kept.identical, why_not="", divergences=kept.divergences)


def _derived(
    found: Mapping[str, bytes], members: Mapping[str, bytes], header: Header, index: EvidenceBundle
) -> list[Fault]:
    """What the index says otherwise than the members, and the extract otherwise than the day."""
    ctx = Context(
        book_id=header.book_id,
        session_date=header.session_date,
        config_sha256=header.config_sha256,
        code_version=header.code_version,
    )
    faults = []
    if header.code_version == CODE_VERSION:
        again = index_of(members, ctx, index.symbol, index.replay)
        made = parse(encode(again, ctx, _inputs(members, ctx)))
        faults += _parted(INDEX, parse(found[INDEX]), made)
    listed = {each.path: each.sha256 for each in index.members}
    faults += [
        Fault(code=LedgerCode.FILE_UNLISTED, path=path, detail="the index does not name it")
        for path in sorted(members.keys() - listed.keys())
    ]
    for path, sha256 in listed.items():
        if path not in members:
            faults.append(
                Fault(code=LedgerCode.FILE_MISSING, path=path, expected=sha256, detail="not in the archive")
            )
        elif digest(members[path]) != sha256:
            now = digest(members[path])
            faults.append(
                Fault(code=LedgerCode.SEAL_BROKEN, path=path, expected=sha256, actual=now, detail="altered")
            )
    if index.symbol is not None:
        files = {path.removeprefix(LEDGER): each for path, each in members.items() if path.startswith(LEDGER)}
        for path, data in extract(_of_day(files, ctx.book_id, header.session_date), index.symbol).items():
            if members.get(path) != data:
                faults.append(
                    Fault(code=LedgerCode.SEAL_BROKEN, path=path, detail="is not what the day says")
                )
    return faults


def _parted(path: str, stated: Any, made: Any) -> list[Fault]:
    apart = first_difference(stated, made)
    if apart is None:
        return []
    code = ReadFaultCode.DIGEST_MISMATCH
    expected, actual = str(apart.expected)[:200], str(apart.actual)[:200]
    return [
        Fault(
            code=code,
            path=path,
            pointer=apart.pointer,
            expected=expected,
            actual=actual,
            detail="stated, found",
        )
    ]


def _altered(found: Mapping[str, bytes], members: Mapping[str, bytes], data: bytes, again: bytes) -> Fault:
    """The archive is not what these members pack to: a sum, a header or a padding was touched."""
    if found[SUMS] != bundle.sums(members):
        return Fault(code=LedgerCode.SEAL_BROKEN, path=SUMS, detail="does not say the sums of the members")
    at = bundle.parting(data, again)
    return Fault(
        code=LedgerCode.SEAL_BROKEN, path="", detail=f"byte {at} of the archive was not written like this"
    )


def _no_bundle(why: str) -> Corrupt:
    return Corrupt(
        ReadFaultCode.CORRUPT,
        f"this is no evidence archive, or it was cut or altered: {why}",
        safe="nothing was unpacked and nothing was written",
        next="ask its sender for the file and its sha256 once more; `avwap evidence --book B --date D` makes one",
    )
