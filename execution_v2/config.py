"""What the execution plane obeys, apart from the plane: a command that reads the settings sends nothing."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from schemas.base import Amount, Fact, Fraction6


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
    entry_window_s: float = 30.0
    """How long an entry may work on intraday bars, looked at every ``poll_s``; what it has not filled is cancelled."""
    partial_wait_s: float = 5.0
    """How long the rest of an entry filled in part is waited for: its stop is refused while it works."""
    poll_s: float = Field(default=1.0, gt=0)
    exit_wait_s: float = 10.0
    """How long each sell of a full exit works; then the next price step."""
    trim_wait_s: float = 30.0
    stop_fires_s: float = 10.0
    """How long the broker's own stop is given to fire once the price is through it; then the shares are sold."""
    exit_steps_bps: tuple[int, ...] = (50, 150)
    """Limits of an exit's sells below the bid, one after the other; after the last, and without a quote, at market."""
    stop_age_days_max: int = Field(default=80, ge=1)
    """Calendar days after which a resting stop is issued again: brokers let them expire."""
    replace_seconds_max: float = 30.0
    replace_queries_max: int = Field(default=5, ge=1)
    replaces_per_minute_max: int = Field(default=20, ge=1)
    replaces_per_minute_symbol_max: int = Field(default=5, ge=1)
    replaces_per_cycle_symbol_max: int = Field(default=2, ge=1)
    observation_again_s: float = 30.0
    """Age of what was observed from which it is read again before an entry."""
    exit_orders_max: int = Field(default=3, ge=1)
    """Sell orders of one full exit in one cycle; then the stop is placed again and the exit carried."""
    observe_tries: int = Field(default=5, ge=1)
    observe_pause_s: float = 1.0
    """Times that a failed read is tried in a cycle on intraday bars, and the seconds between."""
    confirm_spread_s: float = 2.0
    """Seconds between two reads that together prove a position to be gone."""
    orphan_entry: Literal["cancel", "freeze"] = "cancel"
    """What becomes of an entry of ours that no record names."""
    recovered_stop_fraction: Fraction6 = Decimal("0.050000")
    """A position without an intent of ours, found again or accepted, has its stop this far below its average price."""
    remedy_mode: Literal["off", "plan", "execute"] = "plan"
    """What is done about shares that nobody can explain: nothing, said, or sold."""
    remedy_operator: str = ""
    remedy_reason: str = ""
    """Who lets remedies be sent, and why; without both none is."""
    remedies_symbol_max: int = Field(default=1, ge=0)
    """Remedies of one symbol in a session ..."""
    remedies_session_max: int = Field(default=3, ge=0)
    """... and of all symbols ..."""
    remedy_max_usd: Amount = Decimal("5000.000000")
    """... and the size of one."""
    remedy_drawdown_max: Fraction6 = Decimal("0.100000")
    """Fall of equity below the book's capital from which on none is sent."""
