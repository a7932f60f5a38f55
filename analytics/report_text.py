"""The text and the markdown of a page tell the same tables, in the same order, as the page itself."""

from collections.abc import Iterable, Iterator, Sequence

from analytics.report import Page
from analytics.report_facts import Table


def text(page: Page) -> str:
    """*page* for a terminal: columns are as wide as their widest cell, numbers to the right."""
    lines = [page.title, "=" * len(page.title), *page.lines, *(f"! {alarm}" for alarm in page.alarms)]
    if page.tiles:
        width = max(len(tile[0]) for tile in page.tiles)
        lines += ["", *(f"{name:<{width}}  {value}" for name, value, _ in page.tiles)]
    for table in page.tables:
        lines += ["", *_table(table)]
    return "\n".join(lines) + "\n"


def markdown(page: Page) -> str:
    """*page* as markdown. Its links are left out: where it is shown, the files do not lie beside it."""
    lines = [f"# {_safe(page.title)}", "", *(f"{_safe(line)}  " for line in page.lines)]
    lines += [f"**{_safe(alarm)}**  " for alarm in page.alarms]
    if page.tiles:
        lines += ["", *(f"- {_safe(name)}: {_safe(value)}" for name, value, _ in page.tiles)]
    for table in page.tables:
        lines += [
            "",
            f"## {_safe(table.title)}",
            *(["", " ".join(map(_safe, table.notes))] if table.notes else []),
        ]
        if table.rows:
            rule = ("---:" if name in table.numbers else "---" for name in table.columns)
            lines += ["", _bar(map(_safe, table.columns)), _bar(rule)]
            lines += [_bar(map(_safe, row)) for row in table.rows]
    return "\n".join(lines) + "\n"


def _table(table: Table) -> Iterator[str]:
    yield f"{table.title}  [{table.source.removeprefix('#')}]" if table.source else table.title
    yield "-" * len(table.title)
    yield from table.notes
    if table.rows:
        widths = [
            max(len(name), *(len(row[at]) for row in table.rows)) for at, name in enumerate(table.columns)
        ]
        right = [name in table.numbers for name in table.columns]
        for row in (table.columns, *table.rows):
            yield _aligned(row, widths, right)


def _aligned(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = zip(row, widths, right, strict=True)
    return "  ".join(
        f"{cell:>{wide}}" if is_right else f"{cell:<{wide}}" for cell, wide, is_right in cells
    ).rstrip()


def _bar(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _safe(cell: str) -> str:
    """*cell* with nothing that markdown or HTML would act on."""
    plain = cell.replace("&", "&amp;").replace("<", "&lt;").replace("\n", " ")
    return "".join(f"\\{char}" if char in "\\|`*_[]#" else char for char in plain)
