"""Numbers are told to a monitor in the Prometheus text format: a family, its help, its samples, in one fixed order.

A number that nobody could measure has no sample: a zero would read as a good one. Format: version 0.0.4 of the
exposition format, UTF-8, one trailing newline.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
ESCAPED: Final = (("\\", r"\\"), ("\n", r"\n"), ('"', r"\""))

Number = int | float | Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One number. suffix: what follows the family's name, as ``_sum`` of a summary."""

    value: Number
    labels: tuple[tuple[str, str], ...] = ()
    suffix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Samples of one name, kind and meaning."""

    name: str
    kind: Literal["gauge", "counter", "summary"]
    help: str
    samples: tuple[Sample, ...]


def sample(value: Number | None, labels: Mapping[str, str], suffix: str = "") -> tuple[Sample, ...]:
    """A number with its labels; none of a number that is unknown."""
    return () if value is None else (Sample(value=value, labels=tuple(labels.items()), suffix=suffix),)


def ratio(
    name: str, help_: str, parts: Iterable[tuple[int, int, float | None, Mapping[str, str]]]
) -> tuple[Family, ...]:
    """Three families of (numerator, denominator, value, labels): the value's samples are absent at 0 / 0."""
    rows = tuple(parts)
    return (
        gauge(f"{name}_numerator", f"{help_}: numerator", *(sample(top, of) for top, _, _, of in rows)),
        gauge(
            f"{name}_denominator", f"{help_}: denominator", *(sample(below, of) for _, below, _, of in rows)
        ),
        gauge(
            name,
            f"{help_}; absent while the denominator is 0",
            *(sample(value, of) for _, _, value, of in rows),
        ),
    )


def gauge(name: str, help_: str, *samples: tuple[Sample, ...]) -> Family:
    """A family of numbers as they stand."""
    return Family(name=name, kind="gauge", help=help_, samples=tuple(each for row in samples for each in row))


def counter(name: str, help_: str, *samples: tuple[Sample, ...]) -> Family:
    """A family of counts within what the labels name."""
    assert name.endswith("_total"), "a counter's name says so"
    return Family(
        name=name, kind="counter", help=help_, samples=tuple(each for row in samples for each in row)
    )


def text(families: Iterable[Family]) -> str:
    """The families, each once; one without a sample keeps its help, so that a reader sees that it exists."""
    lines: list[str] = []
    seen: set[str] = set()
    for family in families:
        assert NAME.fullmatch(family.name), f"{family.name!r} is no name"
        assert family.name not in seen, f"{family.name} is told twice"
        seen.add(family.name)
        lines += [f"# HELP {family.name} {_help(family.help)}", f"# TYPE {family.name} {family.kind}"]
        lines += [
            f"{family.name}{each.suffix}{_labels(each.labels)} {_number(each.value)}"
            for each in family.samples
        ]
    return "".join(f"{line}\n" for line in lines)


def _help(words: str) -> str:
    return words.replace("\\", r"\\").replace("\n", r"\n")


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    told = []
    for name, value in labels:
        for plain, escaped in ESCAPED:
            value = value.replace(plain, escaped)
        told.append(f'{name}="{value}"')
    return "{" + ",".join(told) + "}"


def _number(value: Number) -> str:
    return format(value, "f") if isinstance(value, Decimal) else repr(value)
