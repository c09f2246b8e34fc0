"""Registering clients ("Dynamic client registration flow", RFC 7591), and removing those that nobody is."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from matrix_app.protocol.errors import OAuthError
from matrix_app.protocol.oauth.client_metadata import ClientMetadata, parse_client_metadata
from matrix_app.storage import db, oauth_clients
from matrix_app.storage.clock import now_ms
from matrix_app.storage.oauth_clients import OAuthClientRow

LONGEST_METADATA: Final = 32_768
# "Clients MUST perform a new client registration at the start of each authorisation flow": who is about to
# sign in needs minutes, and a client that does not keep to that has a month.
KEPT_MS: Final = 30 * 24 * 3_600_000
KEPT_FULL_MS: Final = 30 * 60_000
MOST_CLIENTS: Final = 20_000
_TRIMMED: Final = 200


class Client(NamedTuple):
    """A registered client."""

    nid: int
    client_id: str
    metadata: ClientMetadata


def register(given: Mapping[str, Any]) -> Client:
    """Register a client; one with the same metadata is the same client. Raises `OAuthError`."""
    metadata = parse_client_metadata(given)
    content = msgspec.json.encode(metadata, order="deterministic")
    if len(content) > LONGEST_METADATA:
        raise OAuthError("The metadata are too long", error="invalid_client_metadata")
    now = now_ms()
    with db.write():
        _make_room(now)
        client_id = oauth_clients.put(
            secrets.token_urlsafe(16), hashlib.sha256(content).digest(), content, now
        )
    return find(client_id)


def _make_room(now: int) -> None:
    """When there are very many, those go early that were registered and never used."""
    if oauth_clients.count() < MOST_CLIENTS:
        return
    if not oauth_clients.delete_unused(now - KEPT_FULL_MS, now, _TRIMMED):
        raise OAuthError("Too many clients register", error="temporarily_unavailable", status=503)


def find(client_id: str) -> Client:
    """The client with an ID; raises `OAuthError`."""
    row = None if "\0" in client_id else oauth_clients.find(client_id)
    if row is None:
        raise OAuthError("This client is not registered here", error="invalid_client", status=401)
    return _client(row)


def by_nid(nid: int) -> Client | None:
    """A client, or None."""
    row = oauth_clients.by_nid(nid)
    return None if row is None else _client(row)


def _client(row: OAuthClientRow) -> Client:
    return Client(row.nid, row.client_id, msgspec.json.decode(row.metadata, type=ClientMetadata))


def delete_stale(limit: int) -> int:
    """Remove clients that have no session and were not used for a month; how many."""
    now = now_ms()
    return oauth_clients.delete_unused(now - KEPT_MS, now, limit)
