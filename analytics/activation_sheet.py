"""The review sheet puts both sides of modulation on a page, with what they cannot answer and room for a reviewer."""

from collections.abc import Iterator
from decimal import Decimal

from schemas.activation import Activation, Path, SessionSides


def sheet(book_id: str, found: Activation) -> str:
    """Markdown; the same numbers give the same bytes."""
    return "\n".join(_lines(book_id, found)) + "\n"


def _lines(book_id: str, found: Activation) -> Iterator[str]:
    realised = sorted({row.realised for row in found.sessions})
    yield f"# Review: modulation by the regime, {book_id}"
    yield ""
    yield f"Window: {found.first} to {found.last}, {len(found.sessions)} mornings, policy {found.policy}."
    yield f"Decided {' and '.join(realised)} modulation. This sheet advises nothing and changes no setting."
    yield ""
    yield "## What was let in, by regime"
    yield ""
    yield "| regime | mornings | entries | without, USD | with, USD | left |"
    yield "|---|---:|---:|---:|---:|---:|"
    for row in found.regimes:
        left = "-" if row.left is None else f"{row.left:.1%}"
        sides = f"{_usd(row.notional.without)} | {_usd(row.notional.with_)}"
        yield f"| {row.label or 'not known'} | {row.sessions} | {row.entries} | {sides} | {left} |"
    yield ""
    yield "## Closed trades, at the same prices"
    yield ""
    others = f"{found.trades_elsewhere} others are in neither column."
    yield f"{found.trades} trades decided and closed in the window; {others}"
    yield ""
    yield "| | without | with | difference |"
    yield "|---|---:|---:|---:|"
    without, with_ = found.without, found.with_
    yield f"| net, USD | {_usd(without.net)} | {_usd(with_.net)} | {_usd(with_.net - without.net)} |"
    yield _row("deepest fall", without.drawdown_max, with_.drawdown_max)
    yield _volatility(without, with_)
    yield ""
    yield "## By morning"
    yield ""
    yield "| session | regime | entries | without, USD | with, USD | decided |"
    yield "|---|---|---:|---:|---:|---|"
    yield from map(_morning, (row for row in found.sessions if row.entries))
    yield ""
    yield "## Open questions"
    yield ""
    yield from (f"- {question}" for question in found.questions)
    yield ""
    yield "## Reviewer's note"
    yield ""
    yield "Name, date, and what was concluded:"


def _morning(row: SessionSides) -> str:
    sides = f"{_usd(row.notional.without)} | {_usd(row.notional.with_)}"
    return f"| {row.session_date} | {row.label or 'not known'} | {row.entries} | {sides} | {row.realised} |"


def _row(name: str, without: Decimal, with_: Decimal) -> str:
    return f"| {name} | {without:.4%} | {with_:.4%} | {with_ - without:+.4%} |"


def _volatility(without: Path, with_: Path) -> str:
    if without.volatility is None or with_.volatility is None:
        return "| volatility | - | - | fewer than 20 sessions |"
    return (
        f"| volatility | {without.volatility:.4%} | {with_.volatility:.4%} "
        f"| {with_.volatility - without.volatility:+.4%} |"
    )


def _usd(amount: Decimal) -> str:
    return f"{amount:,.2f}"
