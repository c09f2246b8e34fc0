"""A TURN server on loopback ports, over UDP and TCP, which gives relays to those who know its secret."""

from __future__ import annotations

import hashlib
import hmac
import socket
import socketserver
import struct
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from appliance.diagnostics import stun

REALM, NONCE = b"turn.example", b"once"


class TurnServer:
    """What it knows and gives."""

    def __init__(self) -> None:
        self.secret = "between us"
        self.relay = "8.8.4.4"
        self.denied = {"127.0.0.1", "10.0.0.1", "192.168.0.1"}
        self.released = 0
        self.asks_for_credentials = True
        self.uris: dict[str, str] = {}

    def answer(self, data: bytes) -> bytes:
        """The answer to a message, its signature verified."""
        message = stun.decode(data)
        if message.kind == stun.BINDING:
            return self._say(message, stun.SUCCESS, {stun.XOR_MAPPED: self._address(message, "127.0.0.1")})
        if self.asks_for_credentials and not self._is_signed(data, message):
            wanted = {stun.ERROR_CODE: b"\0\0\x04\x01Unauthorized", stun.REALM: REALM, stun.NONCE: NONCE}
            return self._say(message, stun.FAILURE, wanted)
        return self._granted(message)

    def _granted(self, message: stun.Message) -> bytes:
        if message.kind == stun.ALLOCATE:
            return self._say(message, stun.SUCCESS, {stun.XOR_RELAYED: self._address(message, self.relay)})
        if message.kind == stun.CREATE_PERMISSION:
            peer = str(stun.read_address(message.attributes[stun.XOR_PEER], message.transaction))
            if peer in self.denied:
                return self._say(message, stun.FAILURE, {stun.ERROR_CODE: b"\0\0\x04\x03Forbidden IP"})
        self.released += message.kind == stun.REFRESH
        return self._say(message, stun.SUCCESS, {})

    def _is_signed(self, data: bytes, message: stun.Message) -> bool:
        username = message.attributes.get(stun.USERNAME, b"")
        password = b64encode(hmac.digest(self.secret.encode(), username, hashlib.sha1))
        key = hashlib.md5(b":".join((username, REALM, password))).digest()
        signature = message.attributes.get(stun.INTEGRITY, b"")
        return hmac.compare_digest(hmac.digest(key, data[:-24], hashlib.sha1), signature)

    def _address(self, message: stun.Message, address: str) -> bytes:
        return stun.xor_address(address, 50_000, message.transaction)

    def _say(self, message: stun.Message, kind: int, attributes: stun.Attributes) -> bytes:
        return stun.encode(message.kind | kind, message.transaction, attributes)


@contextmanager
def turn_server() -> Iterator[TurnServer]:
    """A TURN server, as long as the block runs."""
    server = TurnServer()

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, own = self.request
            own.sendto(server.answer(data), self.client_address)

    class Stream(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while len(head := self.rfile.read(20)) == 20:
                self.wfile.write(server.answer(head + self.rfile.read(struct.unpack_from("!H", head, 2)[0])))

    class Tcp(socketserver.ThreadingTCPServer):
        daemon_threads = True

    listening: list[Any] = [
        socketserver.UDPServer(("127.0.0.1", 0), Datagram),
        Tcp(("127.0.0.1", 0), Stream),
    ]
    for one, kind in zip(listening, ("udp", "tcp"), strict=True):
        server.uris[kind] = f"turn:127.0.0.1:{one.server_address[1]}?transport={kind}"
        threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    for one in listening:
        one.shutdown()
        one.server_close()


def silent_port() -> tuple[socket.socket, int]:
    """A UDP port at which nothing answers."""
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.bind(("127.0.0.1", 0))
    return found, found.getsockname()[1]
