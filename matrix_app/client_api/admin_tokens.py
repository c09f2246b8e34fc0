"""Registration tokens, as the tools that were made for Synapse ask for them."""

from __future__ import annotations

import secrets
import string
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from matrix_app.client_api.admin_query import V1, Milliseconds, actor_of, flag
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.services import invitations
from matrix_app.storage import registration_tokens
from matrix_app.storage.clock import now_ms
from matrix_app.storage.registration_tokens import RegistrationTokenRow

_LETTERS: Final = string.ascii_letters + string.digits + "._~-"
_MOST: Final = 1000


class NewToken(msgspec.Struct):
    """A token to be made: as given, or a random one of some length."""

    token: str = ""
    length: int = 16
    uses_allowed: int | None = None
    expiry_time: Milliseconds | None = None


class TokenChanges(msgspec.Struct):
    """The new limits of a token; None takes one away."""

    uses_allowed: int | UnsetType | None = UNSET
    expiry_time: Milliseconds | UnsetType | None = UNSET


def _shown(row: RegistrationTokenRow) -> dict[str, Any]:
    return {
        "token": row.token,
        "uses_allowed": row.uses_allowed,
        "pending": row.pending,
        "completed": row.completed,
        "expiry_time": row.expires_ts,
    }


def _found(request: Request) -> RegistrationTokenRow:
    row = registration_tokens.find(request.path["token"])
    if row is None:
        raise NotFound("There is no such token")
    return row


@endpoint("GET", f"{V1}/registration_tokens", auth=Auth.ADMIN)
def list_tokens(request: Request) -> dict[str, Any]:
    """The newest thousand tokens: all, the usable ones, or those that can be used no more."""
    valid = flag(request, "valid")
    kind = {None: "all", True: "usable", False: "ended"}[valid]
    found = registration_tokens.page(kind, now_ms(), after=None, limit=_MOST)
    return {"registration_tokens": [_shown(row) for row in found]}


@endpoint("POST", f"{V1}/registration_tokens/new", auth=Auth.ADMIN, body=NewToken, rate="write")
def make_token(request: Request) -> dict[str, Any]:
    """Make a token."""
    body = request.decode(NewToken, empty_allowed=True)
    if not 1 <= body.length <= 64:
        raise InvalidParam("length must be between 1 and 64")
    token = body.token or "".join(secrets.choice(_LETTERS) for _ in range(body.length))
    made = invitations.create_token(
        actor_of(request), token=token, uses_allowed=body.uses_allowed, expires_ts=body.expiry_time
    )
    return _shown(made)


@endpoint("GET", f"{V1}/registration_tokens/{{token}}", auth=Auth.ADMIN)
def get_token(request: Request) -> dict[str, Any]:
    """A token."""
    return _shown(_found(request))


@endpoint("PUT", f"{V1}/registration_tokens/{{token}}", auth=Auth.ADMIN, body=TokenChanges, rate="write")
def change_token(request: Request) -> dict[str, Any]:
    """Change the limits of a token."""
    row, body = _found(request), request.decode(TokenChanges, empty_allowed=True)
    uses = row.uses_allowed if isinstance(body.uses_allowed, UnsetType) else body.uses_allowed
    expires = row.expires_ts if isinstance(body.expiry_time, UnsetType) else body.expiry_time
    if (uses, expires) == (row.uses_allowed, row.expires_ts):
        return _shown(row)
    changed = invitations.change_token(actor_of(request), row.token, uses_allowed=uses, expires_ts=expires)
    return _shown(changed)


@endpoint("DELETE", f"{V1}/registration_tokens/{{token}}", auth=Auth.ADMIN, rate="write")
def delete_token(request: Request) -> dict[str, Any]:
    """Take a token back."""
    invitations.delete_token(actor_of(request), request.path["token"])
    return {}
