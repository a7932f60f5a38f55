"""Long work shows how far it is; a pipe or ``--json`` sees none of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from flows.console import ERR

if TYPE_CHECKING:
    from flows.house import House
    from flows.run import SessionResult


def _silent(done: int, what: str) -> None:
    del done, what


@contextmanager
def bar(title: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[int, str], None]]:
    """A bar of *total* steps; call the yielded function with how many are done and what is at hand."""
    if quiet or not ERR.is_terminal:
        yield _silent
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[what]}"),
    )
    with Progress(*columns, console=ERR, transient=True) as progress:
        task = progress.add_task(title, total=total, what="")
        yield lambda done, what: progress.update(task, completed=done, what=what)


@contextmanager
def sessions_bar(
    house: "House", first: date, last: date, *, quiet: bool = False
) -> "Iterator[Callable[[SessionResult], None]]":
    """A bar over the sessions of a range."""
    sessions = house.calendar.sessions(first, last)
    done = 0
    with bar("sessions", len(sessions), quiet=quiet) as step:

        def told(result: "SessionResult") -> None:
            nonlocal done
            done += 1
            step(done, str(result.day.session))

        yield told
