"""The public keys that clients upload: of devices, one-time keys, and keys for cross-signing.

Each `parse_` function takes what came from outside and returns it as canonical JSON, as it is stored and
handed on. The server checks what it relies upon; whether keys can be trusted is for clients to find out.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
import orjson

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import BadJson, InvalidKeySignature, InvalidParam, InvalidSignature, TooLarge
from matrix_app.protocol.opaque_text import parse_opaque_text
from matrix_app.protocol.signing import verify_json
from matrix_app.protocol.unpadded_base64 import decode_base64

ED25519: Final = "ed25519:"
MASTER: Final = "master"
SELF_SIGNING: Final = "self_signing"
USER_SIGNING: Final = "user_signing"
USAGES: Final = (MASTER, SELF_SIGNING, USER_SIGNING)

LARGEST_OBJECT: Final = 65_536
LARGEST_ONE_TIME_KEY: Final = 10_240

_UNSIGNED: Final = frozenset({"signatures", "unsigned"})

Signatures = dict[str, dict[str, str]]


class _DeviceKeys(msgspec.Struct):
    user_id: str
    device_id: str
    algorithms: list[str]
    keys: dict[str, str]
    signatures: Signatures


class _CrossSigningKey(msgspec.Struct):
    user_id: str
    usage: list[str]
    keys: dict[str, str]
    signatures: Signatures | msgspec.UnsetType = msgspec.UNSET


class KeyName(NamedTuple):
    """The two parts of `signed_curve25519:AAAAHg`."""

    algorithm: str
    key_id: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.key_id}"


class CrossSigningKey(NamedTuple):
    """A cross-signing key: its public part in Base64, and the whole object."""

    public_key: str
    content: dict[str, Any]

    @property
    def key_id(self) -> str:
        """The name that its signatures have."""
        return ED25519 + self.public_key


def parse_key_name(name: str) -> KeyName:
    """The parts of `algorithm:key_id`; raises `InvalidParam`."""
    algorithm, _, key_id = name.partition(":")
    return KeyName(parse_opaque_text(algorithm, "key algorithm"), parse_opaque_text(key_id, "key ID"))


def parse_device_keys(value: dict[str, Any], user_id: str, device_id: str) -> bytes:
    """The identity keys of a device; raises `BadJson` and, for those of another device, `InvalidParam`."""
    found = _convert(value, _DeviceKeys)
    if (found.user_id, found.device_id) != (user_id, device_id):
        raise InvalidParam("These are the keys of another user or device")
    for name in found.keys:
        parse_key_name(name)
    return _encode({key: part for key, part in value.items() if key != "unsigned"}, LARGEST_OBJECT)


def parse_one_time_keys(value: dict[str, Any]) -> dict[KeyName, bytes]:
    """One-time or fallback keys by name: each a string, or an object with `key` and `signatures`."""
    return {parse_key_name(name): _one_time_key(key) for name, key in value.items()}


def _one_time_key(key: Any) -> bytes:
    if isinstance(key, dict):
        if not isinstance(key.get("key"), str) or not isinstance(key.get("signatures"), dict):
            raise BadJson("A key object has a key and its signatures")
    elif not isinstance(key, str):
        raise BadJson("A key is a string or an object")
    return _encode(key, LARGEST_ONE_TIME_KEY)


def parse_cross_signing_key(value: dict[str, Any], user_id: str, usage: str) -> CrossSigningKey:
    """A user's own cross-signing key for a usage; raises `BadJson` or `InvalidParam`."""
    found = _convert(value, _CrossSigningKey)
    if found.user_id != user_id:
        raise InvalidParam("This is the key of another user")
    if usage not in found.usage:
        raise InvalidParam(f"This is no {usage} key")
    content = {key: part for key, part in value.items() if key != "unsigned"}
    _encode(content, LARGEST_OBJECT)
    return CrossSigningKey(_only_public_key(found.keys), content)


def _only_public_key(keys: dict[str, str]) -> str:
    # "The object must have exactly one property, whose name is in the form
    # <algorithm>:<unpadded_base64_public_key>, and whose value is the unpadded base64 public key."
    if len(keys) != 1:
        raise InvalidParam("A cross-signing key has exactly one public key")
    ((name, public_key),) = keys.items()
    if name != ED25519 + public_key or len(decode_base64(public_key)) != 32:
        raise InvalidParam("A cross-signing key is named ed25519: and then itself")
    return public_key


def load_cross_signing_key(stored: bytes) -> CrossSigningKey:
    """A cross-signing key as it was stored."""
    content = orjson.loads(stored)
    return CrossSigningKey(next(iter(content["keys"].values())), content)


def same_but_for_signatures(one: Any, other: Any) -> bool:
    """Whether two keys are one: "with the exception of the `signatures` property"."""
    same: bool = _bare(one) == _bare(other)
    return same


def _bare(key: Any) -> Any:
    if not isinstance(key, dict):
        return key
    return {name: part for name, part in key.items() if name not in _UNSIGNED}


def verify_signature(obj: dict[str, Any], user_id: str, key_id: str, public_key: str) -> None:
    """Raises `InvalidKeySignature` unless `obj` carries the user's valid signature by this key."""
    try:
        verify_json(obj, user_id, key_id, decode_base64(public_key))
    except (InvalidSignature, InvalidParam) as error:
        raise InvalidKeySignature(f"Invalid signature by {key_id}: {error.message}") from error


def _convert(value: dict[str, Any], schema: type[Any]) -> Any:
    try:
        return msgspec.convert(value, schema)
    except msgspec.ValidationError as error:
        raise BadJson(str(error)) from error


def _encode(value: Any, largest: int) -> bytes:
    encoded = encode_canonical(value)
    if len(encoded) > largest:
        raise TooLarge(f"A key has at most {largest} bytes")
    return encoded
