"""Verifying what other servers signed: events, JSON objects and requests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final, NamedTuple

from appliance.config import get_config
from matrix_app.federation import loop
from matrix_app.federation.key_fetching import ClientKeyFetcher
from matrix_app.federation.key_ring import Found, KeyRing, Need, is_remembered, recall_stored
from matrix_app.federation.loop import LoopThread
from matrix_app.federation.second_hand import both_ways
from matrix_app.protocol.errors import InvalidSignature, KeysUnknown, MatrixError
from matrix_app.protocol.events import Event
from matrix_app.protocol.signing import (
    MOST_SIGNATURES,
    server_that_authorised,
    servers_that_must_sign,
    signing_key_ids,
    verify_json,
    verify_received,
)
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
    checks = [_check_of(event) for event in events]
    needs = {need for check in checks for need in check.needs}
    found = await (ring or key_ring()).find(needs)
    faults: list[MatrixError | None] = []
    for start in range(0, len(checks), BATCH):
        faults += await loop.in_thread(_verify_all, checks[start : start + BATCH], found)
    return faults


def known_event_faults(events: Sequence[Event]) -> list[MatrixError | None]:
    """As `verify_event_signatures`, with the keys that are here, in the caller's thread and one beside it.

    Where that does not do, there is `KeysUnknown`.
    """
    checks = [_check_of(event) for event in events]
    found = recall_stored([need for check in checks for need in check.needs])
    return both_ways(checks, lambda some: _verify_all(some, found))


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


class _Check(NamedTuple):
    """An event and, for each server that must have signed it, the keys it claims to have used."""

    event: Event
    signers: tuple[tuple[Need, ...], ...]
    fault: MatrixError | None = None
    # The same of the server by which a user was let in; empty where it does not claim to have signed.
    authoriser: tuple[Need, ...] | None = None

    @property
    def needs(self) -> set[Need]:
        """Every key that is asked for."""
        return {need for signer in (*self.signers, self.authoriser or ()) for need in signer}


def _check_of(event: Event) -> _Check:
    if event.is_verified:
        return _Check(event, ())
    try:
        authorised = server_that_authorised(event)
        authoriser = None if authorised is None else _claimed(event, authorised)
        return _Check(event, tuple(_signers(event)), authoriser=authoriser)
    except MatrixError as error:
        return _Check(event, (), error)


def _signers(event: Event) -> Iterator[tuple[Need, ...]]:
    for server_name in servers_that_must_sign(event):
        claimed = _claimed(event, server_name)
        if not claimed:
            raise InvalidSignature(f"{event.event_id} is not signed by {server_name}")
        yield claimed


def _claimed(event: Event, server_name: str) -> tuple[Need, ...]:
    """The keys that a server claims to have signed with."""
    # In room versions 1 to 4 a key counts whenever it was valid.
    valid_at = event.origin_server_ts if event.rules.enforce_key_validity else 0
    key_ids = signing_key_ids(event.pdu, server_name)
    if len(key_ids) > MOST_SIGNATURES:
        # Anybody can add signatures: many of them must not hide the one that is right.
        key_ids.sort(key=lambda key_id: not is_remembered(server_name, key_id))
        key_ids = key_ids[:MOST_SIGNATURES]
    return tuple(Need(server_name, key_id, valid_at) for key_id in key_ids)


def _verify_all(checks: Sequence[_Check], found: Found) -> list[MatrixError | None]:
    return [_fault_of(check, found) for check in checks]


def _fault_of(check: _Check, found: Found) -> MatrixError | None:
    if check.fault is not None:
        return check.fault
    for signer in check.signers:
        fault = _fault_of_signer(check.event, signer, found)
        if fault is not None:
            return fault
    fault = _fault_of_authoriser(check, found)
    # A join without it is dropped rather than rejected: where it was accepted, it has the signature, and is
    # to be had from there.
    is_join = check.event.content.get("membership") == "join"
    if fault is not None and (is_join or isinstance(fault, KeysUnknown)):
        return fault
    check.event.is_unauthorised = fault is not None
    # It has been verified, and may be kept for long.
    check.event.signed, check.event.is_verified = None, True
    return None


def _fault_of_authoriser(check: _Check, found: Found) -> MatrixError | None:
    if check.authoriser is None:
        return None
    if not check.authoriser:
        return InvalidSignature("The server that is said to have let the user in has not signed")
    return _fault_of_signer(check.event, check.authoriser, found)


def _fault_of_signer(event: Event, signer: Sequence[Need], found: Found) -> MatrixError | None:
    """None when all signatures of the server by known keys are right, and there is one.

    "If all signatures from known unexpired keys from the originating server(s) are found to be valid"; those
    by other keys are ignored.
    """
    fault: MatrixError | None = KeysUnknown(
        f"No key of {signer[0].server_name} is known that was valid when {event.event_id} was made"
    )
    for need in signer:
        key = found.get((need.server_name, need.key_id))
        # The same key may be good for one event and not for another.
        if key is None or not need.is_met_by(key):
            continue
        try:
            verify_received(event, need.server_name, need.key_id, key.verify_key)
        except MatrixError as error:
            return error
        fault = None
    return fault
