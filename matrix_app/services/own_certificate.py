"""Taking a certificate of the owner's for the proxy: checked as a whole, and kept among the secrets."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from appliance.certificates import Facts, facts_of
from appliance.config import get_config
from appliance.drafts import draft_of
from appliance.own_certificate import OwnPair, hosts_of, kept
from appliance.secrets import DIRECTORY_MODE
from matrix_app.protocol.errors import Forbidden, InvalidParam, NotFound
from matrix_app.protocol.said import said
from matrix_app.services import audit
from matrix_app.services.audit import Actor

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

LARGEST: Final = 64 * 1024
LONGEST_CHAIN: Final = 10
_MODE: Final = 0o600


def upload_certificate(actor: Actor, chain: bytes, key: bytes) -> Facts:
    """Keep a certificate with its chain and its key, after every check; what it says of itself.

    Raises `InvalidParam` for what does not fit, `Forbidden` where the configuration names other files.
    """
    config = get_config()
    if config.proxy.certificate_file is not None:
        raise Forbidden("The configuration file names the certificate of the proxy (proxy.certificate_file)")
    pair = checked(chain, key)
    facts = facts_of(pair.certificate)
    _for_this_server(facts, hosts_of(config)[0])
    files = kept(config)
    files.certificate.parent.mkdir(parents=True, exist_ok=True, mode=DIRECTORY_MODE)
    audit.record(actor, "certificate.upload", ", ".join(facts.names)[:200], not_after=int(facts.not_after))
    # Each in whole or not at all.
    draft_of(files.key, pair.key.encode(), _MODE).replace(files.key)
    draft_of(files.certificate, pair.certificate.encode(), _MODE).replace(files.certificate)
    return facts


def remove_certificate(actor: Actor) -> None:
    """Forget what was uploaded; raises `NotFound` without anything."""
    files = kept(get_config())
    if not files.certificate.exists() and not files.key.exists():
        raise NotFound("No certificate has been uploaded")
    audit.record(actor, "certificate.remove")
    for file in files:
        file.unlink(missing_ok=True)


def checked(chain: bytes, key: bytes) -> OwnPair:
    """A chain whose certificates issued one another, and the key of the first, without anything else.

    Raises `InvalidParam`.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    certificates, private = _chain(chain), _key(key)
    if _public(private.public_key()) != _public(certificates[0].public_key()):
        raise InvalidParam("The key is not that of the first certificate in the file")
    text = b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return OwnPair(text.decode("ascii"), secret.decode("ascii"))


def _chain(data: bytes) -> list[Certificate]:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    if len(data) > LARGEST:
        raise InvalidParam("The file of the certificate is too large")
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError as fault:
        raise InvalidParam("There is no certificate in the file, as PEM text") from fault
    if len(found) > LONGEST_CHAIN:
        raise InvalidParam("There are too many certificates in the file")
    for number, (one, issuer) in enumerate(pairwise(found), 1):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature) as fault:
            raise InvalidParam(
                said(
                    "Certificate {number} was not issued by the next one: the server's own comes first",
                    number=number,
                )
            ) from fault
    return found


def _key(data: bytes) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if len(data) > LARGEST:
        raise InvalidParam("The file of the key is too large")
    try:
        found = load_pem_private_key(data, None)
    except TypeError as fault:
        raise InvalidParam("The key is protected by a password: take that off first") from fault
    except (ValueError, UnsupportedAlgorithm) as fault:
        raise InvalidParam("There is no private key in the file, as PEM text") from fault
    if not isinstance(found, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise InvalidParam("A key of this kind is not for certificates of servers")
    return found


def _public(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    found: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return found


def _for_this_server(facts: Facts, host: str) -> None:
    if not facts.is_valid(time.time()):
        raise InvalidParam("The certificate has expired, or is not valid yet")
    if not facts.covers(host):
        raise InvalidParam(said("The certificate is not for {host}", host=host))
