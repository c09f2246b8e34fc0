"""The process that verifies signatures for another (`second_hand.py`).

It imports nothing else, to be there soon. It is spoken to by its standard input, a socket. It says `READY`,
and answers each frame with a byte for each signature: 1 for one that matches. It ends when the socket does,
and when it has had nothing to do for long.
"""

from __future__ import annotations

import signal
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Final

from matrix_app.protocol.ed25519 import is_signed

READY: Final = b"+"
# The process ends when it has had nothing to do for so long.
KEPT_SECONDS: Final = 300.0
_LENGTH: Final = struct.Struct("<I")
_KEY_BYTES: Final = 32


def frame_of(signed: Sequence[tuple[bytes, bytes]]) -> bytes:
    """What is sent of signatures, each with its message behind it, and keys; keys have 32 bytes."""
    parts = [part for text, key in signed for part in (_LENGTH.pack(len(text)), key, text)]
    body = b"".join(parts)
    return _LENGTH.pack(len(body)) + body


def signed_in(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The signatures in a frame without its length."""
    at = 0
    while at < len(body):
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        key = body[at : at + _KEY_BYTES]
        at += _KEY_BYTES
        yield body[at : at + length], key
        at += length


def serve() -> None:
    """Answer until nobody asks any more."""
    # What is meant for all processes of a terminal ends the one that asks.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=0) as asker:
        asker.settimeout(KEPT_SECONDS)
        try:
            asker.sendall(READY)
            while True:
                (length,) = _LENGTH.unpack(_received(asker, _LENGTH.size))
                body = _received(asker, length)
                asker.sendall(bytes(is_signed(text, key) for text, key in signed_in(body)))
        except (TimeoutError, EOFError, ConnectionError):
            return


def _received(asker: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = asker.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return bytes(data)
