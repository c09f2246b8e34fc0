"""Verifying what other servers signed: events, JSON objects and requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from appliance.config import get_config
from matrix_app.federation import loop
from matrix_app.federation.key_fetching import ClientKeyFetcher
from matrix_app.federation.key_ring import Found, KeyRing, Need, recall_stored
from matrix_app.federation.loop import LoopThread
from matrix_app.federation.must_sign import Check, Proving, faults_of
from matrix_app.federation.second_hand import second_hand
from matrix_app.protocol.errors import InvalidSignature, KeysUnknown, MatrixError
from matrix_app.protocol.events import Event
from matrix_app.protocol.signing import MOST_SIGNATURES, signing_key_ids, verify_json
from matrix_app.storage.clock import now_ms

# Events that are verified in one go in a thread.
BATCH: Final = 100


def key_ring() -> KeyRing:
    """The keys of other servers, in this process."""
    return _ring_of(loop.loop_thread())


@lru_cache(maxsize=1)
def _ring_of(_thread: LoopThread) -> KeyRing:
    # Late, because it takes 10 MiB that a server which meets no others can do without.
    from matrix_app.federation.client import federation_client

    fetcher = ClientKeyFetcher(federation_client())
    return KeyRing(fetcher, get_config().federation.trusted_key_servers)


async def verify_event_signatures(
    events: Sequence[Event], ring: KeyRing | None = None
) -> list[MatrixError | None]:
    """For each event None, or why a signature that it must have is missing or wrong.

    Where no key is known that was good for it, that is `KeysUnknown`. The keys of each server are fetched
    once, however many events it signed.
    """
    checks = [Check(event) for event in events]
    needs = {need for check in checks for need in check.needs}
    found = await (ring or key_ring()).find(needs)
    faults: list[MatrixError | None] = []
    for start in range(0, len(checks), BATCH):
        faults += await loop.in_thread(faults_of, checks[start : start + BATCH], found)
    return faults


def known_event_faults(events: Sequence[Event]) -> list[MatrixError | None]:
    """As `verify_event_signatures`, with the keys that are here, in the caller's thread.

    Where that does not do, there is `KeysUnknown`.
    """
    return faults_of(*_checks_of(events))


def begin_known_event_faults(events: Sequence[Event]) -> Callable[[], list[MatrixError | None]]:
    """The same for who has more to do meanwhile: what is returned is called for the faults."""
    proving = Proving(*_checks_of(events))
    right = second_hand().begin(proving.signed)
    return lambda: proving.faults(right())


def _checks_of(events: Sequence[Event]) -> tuple[list[Check], Found]:
    checks = [Check(event) for event in events]
    return checks, recall_stored({need for check in checks for need in check.needs})


def event_faults(events: Sequence[Event], seconds: float) -> list[MatrixError | None]:
    """The same; other servers are asked for keys that are not here, and waited for no longer than that."""
    faults = known_event_faults(events)
    unknown = [number for number, fault in enumerate(faults) if isinstance(fault, KeysUnknown)]
    if unknown:
        asking = verify_event_signatures([events[number] for number in unknown])
        for number, fault in zip(unknown, loop.run(asking, seconds), strict=True):
            faults[number] = fault
    return faults


async def learn_keys(needs: Iterable[Need], seconds: float, ring: KeyRing | None = None) -> None:
    """Fetch keys, from as many servers as it takes, and keep those that came in so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await (ring or key_ring()).find(needs)


async def verify_json_of(
    server_name: str, obj: dict[str, Any], *, valid_at: int | None = None, ring: KeyRing | None = None
) -> None:
    """Raises `InvalidSignature` unless the server signed `obj` with a key valid then; by default now."""
    moment = now_ms() if valid_at is None else valid_at
    key_ids = signing_key_ids(obj, server_name)[:MOST_SIGNATURES]
    found = await (ring or key_ring()).find([Need(server_name, key_id, moment) for key_id in key_ids])
    fault = InvalidSignature(f"Not signed by {server_name} with a key that is known and valid")
    for (_, key_id), key in found.items():
        try:
            verify_json(obj, server_name, key_id, key.verify_key)
        except InvalidSignature as error:
            fault = error
        else:
            return
    raise fault
