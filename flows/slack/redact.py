"""No secret leaves the process that was given it: what is sent, kept or printed passes through here first."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

MASK: Final = "[redacted]"
_TOKENS: Final = re.compile(
    r"xox[a-z]-[A-Za-z0-9-]{6,}|xapp-[A-Za-z0-9-]{6,}"  # Slack
    r"|https?://hooks\.[a-z.-]+/services/[A-Za-z0-9/]+"
    r"|\b(?:PK|AK|CK)[A-Z0-9]{18,24}\b"  # ids of Alpaca's keys
    r"|(?i:bearer\s+[A-Za-z0-9._~+/-]{12,}=*)"
)
_SHORT: Final = 6
"""A secret of fewer characters would be found in ordinary words."""


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """*text* without any of *secrets*, and without what looks like one."""
    for secret in secrets:
        if len(secret) >= _SHORT:
            text = text.replace(secret, MASK)
    return _TOKENS.sub(MASK, text)


def redacted_tree(found: Any, secrets: tuple[str, ...] = ()) -> Any:
    """The same for each text inside of what JSON can hold."""
    if isinstance(found, str):
        return redacted(found, secrets)
    if isinstance(found, Mapping):
        return {name: redacted_tree(value, secrets) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [redacted_tree(value, secrets) for value in found]
    return found
