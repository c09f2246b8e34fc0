"""Bringing transactions to application services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

from matrix_app.protocol.appservice_registration import Appservice

if TYPE_CHECKING:
    from matrix_app.federation.outgoing import Answer

TIMEOUT: Final = 60.0
# What services answer that know only the paths from before the specification had versions.
_UNKNOWN_PATH: Final = (404, 405, 501)


class Bridge(Protocol):
    """Where transactions go."""

    async def send(self, service: Appservice, txn_id: str, body: bytes) -> Answer:
        """The service's answer; raises `BadGateway` without one."""
        ...


class HttpBridge:
    """Services at the addresses of their registrations, which the owner trusts."""

    async def send(self, service: Appservice, txn_id: str, body: bytes) -> Answer:
        """The service's answer; raises `BadGateway` without one."""
        answer = await self._put(service, f"/_matrix/app/v1/transactions/{quote(txn_id, safe='')}", body)
        if answer.status in _UNKNOWN_PATH:
            return await self._put(service, f"/transactions/{quote(txn_id, safe='')}", body)
        return answer

    async def _put(self, service: Appservice, path: str, body: bytes) -> Answer:
        # The client is big, and most servers have no bridges.
        from matrix_app.federation.outgoing import outgoing

        headers = {"Authorization": f"Bearer {service.hs_token}"}
        url = f"{service.url}{path}"
        return await outgoing(trusted=True).request("PUT", url, body=body, headers=headers, timeout=TIMEOUT)
