"""Bodies of forms, which the OAuth 2.0 API takes in place of JSON."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from matrix_app.http.request import Request
from matrix_app.protocol.errors import OAuthError

FORM: Final = "application/x-www-form-urlencoded"
MOST_BYTES: Final = 16_384
_MOST_FIELDS: Final = 32


def read_form(request: Request) -> dict[str, str]:
    """The fields of a form, each once, without those that are empty (RFC 6749, section 3.2).

    Raises `OAuthError`.
    """
    kind = request.http.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise _wrong(f"The body must be {FORM}")
    body = request.http.body
    if len(body) > MOST_BYTES:
        raise _wrong("The body is too long")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise _wrong("The body is no form") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _wrong("A parameter is given more than once")
    if any("\0" in text for pair in pairs for text in pair):
        raise _wrong("A parameter contains a NUL character")
    return {name: value for name, value in fields.items() if value}


def required(fields: dict[str, str], name: str) -> str:
    """A field that must be there; raises `OAuthError`."""
    if name not in fields:
        raise _wrong(f"{name} is missing")
    return fields[name]


def _wrong(message: str) -> OAuthError:
    return OAuthError(message, error="invalid_request")
