"""Asking a room's policy server to sign an event ("Asking for a Policy Server signature on an event")."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from matrix_app.protocol.errors import BadGateway, Forbidden, LimitExceeded, MatrixError, RemoteError
from matrix_app.protocol.events import Event
from matrix_app.protocol.signing import POLICY_KEY_ID
from matrix_app.services import policy_servers, received_events
from matrix_app.services.policy_servers import PolicyServer, UnrecommendedError
from matrix_app.services.received_checks import present_entries
from matrix_app.services.received_events import Beside, States
from matrix_app.services.remote_servers import request
from matrix_app.storage.events import Status
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.rooms import RoomIdentity

_PATH: Final = "/_matrix/policy/v1/sign"
# A client waits for it.
SECONDS: Final = 10.0
_MOST_BYTES: Final = 65_536
_RETRY_MS: Final = 5_000


def signed(event: Event, policy: PolicyServer) -> Event:
    """The event with the policy server's valid signature beside those that it has.

    Raises what the policy server says against the event, `RemoteUnreachable` when it says nothing in time,
    and `BadGateway` when its signature is not by the key that the room names.
    """
    answer = _ask(event, policy)
    by_server = answer.get(policy.name) if isinstance(answer, dict) else None
    signature = by_server.get(POLICY_KEY_ID) if isinstance(by_server, dict) else None
    if not isinstance(signature, str):
        raise BadGateway(f"{policy.name}, the room's policy server, has not signed the event")
    theirs = {**event.pdu["signatures"].get(policy.name, {}), POLICY_KEY_ID: signature}
    pdu = {**event.pdu, "signatures": {**event.pdu["signatures"], policy.name: theirs}}
    found = Event(pdu, event.event_id, event.rules)
    if not policy_servers.is_signed(found, policy):
        raise BadGateway(f"{policy.name} has signed the event with another key than the room names")
    return found


def _ask(event: Event, policy: PolicyServer) -> Any:
    if policy.name == local_server_name():
        raise Forbidden("The room names this server as its policy server, which it is not")
    try:
        return request(policy.name, "POST", _PATH, content=event.pdu, timeout=SECONDS, max_bytes=_MOST_BYTES)
    except RemoteError as error:
        if error.remote_status != 429:
            raise
        wait = error.content.get("retry_after_ms")
        milliseconds = wait if isinstance(wait, int) and 0 < wait < 1 << 31 else _RETRY_MS
        raise LimitExceeded(milliseconds, error.message) from error


def signed_if_needed(room: RoomIdentity, event: Event) -> Event:
    """The event as the room's policy server wants it at present; raises as `signed` does."""
    present = present_entries(room, [policy_servers.POLICY])
    policy = policy_servers.lacking(room, event, present.get(policy_servers.POLICY))
    return event if policy is None else signed(event, policy)


def store_asking(
    room: RoomIdentity,
    event: Event,
    *,
    beyond: States | None = None,
    beside: Beside = received_events.store_nothing,
) -> Status | None:
    """`store_received`, after the policy server was asked for a signature that the event lacks.

    Without one in the end, the event is soft-failed.
    """
    try:
        return received_events.store_received(room, event, beyond=beyond, beside=beside)
    except UnrecommendedError as lacking:
        policy = lacking.policy
    with suppress(MatrixError):
        event = signed(event, policy)
    # Should the room want another policy server's signature by now: that is not asked for.
    return received_events.store_received(room, event, beyond=beyond, beside=beside, unrecommended=True)
