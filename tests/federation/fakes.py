"""In-memory stand-ins for DNS, `.well-known` files, clocks and other servers' keys."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy

from matrix_app.federation.discovery import SrvRecord
from matrix_app.federation.key_fetching import Query
from matrix_app.federation.public_https import HttpAnswer
from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.storage.destinations import UNKNOWN, Health


class Clock:
    """A clock that tests set."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Srv:
    """SRV records by name."""

    def __init__(self, records: Mapping[str, Sequence[SrvRecord]] | None = None) -> None:
        self.by_name = records or {}
        self.asked: list[str] = []

    async def records(self, name: str) -> Sequence[SrvRecord]:
        self.asked.append(name)
        return self.by_name.get(name, ())


class WellKnown:
    """Delegated names by host."""

    def __init__(self, delegated: Mapping[str, str] | None = None) -> None:
        self.by_host = delegated or {}
        self.asked: list[str] = []

    async def delegated_name(self, host: str) -> str | None:
        self.asked.append(host)
        return self.by_host.get(host)


class Addresses:
    """Addresses by host; whatever is an address stands for itself."""

    def __init__(self, by_host: Mapping[str, Sequence[str]] | None = None) -> None:
        self.by_host = by_host or {}

    async def addresses(self, host: str) -> Sequence[str]:
        if host in self.by_host:
            return self.by_host[host]
        if host.replace(".", "").isdigit() or ":" in host:
            return [host]
        raise RemoteUnreachable(f"{host} has no address")


class Https:
    """Answers of `.well-known` requests, one after the other; the last one is repeated."""

    def __init__(self, *answers: HttpAnswer | None) -> None:
        self.answers = list(answers)
        self.urls: list[str] = []

    async def get(self, url: str, *, max_bytes: int, timeout: float) -> HttpAnswer:
        self.urls.append(url)
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            raise RemoteUnreachable("no answer")
        return answer


def answer(body: str, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """An answer to a plain request."""
    return HttpAnswer(status, CIMultiDictProxy(CIMultiDict(headers or {})), body.encode())


class MemoryBackoff:
    """Counts how servers do."""

    def __init__(self, *failing: str) -> None:
        self.failing = set(failing)
        self.failures: Counter[str] = Counter()
        self.successes: Counter[str] = Counter()

    def check(self, server_name: str, *, even_if_failing: bool = False) -> Health:
        if server_name in self.failing and not even_if_failing:
            raise RemoteUnreachable("left alone", retry_at_ts=1)
        return UNKNOWN._replace(failing_since_ts=1) if server_name in self.failing else UNKNOWN

    def failed(self, server_name: str) -> None:
        self.failures[server_name] += 1

    def succeeded(self, server_name: str) -> None:
        self.successes[server_name] += 1


class KeyServers:
    """Servers that publish keys, and notaries that know some."""

    def __init__(self) -> None:
        self.published: dict[str, dict[str, Any]] = {}
        self.at_notary: dict[str, list[dict[str, Any]]] = {}
        self.direct_requests: list[str] = []
        self.notary_requests: list[tuple[str, Query]] = []
        self.urgent: list[bool] = []

    async def direct(self, server_name: str, *, even_if_failing: bool) -> dict[str, Any]:
        self.direct_requests.append(server_name)
        self.urgent.append(even_if_failing)
        await asyncio.sleep(0.01)
        if server_name not in self.published:
            raise RemoteUnreachable(f"{server_name} gave no answer")
        return self.published[server_name]

    async def by_notary(self, notary: str, query: Query) -> list[dict[str, Any]]:
        self.notary_requests.append((notary, query))
        if notary not in self.at_notary:
            raise RemoteUnreachable(f"{notary} gave no answer")
        return [entry for entry in self.at_notary[notary] if entry["server_name"] in query]
