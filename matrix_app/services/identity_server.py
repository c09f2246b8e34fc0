"""What Hearth asks of identity servers: who has an address, and to keep an invite for it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

import orjson

from matrix_app.protocol.errors import BadGateway, Forbidden, InvalidParam, errcode_to_tell
from matrix_app.protocol.ids import is_server_name
from matrix_app.services.outgoing_http import Answer, bearer, get_named, post_json


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
        details = self._ask("/hash_details")
        pepper = details.get("lookup_pepper")
        digest = sha256(f"{address} {medium} {pepper}".encode()).digest()
        hashed = urlsafe_b64encode(digest).decode().rstrip("=")
        lookup = {"addresses": [hashed], "algorithm": "sha256", "pepper": pepper}
        mappings = self._ask("/lookup", lookup).get("mappings")
        found = mappings.get(hashed) if isinstance(mappings, dict) else None
        return found if isinstance(found, str) else None

    def store_invite(self, details: dict[str, Any]) -> dict[str, Any]:
        """Let the server keep an invite; its answer, with `token`, `public_keys` and `display_name`."""
        return self._ask("/store-invite", details)

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        url = f"https://{self.name}/_matrix/identity/v2{path}"
        headers = bearer(self.token)
        if body is None:
            return _checked(get_named(url, headers))
        return _checked(post_json(url, orjson.dumps(body), headers))


def is_key_valid(validity_url: str, public_key: str) -> bool:
    """Whether an identity server says that a key has not been revoked; False when it says nothing."""
    separator = "&" if "?" in validity_url else "?"
    try:
        answer = get_named(f"{validity_url}{separator}{urlencode({'public_key': public_key})}", {})
    except BadGateway:
        return False
    return answer.status == 200 and answer.json().get("valid") is True


def _checked(answer: Answer) -> dict[str, Any]:
    body = answer.json()
    if answer.status in (401, 403):
        message = str(body.get("error", "The identity server refuses"))
        raise Forbidden(message, errcode=errcode_to_tell(body))
    if answer.status != 200:
        raise BadGateway(f"The identity server answered {answer.status}")
    return body
