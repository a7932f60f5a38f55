"""What was found valid once need not be parsed again: a verdict belongs to bytes, and a digest names bytes.

A disposable table in the book's SQLite index. It is keyed by the file's sha256 and by a digest of the rules
that judged it, so that neither a changed byte nor a changed rule is ever covered. It can be lost, stale or
broken: then files are judged again.
"""

import json
import sqlite3
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import VERSION

from ledger.canonical import digest


class Memo:
    """Verdicts of earlier verifications. Attributes: trouble: why it no longer helps, or empty."""

    def __init__(self, path: Path) -> None:
        """Open or create the table at *path*, an SQLite file; no state of it is an error."""
        self.trouble = ""
        self._db: sqlite3.Connection | None = None
        try:
            self._db = sqlite3.connect(path, timeout=5.0, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS verified (sha256 TEXT, rules TEXT, facts TEXT NOT NULL, "
                "PRIMARY KEY (sha256, rules)) WITHOUT ROWID"
            )
        except sqlite3.Error as error:
            self._give_up(error)

    def recall(self, sha256: str, rules: str) -> dict[str, Any] | None:
        """What was learned of these bytes under these rules."""
        if self._db is None:
            return None
        try:
            query = "SELECT facts FROM verified WHERE sha256 = ? AND rules = ?"
            row = self._db.execute(query, (sha256, rules)).fetchone()
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        return None if row is None else json.loads(row[0])

    def learn(self, rules: str, verdicts: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Keep (sha256, facts) of files found valid under *rules*, in one transaction."""
        rows = [(sha256, rules, json.dumps(facts)) for sha256, facts in verdicts]
        if self._db is None or not rows:
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("insert or replace into verified values (?, ?, ?)", rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        """Let go of the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _give_up(self, error: sqlite3.Error) -> None:
        self.trouble = str(error)
        self.close()


def rules_digest(contracts: Mapping[str, type]) -> str:
    """A digest of all that *contracts* (name -> model), this package and the libraries say about bytes.

    Of their source text and not of a JSON Schema: a validator written in Python is a rule too.
    """
    here = Path(__file__).parent
    sources = {*here.glob("*.py"), *(here.parent / "schemas").rglob("*.py")}
    for name in {model.__module__ for model in contracts.values()}:
        if file := getattr(sys.modules.get(name), "__file__", None):
            sources.add(Path(file))
    texts = sorted(digest(source.read_bytes()) for source in sources)
    names = [f"{name}={model.__module__}.{model.__qualname__}" for name, model in sorted(contracts.items())]
    return digest("\n".join((sys.version, VERSION, *names, *texts)).encode())
