#!/usr/bin/env python3
"""Joins a room with 50,000 state events of 20,000 members while others talk; prints what it costs.

    python tests/bench/big_join.py [--members N] [--state N] [--servers N] [--db postgresql://...] [--check]

Everything is real: a server as `appliance.cli run` starts it with its default settings, another process
that is in the room (resident.py) and answers for the servers of all members over TLS, and a user who says
something ten times a second to another who listens. `--check` fails when a budget is not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from tests.bench.processes import PeakMemory, cpu_seconds, pss_mib, tree  # noqa: E402
from tests.real_server import RealServer, scratch_database  # noqa: E402

SETTINGS: dict[str, Any] = {
    "federation": {
        "allow_servers": [],
        "allow_private_addresses": True,
        "verify_certificates": False,
        "trusted_key_servers": [],
    }
}
BUDGETS = {"join [s]": 60.0, "peak PSS [MiB]": 400.0, "send p99 [ms]": 250.0}
EVERY = 0.1


@contextmanager
def resident(folder: Path, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The other servers; what resident.py says about them."""
    command = [sys.executable, str(PROJECT / "tests/bench/resident.py"), str(folder)]
    for name in ("members", "state", "servers"):
        command += [f"--{name}", str(getattr(args, name))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield orjson.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(30)


class Person:
    """A user with a client."""

    def __init__(self, base: str, http: aiohttp.ClientSession) -> None:
        self.base = f"{base}/_matrix/client/v3"
        self.http = http
        self.headers: dict[str, str] = {}

    async def register(self, name: str) -> None:
        """Make an account."""
        body = {"username": name, "password": "a long enough secret", "auth": {"type": "m.login.dummy"}}
        account = await self.ask("POST", "/register", body)
        self.headers["Authorization"] = f"Bearer {account['access_token']}"

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer, which has to be a good one."""
        async with self.http.request(method, self.base + path, json=body, headers=self.headers) as answer:
            content = await answer.json()
            assert answer.status == 200, f"{method} {path}: {answer.status} {content}"
            return content


class Talk:
    """One says something again and again, another listens."""

    def __init__(self, speaker: Person, listener: Person, room: str) -> None:
        self.speaker, self.listener, self.room = speaker, listener, room
        self.sends: list[float] = []
        self.deliveries: list[float] = []
        self._said: dict[str, float] = {}
        self.ended = False

    async def speak(self) -> None:
        """Say something every tenth of a second."""
        for number in range(1_000_000):
            if self.ended:
                return
            began = time.monotonic()
            self._said[str(number)] = began
            path = f"/rooms/{quote(self.room)}/send/m.room.message/{number}"
            await self.speaker.ask("PUT", path, {"msgtype": "m.text", "body": str(number)})
            self.sends.append(time.monotonic() - began)
            await asyncio.sleep(max(0.0, EVERY - (time.monotonic() - began)))

    async def listen(self) -> None:
        """Note when each message arrives."""
        since = (await self.listener.ask("GET", "/sync?timeout=0"))["next_batch"]
        while not self.ended:
            answer = await self.listener.ask("GET", f"/sync?timeout=1000&since={since}")
            since = answer["next_batch"]
            for room in answer.get("rooms", {}).get("join", {}).values():
                for event in room["timeline"]["events"]:
                    said = self._said.pop(event["content"].get("body", ""), None)
                    if said is not None:
                        self.deliveries.append(time.monotonic() - said)


def percentile(values: list[float], part: float) -> float:
    """In milliseconds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000 if ordered else 0.0


async def measure(server: RealServer, pid: int, about: dict[str, Any]) -> dict[str, float]:
    """Join the room while others talk."""
    figures: dict[str, float] = {}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600)) as http:
        joiner, speaker, listener = (Person(server.base, http) for _ in range(3))
        for name, person in (("joiner", joiner), ("speaker", speaker), ("listener", listener)):
            await person.register(name)
        room = (await speaker.ask("POST", "/createRoom", {"preset": "public_chat"}))["room_id"]
        await listener.ask("POST", f"/join/{quote(room)}", {})
        talk = Talk(speaker, listener, room)
        tasks = [asyncio.create_task(talk.listen()), asyncio.create_task(talk.speak())]
        await asyncio.sleep(5)
        figures["idle: send p99 [ms]"] = percentile(talk.sends, 0.99)
        figures["idle: PSS [MiB]"] = sum(map(pss_mib, tree(pid)))
        talk.sends.clear()
        talk.deliveries.clear()
        cpu = sum(map(cpu_seconds, tree(pid)))
        with PeakMemory(pid) as memory:
            began = time.monotonic()
            path = f"/join/{quote(about['room_id'])}?via={quote(about['server'])}"
            await joiner.ask("POST", path, {})
            figures["join [s]"] = time.monotonic() - began
        figures["CPU of the join and the talk [s]"] = sum(map(cpu_seconds, tree(pid))) - cpu
        figures["peak PSS [MiB]"] = memory.peak
        figures["messages meanwhile"] = len(talk.sends)
        for name, values in (("send", talk.sends), ("delivery", talk.deliveries)):
            figures[f"{name} p50 [ms]"] = percentile(values, 0.5)
            figures[f"{name} p99 [ms]"] = percentile(values, 0.99)
            figures[f"{name} slowest [ms]"] = percentile(values, 1.0)
        talk.ended = True
        await asyncio.gather(*tasks)
        members = await joiner.ask("GET", f"/rooms/{quote(about['room_id'])}/joined_members")
        figures["members"] = len(members["joined"])
        figures["afterwards: PSS [MiB]"] = sum(map(pss_mib, tree(pid)))
    return figures


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--members", type=int, default=20_000)
    parser.add_argument("--state", type=int, default=50_000)
    parser.add_argument("--servers", type=int, default=20)
    parser.add_argument("--db", default="", help="postgresql:// of a server on which databases may be made")
    parser.add_argument("--folder", type=Path, help="where the servers live; default: a temporary folder")
    parser.add_argument("--check", action="store_true", help="fail when a budget is not kept")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    with ExitStack() as stack:
        folder = args.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="big-join-")))
        home = folder / "hearth"
        home.mkdir(parents=True)
        about = stack.enter_context(resident(folder / "resident", args))
        url = stack.enter_context(scratch_database(args.db)) if args.db else ""
        server = stack.enter_context(RealServer(home, database_url=url, settings=SETTINGS))
        figures = asyncio.run(measure(server, server.pid, about))
        print(f"answer to the join: {about['bytes'] / 1e6:.1f} MB")
    for name, value in figures.items():
        print(f"{name:40} {value:10.1f}")
    missed = [name for name, most in BUDGETS.items() if figures[name] >= most]
    if figures["members"] != args.members + 1:
        missed.append("members")
    for name in missed:
        print(f"not kept: {name}")
    return 1 if args.check and missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
