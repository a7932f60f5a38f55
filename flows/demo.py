"""A quarter on a market that is made up, played as any quarter would be, with its last day sealed twice alike.

The quarter runs in this process. Its last session runs once more, through the real Prefect flow against a server
that is started for it and stopped after it, on a copy of the ledger as it stood before; both must give one seal.
"""

import os
import shutil
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from flows import console, stories
from flows.day import Day, open_day, sealed
from flows.house import House
from flows.progress import sessions_bar
from flows.run import run_range
from flows.settings import FILE_NAME, load
from schemas.base import SessionDate
from schemas.errors import Corrupt
from schemas.reasons.edge import EdgeCode

BOOK: Final = "SIM"
FOLDER: Final = ".demo"
SEED: Final = 42
SYMBOLS: Final = 120
# Two real calendar years: the quarter has a half day, and 300 sessions of history.
FIRST: Final = date(2015, 1, 2)
LAST: Final = date(2016, 12, 30)
CONFIG: Final = (
    "# The demo: everything at its default, but that decisions bind.\nportfolio_decision_enforce = true\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Played:
    house: House
    sessions: tuple[SessionDate, ...]
    seal: str
    twin: House


def play(home: Path | None, count: int, with_prefect: bool, as_json: bool) -> int:
    """Play *count* sessions below *home*/.demo, print the last day's story, and compare both seals.

    Returns the exit code. Errors: ``Corrupt`` SEALS_DIFFER if the two ways of running the day disagree.
    """
    began = time.monotonic()
    folder = (home or Path()) / FOLDER
    played = _quarter(folder, count, as_json)
    last = open_day(played.house, BOOK, played.sessions[-1])
    by_flow = _through_prefect(folder, played, last, as_json) if with_prefect else None
    if by_flow is not None and by_flow != played.seal:
        raise Corrupt(
            EdgeCode.SEALS_DIFFER,
            f"{last.session}: in-process {played.seal}, through Prefect {by_flow}",
            safe=f"both folders are kept below {folder}",
            next="avwap show on the two manifests names the first file that differs",
        )
    body: dict[str, Any] = {
        "home": str(folder),
        "sessions": len(played.sessions),
        "session": str(last.session),
        "seal": played.seal,
        "seal_through_prefect": by_flow,
        "seconds": round(time.monotonic() - began, 1),
        "story": stories.of_day(last) if as_json else None,
    }
    console.emit(body, as_json, lambda: _tell(played, last, by_flow, body["seconds"]))
    return 0


def _quarter(folder: Path, count: int, quiet: bool) -> _Played:
    """Make the market, run all sessions but the last, set a copy aside, run the last."""
    from market.synthetic import generate

    for home in (folder, folder / "twin"):
        home.mkdir(parents=True, exist_ok=True)
        (home / FILE_NAME).write_text(CONFIG, encoding="utf-8")
    house, twin = House(load(folder)), House(load(folder / "twin"))
    if not house.store.manifest().vintages:
        generate(SEED, SYMBOLS, FIRST, LAST, house.calendar).install(house.store)
    sessions = house.calendar.sessions(house.calendar.previous(LAST, count - 1), LAST)
    with sessions_bar(house, sessions[0], LAST, quiet=quiet) as told:
        run_range(house, BOOK, sessions[0], sessions[-2], told, "avwap demo")
        if not twin.root.exists():
            shutil.copytree(house.root, twin.root)
        final = run_range(house, BOOK, sessions[-1], sessions[-1], told, "avwap demo").results[-1]
    assert final.seal is not None, "the made-up market's last session can be sealed"
    return _Played(house=house, sessions=sessions, seal=final.seal, twin=twin)


def _through_prefect(folder: Path, played: _Played, last: Day, quiet: bool) -> str | None:
    """The seal of the last session as Prefect's ``day`` flow gives it, on the copy of the ledger."""
    from flows import prefect_server

    twin = open_day(played.twin, BOOK, last.session)
    if sealed(twin) is None:
        if not quiet:
            console.note(f"starting a Prefect server to run {last.session} once more through the flow …")
        with prefect_server.running((folder / "prefect").absolute(), os.environ) as env:
            prefect_server.adopt(env)
            from flows.prefect_flows import day as day_flow

            day_flow(book=BOOK, date=last.session.isoformat(), home=str(folder / "twin"))
    return sealed(twin)


def _tell(played: _Played, last: Day, by_flow: str | None, seconds: float) -> None:
    console.note(
        f"A market made of seed {SEED}: {SYMBOLS} symbols, {FIRST} to {LAST}. "
        f"{len(played.sessions)} sessions on the {BOOK} book, {played.sessions[0]} to {last.session}."
    )
    console.OUT.print()
    for _, title, tell in stories.STORY:
        console.rows(f"{title}, {last.session}", tell(last))
    console.rows("The quarter, by month", stories.months(played.house, BOOK, played.sessions))
    console.note(f"seal in this process   {played.seal}")
    if by_flow is None:
        console.note("seal through Prefect   not asked for (--no-prefect)")
    else:
        console.note(f"seal through Prefect   {by_flow}   the same, byte for byte")
    console.note(f"took                   {seconds:.0f} s")
    console.OUT.print()
    home = played.house.settings.home
    bought = next((row["symbol"] for row in stories.fills(last) if row["side"] == "buy"), None)
    asked = bought or next((row["symbol"] for row in stories.candidates(last)), "SPY")
    turned = next((row["symbol"] for row in stories.decisions(last) if row["verdict"] == "BLOCK"), "SPY")
    console.note("Look at next:")
    avwap = sys.argv[0] if Path(sys.argv[0]).name == "avwap" else "avwap"
    for command, says in (
        (
            f"{avwap} why --home {home} --book {BOOK} --date {last.session} {asked}",
            "every verdict on one symbol",
        ),
        (
            f"{avwap} why --home {home} --book {BOOK} --date {last.session} {turned}",
            "and on one that was refused",
        ),
        (f"{avwap} verify --home {home} --book {BOOK}", "every seal, chain, schema and link"),
        (
            f"{avwap} replay --home {home} --book {BOOK} --date {last.session}",
            "the day recomputed from its recordings",
        ),
        (f"{avwap} status --home {home} --book {BOOK}", "positions, stops, switches"),
    ):
        console.note(f"  {command}   {says}")
    console.note(
        f"  {played.house.root / BOOK / last.session.isoformat() / 'report.html'}   the day as a page"
    )
