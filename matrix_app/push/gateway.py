"""Speaking with push gateways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from matrix_app.protocol.canonical_json import encode_canonical

if TYPE_CHECKING:
    from matrix_app.federation.outgoing import Answer

TIMEOUT: Final = 20.0


class Gateway(Protocol):
    """Where notifications go."""

    async def notify(self, url: str, body: dict[str, Any]) -> Answer:
        """The gateway's answer; raises `BadGateway` without one."""
        ...


class HttpGateway:
    """Gateways at the addresses that clients have named: public ones only, unless configured."""

    async def notify(self, url: str, body: dict[str, Any]) -> Answer:
        """The gateway's answer; raises `BadGateway` without one."""
        # The client is big, and most servers have nothing to push for long.
        from matrix_app.federation.outgoing import outgoing

        content = encode_canonical(body, lenient=True)
        return await outgoing(trusted=False).request("POST", url, body=content, timeout=TIMEOUT)


def rejects(answer: Answer, pushkey: str) -> bool:
    """Whether the gateway says that a push key is not valid."""
    rejected = answer.content.get("rejected") if isinstance(answer.content, dict) else None
    return isinstance(rejected, list) and pushkey in rejected
