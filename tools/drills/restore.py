"""A book restored from its backup is the same record to the byte, and its next cycle is the one it would have made.

python -m tools.drills.restore
"""

import shutil
import sys
from pathlib import Path
from typing import Final

from tools.drills.ground import MADE_ANEW, ON, Ground, Host, ground, sha256
from tools.drills.notes import Notes, alone

SHOWS: Final = (
    "the home is destroyed; the ledger folder from the backup verifies and goes on as if nothing had been"
)
BOOK: Final = "SIM"
BEFORE: Final = ("0930", "0935", "0940")
AFTER: Final = ("0945", "0950")


def run(notes: Notes, root: Path) -> None:
    """The drill below *root*."""
    with ground(notes, root) as made:
        notes.step("the book opens its session and makes its first cycles")
        host = made.host("host", sim=True)
        host.run("premarket", "--book", BOOK, "--date", str(ON))
        for slot in BEFORE:
            _cycle(host, slot)
        bought = [r["data"]["symbol"] for r in host.journal(BOOK) if r["event"] == "order.filled"]
        notes.expect("it has bought something to lose", True, bool(bought))
        notes.step("the backup: the book's folder, without what is made anew")
        backup = root / "backup"
        notes.ran(f"rsync -a ledger/{BOOK}/ backup/{BOOK}/")
        shutil.copytree(host.folder(BOOK), backup / BOOK, ignore=shutil.ignore_patterns(*MADE_ANEW))
        kept = _digests(backup / BOOK)
        notes.keep(f"backup: {len(kept)} files, journal sha256 {kept[f'{ON}/journal.jsonl']}")
        undisturbed = made.host("undisturbed", sim=True)
        shutil.copytree(host.folder(BOOK), undisturbed.folder(BOOK))
        notes.step("the home is gone, and made anew from the backup")
        shutil.rmtree(host.home)
        restored = made.host("restored", sim=True)
        notes.ran(f"rsync -a backup/{BOOK}/ ledger/{BOOK}/")
        shutil.copytree(backup / BOOK, restored.folder(BOOK))
        _sound(made, restored, kept)
        _goes_on(made, restored, undisturbed)


def _sound(made: Ground, restored: Host, kept: dict[str, str]) -> None:
    notes = made.notes
    notes.step("what came back is what was kept")
    notes.expect("files that differ from the backup", [], _differ(kept, _digests(restored.folder(BOOK))))
    notes.expect("avwap verify", 0, restored.run("verify", "--book", BOOK).code)
    notes.expect("the index, from the journals", 0, restored.run("intents", "rebuild", "--book", BOOK).code)


def _goes_on(made: Ground, restored: Host, undisturbed: Host) -> None:
    notes = made.notes
    notes.step("the next cycles, there and on a twin to which nothing happened")
    for slot in AFTER:
        notes.expect(f"cycle {slot}", 0, _cycle(restored, slot))
        undisturbed.quietly("cycle", "--book", BOOK, "--date", str(ON), "--slot", slot)
    ours, theirs = (_digests(host.folder(BOOK)) for host in (restored, undisturbed))
    notes.expect("files that differ from the undisturbed book", [], _differ(ours, theirs))
    notes.expect("avwap verify", 0, restored.run("verify", "--book", BOOK).code)
    notes.keep(f"restored: {len(ours)} files, journal sha256 {ours[f'{ON}/journal.jsonl']}")


def _cycle(host: Host, slot: str) -> int:
    return host.run("cycle", "--book", BOOK, "--date", str(ON), "--slot", slot).code


def _digests(folder: Path) -> dict[str, str]:
    """Path inside *folder* -> digest, of every file that is part of the record."""
    anew = shutil.ignore_patterns(*MADE_ANEW)
    names = [path for path in folder.rglob("*") if path.is_file() and not anew("", [path.name])]
    return {str(path.relative_to(folder)): sha256(path) for path in sorted(names)}


def _differ(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


if __name__ == "__main__":
    sys.exit(alone(run))
