"""The Content-Disposition header, written and read (RFC 6266, RFC 8187)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

LONGEST_NAME: Final = 1024

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# A parameter: its name, and its value between quotation marks or without them.
_PARAMETER: Final = re.compile(r'\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))[^;]*(?:;|\Z)')
_EXTENDED: Final = re.compile(r"(utf-8|iso-8859-1)'[^']*'(.+)", re.IGNORECASE)


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
    given = _parameters(header)
    # "When both are present, recipients SHOULD pick filename* and ignore filename."
    if match := _EXTENDED.fullmatch(given.get("filename*", "")):
        return clean_name(unquote(match[2], encoding=match[1], errors="replace"))
    return clean_name(given.get("filename"))


def _parameters(text: str) -> dict[str, str]:
    """The parameters of a header by their names; of one that is there twice, the first."""
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = _PARAMETER.match(text, place)
        if match is None:  # the type in front, which has no value
            place = text.find(";", place) + 1 or len(text)
            continue
        name, quoted, plain = match.groups()
        value = plain.strip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        found.setdefault(name.lower(), value)
        place = match.end()
    return found
