"""Asking servers for their keys, and notaries for those of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.protocol.said import said

if TYPE_CHECKING:
    from matrix_app.federation.client import FederationClient

TIMEOUT: Final = 10.0
MAX_ANSWER: Final = 262_144
NOTARY_TIMEOUT: Final = 30.0
MAX_NOTARY_ANSWER: Final = 8 << 20

# server name -> key ID -> the time until which the key should be good
Query = Mapping[str, Mapping[str, int]]


class KeyFetcher(Protocol):
    """Asks for keys. Nothing in the answers has been verified."""

    async def direct(self, server_name: str, *, even_if_failing: bool) -> dict[str, Any]:
        """What the server publishes; raises `MatrixError`."""
        ...

    async def by_notary(self, notary: str, query: Query) -> list[dict[str, Any]]:
        """What a notary tells of several servers; raises `MatrixError`."""
        ...


class ClientKeyFetcher:
    """Asks over federation. Requests for keys are not signed: whoever is asked may not know our key yet."""

    def __init__(self, client: FederationClient) -> None:
        self._client = client

    async def direct(self, server_name: str, *, even_if_failing: bool) -> dict[str, Any]:
        """What the server publishes; raises `MatrixError`."""
        answer = await self._client.request(
            server_name,
            "GET",
            "/_matrix/key/v2/server",
            timeout=TIMEOUT,
            max_bytes=MAX_ANSWER,
            even_if_failing=even_if_failing,
            signed=False,
        )
        if not isinstance(answer, dict):
            raise RemoteUnreachable(said("{server_name} does not publish keys", server_name=server_name))
        return answer

    async def by_notary(self, notary: str, query: Query) -> list[dict[str, Any]]:
        """What a notary tells of several servers; raises `MatrixError`."""
        criteria = {
            server_name: {key_id: {"minimum_valid_until_ts": until} for key_id, until in keys.items()}
            for server_name, keys in query.items()
        }
        answer = await self._client.request(
            notary,
            "POST",
            "/_matrix/key/v2/query",
            content={"server_keys": criteria},
            timeout=NOTARY_TIMEOUT,
            max_bytes=MAX_NOTARY_ANSWER,
            signed=False,
        )
        found = answer.get("server_keys") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise RemoteUnreachable(said("{notary} is no notary", notary=notary))
        return [item for item in found if isinstance(item, dict)]
