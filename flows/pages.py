"""The page of a session is rendered after its seal and outside it: it can be made again on any day."""

from analytics import report
from flows.day import Day
from flows import stories
from ledger import layout


def render_report(day: Day) -> str:
    """Write ``report.html`` of *day*; returns its path inside the data root."""
    path = layout.report(day.book_id, day.session)
    day.house.disk.write(path, report.render(facts(day)).encode())
    return path


def facts(day: Day) -> "report.DayFacts":
    """What the page shows, from the files of the day."""
    raise AssertionError(stories)
