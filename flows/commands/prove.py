"""Commands that prove a promise on the operator's own data. They write nothing into the ledger."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import console
from flows.commands.options import Book, Home, Json, On, house

if TYPE_CHECKING:
    from flows.lookahead import Compared, Tried

app = typer.Typer(no_args_is_help=True, help="Prove a promise on your own data; nothing is written.")


@app.callback()
def _group() -> None:
    """Keeps ``prove`` a group while it has one command."""


@app.command("lookahead")
def lookahead(
    book: Book,
    on: On,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, max=100, help="How often each random alteration is drawn.")
    ] = 2,
    seed: Annotated[int, typer.Option("--seed", min=0, help="What the draws begin from.")] = 0,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Recompute a session's morning on stores altered where it may not look; every byte must stay.

    Bars of the session and later are changed, removed and made up, bars before the panel altered, rows shuffled, and
    the kernel's pass over many days is compared with its scan of each. Exits 4 with file and pointer on a difference.

    Example: `avwap prove lookahead --book SIM --date 2016-06-01`
    """
    from flows.day import open_day
    from flows.lookahead import cases, prove
    from flows.progress import bar
    from flows.settings import book_of

    day = open_day(house(home), book_of(book), on)
    with bar("look-ahead", len(cases(rounds)), quiet=as_json) as step:
        tried = list(prove(day, rounds=rounds, seed=seed, step=step))
    wrong = [each for one in tried for each in one.files if not each.identical]
    body = {
        "book": book,
        "session": str(day.session),
        "data_session": str(day.previous),
        "rounds": rounds,
        "seed": seed,
        "identical": not wrong,
        "cases": [_case(one) for one in tried],
    }
    console.emit(body, as_json, lambda: _tell(tried, wrong, str(day.session)))
    raise typer.Exit(4 if wrong else 0)


def _case(one: "Tried") -> dict[str, Any]:
    return {
        "case": one.case,
        "round": one.round,
        "altered": one.said,
        "files": [
            {
                "file": each.file,
                "identical": each.identical,
                "pointer": each.pointer,
                "expected": each.expected,
                "actual": each.actual,
            }
            for each in one.files
        ],
    }


def _tell(tried: "list[Tried]", wrong: "list[Compared]", session: str) -> None:
    console.table(
        "What was altered",
        ("case", "round", "what", "same bytes"),
        (
            (
                one.case,
                one.round,
                one.said,
                f"{sum(each.identical for each in one.files)} of {len(one.files)}",
            )
            for one in tried
        ),
        right=("round", "same bytes"),
    )
    if wrong:
        console.table(
            "Differences",
            ("case", "round", "file", "pointer", "expected", "actual"),
            ((w.case, w.round, w.file, w.pointer, _short(w.expected), _short(w.actual)) for w in wrong),
        )
    names = list(dict.fromkeys(each.file for one in tried for each in one.files))
    bad = {each.file for each in wrong}
    console.table("Verdict", ("file", "verdict"), ((n, "DIFFERS" if n in bad else "same") for n in names))
    if not wrong:
        console.note(
            f"sound    {session}: no byte depends on what may not be seen; the ledger was not written to"
        )
        return
    console.note(f"LOOKS AHEAD  {session}: {len(wrong)} files of the cases above are not what they were")
    console.note("safe     nothing was written; positions keep their stops")
    console.note("next     runbooks/lookahead.md says what each case means; keep this output with --json")


def _short(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
