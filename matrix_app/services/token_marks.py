"""What a token tells of itself: the device that it was made for, and when, in a form that nobody can forge.

Tokens are known by the hash that is stored of them. Only of those that a restore has made unknown this
mark is read, so that their devices can go on.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final, NamedTuple

from appliance.secrets import token_pepper

# Enough for the milliseconds of eight thousand years, and for more devices than there will be.
_NUMBER_BYTES: Final = 6
_TAG_BYTES: Final = 12
_LENGTH: Final = 2 * _NUMBER_BYTES + _TAG_BYTES


class Mark(NamedTuple):
    """For which device a token was made, and when."""

    device_nid: int
    made_ts: int


def marked(token: str, device_nid: int, now: int) -> str:
    """The token with its mark."""
    body = b"".join(number.to_bytes(_NUMBER_BYTES, "big") for number in (device_nid, now))
    return f"{token}.{base64.urlsafe_b64encode(body + _tag(token, body)).decode()}"


def read(token: str) -> Mark | None:
    """The mark of a token; None where there is none that this server has made."""
    bare, _, text = token.rpartition(".")
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        return None
    body, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
    if len(raw) != _LENGTH or not hmac.compare_digest(tag, _tag(bare, body)):
        return None
    return Mark(int.from_bytes(body[:_NUMBER_BYTES], "big"), int.from_bytes(body[_NUMBER_BYTES:], "big"))


def _tag(token: str, body: bytes) -> bytes:
    message = b"mark of a token\0" + token.encode("utf-8", "surrogateescape") + b"\0" + body
    return hmac.digest(token_pepper(), message, "sha256")[:_TAG_BYTES]
