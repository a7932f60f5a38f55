"""Bringing bars from a vendor, where the settings allow the network."""

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows import console
from flows.commands.options import Home, Json, as_date, house
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from flows.fetching import Fetched, Wish

FEEDS = ("alpaca",)


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("fetch")(fetch)


def fetch(
    first: Annotated[
        date, typer.Option("--from", parser=as_date, metavar="YYYY-MM-DD", help="First date, New York.")
    ],
    last: Annotated[
        date, typer.Option("--to", parser=as_date, metavar="YYYY-MM-DD", help="Last date, included.")
    ],
    feed: Annotated[str, typer.Option("--feed", help="Who is asked: alpaca.")] = "alpaca",
    symbols: Annotated[
        str | None, typer.Option("--symbols", metavar="A,B", help="Symbols, separated by commas.")
    ] = None,
    symbols_file: Annotated[
        Path | None,
        typer.Option("--symbols-file", metavar="FILE", help="A file with a symbol on each line; # comments."),
    ] = None,
    timeframe: Annotated[str, typer.Option("--timeframe", help="1Day, 10Min or 5Min.")] = "1Day",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where intraday bars go, a new .parquet file."),
    ] = None,
    known_at_close: Annotated[
        bool,
        typer.Option(
            "--known-at-close",
            help="Daily bars count as known 20 minutes after each close, not from now on: for a history.",
        ),
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Fetch bars from a vendor: daily ones into the store, intraday ones into a file. All of it, or nothing.

    The network is shut until `[feed] allow_network` is on; the keys are APCA_API_KEY_ID and APCA_API_SECRET_KEY.

    Example: `avwap data fetch --feed alpaca --symbols SPY,AAPL --from 2016-01-04 --to 2016-06-30`
    """
    from flows import fetching

    wanted = _wanted(symbols, symbols_file)
    wish = fetching.Wish(symbols=wanted, first=first, last=last, timeframe=timeframe)
    unfit = _unfit(feed, wish, out, known_at_close=known_at_close)
    if unfit is not None:
        raise _usage(*unfit)
    done = fetching.fetch(house(home), wish, out, from_now_on=not known_at_close, quiet=as_json)
    body = {
        "feed": feed,
        "timeframe": timeframe,
        "rows": done.rows,
        "rows_added": done.added,
        "rows_present": done.present,
        "without_bars": list(done.without_bars),
        "first": done.first,
        "last": done.last,
        "known_at": done.known_at,
        "wrote": None if out is None else str(out),
    }
    console.emit(body, as_json, lambda: _tell(done, wish, out))


def _wanted(symbols: str | None, file: Path | None) -> tuple[str, ...]:
    """The symbols asked for, sorted, each once. Errors: ``UsageFault`` for none, and for what is no symbol."""
    from schemas.base import SYMBOL_PATTERN

    if (symbols is None) == (file is None):
        raise _usage("one of --symbols and --symbols-file is wanted", "name the symbols, or a file of them")
    if file is None:
        names = (symbols or "").split(",")
    else:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        names = [line.partition("#")[0] for line in lines]
    found = sorted({name.strip() for name in names} - {""})
    wrong = [name for name in found if re.match(SYMBOL_PATTERN, name) is None]
    if wrong:
        raise _usage(
            f"no symbol: {', '.join(repr(name) for name in wrong[:5])}", "write it in capitals: BRK.B"
        )
    if not found:
        raise _usage("no symbol was named", "name at least one")
    return tuple(found)


def _unfit(feed: str, wish: "Wish", out: Path | None, *, known_at_close: bool) -> tuple[str, str] | None:
    """What cannot be meant, and what to do; None if all is well."""
    from flows.fetching import DAY, TIMEFRAMES

    if feed not in FEEDS:
        return (
            f"--feed {feed}: the feeds are {', '.join(FEEDS)}",
            "a file goes in with avwap data import FILE",
        )
    if wish.timeframe not in TIMEFRAMES:
        return f"--timeframe {wish.timeframe}: there are {', '.join(TIMEFRAMES)}", "choose one of them"
    if wish.last < wish.first:
        return f"--to {wish.last} lies before --from {wish.first}", "exchange them"
    if wish.timeframe == DAY:
        return (
            None
            if out is None
            else ("--out goes with 10Min and 5Min: daily bars go into the store", "leave it out")
        )
    if known_at_close:
        return "--known-at-close goes with daily bars: a file of intraday bars has no vintage", "leave it out"
    if out is None or out.suffix != ".parquet":
        return f"--timeframe {wish.timeframe} wants --out FILE.parquet", "name the file that it goes into"
    if out.exists() or not out.parent.is_dir():
        why = "is there already" if out.exists() else "has no folder to go into"
        return f"--out {out} {why}", "name a new file in a folder that exists"
    return None


def _usage(why: str, then: str) -> UsageFault:
    return UsageFault(EdgeCode.USAGE, why, safe="nothing was asked and nothing was written", next=then)


def _tell(done: "Fetched", wish: "Wish", out: Path | None) -> None:
    known = "20 minutes after each close" if done.known_at is None else f"{done.known_at:%Y-%m-%d %H:%M} UTC"
    span = f", {done.first} to {done.last}" if done.rows else ""
    console.note(f"read {done.rows:,} bars of {len(wish.symbols) - len(done.without_bars):,} symbols{span}")
    if out is None:
        console.note(
            f"{done.added:,} added to the store, {done.present:,} were there already; known from {known}"
        )
    else:
        console.note(f"wrote    {out}")
    if done.without_bars:
        console.note(f"no bars of: {', '.join(done.without_bars)}")
