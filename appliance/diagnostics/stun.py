"""STUN and TURN as a client speaks them (RFC 8489, RFC 8656): as much as shows whether a relay works."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple, Protocol

from matrix_app.protocol.said import said

SECONDS: Final = 3.0
# How often a question is sent anew over UDP, which loses some.
TRIES: Final = 2
COOKIE: Final = 0x2112A442
BINDING, ALLOCATE, REFRESH, CREATE_PERMISSION = 1, 3, 4, 8
SUCCESS: Final = 0x100
FAILURE: Final = 0x110
USERNAME, INTEGRITY, ERROR_CODE, LIFETIME = 0x06, 0x08, 0x09, 0x0D
XOR_PEER, REALM, NONCE, XOR_RELAYED = 0x12, 0x14, 0x15, 0x16
REQUESTED_FAMILY, REQUESTED_TRANSPORT, XOR_MAPPED = 0x17, 0x19, 0x20
_UDP: Final = b"\x11\0\0\0"
_IPV6: Final = b"\x02\0\0\0"
_HEADER: Final = struct.Struct("!HHI12s")

Attributes = dict[int, bytes]


class TurnFault(Exception):
    """The server does not do what it should; the text says what."""


class Message(NamedTuple):
    """A message: its method with its class, its transaction, and its attributes."""

    kind: int
    transaction: bytes
    attributes: Attributes

    @property
    def error(self) -> tuple[int, str]:
        """The number and the words of an error; (0, "") without one."""
        found = self.attributes.get(ERROR_CODE, b"")
        if len(found) < 4:
            return 0, ""
        return found[2] * 100 + found[3], found[4:].decode("utf-8", "replace")


class TurnServer(NamedTuple):
    """An address such as turn:turn.example.org:3478?transport=udp; `transport` is udp, tcp or tls."""

    host: str
    port: int
    transport: str

    @classmethod
    def of(cls, uri: str) -> TurnServer:
        """Read an address of RFC 7065; raises `TurnFault`."""
        scheme, _, rest = uri.partition(":")
        rest, _, query = rest.partition("?")
        if scheme not in ("turn", "turns") or not rest:
            raise TurnFault(said("{uri} is not the address of a TURN server", uri=uri))
        host, separator, port = rest.rpartition(":")
        if not separator or rest.endswith("]"):
            host, port = rest, "5349" if scheme == "turns" else "3478"
        if not port.isdecimal():
            raise TurnFault(said("{uri} has no proper port", uri=uri))
        over = query.partition("transport=")[2] or ("tcp" if scheme == "turns" else "udp")
        return cls(host.strip("[]"), int(port), "tls" if scheme == "turns" else over)


class Credentials(NamedTuple):
    """Who asks for a relay."""

    username: str
    password: str


class Wire(Protocol):
    """A connection to a server."""

    def exchange(self, message: bytes) -> bytes:
        """The answer to a message; raises `TurnFault` without one."""
        ...


def encode(kind: int, transaction: bytes, attributes: Attributes, key: bytes | None = None) -> bytes:
    """A message; with a key, signed by MESSAGE-INTEGRITY."""
    body = b"".join(_attribute(number, value) for number, value in attributes.items())
    if key is None:
        return _HEADER.pack(kind, len(body), COOKIE, transaction) + body
    # "the length [...] must be adjusted to point to the end of MESSAGE-INTEGRITY" before it is computed.
    signed = _HEADER.pack(kind, len(body) + 24, COOKIE, transaction) + body
    return signed + _attribute(INTEGRITY, hmac.digest(key, signed, hashlib.sha1))


def _attribute(number: int, value: bytes) -> bytes:
    return struct.pack("!HH", number, len(value)) + value + b"\0" * (-len(value) % 4)


def decode(data: bytes) -> Message:
    """Read a message; raises `TurnFault` for what is none."""
    if len(data) < _HEADER.size:
        raise TurnFault("The answer is no STUN message")
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if cookie != COOKIE or len(data) < _HEADER.size + length:
        raise TurnFault("The answer is no STUN message")
    return Message(kind, transaction, dict(_attributes(data[_HEADER.size : _HEADER.size + length])))


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        number, length = struct.unpack_from("!HH", data, at)
        yield number, data[at + 4 : at + 4 + length]
        at += 4 + length + (-length % 4)


def xor_address(address: str, port: int, transaction: bytes) -> bytes:
    """An address as XOR-… attributes carry it."""
    packed = ip_address(address).packed
    mask = struct.pack("!I", COOKIE) + transaction
    masked = bytes(one ^ other for one, other in zip(packed, mask, strict=False))
    return struct.pack("!BBH", 0, 1 if len(packed) == 4 else 2, port ^ (COOKIE >> 16)) + masked


def read_address(value: bytes, transaction: bytes) -> IPv4Address | IPv6Address:
    """The IP address in an XOR-… attribute; raises `TurnFault`."""
    mask = struct.pack("!I", COOKIE) + transaction
    size = {b"\x01": 4, b"\x02": 16}.get(value[1:2], 0)
    if not size or len(value) != 4 + size:
        raise TurnFault("The answer names no address")
    return ip_address(bytes(one ^ other for one, other in zip(value[4:], mask, strict=False)))


class TurnClient:
    """Asks one server over one connection."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._key: bytes | None = None
        self._signing: Attributes = {}

    def own_address(self) -> IPv4Address | IPv6Address:
        """The address from which the server sees this machine (a STUN binding)."""
        answer = self._ask(BINDING, {})
        if XOR_MAPPED not in answer.attributes:
            raise TurnFault("The server does not answer STUN bindings")
        return read_address(answer.attributes[XOR_MAPPED], answer.transaction)

    def allocate(self, who: Credentials, *, ipv6: bool = False) -> IPv4Address | IPv6Address:
        """Have a relay made, and tell its address; raises `TurnFault` with the server's words."""
        wanted = {REQUESTED_TRANSPORT: _UDP, **({REQUESTED_FAMILY: _IPV6} if ipv6 else {})}
        answer = self._ask(ALLOCATE, wanted)
        code, words = answer.error
        if code == 401:
            self._introduce(who, answer)
            answer = self._ask(ALLOCATE, wanted)
            code, words = answer.error
        elif answer.kind == ALLOCATE | SUCCESS:
            raise TurnFault("The server makes relays for everybody, without credentials")
        if code:
            raise TurnFault(said("The server refuses a relay: {code} {words}", code=code, words=words))
        if XOR_RELAYED not in answer.attributes:
            raise TurnFault("The server names no address of the relay")
        return read_address(answer.attributes[XOR_RELAYED], answer.transaction)

    def _introduce(self, who: Credentials, answer: Message) -> None:
        realm, nonce = answer.attributes.get(REALM, b""), answer.attributes.get(NONCE, b"")
        secret = f"{who.username}:{realm.decode('utf-8', 'replace')}:{who.password}".encode()
        # The "long-term credential mechanism" is defined with MD5.
        self._key = hashlib.md5(secret, usedforsecurity=False).digest()
        self._signing = {USERNAME: who.username.encode(), REALM: realm, NONCE: nonce}

    def permits(self, address: str) -> bool:
        """Whether the relay would send to an address: private ones should be refused."""
        transaction = secrets.token_bytes(12)
        peer = {XOR_PEER: xor_address(address, 80, transaction)}
        return self._ask(CREATE_PERMISSION, peer, transaction).kind == CREATE_PERMISSION | SUCCESS

    def release(self) -> None:
        """Give the relay back."""
        self._ask(REFRESH, {LIFETIME: b"\0\0\0\0"})

    def _ask(self, method: int, attributes: Attributes, transaction: bytes = b"") -> Message:
        transaction = transaction or secrets.token_bytes(12)
        message = encode(method, transaction, {**attributes, **self._signing}, self._key)
        answer = decode(self._wire.exchange(message))
        if answer.transaction != transaction or answer.kind & ~0x110 != method:
            raise TurnFault("The server answers something else")
        return answer


