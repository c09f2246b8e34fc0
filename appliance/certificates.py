"""What a certificate says of itself: names and times, read from its DER (X.509, RFC 5280).

Just what is asked often is read here: the library that knows everything takes ten megabytes of each process.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEQUENCE: Final = 0x30
_OBJECT_ID: Final = 0x06
_OCTETS: Final = 0x04
_UTC_TIME: Final = 0x17
_VERSION: Final = 0xA0
_EXTENSIONS: Final = 0xA3
_DNS_NAME: Final = 0x82
_IP_ADDRESS: Final = 0x87
_SUBJECT_ALT_NAME: Final = bytes.fromhex("551d11")
_END: Final = "-----END CERTIFICATE-----"


class NoCertificate(Exception):
    """The text is no certificate; the message says why."""


class Facts(NamedTuple):
    """The host names and addresses that a certificate is for, and when it is valid (Unix seconds)."""

    names: tuple[str, ...]
    not_before: float
    not_after: float

    def covers(self, host: str) -> bool:
        """Whether it is for a host: by its name, by `*` in place of the first label, or by its address."""
        wanted = host.lower().rstrip(".")
        return wanted in self.names or f"*.{wanted.partition('.')[2]}" in self.names

    def is_valid(self, now: float) -> bool:
        """Whether its time has come and is not over."""
        return self.not_before <= now < self.not_after


def facts_of(pem: str) -> Facts:
    """What the first certificate of a PEM file says; raises `NoCertificate`."""
    start = pem.find("-----BEGIN CERTIFICATE-----")
    end = pem.find(_END, start)
    if start < 0 or end < 0:
        raise NoCertificate("there is no certificate in it")
    try:
        return _read(ssl.PEM_cert_to_DER_cert(pem[start : end + len(_END)]))
    except (ValueError, IndexError) as fault:
        raise NoCertificate("the certificate in it cannot be read") from fault


def _read(der: bytes) -> Facts:
    (certificate,) = _parts(der, _SEQUENCE)
    to_be_signed = next(_parts(certificate, _SEQUENCE))
    fields = list(_all(to_be_signed))
    if fields[0][0] == _VERSION:
        fields = fields[1:]
    # serial number, algorithm, issuer, validity, subject, key, and then what is optional
    times = list(_all(fields[3][1]))
    extensions = [content for tag, content in fields[6:] if tag == _EXTENSIONS]
    names = tuple(name for content in extensions for name in _names(content))
    return Facts(names, _time(*times[0]), _time(*times[1]))


def _names(extensions: bytes) -> Iterator[str]:
    (listed,) = _parts(extensions, _SEQUENCE)
    for extension in _parts(listed, _SEQUENCE):
        fields = dict(_all(extension))
        if fields.get(_OBJECT_ID) != _SUBJECT_ALT_NAME:
            continue
        (names,) = _parts(fields[_OCTETS], _SEQUENCE)
        for tag, content in _all(names):
            if tag == _DNS_NAME:
                yield content.decode("ascii").lower()
            elif tag == _IP_ADDRESS:
                yield str(ip_address(content))


def _time(tag: int, content: bytes) -> float:
    text = content.decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year: 50 and more are of the century before
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _parts(data: bytes, wanted: int) -> Iterator[bytes]:
    """The contents of what follows one another, all of one tag; raises `ValueError` for another."""
    for tag, content in _all(data):
        if tag != wanted:
            raise ValueError(f"tag {tag} in place of {wanted}")
        yield content


def _all(data: bytes) -> Iterator[tuple[int, bytes]]:
    """What follows one another, as tags and contents; raises `ValueError` where something is cut off."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + length > len(data):
            raise ValueError("it is cut off")
        yield tag, data[at : at + length]
        at += length
