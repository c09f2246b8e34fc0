"""The Content-Disposition header, written and read (RFC 6266, RFC 8187)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

LONGEST_NAME: Final = 1024

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_EXTENDED: Final = re.compile(r"filename\*\s*=\s*utf-8'[^']*'([^;\s]+)", re.IGNORECASE)
_QUOTED: Final = re.compile(r'filename\s*=\s*"((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_PLAIN: Final = re.compile(r"filename\s*=\s*([^;\s\"]+)", re.IGNORECASE)


def clean_name(name: str | None) -> str | None:
    """A file name without what nobody should see in one; None for no name."""
    cleaned = _CONTROLS.sub("", name or "")[:LONGEST_NAME].strip()
    return cleaned or None


def disposition(kind: str, name: str | None) -> str:
    """`inline` or `attachment`, with a file name if there is one."""
    name = clean_name(name)
    if name is None:
        return kind
    if name.isascii():
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'{kind}; filename="{escaped}"'
    return f"{kind}; filename*=utf-8''{quote(name, safe='')}"


def name_in(header: str | None) -> str | None:
    """The file name in a header of another server, or None."""
    if header is None:
        return None
    if match := _EXTENDED.search(header):
        return clean_name(unquote(match[1], errors="replace"))
    if match := _QUOTED.search(header):
        return clean_name(re.sub(r"\\(.)", r"\1", match[1]))
    match = _PLAIN.search(header)
    return clean_name(match[1]) if match else None
