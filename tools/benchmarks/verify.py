"""Verifying a book whose files are known costs little more than hashing them."""

import hashlib
from functools import partial
from typing import Final

from flows.audit import audit, models
from flows.house import House
from ledger import layout
from ledger.canonical import digest, parse
from ledger.memo import Memo
from ledger.verify import Report, verify
from schemas.events import EVENTS
from tools.benchmarks.result import Benchmark, Result, median, result, timed
from tools.benchmarks.workspace import Workspace

BOOK: Final = "SIM"


def paths(house: House) -> tuple[str, ...]:
    """Every file of the book's sessions, seals included."""
    days = [name for name in house.disk.folders(BOOK) if layout.session_of(name)]
    return tuple(path for name in days for path in house.disk.list(f"{BOOK}/{name}"))


def hashed(house: House, files: tuple[str, ...]) -> dict[str, str]:
    """The other program: open, read, sha256."""
    found = {}
    for name in files:
        with open(house.root / name, "rb") as handle:
            found[name] = hashlib.sha256(handle.read()).hexdigest()
    return found


def _checked(house: House, report: Report) -> str:
    """Both programs agree: the seals name the digests that plain hashing finds. Returns their checksum."""
    files = paths(house)
    plain = hashed(house, files)
    assert report.faults == (), report.faults[:3]
    sealed: dict[str, str] = {}
    for name in files:
        if name.endswith(f"/{layout.MANIFEST}"):
            manifest = parse(house.disk.read(name))
            folder = name.rpartition("/")[0]
            sealed |= {f"{folder}/{each['path']}": each["sha256"] for each in manifest["files"]}
    assert sealed == {name: plain[name] for name in sealed}, "a seal names another digest"
    assert len(sealed) >= 100, "the book is too small to time"
    return digest("".join(plain[name] for name in files).encode())


def run(workspace: Workspace) -> Result:
    """``ledger.verify.verify`` with a warm memo beside plain sha256 of the same files."""
    house = workspace.book
    memo = Memo(house.root / layout.index(BOOK))
    proved = partial(verify, house.disk, BOOK, None, None, models(), EVENTS, memo=memo)
    checksum = _checked(house, proved())
    ours = timed(proved)
    memo.close()
    theirs = timed(partial(hashed, house, paths(house)))
    return result("verify", ours=ours, ratio=median(ours) / median(theirs), checksum=checksum)


def run_command(workspace: Workspace) -> Result:
    """All that ``avwap verify`` proves, carried-over state included, in process."""
    house = workspace.book
    proved = partial(audit, house, BOOK, None, None, fresh=False, quiet=True)
    report, faults = proved()
    assert faults == (), faults[:3]
    checksum = _checked(house, report)
    ours = timed(proved)
    theirs = timed(partial(hashed, house, paths(house)))
    return result("verify-command", ours=ours, ratio=median(ours) / median(theirs), checksum=checksum)


VERIFY: Final = Benchmark(
    name="verify",
    what="""\
`ledger.verify.verify` of a SIM book of ten sessions over 200 symbols, verdicts known from the memo: every file read,
hashed and held against its seal, chains and input links followed. Theirs: open, read and `hashlib.sha256` of the same
files. The seals' digests are those that plain hashing finds. Ratio: our median over theirs.""",
    run=run,
)
COMMAND: Final = Benchmark(
    name="verify-command",
    what="""\
The same book by all that `avwap verify` proves, in process: besides the above, the state that each session carried over
is folded anew from every journal. Ratio: its median over that of plain sha256.""",
    run=run_command,
)
