"""A session's posture on the page is a handful of lines: how long each one held, by what, and what it held back."""

from collections import Counter
from collections.abc import Iterator

from analytics.posture_history import WORST, History


def rows(history: History) -> list[tuple[str, str, str, str]]:
    """(posture, time of open market, share, its worst causes) of each that held for any time, worst first."""
    held = history.seconds(lambda moment: moment.posture.value)
    total = sum(held.values())
    by: dict[str, Counter[str]] = {name: Counter() for name in held}
    for start, end, moment in history.spans():
        if moment.causes:
            by[moment.posture][moment.causes[0]] += history.active(start, end)
    return [
        (name, duration(held[name]), f"{held[name] / total:.1%}", _causes(by[name]))
        for name in (posture.value for posture in reversed(WORST))
        if held.get(name)
    ]


def notes(history: History) -> Iterator[str]:
    """What the rows do not say: the worst posture however short, the lifecycle, entries held back, divergences."""
    yield f"Worst posture: {history.worst}."
    states = history.seconds(lambda moment: moment.lifecycle.value)
    told = ", ".join(f"{name} {duration(seconds)}" for name, seconds in states.items() if seconds)
    if told:
        yield f"Lifecycle: {told}."
    refused = sum(row.is_refused for row in history.clamped)
    yield (
        f"Entries held back by posture or lifecycle: {refused} refused, "
        f"{len(history.clamped) - refused} made smaller."
    )
    found = ", ".join(f"{name} {count}" for name, count in history.divergences.items())
    yield f"Divergences that the cycles' own replay found: {found or 'none'}."


def duration(seconds: int) -> str:
    """Hours and minutes, or minutes and seconds."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min" if not left else f"{minutes} min {left:02d} s"


def _causes(found: Counter[str]) -> str:
    return ", ".join(f"{code} {duration(seconds)}" for code, seconds in found.most_common() if seconds)
