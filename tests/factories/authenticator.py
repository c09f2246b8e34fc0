"""An authenticator made of software: makes passkeys and answers challenges, as browsers hand them over."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

USER_PRESENT, USER_VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text_of(raw: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(raw).decode().rstrip("=")


def bytes_of(text: str) -> bytes:
    """What base64url without padding says."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Credential:
    """A passkey with its private key."""

    id: bytes
    key: ec.EllipticCurvePrivateKey
    rp_id: str
    user_handle: bytes
    count: int = 0

    @property
    def cose(self) -> bytes:
        """The public key, as COSE."""
        point = self.key.public_key().public_numbers()
        x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
        return encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})


@dataclass
class Authenticator:
    """Keeps passkeys for a browser at `origin`; `counts` as security keys do, phones say 0 each time."""

    origin: str
    verifies: bool = True
    counts: bool = True
    cross_origin: bool = False
    credentials: list[Credential] = field(default_factory=list)

    def create(self, options: dict[str, Any]) -> str:
        """Make a passkey; what a form sends."""
        made = Credential(
            secrets.token_bytes(16),
            ec.generate_private_key(ec.SECP256R1()),
            options["rp"]["id"],
            bytes_of(options["user"]["id"]),
        )
        self.credentials.append(made)
        attested = bytes(16) + len(made.id).to_bytes(2, "big") + made.id + made.cose
        data = self._data(made, ATTESTED) + attested
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": text_of(self._client_data("webauthn.create", options["challenge"])),
            "attestationObject": text_of(attestation),
        }
        return self._form(made, response)

    def get(self, options: dict[str, Any]) -> str:
        """Answer a challenge with a passkey that is allowed, the newest; what a form sends."""
        allowed = {bytes_of(entry["id"]) for entry in options.get("allowCredentials", [])}
        used = next(one for one in reversed(self.credentials) if not allowed or one.id in allowed)
        used.count += self.counts
        client_data = self._client_data("webauthn.get", options["challenge"])
        data = self._data(used, 0)
        signed = used.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": text_of(client_data),
            "authenticatorData": text_of(data),
            "signature": text_of(signed),
            "userHandle": text_of(used.user_handle),
        }
        return self._form(used, response)

    def _client_data(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.cross_origin}
        return json.dumps(said).encode()

    def _data(self, credential: Credential, flags: int) -> bytes:
        flags |= USER_PRESENT | (USER_VERIFIED if self.verifies else 0)
        rp_hash = hashlib.sha256(credential.rp_id.encode()).digest()
        return rp_hash + bytes([flags]) + credential.count.to_bytes(4, "big")

    @staticmethod
    def _form(credential: Credential, response: dict[str, str]) -> str:
        name = text_of(credential.id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})
