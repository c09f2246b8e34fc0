"""Handing the certificate for `turns:` over to coturn, when it is got and when it is renewed."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final, NamedTuple

from appliance.certificates import NoCertificate, facts_of
from appliance.drafts import draft_of

CERTIFICATE: Final = "fullchain.pem"
KEY: Final = "privkey.pem"
CERTIFICATE_MODE: Final = 0o644
KEY_MODE: Final = 0o640
# What stands in until there is a certificate is for a host that nobody asks for.
NOBODY: Final = "placeholder.invalid"


class NoHandover(Exception):
    """A certificate cannot be handed over; the message says why."""


class Pair(NamedTuple):
    """A certificate with its chain, and its private key."""

    certificate: bytes
    key: bytes


def in_storage(storage: Path, host: str) -> Pair | None:
    """The certificate for a host that Caddy has got and that lasts longest; None while there is none."""
    found: list[tuple[float, Path]] = []
    for file in (storage / "certificates").glob("*/*/*.crt"):
        try:
            facts = facts_of(file.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError, NoCertificate):
            continue  # Caddy is writing it, or it is of no use
        if facts.covers(host) and file.with_suffix(".key").is_file():
            found.append((facts.not_after, file))
    return read_pair(max(found)[1], max(found)[1].with_suffix(".key")) if found else None


def read_pair(certificate: Path, key: Path) -> Pair:
    """A certificate and its key from two files; raises `NoHandover`."""
    try:
        return Pair(certificate.read_bytes(), key.read_bytes())
    except OSError as fault:
        raise NoHandover(f"{fault.filename} cannot be read: {fault.strerror}") from fault


def hand_over(pair: Pair, folder: Path) -> bool:
    """Put a pair where coturn reads it, readable by coturn's group; whether it was another.

    Raises `NoHandover`, and changes nothing, for a certificate that is not that of the key, and where
    nothing can be written.
    """
    present = folder / CERTIFICATE, folder / KEY
    if all(file.is_file() for file in present) and read_pair(*present) == pair:
        return False
    try:
        return _replace(present, pair)
    except OSError as fault:
        raise NoHandover(f"{folder} cannot be written: {fault.strerror}") from fault


def _replace(present: tuple[Path, Path], pair: Pair) -> bool:
    drafts = [
        draft_of(present[0], pair.certificate, CERTIFICATE_MODE),
        draft_of(present[1], pair.key, KEY_MODE),
    ]
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(drafts[0], drafts[1])
    except ssl.SSLError as fault:
        for draft in drafts:
            draft.unlink()
        raise NoHandover(f"certificate and key do not belong together: {fault}") from fault
    for draft, file in zip(drafts, present, strict=True):
        draft.replace(file)
    return True


def placeholder() -> Pair:
    """A certificate for nobody: coturn listens for TLS from its start on only where it has one.

    Later ones it reads without being started again, which would end calls.
    """
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NOBODY)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NOBODY)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    return Pair(certificate.public_bytes(pem), key.private_bytes(pem, *form))
