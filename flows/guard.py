"""What cannot be done for one is recorded with what was raised, and the others go on: an intent, a measure."""

import re
from collections.abc import Callable
from types import TracebackType
from typing import Final, TypeVar

from portfolio.decide import Caught

T = TypeVar("T")

_ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+")
"""Differs from process to process, and says nothing."""
DETAIL_MAX: Final = 300


def guarded(run: Callable[[], T]) -> T | Caught:
    """*run*, or what it raised: the kind of error, the function that it came from, and its words."""
    try:
        return run()
    except Exception as error:  # noqa: BLE001  # the stage edge, a boundary of architecture.md 7
        words = " ".join(_ADDRESS.sub("", str(error)).split())
        return Caught(
            kind=type(error).__name__, detail=f"{_place(error.__traceback__)}: {words}"[:DETAIL_MAX]
        )


def _place(trace: TracebackType | None) -> str:
    """Module and function where the error was raised; no line, which any comment would move."""
    place = "nowhere"
    while trace is not None:
        frame = trace.tb_frame
        place = f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_name}"
        trace = trace.tb_next
    return place
