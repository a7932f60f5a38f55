"""Options that many commands share, declared once."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from flows.house import House


def as_date(text: str) -> date:
    """An ISO date; anything else is a usage error that shows the form."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # a date has no zone
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date; the form is 2016-06-01") from None


def dated(what: str) -> Any:
    """``--date``, a session; *what* it is of, as the help tells it."""
    return typer.Option("--date", "-d", parser=as_date, metavar="YYYY-MM-DD", help=what)


Book = Annotated[
    str, typer.Option("--book", "-b", help="SIM, ALPACA_PAPER, ALPACA_LIVE or SCHWAB_401K_MANUAL.")
]
On = Annotated[date, dated("A session of the NYSE.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
Home = Annotated[
    Path | None,
    typer.Option("--home", envvar="AVWAP_HOME", help="Folder of ledger/ and avwap.toml; default: here."),
]


DRAWINGS: Final = (".svg", ".png")


def drawing_kind(file: Path, safe: str, name: str, option: str = "--out") -> str:
    """svg or png, by the ending of *file*. Errors: ``UsageFault`` that says what is *safe* and offers *name*."""
    if file.suffix not in DRAWINGS:
        raise UsageFault(
            EdgeCode.USAGE,
            f"{option} {file}: a drawing is a file that ends in {' or '.join(DRAWINGS)}",
            safe=safe,
            next=name,
        )
    return file.suffix.removeprefix(".")


def house(home: Path | None) -> "House":
    """The house of *home*. Errors: ``ConfigInvalid`` with every fault of the configuration."""
    from flows.house import House
    from flows.settings import load

    return House(load(home))


def who_and_why(what: str, operator: str, reason: str) -> None:
    """Refuse an act of a person without its person or its reason. Errors: ``UsageFault``."""
    if not operator.strip() or not reason.strip():
        raise UsageFault(
            EdgeCode.USAGE,
            f"{what} is journaled with who and why",
            safe="nothing was changed",
            next="give --operator and --reason",
        )
