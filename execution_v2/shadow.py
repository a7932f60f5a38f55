"""Beside the live fold runs a second one that has seen nothing but the journal's bytes; where they part, nobody enters.

Replay as an input of the cycle that it replays (execution.md 11). Each check takes the records since the one before,
reads them again from their canonical bytes, and looks at what they say, what they lead to and what stands. Pure: the
same records and the same measured facts give the same verdict.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from execution_v2.divergence import Found, divergence_id
from execution_v2.divergence_decisions import Decisions, Step
from execution_v2.divergence_state import Measured, Standing
from execution_v2.lifecycle_acts import ACK
from execution_v2.reduce import Fold, fold_records
from ledger.canonical import digest, first_difference, line_bytes, plain
from schemas.base import instant
from schemas.book import BookState
from schemas.errors import AvwapError
from schemas.events import OperatorAct
from schemas.journal import ZEROS, JournalRecord
from schemas.tick import Divergence, DivergenceCategory, TickKind, Verdict

C = DivergenceCategory
_ANNOUNCES: Final = frozenset({"order.submitting", "order.replacing"})
_TELLS: Final = frozenset({"order.illegal_transition", "order.contradicted"})
"""Records about an order that need no announcement before them: they say that something was refused."""
_LASTING: Final = frozenset({C.LEDGER_GAP, C.CORRUPT, C.NONDETERMINISM})
"""What is wrong with the record itself stays wrong in every later cycle of the session, until a person says so."""
_FAULTS: Final = (AssertionError, ArithmeticError, LookupError, TypeError, ValueError, AvwapError)


class Shadow:
    """One cycle's second fold.

    Args:
        book_id: whose journal it is.
        carried: the state before the first of *records*.
        records: the session's records up to now, oldest first, those that wait for a failing disk included; asked at
            each check. Where only this cycle's are known, *is_whole* is False: then a hole between them proves nothing.
        reread: the journal's bytes as they lie on disk; None: nobody reads them again.
        step: how a tick's posture and lifecycle are derived; None: they are not.
    """

    def __init__(
        self,
        book_id: str,
        carried: BookState,
        records: Callable[[], Sequence[JournalRecord]],
        *,
        is_whole: bool = True,
        reread: Callable[[], bytes] | None = None,
        step: Step | None = None,
    ) -> None:
        self._book_id, self._carried, self._records = book_id, carried, records
        self._is_whole, self._reread, self._step = is_whole, reread, step
        self._told: set[str] = set()
        self._is_compared = False
        self._last_checked = _last_verdict(records()) if is_whole else None
        self._restart()

    def _restart(self) -> None:
        self._fold = Fold(self._carried)
        self._decisions, self._standing = Decisions(self._step), Standing()
        self._taken = self._offset = 0
        self._last: JournalRecord | None = None
        self._tail = ""
        self._found: dict[str, tuple[Found, int]] = {}
        self._announced: dict[str, int] = {}

    def check(
        self, state: BookState, measured: Measured | None = None, kind: TickKind = TickKind.END
    ) -> Verdict:
        """The verdict on everything up to now. Never raises: what breaks it is a finding.

        Args:
            state: the live one. It is compared, spelling for spelling, when a cycle begins and ends, and before its
                first entry; what the records since say and what stands is looked at before each entry.
            kind: of the tick that it is for. At END the verdict carries the state's digest, for later processes.
        """
        measured = Measured() if measured is None else measured
        open_now: list[tuple[Found, int]] = []
        sha256 = None
        try:
            self._take()
            open_now += [(found, 1) for found in self._standing.check(self._fold, measured)]
            open_now += [(found, 1) for found in self._unannounced(measured)]
            if measured.is_corrupt:
                open_now.append((_corrupt("journal", None, "an unbroken chain", "a break in its middle"), 1))
            if kind is not TickKind.SPOT or not self._is_compared:
                self._is_compared = kind is TickKind.SPOT
                shadow = self._fold.freeze()
                if _spelled(shadow) != _spelled(state):
                    open_now += [(found, 1) for found in self._parted(shadow, state)]
                sha256 = _digest(shadow) if kind is TickKind.END else None
        except _FAULTS as fault:
            open_now.append((_unreadable(fault), 1))
        rows: dict[str, Divergence] = {}
        for found, count in [*self._found.values(), *open_now]:
            row = found.named(self._book_id, count)
            rows[row.divergence_id] = row
        return Verdict(
            seq=0 if self._last is None else self._last.seq,
            divergences=tuple(sorted(rows.values(), key=lambda row: (row.category, row.divergence_id))),
            # Numbers of records that wait for their disk may still change, and nobody could find the state again.
            state_sha256=None if self._last is not None and _waits(self._last) else sha256,
        )

    def news(self, verdict: Verdict) -> tuple[Divergence, ...]:
        """Those of *verdict* that no record of this cycle names yet; they are taken to be noted now."""
        fresh = tuple(row for row in verdict.divergences if row.divergence_id not in self._told)
        self._told |= {row.divergence_id for row in fresh}
        return fresh

    # -- the records ------------------------------------------------------------------------------------------

    def _take(self) -> None:
        records = self._records()
        if self._taken and (len(records) < self._taken or records[self._taken - 1] != self._last):
            self._restart()  # what waited for its disk was written late, and is numbered anew
        on_disk = self._lines(len(records))
        for record in records[self._taken :]:
            again = record
            try:
                again = self._read_again(record, on_disk.get(self._taken))
            except _FAULTS as fault:
                self._keep(_unreadable(fault, record.seq))
            self._one(again)
            self._taken += 1
            self._last = record

    def _lines(self, count: int) -> dict[int, bytes]:
        """Lines on disk from the first that was not taken yet, by place."""
        if self._reread is None:
            return {}
        try:
            data = self._reread()
        except (OSError, AvwapError) as fault:  # a disk that does not answer holds up no exit
            self._keep(_unreadable(fault))
            self._reread = None
            return {}
        whole = data[self._offset : data.rfind(b"\n") + 1].splitlines(keepends=True)[: count - self._taken]
        self._offset += sum(len(line) for line in whole)
        return {self._taken + n: line for n, line in enumerate(whole)}

    def _read_again(self, record: JournalRecord, line: bytes | None) -> JournalRecord:
        """*record* from its bytes: it stands where its number says, names the one before, lies as it was announced."""
        last, is_announced = self._last, self._reread is not None and not _waits(record)
        if line is None or not is_announced:
            if is_announced:
                self._keep(_corrupt(f"seq:{record.seq}", record.seq, "its line on disk", "nothing"))
            line = _line(record)
        again = JournalRecord.model_validate_json(line)
        if again != record:
            self._keep(_corrupt(f"seq:{record.seq}", record.seq, digest(_line(record)), digest(line)))
            line = _line(record)
            again = JournalRecord.model_validate_json(line)
        follows = last is not None and record.seq == last.seq + 1 and not (_waits(last) or _waits(record))
        if self._is_whole and record.seq != (due := self._taken + 1 if last is None else last.seq + 1):
            self._keep(_gap(f"seq:{due}", record.seq, f"record {due}", f"record {record.seq}"))
        elif follows and record.prev != self._tail:
            self._keep(_corrupt(f"seq:{record.seq}", record.seq, self._tail, record.prev))
        self._tail = digest(line)
        return again

    def _one(self, record: JournalRecord) -> None:
        """Judge *record* if no check has, then fold it; what cannot be read of it is a finding, and more follows."""
        checked = self._last_checked
        is_new = checked is None or record.seq > checked.seq
        try:
            self._acknowledged(record)
            self._announce(record)
            if is_new:
                for found in self._decisions.check(self._fold, record):
                    self._keep(found)
        except _FAULTS as fault:
            self._keep(_unreadable(fault, record.seq))
        try:
            self._fold.apply(record)
            if is_new:
                self._standing.take(record)
        except _FAULTS as fault:
            self._keep(_unreadable(fault, record.seq))
        refused, self._fold.refused = self._fold.refused, []
        self._fold.contradicted, self._fold.touched = [], {}
        for row in refused if is_new else ():
            if self._fold.order(row.ord_id) is not None:  # of others it is told that nobody announced them
                self._keep(_illegal(row.ord_id, record.seq, f"{row.state}, then {row.event}: {row.detail}"))
        if checked is not None and record.seq == checked.seq and checked.state_sha256 is not None:
            again = _digest(self._fold.freeze())
            if again != checked.state_sha256:
                subject = f"seq:{record.seq}"
                self._keep(_parted(C.NONDETERMINISM, subject, record.seq, checked.state_sha256, again))

    def _announce(self, record: JournalRecord) -> None:
        """An ack, a fill or an end is of an order that a record before it announced."""
        if record.event in _ANNOUNCES:
            order = record.data["order" if record.event == "order.submitting" else "successor"]
            assert isinstance(order, dict), "an announcement names its order"
            self._announced.setdefault(str(order["client_order_id"]), record.seq)
        if (
            not record.event.startswith("order.")
            or record.event in _TELLS
            or record.event == "order.submitting"
        ):
            return
        names = ["ord_id"] if record.event == "order.replacing" else ["ord_id", "successor_ord_id"]
        for name in (str(record.data[key]) for key in names if record.data.get(key) is not None):
            if self._fold.order(name) is None:
                self._keep(_gap(name, record.seq, "its announcement before it", record.event))

    def _acknowledged(self, record: JournalRecord) -> None:
        if record.event == "operator.acted":
            act = OperatorAct.model_validate(record.data)
            if act.verb == ACK and act.subject is not None:
                known = self._found.get(act.subject)
                if known is not None and known[0].category in _LASTING:
                    del self._found[act.subject]

    def _keep(self, found: Found) -> None:
        name = divergence_id(self._book_id, found.category, found.subject)
        _, count = self._found.get(name, (found, 0))
        self._found[name] = (found, count + 1)

    # -- the state --------------------------------------------------------------------------------------------

    def _unannounced(self, measured: Measured) -> Iterator[Found]:
        """Requests that left before, or without, the record that announces their order."""
        known = {o.client_order_id for o in (*self._carried.orders, *self._carried.ended_today)}
        for sent in measured.sent:
            seq = 0 if sent.client_order_id in known else self._announced.get(sent.client_order_id)
            if seq is None or seq > sent.after_seq:
                actual = "none" if seq is None else f"record {seq}"
                yield _gap(sent.client_order_id, sent.after_seq, f"a record up to {sent.after_seq}", actual)

    def _parted(self, shadow: BookState, live: BookState) -> Iterator[Found]:
        """The live state is another: was it changed without a record, or does one journal fold to two states?"""
        yield _differs(C.STATE_HASH, "state", None, shadow, live)
        again = fold_records(self._carried, self._records())
        if _spelled(again) != _spelled(shadow):
            yield _differs(C.NONDETERMINISM, "state", None, shadow, again)


def _spelled(state: BookState) -> str:
    """*state* as text: two states with one text have one digest."""
    return state.model_dump_json()


def _digest(state: BookState) -> str:
    """Digest of *state* on one line: a cycle cannot wait for the many lines of an artifact."""
    return digest(line_bytes(plain(state)))


def _unreadable(fault: Exception, seq: int | None = None) -> Found:
    subject = "check" if seq is None else f"seq:{seq}"
    told = f"{type(fault).__name__}: {fault}"
    return Found(category=C.UNKNOWN, subject=subject, seq=seq, expected="a readable record", actual=told)


def _last_verdict(records: Sequence[JournalRecord]) -> Verdict | None:
    """What the session's last tick that had one says: the records up to it were judged by an earlier cycle."""
    for record in reversed(records):
        if record.event == "tick.taken":
            tick = record.data.get("tick")
            told = tick.get("verdict") if isinstance(tick, dict) else None
            if told is not None:
                try:
                    return Verdict.model_validate(told)
                except ValueError:
                    return None  # nothing is taken as judged on an unreadable word
    return None


