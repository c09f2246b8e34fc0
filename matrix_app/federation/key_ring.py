"""The verify keys of all servers: in memory, in the database, or fetched from the server or a notary."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import structlog

from matrix_app.federation import loop
from matrix_app.federation.key_fetching import KeyFetcher
from matrix_app.federation.own_keys import own_key
from matrix_app.federation.ttl_cache import SingleFlight, TtlCache
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import BadJson, InvalidSignature, MatrixError
from matrix_app.protocol.ids import is_server_name
from matrix_app.protocol.server_keys import LONGEST_VALIDITY_MS, ServerKeys, read_server_keys
from matrix_app.protocol.signing import signing_key_ids, verify_json
from matrix_app.storage import db, server_keys
from matrix_app.storage.cache import ByteCache
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.server_keys import StoredKey

# So many servers at once are asked about at the notaries first, which takes one request instead of many.
MANY_SERVERS: Final = 8
SERVERS_PER_QUERY: Final = 100
# Requests to as many servers at a time.
AT_A_TIME: Final = 24
# A server is asked no more often than this, however many unknown keys are named in its name.
ASKED_EVERY_SECONDS: Final = 10.0
MOST_ASKED: Final = 10_000
_ENTRY_BYTES: Final = 400

_log = structlog.get_logger(__name__)
_cache: ByteCache[tuple[str, str], StoredKey] = ByteCache("server_keys", 4 << 20)


class Need(NamedTuple):
    """A key that something was signed with, and when it must have been valid; 0 for at any time."""

    server_name: str
    key_id: str
    valid_at: int

    def is_met_by(self, key: StoredKey) -> bool:
        """Whether the key was valid at the time."""
        if self.valid_at == 0:
            return True
        end = key.valid_until_ts if key.expired_ts is None else key.expired_ts
        return end >= self.valid_at


Found = dict[tuple[str, str], StoredKey]


class KeyRing:
    """Finds verify keys. Its coroutines run on the federation loop."""

    def __init__(
        self, fetcher: KeyFetcher, notaries: Iterable[str], clock: Callable[[], int] = now_ms
    ) -> None:
        self._fetcher = fetcher
        self._notaries = [name for name in notaries if name != local_server_name()]
        self._clock = clock
        self._flights: SingleFlight[str, ServerKeys | None] = SingleFlight()
        self._asked: TtlCache[str, bool] = TtlCache(MOST_ASKED)
        self._at_a_time = asyncio.Semaphore(AT_A_TIME)

    async def find(self, needs: Iterable[Need], *, urgent: bool = False) -> Found:
        """The keys that meet needs; those that cannot be had are missing.

        `urgent` asks a server also while it is being left alone: when it is the one that speaks.
        """
        wanted = set(needs)
        found, missing = recall(wanted)
        if missing:
            await loop.in_thread(_load, {need.server_name for need in missing})
            found, missing = recall(wanted)
        missing = {need for need in missing if self._can_be_fetched(need)}
        if missing:
            await self._fetch(missing, urgent)
            found, _ = recall(wanted)
        return found

    def _can_be_fetched(self, need: Need) -> bool:
        if need.server_name == local_server_name() or need.valid_at > self._clock() + LONGEST_VALIDITY_MS:
            return False
        if not is_server_name(need.server_name):
            return False
        known = _cache.get((need.server_name, need.key_id))
        # A key that was given up does not come back.
        return known is None or known.expired_ts is None

    async def _fetch(self, missing: set[Need], urgent: bool) -> None:
        many = len({need.server_name for need in missing}) > MANY_SERVERS
        if many:
            missing = await self._fetch_by_notaries(missing)
        missing = await self._fetch_direct(missing, urgent)
        if not many:
            await self._fetch_by_notaries(missing)

    async def _fetch_direct(self, missing: set[Need], urgent: bool) -> set[Need]:
        names = {need.server_name for need in missing}
        await asyncio.gather(*(self._ask(name, urgent) for name in names))
        return recall(missing)[1]

    async def _ask(self, server_name: str, urgent: bool) -> None:
        if self._asked.get(server_name) is None:
            await self.fetch(server_name, urgent=urgent)

    async def fetch(self, server_name: str, *, urgent: bool = False) -> ServerKeys | None:
        """Ask a server for its keys now, and keep them; None when it gives none that are its own."""

        async def ask() -> ServerKeys | None:
            async with self._at_a_time:
                return await self._fetch_one(server_name, urgent)

        return await self._flights.run(server_name, ask)

    async def _fetch_one(self, server_name: str, urgent: bool) -> ServerKeys | None:
        try:
            answer = await self._fetcher.direct(server_name, even_if_failing=urgent)
            keys = read_server_keys(answer)
            if keys.server_name != server_name:
                raise BadJson("The keys are those of another server")
        except MatrixError as error:
            _log.info("no keys from a server", server=server_name, reason=error.message)
            return None
        finally:
            self._asked.put(server_name, True, ASKED_EVERY_SECONDS)
        await self._keep(keys, answer, direct=True)
        return keys

    async def _fetch_by_notaries(self, missing: set[Need]) -> set[Need]:
        for notary in self._notaries:
            queries = _queries({need for need in missing if need.server_name != notary})
            for query in queries:
                await self._ask_notary(notary, query)
            missing = recall(missing)[1]
        return missing

    async def _ask_notary(self, notary: str, query: Mapping[str, Mapping[str, int]]) -> None:
        try:
            answers = await self._fetcher.by_notary(notary, query)
        except MatrixError as error:
            _log.info("no keys from a notary", notary=notary, reason=error.message)
            return
        for answer in answers:
            try:
                await self._take_from_notary(notary, query, answer)
            except MatrixError as error:
                name = answer.get("server_name")
                _log.warning("bad keys from a notary", notary=notary, server=name, reason=error.message)

    async def _take_from_notary(
        self, notary: str, query: Mapping[str, Mapping[str, int]], answer: dict[str, Any]
    ) -> None:
        keys = read_server_keys(answer)
        if keys.server_name not in query:
            raise BadJson("Nobody asked for this server")
        await self._check_notary(notary, answer)
        await self._keep(keys, answer, direct=False)

    async def _check_notary(self, notary: str, answer: dict[str, Any]) -> None:
        """Raises `InvalidSignature` unless the notary has signed with a key that is valid now."""
        key_ids = signing_key_ids(answer, notary)
        found = await self.find([Need(notary, key_id, self._clock()) for key_id in key_ids])
        if not found:
            raise InvalidSignature(f"Not signed by {notary} with a known key")
        for (_, key_id), key in found.items():
            verify_json(answer, notary, key_id, key.verify_key)

    async def _keep(self, keys: ServerKeys, answer: dict[str, Any], *, direct: bool) -> None:
        now = self._clock()
        valid_until = min(keys.valid_until_ts, now + LONGEST_VALIDITY_MS)
        stored = [
            StoredKey(keys.server_name, key.key_id, key.verify_key, valid_until, key.expired_ts, now)
            for key in keys.keys
        ]
        await loop.in_thread(_store, stored, encode_canonical(answer, lenient=True), direct)


def recall(needs: Iterable[Need]) -> tuple[Found, set[Need]]:
    """Keys of this process's memory that meet needs, and the needs for which there is none."""
    found: Found = {}
    missing = set()
    for need in needs:
        key = _known(need.server_name, need.key_id)
        if key is not None and need.is_met_by(key):
            found[need.server_name, need.key_id] = key
        else:
            missing.add(need)
    return found, missing


