"""Unpadded Base64 ("Unpadded Base64" in the appendices)."""

from __future__ import annotations

import base64
import binascii

from matrix_app.protocol.errors import InvalidParam


def encode_base64(data: bytes) -> str:
    """Base64 of `data` without padding."""
    return binascii.b2a_base64(data, newline=False).decode("ascii").rstrip("=")


def encode_base64_urlsafe(data: bytes) -> str:
    """The URL-safe alphabet, without padding."""
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def decode_base64(text: str) -> bytes:
    """The bytes that `text` stands for: either alphabet, padded or not; raises `InvalidParam`."""
    bare = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        raise InvalidParam("Not Base64") from None
