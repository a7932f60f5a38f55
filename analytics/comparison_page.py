"""Two runs are one page: the drawing, the measures beside each other, and what each label of the regime did.

Self-contained: no script, no outside resource. The same runs give the same bytes.
"""

from base64 import b64encode
from decimal import Decimal

from analytics.comparison import Comparison, lowered, measures, of_labels
from analytics.comparison_chart import draw
from analytics.report import Figure, Page, render_page
from analytics.report_tables import NOTHING, Table, money, percent

MEASURES_TITLE = "Measures"
LABELS_TITLE = "By the label of the morning"


def render(compared: Comparison) -> str:
    """The page of *compared*."""
    first, last = (compared.plain[at].snapshot.closed_session for at in (0, -1))
    sessions = len(compared.plain)
    took = lowered(compared.modulated)
    alike = ", ".join(f"{name} in {count} of {sessions}" for name, count in compared.alike.items())
    lines = [
        f"{sessions} sessions, {first} to {last}. Both runs begin with the same capital and let decisions bind.",
        f"The same in both runs: {alike}.",
        (
            f"Of the intents that nothing but their size stood against, the regime made {took.intents:,} smaller, "
            f"{took.to_nothing:,} of them to nothing."
        ),
    ]
    image = b64encode(draw(compared, "svg")).decode("ascii")
    page = Page(
        title=f"{compared.book_id}: with and without risk modulation",
        lines=lines,
        alarms=_alarms(compared),
        tables=(measures_table(compared), labels_table(compared)),
        figure=Figure(
            source=f"data:image/svg+xml;base64,{image}",
            caption="Left without, right with risk modulation, on equal scales. A band is the label that governed "
            "the session: the regime at the close before it.",
        ),
    )
    return render_page(page)


def _alarms(compared: Comparison) -> list[str]:
    sessions = len(compared.plain)
    found = [
        f"{name} differs in {sessions - count} sessions: modulation must not reach it"
        for name, count in compared.alike.items()
        if count != sessions
    ]
    if all(each.regime is None or each.regime.label is None for each in compared.plain):
        found.append("No session has a label: modulation opened nothing at all")
    return found


def measures_table(compared: Comparison) -> Table:
    """One measure a row, without and with modulation."""
    plain, modulated = measures(compared.plain), measures(compared.modulated)
    rows = [
        (name, *(_cell(getattr(run, key)) for run in (plain, modulated)))
        for name, key in (
            ("equity at the end, USD", "equity"),
            ("return", "total_return"),
            ("deepest drawdown", "drawdown_max"),
            ("volatility, a year's worth", "volatility"),
            ("gross exposure, mean", "exposure_mean"),
            ("gross exposure, highest", "exposure_max"),
            ("realised net, USD", "realised_net"),
            ("fees, USD", "fees"),
            ("entries sent", "entries"),
            ("intents allowed", "allowed"),
            ("intents resized", "resized"),
            ("intents blocked", "blocked"),
        )
    ]
    return Table(
        title=MEASURES_TITLE,
        columns=("measure", "without", "with"),
        rows=rows,
        numbers=frozenset({"without", "with"}),
    )


def labels_table(compared: Comparison) -> Table:
    """What both runs did under each label."""
    told = [f"{what} {how}" for what in ("return", "exposure", "entries") for how in ("without", "with")]
    columns = ("label", "sessions", *told)
    rows = [
        (
            row.label,
            str(row.sessions),
            *(_cell(each) for each in (*row.returns, *row.exposures)),
            *(str(each) for each in row.entries),
        )
        for row in of_labels(compared)
    ]
    return Table(title=LABELS_TITLE, columns=columns, rows=rows, numbers=frozenset(columns[1:]))


def _cell(value: Decimal | float | int | None) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, int):
        return f"{value:,}"
    return percent(Decimal(str(value))) if isinstance(value, float) else money(value)
