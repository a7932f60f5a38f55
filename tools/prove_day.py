"""A week of a tiny made-up market is enough to meet entries, stops, a split and an early close in one seal.

    python -m tools.prove_day FOLDER     plays it below FOLDER and prints each session's seal, the last one last

The market's own end is chosen so that its second split takes effect on the day after Thanksgiving, which
closes at 13:00: one session that the goldens can hold and that ``tools.prove`` can repeat in many worlds.
"""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from flows.house import House
from flows.run import SessionResult, run_range
from flows.settings import load
from market.synthetic import tiny

BOOK: Final = "SIM"
SEED: Final = 6
BARS: Final = (date(2015, 6, 1), date(2017, 1, 26))
ORDINARY: Final = date(2016, 11, 22)
EARLY_CLOSE: Final = date(2016, 11, 25)
PLAYED: Final = (date(2016, 11, 21), date(2016, 11, 28))


def play(home: Path) -> tuple[SessionResult, ...]:
    """Make the market below *home* and run every session of ``PLAYED``; each is sealed.

    Errors: AssertionError if a stage refused or the market is not the one described above.
    """
    house = House(load(home))
    market = tiny(SEED, *BARS, house.calendar)
    assert house.calendar.is_early_close(EARLY_CLOSE), "the day after Thanksgiving closes early"
    assert EARLY_CLOSE in {action.ex_date for action in market.actions}, "a split takes effect on that day"
    market.install(house.store)
    done = run_range(house, BOOK, *PLAYED, lambda _: None, "prove")
    refused = [str(step.error) for r in done.results if r.outcome for step in r.outcome.refused]
    assert done.exit_code == 0, f"a stage refused: {refused[0] if refused else done.exit_code}"
    assert done.results[-1].seal is not None, "the last session is sealed"
    return tuple(done.results)


def main(arguments: Sequence[str]) -> int:
    """Play the week below the folder named; the last line printed is the last seal."""
    if len(arguments) != 1:
        print("refused  python -m tools.prove_day takes one folder", file=sys.stderr)
        return 2
    for result in play(Path(arguments[0])):
        print(f"{result.day.session}\n{result.seal}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
