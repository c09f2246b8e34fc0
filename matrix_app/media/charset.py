"""In which encoding a page is, as browsers find out ("determining the character encoding" of HTML)."""

from __future__ import annotations

import codecs
import re
from typing import Final

_SCANNED: Final = 4096
_META: Final = re.compile(rb"<meta[^>]{1,400}?charset\s*=\s*[\"']?\s*([a-z0-9_:.-]{2,40})", re.IGNORECASE)
_XML: Final = re.compile(rb"<\?xml[^>]{1,200}?encoding\s*=\s*[\"']([a-z0-9_:.-]{2,40})[\"']", re.IGNORECASE)
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What browsers read in place of what is said (the "labels" of the Encoding standard).
_MEANT: Final = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}


def decode_page(content: bytes, said: str | None) -> str:
    """The text of a page; `said` is the charset of its headers. What does not fit becomes U+FFFD."""
    for mark, name in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(name, "replace")
    for label in (
        said,
        _label(_XML.match(content.lstrip()[:_SCANNED])),
        _label(_META.search(content[:_SCANNED])),
    ):
        codec = _codec(label)
        if codec is not None:
            return content.decode(codec, "replace")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        # The end may be cut off in the middle of a character.
        if error.reason == "unexpected end of data":
            return content.decode("utf-8", "replace")
        return content.decode("cp1252", "replace")


def _label(match: re.Match[bytes] | None) -> str | None:
    return None if match is None else match[1].decode("ascii")


def _codec(label: str | None) -> str | None:
    """Python's name of an encoding of text; None for what it does not know, or what is no such thing."""
    if not label:
        return None
    try:
        found = codecs.lookup(label.strip())
    except (LookupError, ValueError):
        return None
    # A document that was read as ASCII so far cannot be in UTF-16, whatever it says.
    if found.name.startswith(("utf-16", "utf-32", "utf-7")):
        return "utf-8"
    return _MEANT.get(found.name, found.name) if getattr(found, "_is_text_encoding", False) else None
