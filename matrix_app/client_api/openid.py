"""OpenID tokens (data/api/client-server/openid.yaml, data/api/server-server/openid.yaml)."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import Forbidden, MissingToken
from matrix_app.services.openid import make_openid_token, openid_user


@endpoint("POST", "/_matrix/client/v3/user/{user_id}/openid/request_token", rate="write")
def request_token(request: Request) -> dict[str, Any]:
    """A token that shows another service who the user is (POST /user/{userId}/openid/request_token)."""
    request.json_object(empty_allowed=True)
    if request.path["user_id"] != request.requester.user_id:
        raise Forbidden("You cannot ask for another user's token")
    return make_openid_token(request.requester.user_nid)


@endpoint("GET", "/_matrix/federation/v1/openid/userinfo", auth=Auth.NONE, rate="read")
def user_info(request: Request) -> dict[str, Any]:
    """Whose a token is; asked by services that are not servers (GET /openid/userinfo)."""
    token = request.query("access_token")
    if token is None:
        raise MissingToken("Missing access token")
    return {"sub": openid_user(token)}
