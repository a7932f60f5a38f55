"""What a provider of company metrics says is recorded once, before the scan; that none may be asked, is an event.

Towards the network U2 is closed, towards membership open (strategy.md 1.4): nothing here can stop a session.
"""

from collections.abc import Sequence
from datetime import datetime

from flows.day import Day
from flows.stages.premarket import METRICS
from ledger.artifacts import Loaded
from market.feed import Seen
from market.metrics import denied, universe_metrics
from schemas.base import Fact
from schemas.errors import Denied
from schemas.events import UniverseNetworkDisallowed
from schemas.observations import MetricsObservation


def look_up(day: Day, now: datetime) -> None:
    """Record what the provider answers about the panel's symbols, if there is one and it may be asked."""
    config = day.house.settings.metrics
    if isinstance(day.read(METRICS, MetricsObservation), Loaded):
        return
    seen = universe_metrics(
        config,
        lambda: day.house.panel(day.session).symbols,
        day.previous,
        now,
        allow_network=day.house.settings.universe_allow_network,
    )
    if seen is None or isinstance(seen, Denied):
        return
    assert config.provider is not None, "nobody else has answered"
    made = (
        MetricsObservation(ok=True, as_of=seen.as_of, provider=config.provider, metrics=seen.value)
        if isinstance(seen, Seen)
        else MetricsObservation(ok=False, as_of=now, provider=config.provider, metrics=(), cause=seen.cause)
    )
    day.write(METRICS, made, ())


def shut(day: Day) -> Sequence[tuple[str, Fact]]:
    """The one event that says so where nobody may be asked: it follows a session's opening in the journal."""
    settings = day.house.settings
    refusal = denied(settings.universe_allow_network)
    if refusal is None:
        return ()
    told = UniverseNetworkDisallowed(code=refusal.code, provider=settings.metrics.provider)
    return (("universe_network_disallowed", told),)
