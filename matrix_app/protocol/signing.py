"""Signatures on JSON and on events ("Signing JSON" in the appendices, "Signing Events")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from nacl.bindings import (
    crypto_sign,
    crypto_sign_BYTES,
    crypto_sign_PUBLICKEYBYTES,
    crypto_sign_seed_keypair,
)
from nacl.utils import random

from matrix_app.protocol.canonical_json import encode_canonical, encode_checked
from matrix_app.protocol.ed25519 import is_signed
from matrix_app.protocol.errors import InvalidParam, InvalidSignature
from matrix_app.protocol.hashes import add_content_hash
from matrix_app.protocol.ids import ServerName, domain_of, is_user_id
from matrix_app.protocol.redaction import redact
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.protocol.unpadded_base64 import decode_base64, encode_base64

if TYPE_CHECKING:
    from matrix_app.protocol.events import Event

ALGORITHM: Final = "ed25519"
# "The Key ID for the ed25519 key in m.room.policy is always ed25519:policy_server."
POLICY_KEY_ID: Final = "ed25519:policy_server"
# Signatures of one server on one event that are looked at.
MOST_SIGNATURES: Final = 8
_SEED_BYTES: Final = 32
_VERSION: Final = re.compile(r"[a-zA-Z0-9_]+")
_VERSION_CHARACTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NOT_SIGNED: Final = frozenset({"signatures", "unsigned"})


class Signed(NamedTuple):
    """A signature with the message behind it, and the key that it is said to be by."""

    signature_and_message: bytes
    verify_key: bytes


class SigningKey:
    """An Ed25519 key with its ID, as a server signs with it."""

    __slots__ = ("_secret", "key_id", "seed", "verify_key", "version")

    def __init__(self, version: str, seed: bytes) -> None:
        if not _VERSION.fullmatch(version):
            raise InvalidParam("The version of a signing key has letters, digits and _ only")
        if len(seed) != _SEED_BYTES:
            raise InvalidParam("A signing key is 32 bytes")
        self.version = version
        self.key_id = f"{ALGORITHM}:{version}"
        self.seed = seed
        self.verify_key, self._secret = crypto_sign_seed_keypair(seed)

    @classmethod
    def generate(cls) -> Self:
        """A new key; its version is `a_` and four letters."""
        letters = "".join(_VERSION_CHARACTERS[byte % len(_VERSION_CHARACTERS)] for byte in random(4))
        return cls("a_" + letters, random(_SEED_BYTES))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The key in a line `ed25519 version seed`, as Synapse's key files have it."""
        parts = text.split()
        if len(parts) != 3 or parts[0] != ALGORITHM:
            raise InvalidParam("A signing key is written as: ed25519 version seed")
        return cls(parts[1], decode_base64(parts[2]))

    def to_text(self) -> str:
        """The line that `from_text` reads."""
        return f"{ALGORITHM} {self.version} {encode_base64(self.seed)}\n"

    def sign(self, message: bytes) -> str:
        """The signature on `message`, in unpadded Base64."""
        return encode_base64(crypto_sign(message, self._secret)[:crypto_sign_BYTES])

    def __repr__(self) -> str:
        return f"<SigningKey {self.key_id}>"


def read_signing_keys(text: str) -> list[SigningKey]:
    """The keys of a key file, one a line; the first is the one to sign with."""
    return [SigningKey.from_text(line) for line in text.splitlines() if line.strip()]


def signed_bytes(obj: dict[str, Any], *, checked: bool = False) -> bytes:
    """What a signature on `obj` covers: its canonical JSON without `signatures` and `unsigned`.

    `checked`: `obj` is known to be canonical.
    """
    signed = {key: value for key, value in obj.items() if key not in _NOT_SIGNED}
    return encode_checked(signed) if checked else encode_canonical(signed, lenient=True)


def sign_json(obj: dict[str, Any], server_name: str, key: SigningKey) -> dict[str, Any]:
    """`obj` with the server's signature beside those that it has: a new dict."""
    return _with_signature(obj, server_name, key, signed_bytes(obj))


def sign_event(pdu: dict[str, Any], rules: RoomVersion, server_name: str, key: SigningKey) -> dict[str, Any]:
    """A new event of this server, with its content hash and this server's signature: a new dict."""
    return add_event_signature(add_content_hash(pdu), rules, server_name, key)


def add_event_signature(
    pdu: dict[str, Any], rules: RoomVersion, server_name: str, key: SigningKey
) -> dict[str, Any]:
    """Another server's event with this server's signature added, its hashes left alone: a new dict."""
    return _with_signature(pdu, server_name, key, signed_bytes(redact(pdu, rules)))


