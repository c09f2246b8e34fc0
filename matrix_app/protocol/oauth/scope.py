"""Scopes ("Scope" of the OAuth 2.0 API): everything of the client-server API, as one device."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from matrix_app.protocol.errors import OAuthError

LONGEST: Final = 1000
# Clients from before version 1.15 use the names of the proposal.
_API: Final = ("urn:matrix:client:api:*", "urn:matrix:org.matrix.msc2967.client:api:*")
_DEVICE: Final = ("urn:matrix:client:device:", "urn:matrix:org.matrix.msc2967.client:device:")
_TOKEN: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_LONGEST_DEVICE_ID: Final = 255


class Scope(NamedTuple):
    """What is granted: the device, and the scope as the client wrote it, without what is not known here."""

    device_id: str
    text: str


def parse_scope(text: str) -> Scope:
    """The scope of a request; raises `OAuthError` unless it asks for the API and for exactly one device."""
    tokens = text.split(" ")
    if len(text) > LONGEST or not all(_TOKEN.fullmatch(token) for token in tokens):
        raise OAuthError("The scope is malformed", error="invalid_scope")
    if not any(token in _API for token in tokens):
        raise OAuthError(f"The scope must contain {_API[0]}", error="invalid_scope")
    named = [[token for token in tokens if token.startswith(prefix)] for prefix in _DEVICE]
    ids = {
        token.removeprefix(prefix) for prefix, found in zip(_DEVICE, named, strict=True) for token in found
    }
    if len(ids) != 1 or any(len(found) > 1 for found in named):
        raise OAuthError(f"The scope must contain exactly one {_DEVICE[0]}<device_id>", error="invalid_scope")
    device_id = ids.pop()
    if not 0 < len(device_id) <= _LONGEST_DEVICE_ID:
        raise OAuthError("The device ID is empty or too long", error="invalid_scope")
    known = [token for token in tokens if token in _API or token.startswith(_DEVICE)]
    return Scope(device_id, " ".join(dict.fromkeys(known)))
