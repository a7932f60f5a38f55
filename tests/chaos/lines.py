"""Lines between a book and its broker that count, shuffle, refuse, or die; what they pass on is sound."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from execution_v2.broker.port import Rejected, Seen
from tests.execution_v2.watched import Watched


class Died(Exception):
    """The process is gone."""


class Counting:
    """What arrives at *inner*, in order: ``calls`` holds (operation, request)."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.calls: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self._inner, name)

        def call(*request: Any) -> Any:
            self.calls.append((name, request[0] if request else None))
            return ask(*request)

        return call

    def asked(self, *names: str) -> list[Any]:
        """The requests of those operations."""
        return [request for name, request in self.calls if name in names]

    def posts(self) -> list[str]:
        """Client ids of the orders that were sent, as often as they were."""
        return [request.client_order_id for request in self.asked("submit")]


class Shuffled:
    """The stream's messages come in another order, some of them twice; all of them come."""

    def __init__(self, inner: Any, seed: int) -> None:
        self._inner = inner
        self._random = Random(seed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def updates(self) -> Any:
        told = self._inner.updates()
        if not isinstance(told, Seen):
            return told
        rows = [*told.value, *(row for row in told.value if self._random.random() < 0.5)]
        self._random.shuffle(rows)
        return replace(told, value=tuple(rows))


class Refusing:
    """The broker refuses the first *times* orders that *applies* to, with *code*."""

    def __init__(self, inner: Any, code: str, times: int, applies: Callable[[Any], bool]) -> None:
        self._inner = inner
        self._code = code
        self._applies = applies
        self.left = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def submit(self, request: Any) -> Any:
        if self.left and self._applies(request):
            self.left -= 1
            return Rejected(reason=self._code, raw="refused by script")
        return self._inner.submit(request)


class Dying:
    """The process dies around its *at*-th request: before it leaves, or with its answer unheard."""

    def __init__(self, inner: Any, at: int, *, after: bool) -> None:
        self._inner = inner
        self._at = at
        self._after = after
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self._inner, name)

        def call(*request: Any) -> Any:
            self.calls += 1
            if self.calls == self._at and not self._after:
                raise Died(name)
            answer = ask(*request)
            if self.calls == self._at:
                raise Died(name)
            return answer

        return call


def counted(made: Watched, script: Any = None) -> Counting:
    """*made*'s line with *script*, and what of it arrives at the exchange."""
    heard = Counting(made.broker)
    made.broker = heard  # type: ignore[assignment]
    made.door = made.faulty(script or {})
    return heard
