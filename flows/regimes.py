"""Past closes are labelled as their mornings would have labelled them, and each label is kept once.

``MARKET/regime.jsonl`` is the market's, not a book's: no stage reads it and no seal lists it. Lines are only
appended. Where data or rules have changed a session gets a new line beside the old one; the one that counts is
found by its id, and of a session the last line is the newest.

The label of a close S is that of the morning D after it: the panel, the members and the quarantine of D. A book's own
``regime.json`` of D is the same where its operator lifted no quarantine and its broker's calendar agreed.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from analytics import regime
from flows.house import House
from ledger import layout
from ledger.canonical import Malformed, digest, line_bytes, parse_canonical_line, plain
from ledger.disk import Disk
from ledger.journal import set_torn_aside
from schemas.base import SessionDate
from schemas.errors import Corrupt, Denied, UsageFault
from schemas.header import CODE_VERSION
from schemas.ids import content_id
from schemas.reasons.edge import EdgeCode
from schemas.reasons.ledger import LedgerCode, ReadFaultCode
from schemas.reasons.market import MarketFault
from schemas.regime import RegimeRecord

if TYPE_CHECKING:
    from market.panel import Panel

SESSIONS_A_WRITE: Final = 50
"""Labels that one append brings to disk: a command stopped on its way keeps all but these."""
Step = Callable[[int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Labels of a range, one a session, oldest first. added: lines written now. torn: bytes of a broken last line
    that were set aside first."""

    records: tuple[RegimeRecord, ...]
    added: int
    torn: int


def sessions_of(house: House, first: date, last: date) -> tuple[SessionDate, ...]:
    """The sessions from *first* to *last* up to the store's last bar.

    Errors: ``UsageFault`` USAGE if there is none, STORE_EMPTY.
    """
    held = house.sidecar
    end = house.calendar.at(int(held.session.max())) if len(held.session) else first - timedelta(days=1)
    found = house.calendar.sessions(first, min(last, end)) if first <= min(last, end) else ()
    if not found:
        raise UsageFault(
            EdgeCode.USAGE,
            f"no session between {first} and {last} that the store reaches: its last bar is of {end}",
            safe="nothing was written",
            next="name a range with --from and --to, the earlier date first, or import later bars",
        )
    return found


def label(house: House, sessions: Sequence[SessionDate], benchmark: str, step: Step) -> Labelled:
    """Label the closes of *sessions*, and append what the log does not hold yet.

    Args: step: told (sessions done, session at hand).
    Errors: ``UsageFault`` USAGE for a benchmark without a bar, unless it is the configured one; ``Corrupt`` for a
    log with a line that is none of ours; ``Denied`` STORE_BUSY while another run writes it.
    """
    if benchmark != house.settings.benchmark and benchmark not in house.sidecar.symbols:
        raise UsageFault(
            EdgeCode.USAGE,
            f"--benchmark {benchmark}: the store holds no bar of it",
            safe="nothing was written",
            next="import its bars (an index such as ^SPX is no symbol here), or leave the option out",
        )
    rules = _rules_sha256(house, benchmark)
    with _alone(house):
        kept, torn = _open(house.disk)
        found: list[RegimeRecord] = []
        added = 0
        for begin in range(0, len(sessions), SESSIONS_A_WRITE):
            fresh: list[RegimeRecord] = []
            for session in sessions[begin : begin + SESSIONS_A_WRITE]:
                step(len(found), str(session))
                name, version = _identity(house, session, rules)
                record = kept.get(name)
                if record is None:
                    record = _measure(house, session, benchmark, (name, version, rules))
                    fresh.append(record)
                found.append(record)
            if fresh:
                house.disk.append(layout.regime_log(), b"".join(line_bytes(plain(each)) for each in fresh))
                added += len(fresh)
    return Labelled(records=tuple(found), added=added, torn=torn)


def _rules_sha256(house: House, benchmark: str) -> str:
    """The label's own settings: another limit of a book must not make the whole history new."""
    settings = house.settings
    told = {
        "benchmark": benchmark,
        "contract": plain(settings.contract),  # it says who is clean enough to count for breadth
        "regime": plain(settings.regime),
    }
    return digest(json.dumps(told, sort_keys=True, separators=(",", ":")).encode())


def _identity(house: House, session: SessionDate, rules: str) -> tuple[str, str]:
    """(id, data_version) of the label of *session*, known without measuring it."""
    cut = house.calendar.index(house.calendar.next(session))
    assert cut is not None, "the session after a session is one"
    version = house.sidecar.data_version(cut)
    return content_id("reg_", session, version, rules, CODE_VERSION), version


def _measure(
    house: House, session: SessionDate, benchmark: str, identity: tuple[str, str, str]
) -> RegimeRecord:
    """As the morning after *session* measures it, from the panel of that morning and its data contract."""
    from analytics.regime_panel import inputs_of
    from market import contract
    from market.panel import load_panel

    panel = load_panel(
        house.store, house.calendar, house.calendar.next(session), benchmark=benchmark, sidecar=house.sidecar
    )
    inputs = contract.ContractInputs(panel=panel, calendar=house.calendar, simulated=True)
    judged = contract.judge(inputs, house.settings.contract)
    name, version, rules = identity
    assert version == panel.data_version, "an id names the snapshot that is measured"
    return RegimeRecord(
        id=name,
        session_date=panel.session_date,
        data_version=version,
        rules_sha256=rules,
        code_version=CODE_VERSION,
        close=_close(panel),
        regime=regime.run(inputs_of(panel, judged.ledger.checked.q != 0), house.settings.regime),
    )


def _close(panel: "Panel") -> Decimal | None:
    from analytics.regime_panel import closes_of

    closes = closes_of(panel, panel.benchmark).close
    return Decimal(closes[-1]).scaleb(-4) if closes else None


def _open(disk: Disk) -> tuple[dict[str, RegimeRecord], int]:
    """Every record by its id, and how many bytes of an unfinished last line were set aside."""
    path = layout.regime_log()
    data = disk.read(path) if disk.exists(path) else b""
    torn = set_torn_aside(disk, path, data)
    found = {}
    for number, line in enumerate(data[: len(data) - len(torn)].split(b"\n")[:-1], start=1):
        try:
            record = RegimeRecord.model_validate(parse_canonical_line(line + b"\n"))
        except (Malformed, ValidationError) as error:
            why = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else error
            raise Corrupt(
                ReadFaultCode.CORRUPT,
                f"{path} line {number}: {why}",
                safe="nothing was written, and no stage reads this file",
                next="move the file away and run the command again: every line can be measured anew",
            ) from error
        found[record.id] = record
    return found, len(torn)


@contextmanager
def _alone(house: House) -> Iterator[None]:
    """One writer at a time; the operating system frees the lock with the process."""
    from filelock import FileLock, Timeout

    try:
        lock = FileLock(house.root / layout.market("regime.lock")).acquire(timeout=0)
    except Timeout as error:
        raise Denied(
            MarketFault.STORE_BUSY,
            f"another avwap regime is writing {layout.regime_log()}",
            safe="nothing was written",
            next="run the same command again when it has ended",
        ) from error
    except OSError as error:
        raise Denied(
            LedgerCode.LEDGER_UNAVAILABLE,
            f"cannot write {layout.regime_log()}: {error.strerror}",
            safe="nothing was written",
            next="give this user write access to the data root, then run the same command again",
        ) from error
    with lock:
        yield
