"""Being a notary: passing on the keys of other servers with this server's signature."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from matrix_app.federation import loop
from matrix_app.federation.key_ring import KeyRing
from matrix_app.federation.keys import key_ring
from matrix_app.federation.own_keys import published_keys
from matrix_app.federation.policy import is_allowed
from matrix_app.protocol.errors import LimitExceeded, RemoteUnreachable, TooLarge
from matrix_app.protocol.signing import sign_json
from matrix_app.services.local_identity import local_identity
from matrix_app.storage import server_keys
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name

MOST_SERVERS: Final = 200
# Queries that wait for other servers have a thread each: most of those have to be left for the others.
MOST_WAITING: Final = 1
SECONDS: Final = 20.0
RETRY_MS: Final = 2_000

_waiting = threading.BoundedSemaphore(MOST_WAITING)


class Criteria(NamedTuple):
    """Which keys of a server are asked for, each good until a time; none for all, good until `until`."""

    keys: Mapping[str, int]
    until: int


class _Stored(NamedTuple):
    """A signed answer of a server, as it was fetched."""

    answer: dict[str, Any]
    fetched_ts: int

    def is_fresh(self, until: int, now: int) -> bool:
        """Whether it meets a query without asking the server again."""
        valid_until: int = self.answer["valid_until_ts"]
        # "Intermediate notary servers should cache a response for half of its lifetime". Who asks what was
        # valid in the past is not helped by what is valid since.
        is_current = valid_until < now or now - self.fetched_ts <= valid_until - now
        return valid_until >= until and is_current


def asked_keys(wanted: Mapping[str, Criteria], ring: KeyRing | None = None) -> list[dict[str, Any]]:
    """Signed answers with the keys, as far as they can be had; raises `TooLarge`, `LimitExceeded`."""
    if len(wanted) > MOST_SERVERS:
        raise TooLarge(f"Ask for {MOST_SERVERS} servers at most")
    others = {name: criteria for name, criteria in wanted.items() if name != local_server_name()}
    stale = [name for name, criteria in others.items() if is_allowed(name) and not _is_fresh(name, criteria)]
    if stale:
        _refresh(ring or key_ring(), stale)
    answers = [_countersigned(answer) for name in others for answer in _answers(name, others[name])]
    return answers if len(others) == len(wanted) else [published_keys(), *answers]


def _stored(server_name: str) -> dict[str, _Stored]:
    found = server_keys.responses(server_name)
    return {key_id: _Stored(orjson.loads(response), fetched) for key_id, (response, fetched) in found.items()}


def _is_fresh(server_name: str, criteria: Criteria) -> bool:
    stored, now = _stored(server_name), now_ms()
    if not criteria.keys:
        return any(item.is_fresh(criteria.until, now) for item in stored.values())
    return all(
        key_id in stored and stored[key_id].is_fresh(until, now) for key_id, until in criteria.keys.items()
    )


def _refresh(ring: KeyRing, server_names: list[str]) -> None:
    """Ask servers for their keys; of those that do not answer the keys stay as they are."""
    if not _waiting.acquire(blocking=False):
        raise LimitExceeded(RETRY_MS, "Too many queries for keys at the moment")
    try:
        loop.run(_fetch_all(ring, server_names), SECONDS)
    except RemoteUnreachable:
        return  # what came in time has been stored
    finally:
        _waiting.release()


async def _fetch_all(ring: KeyRing, server_names: list[str]) -> None:
    await asyncio.gather(*(ring.fetch(name) for name in server_names))


def _answers(server_name: str, criteria: Criteria) -> list[dict[str, Any]]:
    """The different answers in which the keys that are asked for came."""
    stored = _stored(server_name)
    chosen = [item for key_id, item in stored.items() if not criteria.keys or key_id in criteria.keys]
    different = {orjson.dumps(item.answer): item.answer for item in chosen}
    return list(different.values())


def _countersigned(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with its server's signatures and this server's, without those of other notaries."""
    name, key = local_identity()
    own = answer["signatures"][answer["server_name"]]
    return sign_json({**answer, "signatures": {answer["server_name"]: own}}, name, key)
