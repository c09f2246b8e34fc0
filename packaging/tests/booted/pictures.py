"""A picture, which a confined process makes small."""

from __future__ import annotations

import struct
import time
import zlib

from stories.client import ask

from booted.machine import tell


def check_picture(token: str) -> None:
    """Its thumbnail is one of the kinds that browsers show."""
    began = time.monotonic()
    uri = ask("POST", "/_matrix/media/v3/upload", token, png())["content_uri"]
    path = f"/_matrix/client/v1/media/thumbnail/{uri.removeprefix('mxc://')}?width=32&height=32&method=crop"
    small = ask("GET", path, token, raw=True)
    assert small[:3] in (b"\x89PN", b"\xff\xd8\xff"), small[:20]
    tell("a picture was made small by the confined service", began)


def png() -> bytes:
    """A picture of 64 by 64 grey points."""
    rows = b"".join(b"\0" + bytes([row * 4] * 64) for row in range(64))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
