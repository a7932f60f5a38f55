"""The configuration as a file that the loader reads back."""

import json
import re
from typing import Any


def as_toml(table: dict[str, Any], name: str = "") -> str:
    """*table* as TOML: plain values first, then its tables; a null setting is left out, as absent means null."""
    lines = [f"[{name}]"] if name else []
    lines += [
        f"{_key(key)} = {_value(value)}"
        for key, value in table.items()
        if not _is_table(value) and value is not None
    ]
    parts = ["\n".join(lines)] if len(lines) > (1 if name else 0) else []
    for key, value in table.items():
        if isinstance(value, dict):
            parts.append(as_toml(value, f"{name}.{_key(key)}" if name else _key(key)))
    return "\n\n".join(part for part in parts if part)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items() if each is not None)
            + "}"
        )
    if isinstance(value, (int, float)):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)
