"""``avwap evidence``: everything that a session's decisions rest on, in one archive that another person can check."""

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from flows import console
from flows.commands.look import fault_dict
from flows.commands.options import Home, Json, as_date, house
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from flows.evidencing import Checked, Packed

app = typer.Typer(invoke_without_command=True, no_args_is_help=True)
SHA256: Final = re.compile(r"[0-9a-f]{64}")
SHOWN_MAX: Final = 20


@app.callback()
def evidence(
    ctx: typer.Context,
    book: Annotated[str | None, typer.Option("--book", "-b", help="The book.")] = None,
    on: Annotated[
        date | None,
        typer.Option(
            "--date", "-d", parser=as_date, metavar="YYYY-MM-DD", help="A session, sealed or under way."
        ),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option("--symbol", metavar="SYMBOL", help="Add what the day says of this one.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Default evidence-BOOK-DATE.tar, here.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Pack a session with its inputs, decisions, journal and verification; `avwap evidence verify FILE` checks it.

    Example: `avwap evidence --book SIM --date 2016-06-01 --symbol AAPL`
    """
    if ctx.invoked_subcommand is not None:
        return
    if book is None or on is None:
        raise UsageFault(
            EdgeCode.USAGE,
            "an archive is of one session of one book",
            safe="nothing was written",
            next="avwap evidence --book SIM --date 2016-06-01, or avwap evidence verify FILE",
        )
    from flows.day import past_day
    from flows.evidencing import pack

    day = past_day(house(home), book, on)
    name = None if symbol is None else symbol.upper()
    made = pack(day, name)
    of = "" if name is None else f"-{re.sub(r'[^A-Z0-9.-]', '_', name)}"
    file = out or Path(f"evidence-{book}-{on}{of}.tar")
    _write(file, made.data)
    body = {
        "wrote": str(file),
        "sha256": made.sha256,
        "bytes": len(made.data),
        "members": len(made.index.members),
        "seal": made.index.seal_sha256,
        "faults": [each.model_dump(mode="json") for each in made.index.faults],
        "replay": made.index.replay.model_dump(mode="json"),
        "records": made.index.records,
        "records_of_symbol": made.index.records_of_symbol,
    }
    console.emit(body, as_json, lambda: _tell_packed(file, made))


def _write(file: Path, data: bytes) -> None:
    """Write the archive; one that is there with other bytes is somebody's evidence, and stays."""
    if file.exists() and file.read_bytes() != data:
        raise UsageFault(
            EdgeCode.USAGE,
            f"{file} is there, and holds something else",
            safe="it was not touched",
            next="name another file with --out",
        )
    file.write_bytes(data)


def _tell_packed(file: Path, made: "Packed") -> None:
    _tell_index(made)
    console.note(f"wrote    {file} ({len(made.data):,} bytes)")
    console.note(f"sha256   {made.sha256}")
    console.note(f"check    avwap evidence verify {file} --sha256 {made.sha256}")


def _tell_index(made: "Packed | Checked") -> None:
    index = made.index
    assert index is not None, "it was read"
    of = "" if index.records_of_symbol is None else f", {index.records_of_symbol:,} of {index.symbol}"
    console.note(f"holds    {len(index.members)} files, {index.records:,} journal records{of}")
    console.note(f"seal     {index.seal_sha256 or 'none yet: the session is under way, or its close is due'}")
    for each in index.faults[:SHOWN_MAX]:
        console.note(f"fault    {each.code} {each.path} {each.pointer} {each.detail}".rstrip())
    if not index.faults:
        console.note("sound    seals, chains, schemas and links of the day hold")
    told = index.replay
    said = {
        True: "identical",
        False: f"{len(told.divergences)} divergences",
        None: f"not done, {told.why_not}",
    }
    console.note(f"replay   {said[told.identical]}")
    for part in told.divergences[:SHOWN_MAX]:
        console.note(f"differs  {part.file} {part.pointer}: recorded {part.expected}, now {part.actual}")
    if index.outside:
        console.note(
            f"outside  {len(index.outside)} inputs that are named and not packed, as {index.outside[0].path}"
        )


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive that `avwap evidence` wrote.")],
    sha256: Annotated[
        str | None, typer.Option("--sha256", metavar="DIGEST", help="As the sender told it, by another way.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check an archive by itself: no ledger, no market, no network. Exit 4 if a byte is not as it was packed.

    Example: `avwap evidence verify evidence-SIM-2016-06-01.tar`
    """
    from flows.evidencing import check

    if sha256 is not None and SHA256.fullmatch(sha256.lower()) is None:
        raise UsageFault(
            EdgeCode.USAGE,
            f"--sha256 {sha256[:80]}: a digest is 64 hexadecimal digits",
            safe="nothing was read",
            next="copy it from the sender's message; `avwap evidence` prints it",
        )
    if not file.is_file():
        raise UsageFault(
            EdgeCode.FILE_UNREADABLE,
            f"{file}: no such file",
            safe="nothing was read",
            next="give the path of an archive that avwap evidence wrote",
        )
    checked = check(file.read_bytes(), None if sha256 is None else sha256.lower())
    body = {
        "file": str(file),
        "sha256": checked.sha256,
        "intact": not checked.faults,
        "altered": [fault_dict(each) for each in checked.faults],
        "book": None if checked.header is None else checked.header.book_id,
        "session": None if checked.header is None else checked.header.session_date.isoformat(),
        "index": None if checked.index is None else checked.index.model_dump(mode="json"),
    }
    console.emit(body, as_json, lambda: _tell_checked(file, checked, told=sha256 is not None))
    raise typer.Exit(4 if checked.faults else 0)


def _tell_checked(file: Path, checked: "Checked", *, told: bool) -> None:
    if checked.header is not None:
        console.note(f"is       {checked.header.book_id} {checked.header.session_date}")
    if checked.index is not None:
        _tell_index(checked)
    for each in checked.faults[:SHOWN_MAX]:
        console.note(f"altered  {each.code} {each.path} {each.pointer} {each.detail}".rstrip())
    console.note(f"sha256   {checked.sha256}")
    if checked.faults:
        console.note(f"ALTERED  {file} is not what was packed: believe nothing above that rests on it")
    elif told:
        console.note(f"intact   {file} is the archive that its sender named")
    else:
        console.note(f"intact   {file} agrees with itself; --sha256 holds it against what its sender told")
