"""``avwap explain``: which strategy, sleeve and symbol made the money of a range, the fall and the volatility."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import console
from flows.commands.options import Book, Home, Json, as_date, house

if TYPE_CHECKING:
    from schemas.explanation import Activity, Cut, Explanation, Money, Part, Ratios
    from schemas.risk_attribution import CodeCount

GIVES_WAY = (
    "own base",
    "other",
    "dividends",
    "own fall",
    "fees",
    "own deepest",
    "unrealised",
    "realised",
    "gross",
)
"""Columns that a narrow window leaves out, the first first."""
COUNTS = ("intents", "allowed", "resized", "blocked", "won", "lost", "taken off by E2")
SYMBOLS = 25


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("explain")(explain)


def explain(
    book: Book,
    first: Annotated[
        date, typer.Option("--from", parser=as_date, metavar="YYYY-MM-DD", help="First session.")
    ],
    last: Annotated[
        date | None,
        typer.Option("--to", parser=as_date, metavar="YYYY-MM-DD", help="Last session; default: the first."),
    ] = None,
    activation: Annotated[
        bool, typer.Option("--activation", help="What modulation by the regime would change: a review sheet.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="With --activation: also write the sheet, .md."),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Which strategy caused what: money, falls and volatility by strategy, sleeve and symbol, each adding up.

    Example: `avwap explain --book SIM --from 2016-06-01 --to 2016-06-30`
    """
    from flows.explaining import explain, sessions
    from flows.progress import bar
    from ledger.canonical import plain

    at, until = house(home), last or first
    if activation or out is not None:
        from flows.commands.activation import tell_activation

        tell_activation(at, book, first, until, out, as_json=as_json)
        return
    with bar("reading", len(sessions(at, book, until)), quiet=as_json) as step:
        made = explain(at, book, first, until, step)
    console.emit({"book": book, **plain(made)}, as_json, lambda: _tell(book, made))


def _tell(book: str, made: "Explanation") -> None:
    console.note(f"{book}, {made.first} to {made.last}: {made.sessions} sessions closed")
    console.OUT.print()
    for title, cut, most in (
        ("Strategies", made.by_strategy, len(made.by_strategy.parts)),
        ("Sleeves", made.by_sleeve, len(made.by_sleeve.parts)),
        ("Symbols", made.by_symbol, SYMBOLS),
    ):
        _cut(title, cut, made, most)
    console.table("Decisions", ("strategy", *COUNTS), map(_counts, made.activity), right=COUNTS)
    for row in made.activity:
        for what, codes in (("resized", row.resized_by), ("blocked", row.blocked_by)):
            if codes:
                console.note(f"{what:<8} {row.strategy_id}: {_codes(codes)}")
    console.note(f"peak     {made.peak or 'the start of the book'}; the fall is from there to {made.last}")
    if made.deepest is not None:
        console.note(f"deepest  {made.deepest[0] or 'the start of the book'} to {made.deepest[1]}")
    console.note(f"window   {made.volatility_sessions} sessions for the volatility")
    for finding in made.findings:
        seen = (
            "" if finding.observed is None else f" {finding.observed}, {finding.threshold or 'none'} wanted"
        )
        console.note(f"finding  {finding.code} {finding.subject}:{seen} {finding.detail}")


def _cut(title: str, cut: "Cut", made: "Explanation", most: int) -> None:
    shown = [part for part in cut.parts if part.net or part.gross_exposure or _was_down(part.ratios)][:most]
    rows = [{"name": part.name} | _money(part) | _ratios(part.ratios) | _own(part) for part in shown]
    nothing = dict.fromkeys(("own fall", "own deepest", "own base"), "")
    rows.append({"name": "all"} | _money(made.whole) | _ratios(made.ratios) | nothing)
    console.fitted(title, rows, GIVES_WAY)
    residual = ", ".join(f"{name} {value}" for name, value in dict(cut.residual).items() if value)
    if residual:
        console.note(f"rounding {residual}")
    if len(cut.parts) > len(shown):
        left = len(cut.parts) - len(shown)
        console.note(
            f"left out {left} that had nothing in it, or stand behind the first {most}; --json has them"
        )
    console.OUT.print()


def _was_down(ratios: "Ratios") -> bool:
    return bool(ratios.drawdown or ratios.drawdown_max)


def _money(row: "Money") -> dict[str, str]:
    amounts = {
        "net": row.net,
        "realised": row.realised_gross,
        "fees": row.fees,
        "dividends": row.dividends,
        "unrealised": row.unrealised_change,
        "other": row.cash_movements + row.transfers,
        "gross": row.gross_exposure,
    }
    return {name: f"{amount:,.2f}" for name, amount in amounts.items()}


def _ratios(row: "Ratios") -> dict[str, str]:
    return {
        "return": _percent(row.contribution),
        "fall": _percent(row.drawdown),
        "deepest": _percent(row.drawdown_max),
        "volatility": _percent(row.volatility),
    }


def _own(row: "Part") -> dict[str, str]:
    return {
        "own fall": _percent(row.own_drawdown),
        "own deepest": _percent(row.own_drawdown_max),
        "own base": f"{row.own_base:,.0f}",
    }


def _percent(value: Decimal | None) -> str:
    # + 0: what rounds to nothing is no negative nothing.
    return "-" if value is None else f"{(value * 100).quantize(Decimal('0.001')) + 0}%"


def _counts(row: "Activity") -> Sequence[Any]:
    taken = None if row.suppressed_notional is None else f"{row.suppressed_notional:,.2f}"
    met = (row.conflicts_won, row.conflicts_lost)
    return (row.strategy_id, row.intents, row.allowed, row.resized, row.blocked, *met, taken)


def _codes(codes: "Sequence[CodeCount]") -> str:
    return ", ".join(f"{each.code} {each.decisions}" for each in codes)
