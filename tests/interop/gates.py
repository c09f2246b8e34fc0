"""The ways into servers: TLS before their plain HTTP, which can be cut and joined again."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from concurrent.futures import Future
from types import TracebackType


class Gate:
    """Takes TLS connections on a loopback port and passes the bytes on to `target`, a port too."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.target = 0
        self._context = context
        self._is_shut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    async def listen(self) -> None:
        """Take connections until the loop ends."""
        self._server = await asyncio.start_server(self._accepted, sock=self._socket, ssl=self._context)

    async def shut(self) -> None:
        """Break off every connection, and every one that is made until the gate is opened."""
        self._is_shut = True
        for writer in list(self._open):
            writer.transport.abort()

    async def unlock(self) -> None:
        """Let connections through again."""
        self._is_shut = False

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_shut:
            writer.transport.abort()
            return
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, inner_writer}
        self._open |= both
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))
        self._open -= both


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what one side says until it is silent for good, then close: TLS has no half-closed side."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        return
    finally:
        writer.close()


class Gatekeeper:
    """Runs gates in a thread. A context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gates", daemon=True)

    def __enter__(self) -> Gatekeeper:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def gate(self, context: ssl.SSLContext) -> Gate:
        """A gate that is open; its `target` is to be set."""
        made = Gate(context)
        self._run(made.listen())
        return made

    def cut(self, *gates: Gate) -> None:
        """Nobody can reach these servers any more."""
        for gate in gates:
            self._run(gate.shut())

    def join(self, *gates: Gate) -> None:
        """These servers can be reached again."""
        for gate in gates:
            self._run(gate.unlock())

    def _run(self, coroutine: object) -> None:
        future: Future[None] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)  # type: ignore[arg-type]
        future.result(10)
