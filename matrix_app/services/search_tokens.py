"""Tokens of further pages of a search."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

import msgspec

from matrix_app.protocol.errors import InvalidParam

_Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class SearchToken(msgspec.Struct, frozen=True, array_like=True):
    """How many results up to the event `top` have been shown, of all or of one group."""

    top: _Number
    shown: _Number
    group: Literal["room_id", "sender"] | None = None
    value: str = ""

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def parse_search_token(text: str) -> SearchToken:
    """The token that `text` is; raises `InvalidParam`."""
    try:
        padded = text.encode() + b"=" * (-len(text) % 4)
        return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=SearchToken)
    except (binascii.Error, UnicodeError, msgspec.DecodeError, msgspec.ValidationError):
        raise InvalidParam("Not a token of a search") from None
