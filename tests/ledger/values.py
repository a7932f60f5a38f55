"""Hypothesis strategies for everything that may stand in an artifact or a journal line."""

from typing import Any

from hypothesis import strategies as st


def texts() -> st.SearchStrategy[str]:
    """Text that UTF-8 can hold, quotes, controls and astral letters included."""
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def measures() -> st.SearchStrategy[float]:
    """Finite floats in any magnitude; never -0.0, which is not written."""
    return st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0)


def json_values() -> st.SearchStrategy[Any]:
    """Null, booleans, integers, floats, text, lists and objects, nested."""
    leaves = st.none() | st.booleans() | st.integers() | measures() | texts()
    return st.recursive(leaves, _containers, max_leaves=12)


def objects() -> st.SearchStrategy[dict[str, Any]]:
    """A JSON object, such as an artifact's top level."""
    return st.dictionaries(texts(), json_values(), max_size=4)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(texts(), inner, max_size=4)
