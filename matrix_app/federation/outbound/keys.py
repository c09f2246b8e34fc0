"""`services.remote_keys.KeyServers` over federation: all servers are asked at once, within one time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from matrix_app.federation import loop
from matrix_app.protocol.errors import MatrixError, RemoteError, RemoteUnreachable
from matrix_app.protocol.remote_keys import Claims
from matrix_app.services.remote_keys import Asked, Told

# Servers that one caller asks at the same time; lists that one server is asked for at the same time.
AT_ONCE: Final = 32
LISTS_AT_ONCE: Final = 4
LARGEST_LIST: Final = 8 << 20
LARGEST_ANSWER: Final = 16 << 20
# What a server that is slow to refuse may take beyond its time, so that it is noted as such.
GRACE_SECONDS: Final = 0.5
MARGIN_SECONDS: Final = 5.0

Q = TypeVar("Q")
T = TypeVar("T")


class Request(NamedTuple):
    """A request of `user_keys.yaml` or `user_devices.yaml`; one without content is a GET."""

    segments: tuple[str, ...]
    content: dict[str, Any] | None
    max_bytes: int


Ask = Callable[[str, Request, float], Awaitable[Any]]


async def _ask(server: str, request: Request, seconds: float) -> Any:
    from matrix_app.federation.client import federation_client
    from matrix_app.federation.paths import federation_path

    return await federation_client().request(
        server,
        "GET" if request.content is None else "POST",
        federation_path("v1", "user", *request.segments),
        content=request.content,
        timeout=seconds,
        max_bytes=request.max_bytes,
    )


class FederatedKeys:
    """Other servers on the network, or those that `ask` stands for."""

    def __init__(self, ask: Ask = _ask) -> None:
        self._ask = ask
        # What is being asked for at the moment: who wants the same waits for the same answer.
        self._lists: dict[tuple[str, str], asyncio.Task[Any]] = {}

    def query(self, asked: Mapping[str, Asked], seconds: float) -> dict[str, Told]:
        """See `KeyServers`."""
        all_told = _each(asked, seconds, self._told, _told_nothing)
        return loop.run(all_told, seconds + MARGIN_SECONDS)

    def claim(self, claims: Mapping[str, Claims], seconds: float) -> dict[str, dict[str, Any] | MatrixError]:
        """See `KeyServers`."""
        all_claimed = _each(claims, seconds, self._claimed, _too_late)
        return loop.run(all_claimed, seconds + MARGIN_SECONDS)

    async def device_list(self, server: str, user_id: str, seconds: float) -> Any:
        """The answer to `GET /user/devices/{userId}`; raises `RemoteError` and `RemoteUnreachable`."""
        task = self._lists.get((server, user_id))
        if task is None:
            request = Request(("devices", user_id), None, LARGEST_LIST)
            task = asyncio.ensure_future(_within(seconds, server, self._ask(server, request, seconds)))
            self._lists[server, user_id] = task
            task.add_done_callback(lambda done: self._forget((server, user_id), done))
        return await asyncio.shield(task)

    async def queried_list(self, server: str, user_id: str, seconds: float) -> Any:
        """The answer to `POST /user/keys/query` for one user; raises as `device_list` does."""
        request = Request(("keys", "query"), {"device_keys": {user_id: []}}, LARGEST_LIST)
        return await _within(seconds, server, self._ask(server, request, seconds))

    def _forget(self, key: tuple[str, str], done: asyncio.Task[Any]) -> None:
        del self._lists[key]
        if not done.cancelled():
            done.exception()  # whoever waited for it may have gone

    async def _told(self, server: str, asked: Asked, seconds: float) -> Told:
        lists: dict[str, Any] = {}
        try:
            async with asyncio.timeout(seconds + GRACE_SECONDS):
                refused = await self._take_lists(server, asked.lists, seconds, lists)
                # A server may know nothing of lists. What it answers to this is less easily kept current.
                wanted = {**asked.keys, **{user_id: [] for user_id in refused}}
                if not wanted:
                    return Told(lists, None, None)
                request = Request(("keys", "query"), {"device_keys": wanted}, LARGEST_ANSWER)
                return Told(lists, await self._ask(server, request, seconds), None)
        except TimeoutError:
            return Told(lists, None, _too_late(server))
        except MatrixError as error:
            return Told(lists, None, error)

    async def _take_lists(
        self, server: str, user_ids: Sequence[str], seconds: float, into: dict[str, Any]
    ) -> list[str]:
        gate = asyncio.Semaphore(LISTS_AT_ONCE)
        refused: list[str] = []

        async def take(user_id: str) -> None:
            async with gate:
                try:
                    into[user_id] = await self.device_list(server, user_id, seconds)
                except RemoteError:
                    refused.append(user_id)

        await _all(take(user_id) for user_id in user_ids)
        return refused

    async def _claimed(self, server: str, claims: Claims, seconds: float) -> dict[str, Any] | MatrixError:
        request = Request(("keys", "claim"), {"one_time_keys": claims}, LARGEST_ANSWER)
        try:
            answer = await _within(seconds, server, self._ask(server, request, seconds))
        except MatrixError as error:
            return error
        return answer if isinstance(answer, dict) else {}


async def _each(
    by_server: Mapping[str, Q],
    seconds: float,
    ask: Callable[[str, Q, float], Awaitable[T]],
    no_answer: Callable[[str], T],
) -> dict[str, T]:
    """The answers of all servers: of those whose turn did not come in time, what `no_answer` makes of it."""
    gate = asyncio.Semaphore(AT_ONCE)
    end = time.monotonic() + seconds

    async def one(server: str, what: Q) -> T:
        async with gate:
            rest = end - time.monotonic()
            return await ask(server, what, rest) if rest > 0 else no_answer(server)

    answers = await asyncio.gather(*(one(server, what) for server, what in by_server.items()))
    return dict(zip(by_server, answers, strict=True))


async def _all(work: Any) -> None:
    """Do everything; when one thing raises, the rest is given up and that is raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _within(seconds: float, server: str, asked: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(seconds + GRACE_SECONDS):
            return await asked
    except TimeoutError:
        raise _too_late(server) from None


def _told_nothing(server: str) -> Told:
    return Told({}, None, _too_late(server))


def _too_late(server: str) -> RemoteUnreachable:
    return RemoteUnreachable(f"{server} did not answer in time")


keys: Final = FederatedKeys()