class _UdpWire:
    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def exchange(self, message: bytes) -> bytes:
        for _ in range(TRIES):
            self._socket.send(message)
            try:
                return self._socket.recv(2048)
            except TimeoutError:
                continue
        raise TurnFault("The server does not answer over UDP")


class _StreamWire:
    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def exchange(self, message: bytes) -> bytes:
        self._socket.sendall(message)
        head = self._exactly(_HEADER.size)
        return head + self._exactly(struct.unpack_from("!H", head, 2)[0])

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            part = self._socket.recv(count - len(found))
            if not part:
                raise TurnFault("The server closes the connection")
            found += part
        return found


@contextmanager
def connected(server: TurnServer, tls: ssl.SSLContext, address: str = "") -> Iterator[TurnClient]:
    """A connection to a server, over its transport; raises `TurnFault`, also for what fails on the way.

    With `address` it is found there, whatever its host resolves to.
    """
    try:
        with _opened(server, tls, address or server.host) as connection:
            stream = server.transport != "udp"
            yield TurnClient(_StreamWire(connection) if stream else _UdpWire(connection))
    except OSError as fault:
        raise TurnFault(
            said(
                "{host}:{port} over {transport}: {fault}",
                host=server.host,
                port=server.port,
                transport=server.transport,
                fault=fault,
            )
        ) from fault


def _opened(server: TurnServer, tls: ssl.SSLContext, address: str) -> socket.socket:
    if server.transport != "udp":
        plain = socket.create_connection((address, server.port), SECONDS)
        return tls.wrap_socket(plain, server_hostname=server.host) if server.transport == "tls" else plain
    family, kind, protocol, _, place = socket.getaddrinfo(address, server.port, type=socket.SOCK_DGRAM)[0]
    found = socket.socket(family, kind, protocol)
    found.settimeout(SECONDS)
    found.connect(place)
    return found