def _line(record: JournalRecord) -> bytes:
    """The record's one spelling. Errors: ``Malformed``."""
    return line_bytes(
        {
            "seq": record.seq,
            "prev": record.prev,
            "ts": instant(record.ts),
            "event": record.event,
            "cycle": record.cycle,
            "data": record.data,
        }
    )


def _waits(record: JournalRecord) -> bool:
    """Whether the record was made while its disk failed: it is not in the chain yet, and its number may change."""
    return record.prev == ZEROS and record.seq > 1


def _gap(subject: str, seq: int | None, expected: str, actual: str) -> Found:
    return Found(category=C.LEDGER_GAP, subject=subject, seq=seq, expected=expected, actual=actual)


def _corrupt(subject: str, seq: int | None, expected: str, actual: str) -> Found:
    return Found(category=C.CORRUPT, subject=subject, seq=seq, expected=expected, actual=actual)


def _illegal(subject: str, seq: int, actual: str) -> Found:
    expected = "a move that the table allows"
    return Found(category=C.ILLEGAL_TRANSITION, subject=subject, seq=seq, expected=expected, actual=actual)


def _parted(category: C, subject: str, seq: int | None, expected: str, actual: str) -> Found:
    return Found(
        category=category, subject=subject, seq=seq, expected=expected, actual=actual, pointer="/state"
    )


def _differs(category: C, subject: str, seq: int | None, expected: BookState, actual: BookState) -> Found:
    """Two states, and the first place where they part."""
    parting = first_difference(plain(expected), plain(actual))
    if parting is None:
        return _parted(category, subject, seq, _digest(expected), _digest(actual))
    return Found(
        category=category,
        subject=subject,
        seq=seq,
        pointer=f"/state{parting.pointer}",
        expected=str(parting.expected),
        actual=str(parting.actual),
    )
