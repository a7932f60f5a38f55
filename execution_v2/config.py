"""What the execution plane obeys, apart from the plane: a command that reads the settings sends nothing."""

from pydantic import Field

from schemas.base import Fact


class ExecutionConfig(Fact):
    """Budgets and names of the execution plane."""

    deployment_id: str = "main"
    """Moves with the book from host to host; part of every client order id."""
    queries_max: int = Field(default=5, ge=1)
    """Look-ups of one unknown order in one cycle; then it is carried."""
    query_seconds_max: float = 15.0
    """Seconds of look-ups of one order in one cycle, where time passes within it."""
    carries_max: int = Field(default=3, ge=1)
    """Cycles that end without knowing what became of an order; then it is FROZEN, and asked after once a cycle."""
    increase_seconds_max: float = 180.0
    """Seconds into a cycle after which nothing is entered any more ..."""
    reduce_seconds_max: float = 270.0
    """... and after which nothing is sent at all: the rest is carried."""
    query_pauses_s: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)
    not_found_min: int = Field(default=3, ge=1)
    not_found_spread_s: float = 5.0
    """Not-found answers, and the seconds between first and last, that with a clean read of the fills prove
    that an order never arrived."""
    exit_orders_max: int = Field(default=3, ge=1)
    """Sell orders of one full exit in one cycle; then the stop is placed again and the exit carried."""
