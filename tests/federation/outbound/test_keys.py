"""Asking other servers for keys: all at once, each within the time of the client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from matrix_app.federation import loop
from matrix_app.federation.outbound.keys import AT_ONCE, LISTS_AT_ONCE, FederatedKeys, Request
from matrix_app.protocol.errors import MatrixError, RemoteError, RemoteUnreachable
from matrix_app.services.remote_keys import Asked

FRAN = "@fran:far.example"


class Network:
    """Servers by name: what they answer, or how long they do not."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Request]] = []
        self.faults: dict[tuple[str, ...], MatrixError] = {}
        self.delays: dict[str, float] = {}
        self.busy = self.most = 0

    async def ask(self, server: str, request: Request, seconds: float) -> Any:
        self.requests.append((server, request))
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            await asyncio.sleep(self.delays.get(server, 0.001))
        finally:
            self.busy -= 1
        for segments, fault in self.faults.items():
            if request.segments[: len(segments)] == segments:
                raise fault
        return {"from": server, "path": request.segments}

    @property
    def paths(self) -> list[tuple[str, ...]]:
        return [request.segments for _, request in self.requests]


@pytest.fixture
def network() -> Iterator[Network]:
    yield Network()
    loop.stop()


def lists(*user_ids: str) -> Asked:
    return Asked(user_ids, {})


def test_lists_and_keys_are_asked_for_as_the_specification_says(network: Network) -> None:
    keys = FederatedKeys(network.ask)
    asked = {"far.example": Asked([FRAN], {"@gus:far.example": ["D"]})}
    told = keys.query(asked, 1)["far.example"]
    assert told.error is None
    assert told.lists == {FRAN: {"from": "far.example", "path": ("devices", FRAN)}}
    assert told.keys["path"] == ("keys", "query")
    contents = {request.segments: request.content for _, request in network.requests}
    assert contents[("devices", FRAN)] is None
    assert contents[("keys", "query")] == {"device_keys": {"@gus:far.example": ["D"]}}
    claims = {"far.example": {FRAN: {"D": "signed_curve25519"}}}
    assert keys.claim(claims, 1)["far.example"] == {
        "from": "far.example",
        "path": ("keys", "claim"),
    }
    assert network.requests[-1][1].content == {"one_time_keys": claims["far.example"]}


def test_a_server_that_refuses_lists_is_asked_about_the_users_together(network: Network) -> None:
    network.faults[("devices",)] = RemoteError("far.example", 404, {})
    told = FederatedKeys(network.ask).query({"far.example": lists(FRAN)}, 1)["far.example"]
    assert told.error is None
    assert told.lists == {}
    assert told.keys["path"] == ("keys", "query")


def test_a_server_that_cannot_be_reached_is_not_asked_twice(network: Network) -> None:
    network.faults[()] = RemoteUnreachable("gone")
    told = FederatedKeys(network.ask).query({"far.example": lists(FRAN)}, 1)["far.example"]
    assert isinstance(told.error, RemoteUnreachable)
    assert network.paths == [("devices", FRAN)]


def test_a_slow_server_takes_no_more_time_than_the_client_has(network: Network) -> None:
    network.delays["slow.example"] = 30
    keys = FederatedKeys(network.ask)
    begun = time.monotonic()
    asked = {"slow.example": lists("@a:slow.example"), "far.example": lists(FRAN)}
    told = keys.query(asked, 0.1)
    assert isinstance(told["slow.example"].error, RemoteUnreachable)
    assert told["far.example"].lists
    claimed = keys.claim({"slow.example": {}, "far.example": {}}, 0.1)
    assert isinstance(claimed["slow.example"], RemoteUnreachable)
    assert isinstance(claimed["far.example"], dict)
    assert time.monotonic() - begun < 4


def test_whoever_wants_the_same_list_waits_for_the_same_answer(network: Network) -> None:
    network.delays["far.example"] = 0.2
    keys = FederatedKeys(network.ask)
    with ThreadPoolExecutor(20) as threads:
        told = list(threads.map(lambda _: keys.query({"far.example": lists(FRAN)}, 1), range(20)))
    assert all(answer["far.example"].lists for answer in told)
    assert network.paths == [("devices", FRAN)]
    assert keys.query({"far.example": lists(FRAN)}, 1)["far.example"].lists
    assert len(network.paths) == 2


def test_only_so_many_servers_are_asked_at_once(network: Network) -> None:
    servers = [f"s{n}.example" for n in range(4 * AT_ONCE)]
    told = FederatedKeys(network.ask).query({name: Asked([], {"@a:x": []}) for name in servers}, 5)
    assert set(told) == set(servers)
    assert network.most <= AT_ONCE


def test_servers_whose_turn_does_not_come_in_time_are_not_asked(network: Network) -> None:
    servers = [f"s{n}.example" for n in range(2 * AT_ONCE)]
    network.delays = dict.fromkeys(servers, 30)
    told = FederatedKeys(network.ask).query({name: Asked([], {"@a:x": []}) for name in servers}, 0.1)
    assert all(isinstance(answer.error, RemoteUnreachable) for answer in told.values())
    assert len(network.requests) == AT_ONCE


def test_only_so_many_lists_are_asked_of_one_server_at_once(network: Network) -> None:
    users = [f"@u{n}:far.example" for n in range(20)]
    told = FederatedKeys(network.ask).query({"far.example": lists(*users)}, 5)
    assert set(told["far.example"].lists) == set(users)
    assert network.most <= LISTS_AT_ONCE
