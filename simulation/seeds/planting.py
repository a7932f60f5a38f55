"""A plant is in the running code for as long as a ``with`` lasts, and out of it however that ends."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

Change = tuple[Any, str, Any]
"""(module or class, name in it, what the name stands for meanwhile)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """One broken variant. ``caught_by``: the invariants of which any may be the one that notices."""

    name: str
    breaks: str
    caught_by: frozenset[str]
    changes: Callable[[], Iterable[Change]]


PLANTS: Final[dict[str, Plant]] = {}
"""Every plant, by name."""


def plant(
    name: str, breaks: str, *caught_by: str
) -> Callable[[Callable[[], Iterable[Change]]], Callable[[], Iterable[Change]]]:
    def keep(changes: Callable[[], Iterable[Change]]) -> Callable[[], Iterable[Change]]:
        PLANTS[name] = Plant(name=name, breaks=breaks, caught_by=frozenset(caught_by), changes=changes)
        return changes

    return keep


@contextmanager
def planted(plant: Plant) -> Iterator[None]:
    """The running code with *plant* in it; as it was afterwards, however the block ends."""
    before: list[Change] = []
    try:
        for owner, name, broken in plant.changes():
            before.append((owner, name, getattr(owner, name)))
            setattr(owner, name, broken)
        yield
    finally:
        for owner, name, sound in reversed(before):
            setattr(owner, name, sound)


def everywhere(sound: Any, broken: Any) -> Iterator[Change]:
    """*broken* for *sound* in every module of the execution plane that imported it."""
    for name, module in sorted(sys.modules.items()):
        if name.startswith(("execution_v2.", "portfolio.")):
            for attribute, value in tuple(vars(module).items()):
                if value is sound:
                    yield module, attribute, broken
