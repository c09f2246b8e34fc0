"""How media leave: to clients with headers that keep them from doing harm, to servers in two parts."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

from django.http.response import HttpResponseBase

from matrix_app.http.file_answer import FileAnswer, FilePart, Openable, ranged
from matrix_app.http.later_answer import Answered
from matrix_app.http.request import Request
from matrix_app.media.content_types import may_be_inline
from matrix_app.media.disposition import disposition
from matrix_app.media.thumbnail_sizes import ThumbnailSize, choose_size
from matrix_app.protocol.errors import InvalidParam
from matrix_app.services.awaited import once_there
from matrix_app.services.find_media import DEFAULT_WAIT_MS, FoundMedia, Wish
from matrix_app.services.thumbnail_media import LostThumbnail, Thumbnail, thumbnail

# What the specification recommends, but for `plugin-types`, which browsers no longer know.
_POLICY: Final = (
    "sandbox; default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; object-src 'self';"
    " media-src 'self'; frame-ancestors 'none'"
)


def to_client(request: Request, found: FoundMedia, name: str | None) -> HttpResponseBase:
    """A file for a client, under its own name or the one that the client asked for."""
    kind = "inline" if may_be_inline(found.content_type) else "attachment"
    headers = _headers(found.content_type, disposition(kind, name or found.file_name), found.sha256.hex())
    return ranged(found, headers, request.http.META)


def thumbnail_to_client(request: Request, made: Thumbnail) -> HttpResponseBase:
    """A thumbnail for a client."""
    headers = _headers(made.content_type, _thumbnail_disposition(made), made.tag)
    return ranged(made, headers, request.http.META)


def with_thumbnail(
    found: FoundMedia, size: ThumbnailSize, answer: Callable[[Thumbnail], HttpResponseBase]
) -> Answered:
    """What `answer` makes of a thumbnail, which is drawn if need be, and again if it has been lost."""
    try:
        return once_there(thumbnail(found, size), answer)
    except LostThumbnail:
        return once_there(thumbnail(found, size), answer)


def to_server(found: FoundMedia) -> HttpResponseBase:
    """A file for another server."""
    kind = "inline" if may_be_inline(found.content_type) else "attachment"
    return _two_parts(found, found.content_type, disposition(kind, found.file_name))


def thumbnail_to_server(made: Thumbnail) -> HttpResponseBase:
    """A thumbnail for another server."""
    return _two_parts(made, made.content_type, _thumbnail_disposition(made))


def size_asked(request: Request) -> ThumbnailSize:
    """The thumbnail that a request is for; raises `MissingParam` and `InvalidParam`."""
    request.required_query("width")
    request.required_query("height")
    width, height = request.query_int("width", 0, minimum=1), request.query_int("height", 0, minimum=1)
    animated = request.query_bool("animated")
    match request.query("method"):
        case "crop":
            return choose_size(width, height, "crop", animated=animated)
        case None | "scale":
            return choose_size(width, height, "scale", animated=animated)
    raise InvalidParam("method must be crop or scale")


def _thumbnail_disposition(made: Thumbnail) -> str:
    # "MUST be inline, and SHOULD contain a file name (e.g. thumbnail.png)."
    return disposition("inline", f"thumbnail.{made.content_type.partition('/')[2]}")


def _two_parts(file: Openable, content_type: str, content_disposition: str) -> HttpResponseBase:
    """ "exactly two parts": an object with metadata, which is empty, and the bytes."""
    boundary = secrets.token_hex(16)
    prefix = (
        f"--{boundary}\r\nContent-Type: application/json\r\n\r\n{{}}\r\n--{boundary}\r\n"
        f"Content-Type: {content_type}\r\nContent-Disposition: {content_disposition}\r\n\r\n"
    )
    end = f"\r\n--{boundary}--\r\n"
    part = FilePart(file.open(), file.size, prefix=prefix.encode(), suffix=end.encode())
    headers = {"Content-Type": f"multipart/mixed; boundary={boundary}"}
    return FileAnswer(part, status=200, headers=headers)


def wish_of(request: Request) -> Wish:
    """How long a client is willing to wait, and whether other servers may be asked."""
    wait_ms = request.query_int("timeout_ms", DEFAULT_WAIT_MS)
    requester = request.requester_or_none
    is_admin = requester is not None and requester.is_admin
    return Wish(
        wait_ms,
        allow_remote=request.query_bool("allow_remote", default=True),
        even_quarantined=is_admin and request.query_bool("admin_unsafely_bypass_quarantine"),
    )


def _headers(content_type: str, content_disposition: str, tag: str) -> dict[str, str]:
    return {
        "Content-Type": content_type,
        "Content-Disposition": content_disposition,
        "Content-Security-Policy": _POLICY,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
        # Not for ever: what is quarantined should be gone from browsers one day.
        "Cache-Control": "private, max-age=86400, immutable",
        "ETag": f'"{tag}"',
    }
