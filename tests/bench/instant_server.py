"""A server that answers every request of hsbench's herd at once: instant_server.py PORT

What hsbench measures of it is what its own process takes, in which the herd and the one who talks share
an event loop. It stores nothing, and answers syncs with as many bytes as Hearth does.

    python tests/bench/instant_server.py 18900 &
    python -m hsbench --target instant=http://127.0.0.1:18900 --scenario herd
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from typing import cast
from urllib.parse import unquote

import uvloop

# What Hearth answers one of a hundred members of a room of 300, with lazy loading and without.
LAZY_BYTES = 28_900
WHOLE_BYTES = 108_000

_numbers = itertools.count()


def answer_to(method: str, path: str) -> bytes | None:
    """The body of an answer; None for a sync that waits for news, which never come."""
    number = next(_numbers)
    if path.startswith("/_matrix/client/v3/sync"):
        return _sync(unquote(path))
    if path.endswith("/register"):
        user = {"user_id": f"@u{number}:instant", "access_token": str(number), "device_id": "D"}
        return json.dumps(user).encode()
    if path.endswith("/createRoom") or "/join/" in path:
        return json.dumps({"room_id": f"!r{number}:instant"}).encode()
    if method == "PUT":
        return json.dumps({"event_id": f"$e{number}"}).encode()
    return b"{}"


def _sync(path: str) -> bytes | None:
    if "since=" in path and "timeout=0" not in path:
        return None
    if "lazy_load_members" not in path:
        return b'{"next_batch":"s1"}'
    size = LAZY_BYTES if '"lazy_load_members":true' in path else WHOLE_BYTES
    return b'{"next_batch":"s1","filling":"%b"}' % (b"x" * size)


class Instant(asyncio.Protocol):
    """HTTP/1.1 with requests one after the other, as hsbench sends them."""

    def __init__(self) -> None:
        self._came = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to answer."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer what has come whole."""
        self._came += data
        head, end, rest = self._came.partition(b"\r\n\r\n")
        if not end:
            return
        lines = head.decode("latin-1").split("\r\n")
        length = next((int(line[15:]) for line in lines if line.lower().startswith("content-length:")), 0)
        if len(rest) < length:
            return
        self._came = rest[length:]
        method, path, _ = lines[0].split(" ")
        body = answer_to(method, path)
        if body is not None and self._transport is not None:
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
                body
            )
            self._transport.write(head + body)


async def main(port: int) -> None:
    """Runs until it is killed."""
    server = await asyncio.get_running_loop().create_server(Instant, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
