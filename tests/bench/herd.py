#!/usr/bin/env python3
"""Everybody's client reconnects at once, again and again; prints how long others wait meanwhile.

    python tests/bench/herd.py [--members N] [--herd N] [--rounds N] [--db postgresql://...] [--check]

A server as `appliance.cli run` starts it, a herd whose initial syncs of a big room are asked for at once,
with lazy loading of members and without, and a bystander elsewhere who sends messages and syncs
(bystander.py). In life neither the herd nor the bystander is on the server's machine: here the herd gives
way to the server, and the bystander's clock comes first where root lets it. `--check` fails when a request
of the bystander's during a herd took longer than twice its quiet p50.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp
import orjson

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from tests.bench.big_join import Person, percentile  # noqa: E402
from tests.real_server import RealServer, scratch_database  # noqa: E402

QUIET_SECONDS = 10
BETWEEN_SECONDS = 2
GIVING_WAY = 10


class Asked(NamedTuple):
    """A request of the bystander's: when it began and how long it took, in seconds of the monotonic clock."""

    what: str
    began: float
    took: float


class Herd(NamedTuple):
    """When everybody came back, and when the last had an answer."""

    began: float
    ended: float
    slowest: float


class Bystander:
    """Somebody who goes on talking, in a process of its own. A context manager."""

    def __init__(self, server: RealServer, person: Person, room: str) -> None:
        token = person.headers["Authorization"]
        script = str(PROJECT / "tests/bench/bystander.py")
        # Alone in its room, or what is measured would be the client that listens, too.
        self._command = [sys.executable, script, str(server.port), token, room]
        self.asked: list[Asked] = []

    def __enter__(self) -> Bystander:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_exc: object) -> None:
        told, _ = self._process.communicate(timeout=30)
        self.asked = [Asked(*orjson.loads(line)) for line in told.splitlines()]
        assert self._process.returncode == 0, "the bystander gave up"

    def during(self, what: str, spans: Sequence[tuple[float, float]]) -> list[float]:
        """How long the requests took that began in one of the spans."""
        return [
            one.took
            for one in self.asked
            if one.what == what and any(began <= one.began <= ended for began, ended in spans)
        ]


async def stampede(herd: Sequence[Person], room: str, *, lazy: bool) -> Herd:
    """Everybody's initial sync of the room at once."""
    criteria = {"room": {"rooms": [room], "timeline": {"limit": 20}, "state": {"lazy_load_members": lazy}}}
    path = f"/sync?timeout=0&filter={quote(orjson.dumps(criteria).decode())}"
    began = time.monotonic()

    async def come_back(person: Person) -> float:
        await person.ask("GET", path)
        return time.monotonic() - began

    slowest = max(await asyncio.gather(*map(come_back, herd)))
    return Herd(began, time.monotonic(), slowest)


async def gathered(base: str, http: aiohttp.ClientSession, count: int) -> tuple[list[Person], str]:
    """Users who are all in one room."""
    people = [Person(base, http) for _ in range(count)]
    await people[0].register("u0")
    room = (await people[0].ask("POST", "/createRoom", {"preset": "public_chat"}))["room_id"]
    for number, person in enumerate(people[1:], 1):
        await person.register(f"u{number}")
        await person.ask("POST", f"/join/{quote(room)}", {})
    return people, room


async def measure(server: RealServer, args: argparse.Namespace) -> dict[str, float]:
    """Let herds come while the bystander talks."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=600)) as http:
        people, room = await gathered(server.base, http, args.members)
        alone = Person(server.base, http)
        await alone.register("bystander")
        own = (await alone.ask("POST", "/createRoom", {}))["room_id"]
        herds: dict[str, list[Herd]] = {"lazy": [], "all": []}
        with Bystander(server, alone, own) as bystander:
            await asyncio.sleep(BETWEEN_SECONDS)
            quiet = time.monotonic()
            await asyncio.sleep(QUIET_SECONDS)
            calm = (quiet, time.monotonic())
            for _ in range(args.rounds):
                for name, past in herds.items():
                    past.append(await stampede(people[1 : args.herd + 1], room, lazy=name == "lazy"))
                    await asyncio.sleep(BETWEEN_SECONDS)
    return figures(bystander, calm, herds)


def figures(
    bystander: Bystander, calm: tuple[float, float], herds: dict[str, list[Herd]]
) -> dict[str, float]:
    """What is printed; those judged are called "… over twice"."""
    found: dict[str, float] = {}
    for what in ("send", "sync"):
        quiet = bystander.during(what, [calm])
        found[f"{what}, quiet: p50 [ms]"] = median = percentile(quiet, 0.5)
        found[f"{what}, quiet: over twice its p50 [%]"] = 100 * over(quiet, median) / len(quiet)
        for name, past in herds.items():
            took = bystander.during(what, [(herd.began, herd.ended) for herd in past])
            found[f"{what}, {name}: requests"] = len(took)
            found[f"{what}, {name}: p50 [ms]"] = percentile(took, 0.5)
            found[f"{what}, {name}: slowest [ms]"] = percentile(took, 1.0)
            found[f"{what}, {name}: requests over twice"] = over(took, median)
    for name, past in herds.items():
        found[f"herd, {name}: all answered, p50 [ms]"] = percentile([herd.slowest for herd in past], 0.5)
    return found


def over(took: Sequence[float], median: float) -> int:
    """How many took longer than twice so many milliseconds."""
    return sum(one * 1000 > 2 * median for one in took)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--members", type=int, default=300)
    parser.add_argument("--herd", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=10, help="herds of each kind")
    parser.add_argument("--db", default="", help="postgresql:// of a server on which databases may be made")
    parser.add_argument("--check", action="store_true", help="fail when somebody had to wait")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    settings: dict[str, Any] = {"presence": {"enabled": False}}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="herd-")))
        url = stack.enter_context(scratch_database(args.db)) if args.db else ""
        server = stack.enter_context(RealServer(folder, database_url=url, settings=settings))
        os.nice(GIVING_WAY)
        found = asyncio.run(measure(server, args))
    for name, value in found.items():
        print(f"{name:45} {value:10.1f}")
    missed = [name for name, value in found.items() if name.endswith("over twice") and value]
    for name in missed:
        print(f"not kept: {name}")
    return 1 if args.check and missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
