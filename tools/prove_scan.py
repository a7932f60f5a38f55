"""The pass over all days and the scan of each day say the same of every symbol on every session, to the last bit.

    python -m tools.prove_scan          the bundled real market: every symbol, every session
    python -m tools.prove_scan HOME     the market store of the data root of HOME

Each row of measures is kept as its digest: a whole market's rows would not fit in the memory of a small machine.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from flows.house import House
from flows.progress import bar
from flows.settings import load
from market.calendar import Calendar
from market.imports import import_bars
from market.panel import first_session, load_panel
from market.sidecar import Sidecar
from market.store import BarStore
from schemas.errors import AvwapError
from strategies import layout
from strategies.config import ScanConfig
from strategies.history import history, with_calendar_sessions
from strategies.layout import Ints
from strategies.measures import measure

ROOT: Final = Path(__file__).resolve().parent.parent
REAL: Final = "us_wide_daily_2015_2016.parquet"
DIGEST_BYTES: Final = 16
FAULTS_SHOWN: Final = 20
Step = Callable[[int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """rows: compared. missing: rows that one of both has alone. faults: (symbol, session) whose rows differ."""

    rows: int
    symbols: int
    sessions: int
    missing: int
    faults: tuple[tuple[str, date], ...]


def prove(
    held: Sidecar, calendar: Calendar, config: ScanConfig, first: date, last: date, step: Step
) -> Proof:
    """Compare ``history`` from *first* to *last* with ``measure`` of each day's own panel.

    step: told how many sessions are done, of twice as many as there are, and what is at hand.
    """
    sessions = calendar.sessions(first, last)
    lowest = calendar.index(sessions[0])
    assert lowest is not None, "a session has a number"
    place = {name: k for k, name in enumerate(held.symbols)}
    told = np.zeros((len(place), len(sessions)), f"S{DIGEST_BYTES}")
    wanted = 0
    done = 0
    for block in history(held, calendar, config, sessions[0], sessions[-1]):
        digests = _digests(block.features, block.anchors)
        session = block.features[:, layout.SESSION] - lowest
        for name, lo, hi in zip(block.symbols, block.at[:-1].tolist(), block.at[1:].tolist(), strict=True):
            told[place[name], session[lo:hi]] = digests[lo:hi]
        wanted += int(block.at[-1])
        done += len(block.symbols)
        step(min(len(sessions), len(sessions) * done // len(place)), "all days at once")
    rows = 0
    faults: list[tuple[str, date]] = []
    store = BarStore(held.folder.parents[2])
    for at, day in enumerate(sessions):
        panel = load_panel(store, calendar, calendar.next(day), sidecar=held)
        measures = measure(panel, config)
        offset = first_session(calendar, lowest + at)
        digests = _digests(*with_calendar_sessions(measures.features, measures.anchors, offset))
        for name, row in zip(panel.symbols, measures.at.tolist(), strict=True):
            rows += row >= 0
            if row >= 0 and told[place[name], at] != digests[row]:
                faults.append((name, day))
        step(len(sessions) + at + 1, f"{day}")
    return Proof(
        rows=rows,
        symbols=len(place),
        sessions=len(sessions),
        missing=abs(rows - wanted),
        faults=tuple(faults),
    )


def _digests(features: Ints, anchors: Ints) -> npt.NDArray[np.bytes_]:
    rows = np.ascontiguousarray(np.concatenate([features, anchors.reshape(len(features), -1)], axis=1))
    found = [hashlib.blake2b(row, digest_size=DIGEST_BYTES).digest() for row in rows]
    # numpy drops trailing zero bytes of a text, on both sides of a comparison alike.
    return np.array(found, f"S{DIGEST_BYTES}")


def main(arguments: Sequence[str]) -> int:
    """Prove it on the store named, or on the real file. Exit 4: a row differs; 3: there is nothing to prove it on."""
    if len(arguments) > 1:
        print("refused  python -m tools.prove_scan takes one folder at most", file=sys.stderr)
        return 2
    if arguments:
        try:
            return _tell(House(load(Path(arguments[0]))))
        except AvwapError as fault:
            print(f"refused  {fault}\nnext     {fault.next}", file=sys.stderr)
            return fault.exit_code
    file = Path(os.environ.get("AVWAP_TEST_DATA") or ROOT.parent / "shared" / "data") / REAL
    if not file.is_file():
        print(f"refused  no real data file {REAL}: nothing was proved", file=sys.stderr)
        print(
            "next     set AVWAP_TEST_DATA to its folder, or name a data root: make prove-scan AT=DIR",
            file=sys.stderr,
        )
        return 3
    with tempfile.TemporaryDirectory(prefix="avwap-prove-") as folder:
        house = House(load(Path(folder)))
        report = import_bars(house.root, file)
        print(f"imported {report.rows_read:,} rows of {REAL}")
        return _tell(house)


def _tell(house: House) -> int:
    held = house.sidecar
    first, last = (house.calendar.at(int(pick())) for pick in (held.session.min, held.session.max))
    sessions = len(house.calendar.sessions(first, last))
    with bar("sessions", 2 * sessions) as step:
        proof = prove(held, house.calendar, house.settings.scan, first, last, step)
    where = f"{proof.symbols:,} symbols on {proof.sessions:,} sessions, {first} to {last}"
    print(f"compared {proof.rows:,} rows of {where}")
    if proof.missing or proof.faults:
        print(f"differ   {len(proof.faults):,} rows; {proof.missing:,} stand on one side alone")
        for symbol, day in proof.faults[:FAULTS_SHOWN]:
            print(f"         {symbol} {day}")
        return 4
    print("equal    every row, to the last bit")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
