"""A book is sound if every byte is under a seal, every seal under the next, and every file in its form.

Each file is read once, hashed, and, unless a memo knows these very bytes, judged. A fault names the file, the
place in it where that can be known, and what stood there against what should.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import date

from ledger import layout
from ledger.artifacts import ReadFault
from ledger.canonical import digest
from ledger.check import Events, Facts, Fault, Models, as_fault, judge, kind_of
from ledger.disk import Disk
from ledger.memo import Memo, rules_digest
from ledger.seal import open_manifest, sessions_of
from schemas.base import SessionDate
from schemas.header import InputRef
from schemas.journal import ZEROS
from schemas.manifest import Manifest
from schemas.reasons.ledger import LedgerCode, ReadFaultCode

Resolve = Callable[[InputRef], str | None]
"""The present digest of an input outside the book, such as a market snapshot; ``None`` if it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a verification looked at, and everything it found wrong."""

    files: int
    bytes: int
    judged: int
    """Files whose contract was checked now; the rest were known from the memo."""
    sessions: tuple[SessionDate, ...]
    unsealed: tuple[SessionDate, ...]
    """Sessions without a seal: a day under way, or one whose close is still due. No fault by itself."""
    unresolved_inputs: int
    """Recorded inputs outside the book that nobody could be asked about."""
    faults: tuple[Fault, ...]


def verify(
    disk: Disk,
    book_id: str,
    first: date | None,
    last: date | None,
    models: Models,
    events: Events | None = None,
    jobs: int = 1,
    *,
    memo: Memo | None = None,
    resolve: Resolve | None = None,
    progress: Callable[[SessionDate], None] | None = None,
) -> Report:
    """Check a book's sessions from *first* to *last* (``None``: from its first, to its last).

    Args:
        models, events: the contracts, by schema and event name; without *events* no event's data is judged.
        jobs: threads that read and hash.
        memo: verdicts kept from earlier runs; without it every file is judged.
        resolve: asked for inputs outside the book; without it they are counted as unresolved.
        progress: called after each session.
    """
    every = sessions_of(disk, book_id)
    chosen = tuple(each for each in every if (first or each) <= each <= (last or each))
    full: Models = {**models, Manifest.SCHEMA: Manifest}
    with ThreadPoolExecutor(jobs) if jobs > 1 else nullcontext() as pool:
        run = _Run(disk, book_id, full, events, memo, resolve, pool)
        for session in chosen:
            run.session(session, every[: every.index(session)])
            if progress is not None:
                progress(session)
        run.beside(chosen)
        run.links()
    return Report(
        files=run.files,
        bytes=run.bytes,
        judged=run.judged,
        sessions=chosen,
        unsealed=tuple(run.unsealed),
        unresolved_inputs=run.unresolved,
        faults=tuple(run.faults),
    )


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    data: bytes
    sha256: str


class _Run:
    """One verification under way."""

    def __init__(
        self,
        disk: Disk,
        book_id: str,
        models: Models,
        events: Events | None,
        memo: Memo | None,
        resolve: Resolve | None,
        pool: ThreadPoolExecutor | None,
    ) -> None:
        self._disk, self._book_id, self._models, self._events = disk, book_id, models, events
        self._memo, self._resolve, self._pool = memo, resolve, pool
        self._rules = rules_digest(_contracts(models, events)) if memo is not None else ""
        self._digests: dict[str, str] = {}
        self._facts: dict[str, Facts] = {}
        self._tails: dict[date, str] = {}
        self._asked: dict[InputRef, str | None] = {}
        self.faults: list[Fault] = []
        self.unsealed: list[SessionDate] = []
        self.files = self.bytes = self.judged = self.unresolved = 0

    def session(self, session: SessionDate, earlier: Sequence[SessionDate]) -> None:
        """Every file of one day: against its seal, and by itself."""
        folder = layout.day(self._book_id, session)
        outside = {f"{folder}/{name}" for name in layout.OUTSIDE_SEAL}
        present = [path for path in self._disk.list(folder) if path not in outside]
        manifest = self._manifest(session)
        sealed = None if manifest is None else {f"{folder}/{each.path}": each for each in manifest.files}
        learned = []
        for file in self._load(present):
            entry = None if sealed is None else sealed.pop(file.path, None)
            if sealed is not None and entry is None:
                self._say(LedgerCode.FILE_UNLISTED, file.path, detail="came after the seal, or is not ours")
            # Readers recorded the digest that was sealed: a changed byte is one fault, not one per reader.
            self._digests[file.path] = entry.sha256 if entry else file.sha256
            changed = entry is not None and entry.sha256 != file.sha256
            outcome, is_new = self._judge(file)
            if changed and entry is not None:
                located = outcome if isinstance(outcome, Fault) else Fault(code="", path=file.path)
                broken = replace(located, code=LedgerCode.SEAL_BROKEN)
                size = f"{len(file.data)} bytes, {entry.bytes} were sealed"
                detail = located.detail or size
                self.faults.append(replace(broken, expected=entry.sha256, actual=file.sha256, detail=detail))
            elif isinstance(outcome, Fault):
                self.faults.append(outcome)
            else:
                self._own(file.path, outcome, session)
                if is_new:
                    learned.append((file, outcome))
        for path, gone in (sealed or {}).items():
            self._digests[path] = gone.sha256
            self._say(
                LedgerCode.FILE_MISSING, path, expected=gone.sha256, detail="under the seal, not on disk"
            )
        self._remember(learned)
        self._chain(session, earlier, manifest)

    def beside(self, sessions: Iterable[SessionDate]) -> None:
        """What was measured over many sessions or checked after their seals: it lies beside the days, unsealed."""
        days = {each.isoformat(): each for each in sessions}
        weeks = {each.isocalendar()[:2] for each in days.values()}
        paths = [
            path
            for folder in layout.BESIDE
            for path in self._disk.list(f"{layout.book(self._book_id)}/{folder}")
            if (name := _named(path)) in days or layout.week_of(name) in weeks
        ]
        for file in self._load(paths):
            self._digests[file.path] = file.sha256
            outcome, is_new = self._judge(file)
            if isinstance(outcome, Fault):
                self.faults.append(outcome)
                continue
            self._own(file.path, outcome, days.get(_named(file.path)) or _last_of(file.path, outcome))
            if is_new:
                self._remember([(file, outcome)])

    def links(self) -> None:
        """Every recorded input still has the digest it had, and every revision the file it corrects."""
        for path, facts in self._facts.items():
            self._revision(path, facts)
            for at, (source, sha256) in enumerate(facts.inputs):
                now = self._now(InputRef(path=source, sha256=sha256))
                if now != sha256:
                    detail = f"made from another {source}" if now else f"{source} is gone"
                    pointer = f"/inputs/{at}/sha256"
                    self._say(ReadFaultCode.STALE_INPUT, path, pointer, sha256, now, detail)

    def _load(self, paths: Iterable[str]) -> Iterator[_File]:
        def load(path: str) -> _File:
            data = self._disk.read(path)
            return _File(path, data, digest(data))

        for file in map(load, paths) if self._pool is None else self._pool.map(load, paths):
            self.files += 1
            self.bytes += len(file.data)
            yield file

    def _manifest(self, session: SessionDate) -> Manifest | None:
        path = layout.manifest(self._book_id, session)
        if not self._disk.exists(path):
            self.unsealed.append(session)
            return None
        (file,) = self._load([path])
        self._digests[path] = file.sha256
        loaded = open_manifest(path, file.data, self._book_id, session)
        if not isinstance(loaded, ReadFault):
            return loaded.artifact
        self.faults.append(as_fault(loaded))
        # What it lists proves nothing any more; its files are still judged, each by itself.
        return None

    def _judge(self, file: _File) -> tuple[Facts | Fault, bool]:
        """The verdict on a file, and whether it is news to the memo."""
        rules = f"{self._rules}:{kind_of(file.path)}"
        known = self._memo.recall(file.sha256, rules) if self._memo is not None else None
        if known is not None:
            return Facts(**known), False
        self.judged += 1
        return judge(file.path, file.data, self._models, self._events), True

    def _remember(self, learned: Iterable[tuple[_File, Facts]]) -> None:
        if self._memo is None:
            return
        by_kind: dict[str, list[tuple[str, dict[str, object]]]] = {}
        for file, facts in learned:
            by_kind.setdefault(kind_of(file.path), []).append((file.sha256, asdict(facts)))
        for kind, verdicts in by_kind.items():
            self._memo.learn(f"{self._rules}:{kind}", verdicts)

    def _own(self, path: str, facts: Facts, session: date) -> None:
        """A valid file is of this book and this day."""
        self._facts[path] = facts
        if facts.book_id and facts.book_id != self._book_id:
            self._say(ReadFaultCode.BOOK_MISMATCH, path, "/book_id", self._book_id, facts.book_id)
        day = session.isoformat()
        if facts.session_date and facts.session_date != day:
            self._say(ReadFaultCode.DATE_MISMATCH, path, "/session_date", day, facts.session_date)

    def _chain(self, session: SessionDate, earlier: Sequence[SessionDate], manifest: Manifest | None) -> None:
        """This day's seal names the newest one before it, and its journal goes on from that day's."""
        if manifest is not None:
            self._seal_chain(session, earlier, manifest)
        path = layout.journal(self._book_id, session)
        facts = self._facts.get(path)
        if facts is None:
            return
        self._tails[session] = facts.tail
        due = self._last_sealed(earlier)
        before_tail = ZEROS if due is None else self._tail(due)
        if before_tail is None:
            return
        if facts.first_prev and facts.first_prev not in {ZEROS, before_tail}:
            detail = "line 1 goes on from another journal"
            self._say(LedgerCode.CHAIN_BROKEN, path, "/prev", before_tail, facts.first_prev, detail)
        if facts.prev_tail is not None and facts.prev_tail != before_tail:
            detail = "line 1 carries over from another journal"
            self._say(LedgerCode.CHAIN_BROKEN, path, "/data/prev_tail", before_tail, facts.prev_tail, detail)

    def _seal_chain(self, session: SessionDate, earlier: Sequence[SessionDate], manifest: Manifest) -> None:
        path = layout.manifest(self._book_id, session)
        due = self._last_sealed(earlier)
        named = manifest.previous
        if named is None or due is None or named.session_date != due:
            if named is None and due is None:
                return
            found = None if named is None else named.session_date.isoformat()
            wanted = None if due is None else due.isoformat()
            pointer = "/previous/session_date" if named else "/previous"
            detail = "the newest seal before it is another, or is gone"
            self._say(LedgerCode.CHAIN_BROKEN, path, pointer, wanted, found, detail)
            return
        now = self._now(InputRef(path=layout.manifest(self._book_id, due), sha256=named.sha256))
        if now != named.sha256:
            detail = f"the seal of {due} has changed"
            self._say(LedgerCode.CHAIN_BROKEN, path, "/previous/sha256", named.sha256, now, detail)

    def _last_sealed(self, earlier: Sequence[SessionDate]) -> SessionDate | None:
        for session in reversed(earlier):
            path = layout.manifest(self._book_id, session)
            if path in self._digests or self._disk.exists(path):
                return session
        return None

    def _tail(self, session: date) -> str | None:
        """The tail of a day's journal, also outside the range; ``None`` if it is absent or broken."""
        if session not in self._tails:
            path = layout.journal(self._book_id, session)
            if path in self._digests or not self._disk.exists(path):
                return None
            outcome = judge(path, self._disk.read(path), self._models, None)
            if isinstance(outcome, Fault):
                return None
            self._tails[session] = outcome.tail
        return self._tails[session]

    def _revision(self, path: str, facts: Facts) -> None:
        if not facts.book_id:
            return
        first, number = layout.split_revision(path)
        before = layout.revision(first, number - 1) if number > 1 else None
        named = None if before is None else before.rsplit("/", 1)[-1]
        if facts.supersedes != named:
            self._say(ReadFaultCode.STALE_INPUT, path, "/supersedes", named, facts.supersedes)
        elif before is not None and before not in {source for source, _ in facts.inputs}:
            self._say(ReadFaultCode.STALE_INPUT, path, "/inputs", before, None, "the chain has no link")

    def _now(self, ref: InputRef) -> str | None:
        """The present digest of an input; what cannot be asked about counts as unchanged, and is counted."""
        if ref.path in self._digests:
            return self._digests[ref.path]
        if ref not in self._asked:
            self._asked[ref] = self._ask(ref)
        return self._asked[ref]

    def _ask(self, ref: InputRef) -> str | None:
        if ref.path.startswith(f"{self._book_id}/"):
            return digest(self._disk.read(ref.path)) if self._disk.exists(ref.path) else None
        if self._resolve is not None:
            return self._resolve(ref)
        self.unresolved += 1
        return ref.sha256

    def _say(
        self,
        code: str,
        path: str,
        pointer: str = "",
        expected: str | None = None,
        actual: str | None = None,
        detail: str = "",
    ) -> None:
        fault = Fault(code=code, path=path, pointer=pointer, expected=expected, actual=actual, detail=detail)
        self.faults.append(fault)


def _named(path: str) -> str:
    """The session or the week that names a file beside the days, its revisions too."""
    return layout.split_revision(path)[0].rsplit("/", 1)[-1].removesuffix(".json")


def _last_of(path: str, facts: Facts) -> date:
    """The day that a week's file should be of: its own if that lies in the week, else the week's Monday."""
    week = layout.week_of(_named(path))
    assert week is not None, "a file of neither a session nor a week was not asked for"
    told = layout.session_of(facts.session_date)
    return told if told is not None and told.isocalendar()[:2] == week else date.fromisocalendar(*week, 1)


def _contracts(models: Models, events: Events | None) -> dict[str, type]:
    """Everything that judges, by name, for the memo. Events that are not typed are a rule of their own."""
    typed = (
        {"events": Fault} if events is None else {f"event {name}": model for name, model in events.items()}
    )
    return {f"schema {name}": model for name, model in models.items()} | typed
