"""What a server publishes about its keys ("Retrieving server keys")."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from matrix_app.protocol.canonical_json import MAX_INTEGER
from matrix_app.protocol.errors import BadJson, InvalidParam, InvalidSignature
from matrix_app.protocol.signing import SigningKey, sign_json, signing_key_ids, verify_json
from matrix_app.protocol.unpadded_base64 import decode_base64, encode_base64

MOST_KEYS: Final = 100
# "Servers MUST use the lesser of this field and 7 days into the future when determining if a key is valid."
LONGEST_VALIDITY_MS: Final = 7 * 24 * 3600 * 1000
_KEY_BYTES: Final = 32
_KEY_ID: Final = re.compile(r"ed25519:[\x21-\x7e]{1,200}")


class PublishedKey(NamedTuple):
    """A verify key; one with `expired_ts` has been given up and is good only for what was signed before."""

    key_id: str
    verify_key: bytes
    expired_ts: int | None


class ServerKeys(NamedTuple):
    """The keys in an answer that its server has signed."""

    server_name: str
    valid_until_ts: int
    keys: tuple[PublishedKey, ...]


def read_server_keys(answer: dict[str, Any]) -> ServerKeys:
    """The keys of an answer about any server, its own signature verified.

    Raises `BadJson` for what is no such answer, `InvalidSignature` unless one of its keys has signed it. A
    signature by a listed key that is wrong spoils the answer, whatever others there are.
    """
    name, valid_until = answer.get("server_name"), answer.get("valid_until_ts")
    if not isinstance(name, str) or not _is_time(valid_until):
        raise BadJson("Not an answer with the keys of a server")
    current = _keys(answer.get("verify_keys"), old=False)
    old = _keys(answer.get("old_verify_keys", {}), old=True)
    by_id = {key.key_id: key for key in current}
    signers = [key_id for key_id in signing_key_ids(answer, name) if key_id in by_id]
    if not signers:
        raise InvalidSignature(f"The keys of {name} are not signed by any of them")
    for key_id in signers:
        verify_json(answer, name, key_id, by_id[key_id].verify_key)
    return ServerKeys(
        name, int(valid_until or 0), (*(key for key in old if key.key_id not in by_id), *current)
    )


def _keys(found: Any, *, old: bool) -> list[PublishedKey]:
    if not isinstance(found, dict) or len(found) > MOST_KEYS:
        raise BadJson("The keys of a server are an object, of a hundred at most")
    keys = (_key(key_id, entry, old) for key_id, entry in found.items())
    return [key for key in keys if key is not None]


def _key(key_id: str, entry: Any, old: bool) -> PublishedKey | None:
    """The key, or None for one of an algorithm that is not known here, or that makes no sense."""
    text = entry.get("key") if isinstance(entry, dict) else None
    if not _KEY_ID.fullmatch(key_id) or not isinstance(text, str):
        return None
    expired = entry.get("expired_ts") if old else None
    if old and not _is_time(expired):
        return None
    try:
        verify_key = decode_base64(text)
    except InvalidParam:
        return None
    return PublishedKey(key_id, verify_key, expired) if len(verify_key) == _KEY_BYTES else None


def _is_time(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INTEGER


def publish(
    server_name: str, key: SigningKey, old: tuple[PublishedKey, ...], valid_until_ts: int
) -> dict[str, Any]:
    """This server's own answer, signed."""
    answer = {
        "server_name": server_name,
        "valid_until_ts": valid_until_ts,
        "verify_keys": {key.key_id: {"key": encode_base64(key.verify_key)}},
        "old_verify_keys": {
            item.key_id: {"key": encode_base64(item.verify_key), "expired_ts": item.expired_ts}
            for item in old
        },
    }
    return sign_json(answer, server_name, key)


def parse_old_key(text: str) -> PublishedKey:
    """An entry of `federation.old_signing_keys`: key ID, Base64 key and expiry; raises `InvalidParam`."""
    parts = text.split()
    if len(parts) != 3 or not parts[0].startswith("ed25519:") or not parts[2].isdecimal():
        raise InvalidParam("An old signing key is written as: ed25519:id, base64 key, expiry in ms")
    verify_key = decode_base64(parts[1])
    if len(verify_key) != _KEY_BYTES:
        raise InvalidParam("An old signing key is 32 bytes")
    return PublishedKey(parts[0], verify_key, int(parts[2]))