def verify_json(obj: dict[str, Any], server_name: str, key_id: str, verify_key: bytes) -> None:
    """Raises `InvalidSignature` unless `obj` carries the server's valid signature by this key."""
    _verify(_signature_of(obj, server_name, key_id), signed_bytes(obj), verify_key)


def verify_event(
    pdu: dict[str, Any], rules: RoomVersion, server_name: str, key_id: str, verify_key: bytes
) -> None:
    """As `verify_json`, for an event: the signature covers what redaction leaves of it."""
    signature = _signature_of(pdu, server_name, key_id)
    _verify(signature, signed_bytes(redact(pdu, rules)), verify_key)


def signed_of(event: Event, server_name: str, key_id: str, verify_key: bytes) -> Signed:
    """One of the `signing_key_ids` of an event with what it is on, which the event may have at hand.

    Raises `InvalidSignature` where it cannot be one.
    """
    signature = _decoded(event.pdu["signatures"][server_name][key_id])
    message = event.signed
    if message is None:
        message = signed_bytes(redact(event.pdu, event.rules))
    _check_lengths(signature, verify_key)
    return Signed(signature + message, verify_key)


def are_signed(many: Sequence[Signed]) -> list[bool]:
    """Whether each signature matches."""
    return [is_signed(*each) for each in many]


def verify_bytes(signature: str, message: bytes, verify_key: bytes) -> None:
    """Raises `InvalidSignature` unless `signature`, in Base64, is the key's on `message`."""
    _verify(_decoded(signature), message, verify_key)


def signing_key_ids(obj: dict[str, Any], server_name: str) -> list[str]:
    """The IDs of the keys that the server claims to have signed with, of algorithms known here."""
    signatures = obj.get("signatures")
    by_server = signatures.get(server_name) if isinstance(signatures, dict) else None
    if not isinstance(by_server, dict):
        return []
    return [key_id for key_id in by_server if key_id.startswith(ALGORITHM + ":")]


def event_key_ids(pdu: dict[str, Any], server_name: str) -> list[str]:
    """As `signing_key_ids`, of an event, without the key by which the server signs as a policy server.

    That one the room names: it "is not expected to be published and therefore should be skipped at this
    stage" ("Validating hashes and signatures on received events").
    """
    return [key_id for key_id in signing_key_ids(pdu, server_name) if key_id != POLICY_KEY_ID]


def servers_that_must_sign(event: Event) -> set[ServerName]:
    """The servers without whose signature the event is to be dropped; raises `InvalidParam`."""
    member = event.type == "m.room.member"
    servers = set()
    # A third-party invite may be sent by another server than the one that the sender belongs to.
    if not (member and event.content.get("membership") == "invite" and "third_party_invite" in event.content):
        servers.add(domain_of(event.sender))
    if event.rules.event_id_format == "domain":
        servers.add(domain_of(event.event_id))
    return servers


def server_that_authorised(event: Event) -> ServerName | None:
    """The server without whose signature a membership event is to be rejected, if there is one.

    "If `content` has a `join_authorised_via_users_server` key: if the event is not validly signed by the
    homeserver of the user ID denoted by the key, reject." What is no user ID is rejected in any case.
    """
    if event.type != "m.room.member" or not event.rules.restricted_join:
        return None
    authoriser = event.content.get("join_authorised_via_users_server")
    return domain_of(authoriser) if isinstance(authoriser, str) and is_user_id(authoriser) else None


def _with_signature(obj: dict[str, Any], server_name: str, key: SigningKey, message: bytes) -> dict[str, Any]:
    signatures = dict(obj.get("signatures") or {})
    signatures[server_name] = {**signatures.get(server_name, {}), key.key_id: key.sign(message)}
    return {**obj, "signatures": signatures}


def _signature_of(obj: dict[str, Any], server_name: str, key_id: str) -> bytes:
    if key_id not in signing_key_ids(obj, server_name):
        raise InvalidSignature(f"No signature by {server_name} with {key_id}")
    signature = obj["signatures"][server_name][key_id]
    if not isinstance(signature, str):
        raise InvalidSignature("A signature is not a string")
    return _decoded(signature)


def _decoded(signature: str) -> bytes:
    try:
        return decode_base64(signature)
    except InvalidParam:
        raise InvalidSignature("A signature is not Base64") from None


def _verify(signature: bytes, message: bytes, verify_key: bytes) -> None:
    _check_lengths(signature, verify_key)
    if not is_signed(signature + message, verify_key):
        raise InvalidSignature("A signature does not match")


def _check_lengths(signature: bytes, verify_key: bytes) -> None:
    # The binding reads as many bytes as it expects, whatever it is given.
    if len(signature) != crypto_sign_BYTES or len(verify_key) != crypto_sign_PUBLICKEYBYTES:
        raise InvalidSignature("A signature or its key has the wrong length")
