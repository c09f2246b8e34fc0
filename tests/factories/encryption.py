"""Keys as clients make them, signed by an implementation that is not Hearth's."""

from __future__ import annotations

import itertools
from typing import Any

from nacl.signing import SigningKey
from signedjson.key import decode_signing_key_base64
from signedjson.sign import sign_json
from unpaddedbase64 import encode_base64

from tests.factories.client import Client

ALGORITHMS = ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"]

_serial = itertools.count(1)


class Key:
    """An Ed25519 key of a user; `name` is that of its signatures."""

    def __init__(self, user_id: str, key_id: str | None = None) -> None:
        secret = SigningKey.generate()
        self.user_id = user_id
        self.public = encode_base64(secret.verify_key.encode())
        self.id = key_id or self.public
        self.name = f"ed25519:{self.id}"
        self._key = decode_signing_key_base64("ed25519", self.id, encode_base64(secret.encode()))

    def sign(self, obj: dict[str, Any]) -> dict[str, Any]:
        """A copy with this key's signature alone."""
        bare = {name: value for name, value in obj.items() if name not in ("signatures", "unsigned")}
        signed: dict[str, Any] = sign_json(bare, self.user_id, self._key)
        return signed


class Device:
    """The keys of a client's device."""

    def __init__(self, client: Client) -> None:
        assert client.requester.device_id is not None
        self.client = client
        self.key = Key(client.user_id, client.requester.device_id)
        self.keys = self.key.sign(
            {
                "user_id": client.user_id,
                "device_id": self.key.id,
                "algorithms": ALGORITHMS,
                "keys": {self.key.name: self.key.public, f"curve25519:{self.key.id}": self.key.public},
            }
        )

    def one_time_keys(self, count: int, **extra: Any) -> dict[str, Any]:
        """New signed keys, named in order."""
        names = [f"signed_curve25519:K{next(_serial):06}" for _ in range(count)]
        return {name: self.key.sign({"key": encode_base64(name.encode()), **extra}) for name in names}

    def upload(self, one_time: int = 0) -> dict[str, Any]:
        """Upload the device's keys and new one-time keys; the one-time keys."""
        keys = self.one_time_keys(one_time)
        answer = self.client.post("/keys/upload", {"device_keys": self.keys, "one_time_keys": keys})
        assert answer.status == 200, answer
        return keys


class CrossSigning:
    """The cross-signing keys of a user."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.master, self.self_signing, self.user_signing = (Key(client.user_id) for _ in range(3))
        self.master_key = self._object("master", self.master)
        self.self_signing_key = self.master.sign(self._object("self_signing", self.self_signing))
        self.user_signing_key = self.master.sign(self._object("user_signing", self.user_signing))

    def _object(self, usage: str, key: Key) -> dict[str, Any]:
        return {
            "user_id": self.client.user_id,
            "usage": [usage],
            "keys": {f"ed25519:{key.public}": key.public},
        }

    @property
    def named(self) -> dict[str, Any]:
        """The three keys by usage."""
        return {
            "master": self.master_key,
            "self_signing": self.self_signing_key,
            "user_signing": self.user_signing_key,
        }

    @property
    def body(self) -> dict[str, Any]:
        """The body of an upload of all three."""
        return {f"{usage}_key": key for usage, key in self.named.items()}

    def upload(self) -> None:
        """Upload all three."""
        answer = self.client.post("/keys/device_signing/upload", self.body)
        assert answer.status == 200, answer
