"""Makes matrix-nio compare emoji by the specification, so that it can with other clients.

With vodozemac, matrix-nio 0.26 writes commitments in hexadecimal instead of base64, names its correct MACs by
the method with the wrong base64, and takes the seven numbers of emoji for bytes that are still to be split.
Two of its kind agree all the same; here it has to agree with the cryptography of matrix-js-sdk.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from nio.api import Api
from nio.crypto import OlmDevice, Sas
from nio.events import KeyVerificationStart

MAC = "hkdf-hmac-sha256.v2"


def follow_the_specification() -> None:
    """From now on all of nio's verifications in this process do."""
    Sas._mac_normal = MAC
    Sas._mac_v1 = [MAC]
    Sas._check_commitment = _check_commitment
    Sas._generate_emoji = _generate_emoji
    Sas.from_key_verification_start = classmethod(_from_key_verification_start)


def _commitment(key: str, start: dict[str, Any]) -> str:
    digest = hashlib.sha256((key + Api.to_canonical_json(start)).encode()).digest()
    return base64.b64encode(digest).decode().rstrip("=")


def _check_commitment(sas: Sas, key: str) -> bool:
    return bool(sas.commitment == _commitment(key, sas.start_verification().content))


def _generate_emoji(sas: Sas, extra_info: str) -> list[tuple[str, str]]:
    assert sas.established_sas
    return [sas.emoji[index] for index in sas.established_sas.bytes(extra_info).emoji_indices]


_original = Sas.from_key_verification_start.__func__


def _from_key_verification_start(
    cls: type[Sas], user: str, device: str, key: str, other: OlmDevice, event: KeyVerificationStart
) -> Sas:
    sas = _original(cls, user, device, key, other, event)
    sas.commitment = _commitment(sas.pubkey, event.source["content"])
    return sas
