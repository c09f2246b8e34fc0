"""Accepts TLS on a loopback port and passes the bytes on to another: tls_proxy.py PORT TARGET PEM PIDFILE"""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
from pathlib import Path


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Passes on what one side says until it is silent for good, then closes: TLS has no half-closed side."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        return
    finally:
        writer.close()


async def main(port: int, target: int, pem: str) -> None:
    """Runs until SIGTERM."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with await asyncio.start_server(accepted, "127.0.0.1", port, ssl=context):
        await stop.wait()


if __name__ == "__main__":
    Path(sys.argv[4]).write_text(f"{os.getpid()}\n")
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
