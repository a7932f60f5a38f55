"""Evidence lies in its cycle's folder, under the day's seal, and is told by one line that can be searched for."""

from collections.abc import Mapping

from flows import console
from flows.day import Day
from ledger import layout
from ledger.artifacts import write_once


class DiskEvidence:
    """Keeps the evidence of one cycle of *day*; its lines go to standard error, beside whatever is printed."""

    def __init__(self, day: Day, folder: str) -> None:
        self._day = day
        self._folder = folder

    def keep(self, evidence_id: str, files: Mapping[str, bytes]) -> str:
        """Write *files* once and return their folder, inside the book's. Errors: those of the disk, and divergence."""
        day = self._day
        folder = layout.evidence(day.book_id, day.session, self._folder, evidence_id)
        for name, data in files.items():
            write_once(day.house.disk, f"{folder}/{name}", data)
        return folder.removeprefix(f"{day.book_id}/")

    def say(self, line: str) -> None:
        """Print *line* as it is."""
        console.ERR.print(line, highlight=False, markup=False)
