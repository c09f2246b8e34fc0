"""What Hearth asks of identity servers: who has an address, and to keep an invite for it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

from matrix_app.protocol.errors import BadGateway, Forbidden, InvalidParam
from matrix_app.protocol.ids import is_server_name
from matrix_app.services.identity_http import JsonAnswer, request_json


class Identities(Protocol):
    """What an identity server does for invites."""

    def find_user(self, medium: str, address: str) -> str | None:
        """The user ID that is bound to an address, or None."""

    def store_invite(self, details: dict[str, Any]) -> dict[str, Any]:
        """Let the server keep an invite; its answer, with `token`, `public_keys` and `display_name`."""


class IdentityServer(NamedTuple):
    """An identity server as a client names it, with the client's token for it."""

    name: str
    token: str

    @classmethod
    def of(cls, name: str, token: str) -> IdentityServer:
        """The server; raises `InvalidParam` for what is no server name."""
        if not is_server_name(name):
            raise InvalidParam("id_server is not a server name")
        return cls(name, token)

    def find_user(self, medium: str, address: str) -> str | None:
        """The user ID that is bound to an address, or None."""
        details = self._ask("GET", "/hash_details")
        pepper = details.get("lookup_pepper")
        digest = sha256(f"{address} {medium} {pepper}".encode()).digest()
        hashed = urlsafe_b64encode(digest).decode().rstrip("=")
        lookup = {"addresses": [hashed], "algorithm": "sha256", "pepper": pepper}
        mappings = self._ask("POST", "/lookup", lookup).get("mappings")
        found = mappings.get(hashed) if isinstance(mappings, dict) else None
        return found if isinstance(found, str) else None

    def store_invite(self, details: dict[str, Any]) -> dict[str, Any]:
        """Let the server keep an invite; its answer, with `token`, `public_keys` and `display_name`."""
        return self._ask("POST", "/store-invite", details)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        url = f"https://{self.name}/_matrix/identity/v2{path}"
        return _checked(request_json(method, url, body=body, token=self.token))


def is_key_valid(validity_url: str, public_key: str) -> bool:
    """Whether an identity server says that a key has not been revoked; False when it says nothing."""
    separator = "&" if "?" in validity_url else "?"
    try:
        answer = request_json("GET", f"{validity_url}{separator}{urlencode({'public_key': public_key})}")
    except BadGateway:
        return False
    return isinstance(answer.body, dict) and answer.status == 200 and answer.body.get("valid") is True


def _checked(answer: JsonAnswer) -> dict[str, Any]:
    if not isinstance(answer.body, dict):
        raise BadGateway("The identity server's answer is no object")
    if answer.status in (401, 403):
        message = str(answer.body.get("error", "The identity server refuses"))
        raise Forbidden(message, errcode=str(answer.body.get("errcode", "M_FORBIDDEN")))
    if answer.status != 200:
        raise BadGateway(f"The identity server answered {answer.status}")
    return answer.body
