"""``avwap calibrate``: what a book's fills cost, by turnover, as a file that the simulated exchange can be given."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows import console
from flows.commands.options import Book, Home, Json, as_date, house
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from schemas.calibration import Calibration


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("calibrate")(calibrate)


def calibrate(
    book: Book,
    first: Annotated[
        date, typer.Option("--from", parser=as_date, metavar="YYYY-MM-DD", help="First session.")
    ],
    last: Annotated[
        date | None,
        typer.Option("--to", parser=as_date, metavar="YYYY-MM-DD", help="Last session; default: the first."),
    ] = None,
    fills_min: Annotated[
        int, typer.Option("--fills-min", min=1, help="Fills below which a bucket stays uncalibrated.")
    ] = 30,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the slippage file, .json.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Measure what fills cost against the price on arrival, by average dollar volume.

    Example: `avwap calibrate --book ALPACA_PAPER --from 2016-03-01 --to 2016-06-30 --out slippage.json`
    """
    from flows.calibrating import calibrate as measured
    from ledger.canonical import artifact_bytes, plain

    if out is not None and (out.suffix != ".json" or not out.parent.is_dir()):
        raise UsageFault(
            EdgeCode.USAGE,
            f"--out {out}: the file ends in .json, in a folder that is there",
            safe="nothing was written",
            next="name it slippage.json, for instance",
        )
    until = last or first
    if until < first:
        raise UsageFault(
            EdgeCode.USAGE,
            f"the range ends on {until}, before it begins on {first}",
            safe="nothing was written",
            next="give --from the earlier of the two",
        )
    found = measured(house(home), book, first, until, fills_min)
    if out is not None:
        out.write_bytes(artifact_bytes(plain(found)))
    body = {**plain(found), "file": None if out is None else str(out)}
    console.emit(body, as_json, lambda: _tell(found, out))


def _tell(found: "Calibration", out: Path | None) -> None:
    console.note(f"{found.book}, {found.first} to {found.last}: {found.fills_used} fills measured")
    console.note(
        f"left out: {found.fills_at_their_limit} at their limit, {found.fills_without_arrival} without arrival"
    )
    console.table(
        "Cost of fills, bps against the price on arrival",
        ("turnover from, USD", "fills", "mean", "p05", "p50", "p95", "slippage", "half spread", "calibrated"),
        (
            (
                f"{row.adv_usd_min:,.0f}",
                row.measured.fills,
                row.measured.mean_bps,
                row.measured.p05_bps,
                row.measured.p50_bps,
                row.measured.p95_bps,
                f"{row.slippage_bps.normalize():f}",
                f"{row.half_spread_bps.normalize():f}",
                "yes" if row.calibrated else f"no, fewer than {found.fills_min}",
            )
            for row in found.buckets
        ),
    )
    if out is not None:
        console.note(f'wrote {out}; avwap.toml [exchange.costs] slippage_file = "{out.name}" puts it to use')