def recall_stored(needs: Iterable[Need]) -> Found:
    """The keys that meet needs, without asking other servers: of this process's memory or the database."""
    found, missing = recall(needs)
    if not missing:
        return found
    _load({need.server_name for need in missing})
    return recall(needs)[0]


def is_remembered(server_name: str, key_id: str) -> bool:
    """Whether a key is in this process's memory."""
    return _known(server_name, key_id) is not None


def _known(server_name: str, key_id: str) -> StoredKey | None:
    if server_name == local_server_name():
        return own_key(key_id)
    return _cache.get((server_name, key_id))


def _load(server_names: set[str]) -> None:
    # Senders of old rooms may have domains that are no names of servers.
    for key in server_keys.of_servers(name for name in server_names if is_server_name(name)):
        _cache.put((key.server_name, key.key_id), key, _ENTRY_BYTES)


def _store(keys: list[StoredKey], response: bytes, direct: bool) -> None:
    with db.write():
        server_keys.put(keys, response, direct=direct)
    _load({key.server_name for key in keys})


def _queries(needs: set[Need]) -> list[dict[str, dict[str, int]]]:
    by_server: dict[str, dict[str, int]] = defaultdict(dict)
    for need in needs:
        keys = by_server[need.server_name]
        keys[need.key_id] = max(need.valid_at, keys.get(need.key_id, 0))
    names = sorted(by_server)
    return [
        {name: by_server[name] for name in names[start : start + SERVERS_PER_QUERY]}
        for start in range(0, len(names), SERVERS_PER_QUERY)
    ]
