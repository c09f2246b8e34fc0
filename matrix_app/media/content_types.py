"""Which content type a file is served with, and whether a browser may show it ("Serving inline content")."""

from __future__ import annotations

import re
from typing import Final

from matrix_app.media.sniff import is_text, looks_like_html, sniff

OCTETS: Final = "application/octet-stream"

# "Servers SHOULD restrict Content-Type headers to one of the following values when serving content with
# Content-Disposition: inline"
INLINE: Final = frozenset(
    """
    text/css text/plain text/csv application/json application/ld+json
    image/jpeg image/gif image/png image/apng image/webp image/avif
    video/mp4 video/webm video/ogg video/quicktime
    audio/mp4 audio/webm audio/aac audio/mpeg audio/ogg audio/wave audio/wav audio/x-wav audio/x-pn-wav
    audio/flac audio/x-flac
    """.split()  # noqa: SIM905  (as the specification has them)
)
# Types whose files always begin with something that `sniff` knows.
_MARKED: Final = frozenset(
    """
    image/jpeg image/gif image/png image/apng image/webp image/avif
    video/mp4 video/webm video/ogg video/quicktime
    audio/mp4 audio/webm audio/ogg audio/flac audio/x-flac
    """.split()  # noqa: SIM905
)
_TEXT: Final = frozenset(("text/css", "text/plain", "text/csv", "text/html", "text/markdown"))

_WORD: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_TYPE: Final = re.compile(
    rf"(?P<type>{_WORD}/{_WORD})(?:[ \t]*;[ \t]*{_WORD}=(?:{_WORD}|\"[\x20\x21\x23-\x5b\x5d-\x7e]*\"))*"
)


def clean_type(claimed: str | None) -> str:
    """The content type that an uploader claims; "Defaults to application/octet-stream if it is not set"."""
    given = (claimed or "").strip()
    return given if len(given) <= 255 and _TYPE.fullmatch(given) else OCTETS


def bare_type(content_type: str) -> str:
    """A content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def served_type(claimed: str, sample: bytes) -> str:
    """The type to serve a file with that begins with `sample`: the claimed one, or one reasonably close."""
    bare = bare_type(claimed)
    # "Using application/octet-stream when the server determines the content type is obviously wrong": it is
    # something else. What has no marks at all keeps the type that it came with, "exactly the same".
    if bare in _MARKED and sniff(sample) in ("text/html", "application/pdf"):
        return OCTETS
    # "Detecting HTML and using text/html instead of text/plain."
    if bare == "text/plain" and looks_like_html(sample):
        claimed = bare = "text/html"
    # "Adding a charset to text/* content types."
    if bare in _TEXT and "charset=" not in claimed.lower() and is_text(sample):
        return f"{claimed}; charset=utf-8"
    return claimed


def may_be_inline(content_type: str) -> bool:
    """Whether a browser may show a file of this type instead of saving it."""
    return bare_type(content_type) in INLINE
