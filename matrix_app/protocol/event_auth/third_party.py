"""Invites that came out of an `m.room.third_party_invite`: rule 3.1 within the membership rules."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import Any

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from matrix_app.protocol.errors import AuthorizationFailed, InvalidParam
from matrix_app.protocol.events import Event, StateMap
from matrix_app.protocol.signing import signed_bytes
from matrix_app.protocol.unpadded_base64 import decode_base64

# An identity server gives two keys and one signature. The product of all that fits into two events
# would keep a processor busy for half a minute, so no more pairs than this are tried.
MAX_VERIFICATIONS = 100


def check_third_party_invite(event: Event, state: StateMap) -> None:
    """Refuse an invite whose `third_party_invite` does not prove what the room's event asks for."""
    # .2 and .3: it is signed, and names the user and the token.
    signed = _signed(event)
    if not isinstance(signed.get("mxid"), str) or not isinstance(signed.get("token"), str):
        raise AuthorizationFailed("The third-party invite names no user or no token")
    # .4: it is for the user who is invited.
    if signed["mxid"] != event.state_key:
        raise AuthorizationFailed("The third-party invite is for another user")
    # .5: the room has an event with the token,
    invite = state.get(("m.room.third_party_invite", signed["token"]))
    if invite is None:
        raise AuthorizationFailed("The room has no third-party invite with this token")
    # .6: sent by who invites now.
    if invite.sender != event.sender:
        raise AuthorizationFailed("The third-party invite was sent by another user")
    # .7 and .8: one of its keys has signed.
    if not is_signed_by_any(signed, public_keys_of(invite)):
        raise AuthorizationFailed("The third-party invite is not signed by a key of the room's event")


def _signed(event: Event) -> dict[str, Any]:
    invite = event.content["third_party_invite"]
    signed = invite.get("signed") if isinstance(invite, dict) else None
    if not isinstance(signed, dict):
        raise AuthorizationFailed("The third-party invite is not signed")
    return signed


def public_keys_of(invite: Event) -> Iterator[str]:
    """The keys of an `m.room.third_party_invite`: `public_key`, and those in `public_keys`."""
    if isinstance(key := invite.content.get("public_key"), str):
        yield key
    keys = invite.content.get("public_keys")
    for entry in keys if isinstance(keys, list) else ():
        if isinstance(entry, dict) and isinstance(key := entry.get("public_key"), str):
            yield key


def is_signed_by_any(signed: dict[str, Any], public_keys: Iterator[str]) -> bool:
    """Whether any Ed25519 signature in `signed`, whoever's it is, is by one of the keys."""
    message = signed_bytes(signed)
    keys = [key for text in public_keys if len(key := _decode(text)) == 32]
    signatures = [value for text in _signature_texts(signed) if len(value := _decode(text)) == 64]
    pairs = islice(product(keys, signatures), MAX_VERIFICATIONS)
    return any(_verifies(key, message, signature) for key, signature in pairs)


def _signature_texts(signed: dict[str, Any]) -> Iterator[str]:
    by_server = signed.get("signatures")
    for by_key in by_server.values() if isinstance(by_server, dict) else ():
        for key_id, signature in by_key.items() if isinstance(by_key, dict) else ():
            if key_id.startswith("ed25519:") and isinstance(signature, str):
                yield signature


def _verifies(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        VerifyKey(key).verify(message, signature)
    except BadSignatureError:
        return False
    return True


def _decode(text: str) -> bytes:
    """The bytes of a key or a signature; none if it is not Base64."""
    try:
        return decode_base64(text)
    except InvalidParam:
        return b""
