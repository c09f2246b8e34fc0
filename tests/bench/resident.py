"""A server that is in one big room, and the other servers of its members: a process of its own.

    resident.py FOLDER --members 20000 --state 50000 --servers 20

They are called 127.0.0.1:PORT, with TLS by a certificate made here, and answer what a join asks: templates,
joins, keys. Prints one line of JSON with the room's ID, the server to join by, and the size of the answer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from matrix_app.protocol.server_keys import publish
from tests.bench.big_room import BigRoom, key_of

CHUNK = 65536
HOUR = 3_600_000


class Resident:
    """Answers for all of the servers; `pace` is how many bytes of a join it sends in a second, 0 for any."""

    def __init__(self, room: BigRoom, *, pace: int = 0) -> None:
        self.room = room
        self.pace = pace
        self.joins: list[str] = []
        self.leaves: list[str] = []

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=1 << 20)
        federation = "/_matrix/federation"
        app.router.add_get("/_matrix/key/v2/server", self.keys)
        app.router.add_get(federation + "/v1/make_join/{room}/{user}", self.make)
        app.router.add_put(federation + "/v2/send_join/{room}/{event}", self.join)
        app.router.add_get(federation + "/v1/make_leave/{room}/{user}", self.make)
        app.router.add_put(federation + "/v2/send_leave/{room}/{event}", self.leave)
        app.router.add_put(federation + "/v1/send/{txn}", self.send)
        app.router.add_get("/seen", self.seen)
        return app

    async def keys(self, request: web.Request) -> web.Response:
        """The keys of the server that is asked."""
        until = int(time.time() * 1000) + HOUR
        return web.json_response(publish(request.host, key_of(request.host), (), until))

    async def make(self, request: web.Request) -> web.Response:
        """A template for a join or a leave."""
        answer = self.room.template(request.match_info["user"])
        if "make_leave" in request.path:
            answer["event"]["content"] = {"membership": "leave"}
        return web.json_response(answer)

    async def join(self, request: web.Request) -> web.StreamResponse:
        """The state of the room, as it was before."""
        pdu = await request.json()
        self.joins.append(request.match_info["event"])
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        head = orjson.dumps({"origin": self.room.servers[0], "event": pdu, "members_omitted": False})
        # Who asked may be killed meanwhile.
        with contextlib.suppress(ConnectionError):
            await response.write(head[:-1] + b',"state":[')
            await self._write(response, self.room.state_file)
            await response.write(b'],"auth_chain":[')
            await self._write(response, self.room.chain_file)
            await response.write(b"]}")
        return response

    async def _write(self, response: web.StreamResponse, path: Path) -> None:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                await response.write(chunk)
                if self.pace:
                    await asyncio.sleep(len(chunk) / self.pace)

    async def leave(self, request: web.Request) -> web.Response:
        """A leave is taken."""
        self.leaves.append((await request.json())["state_key"])
        return web.json_response({})

    async def send(self, _request: web.Request) -> web.Response:
        """Whatever is sent is taken."""
        return web.json_response({"pdus": {}})

    async def seen(self, _request: web.Request) -> web.Response:
        """What has been handed in, for whoever tests."""
        return web.json_response({"joins": self.joins, "leaves": self.leaves})


def certificate(folder: Path) -> ssl.SSLContext:
    """TLS with a new certificate that nobody trusts."""
    pem = folder / "tls.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "30", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", pem, "-out", folder / "tls.crt"],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with pem.open("a", encoding="utf-8") as both:
        both.write((folder / "tls.crt").read_text())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    return context


def listening() -> socket.socket:
    """A socket on a port that nobody uses."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


async def serve(args: argparse.Namespace) -> None:
    """Make the room, say where it is, and answer until SIGTERM."""
    folder: Path = args.folder
    sockets = [listening() for _ in range(args.servers)]
    servers = [f"127.0.0.1:{listener.getsockname()[1]}" for listener in sockets]
    room = BigRoom(folder, servers, members=args.members, state=args.state, version=args.room_version)
    runner = web.AppRunner(Resident(room, pace=args.pace).application(), access_log=None)
    await runner.setup()
    context = certificate(folder)
    for listener in sockets:
        await web.SockSite(runner, listener, ssl_context=context).start()
    size = sum(file.stat().st_size for file in (room.state_file, room.chain_file))
    about: dict[str, Any] = {"room_id": room.room_id, "server": servers[0], "bytes": size}
    print(orjson.dumps(about).decode(), flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await runner.cleanup()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--members", type=int, default=20_000)
    parser.add_argument("--state", type=int, default=50_000)
    parser.add_argument("--servers", type=int, default=20)
    parser.add_argument("--room-version", default="11")
    parser.add_argument(
        "--pace", type=int, default=0, help="bytes of a join's answer in a second; 0: no limit"
    )
    return parser.parse_args()


if __name__ == "__main__":
    args = arguments()
    args.folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(args))
