"""User-interactive authentication for handlers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from matrix_app.http.request import Request, to_struct
from matrix_app.protocol.errors import BadJson, Forbidden
from matrix_app.services.oauth.sessions import is_oauth
from matrix_app.services.uia import Completed, Operation, authenticate, forget
from matrix_app.services.uia.abilities import flows_of
from matrix_app.services.uia.operation import Flow

_PREFIX = re.compile(r"^/_matrix/client/(?:v[0-9]+|r0|unstable|api/v1)/")


def require_uia(
    request: Request,
    *,
    action: str,
    params: dict[str, Any] | None = None,
    flows: Sequence[Flow] | None = None,
    once: bool = False,
) -> Completed:
    """Return once the user has proved anew to be who they are; raise the 401 that asks for it until then.

    `action` completes the sentence "Confirm that you want to ...". The session is bound to this endpoint,
    its path, the user and the body; a client may repeat the request with nothing but `auth`, so take the
    parameters from the result, not from the request. `params` replaces the body where it holds a password,
    which must not be stored. `flows` replaces what the account offers. With `once`, a session that is
    complete serves no second request. Raises `Forbidden` for who signed in by the OAuth 2.0 API, unless
    there are flows for them.
    """
    body = request.json_object(empty_allowed=True)
    auth = body.get("auth")
    if auth is not None and not isinstance(auth, dict):
        raise BadJson("auth must be an object")
    requester = request.requester_or_none
    user_nid = None if requester is None else requester.user_nid
    if flows is None:
        _refuse_oauth(request)
        flows = flows_of(request.requester.user_nid)
    operation = Operation(
        endpoint=endpoint_of(request),
        action=action,
        flows=tuple(flows),
        user_nid=user_nid,
        params={name: value for name, value in body.items() if name != "auth"} if params is None else params,
        ip=request.ip,
    )
    done = authenticate(operation, auth)
    if once:
        forget(done.session_id)
    return done


def _refuse_oauth(request: Request) -> None:
    # "the endpoints that depend on it for authentication can't be used when an access token is obtained with
    # this API"
    if is_oauth(request.requester):
        raise Forbidden("Do this on the pages of your account: this app has signed in by them")


def check_body(request: Request, schema: type[msgspec.Struct]) -> None:
    """Refuse a bad body before anybody types a password; one with nothing but `auth` resumes a session."""
    body = request.json_object(empty_allowed=True)
    if set(body) != {"auth"}:
        to_struct(body, schema)


def endpoint_of(request: Request) -> str:
    """The method and the path of a request, the same under all its prefixes."""
    path: str = request.http.META["hearth.raw_path"]
    return f"{request.http.method} {_PREFIX.sub('', path)}"
