"""A provider of company metrics is asked only where the network is allowed; where it is not asked, nobody is removed.

Both sides of U2 (strategy.md 1.4): towards the network the door is shut before the provider's module is imported,
towards membership it stands open.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from importlib import import_module
from typing import Final, Protocol, cast

from market.feed import ReadFailed, Seen
from market.feeds.config import MetricsConfig
from schemas.errors import Denied
from schemas.observations import SymbolMetrics
from schemas.reasons.market import MetricsCode

PROVIDERS: Final = {"file": "market.feeds.metrics_file"}
"""Name -> module, imported when it is asked. Its ``provider(config)`` makes the provider."""

Metrics = Seen[tuple[SymbolMetrics, ...]] | ReadFailed
"""Sorted by symbol; a symbol that the provider does not know has no row."""


class MetricsProvider(Protocol):
    """Who knows what a company is worth and where it is listed. It raises for nothing that the outside does."""

    def metrics(self, symbols: Sequence[str], on: date, now: datetime) -> Metrics:
        """What was known of *symbols* on *on*, asked at *now*."""
        ...


def denied(allow_network: bool) -> Denied | None:
    """The refusal of every question, or None where questions are allowed."""
    if allow_network:
        return None
    return Denied(
        MetricsCode.UNIVERSE_NETWORK_DISALLOWED,
        "UNIVERSE_ALLOW_NETWORK is off, so no provider of metrics was asked",
        safe="nobody left the universe for it",
        next="set UNIVERSE_ALLOW_NETWORK=1 and [metrics] provider, if thresholds on metrics are meant to hold",
    )


def universe_metrics(
    config: MetricsConfig,
    symbols: Callable[[], Sequence[str]],
    on: date,
    now: datetime,
    *,
    allow_network: bool,
) -> Denied | Metrics | None:
    """The metrics of *symbols*, who are gathered only if somebody is asked; None if no provider is configured.

    A refusal is a value here: it stops nothing.
    """
    refusal = denied(allow_network)
    if refusal is not None:
        return refusal
    if config.provider is None:
        return None
    module = import_module(PROVIDERS[config.provider])
    provider = cast(MetricsProvider, module.provider(config))
    return provider.metrics(symbols(), on, now)
