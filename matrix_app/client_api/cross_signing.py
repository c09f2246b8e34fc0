"""Cross-signing (data/api/client-server/cross_signing.yaml)."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.http.uia import require_uia
from matrix_app.protocol.errors import BadJson
from matrix_app.services.cross_signing import needs_authentication, read_upload, upload_cross_signing_keys
from matrix_app.services.cross_signing_reset import may_reset
from matrix_app.services.oauth.sessions import is_oauth
from matrix_app.services.uia.stages import OAUTH_FLOWS
from matrix_app.services.upload_signatures import upload_signatures


@endpoint("POST", "/_matrix/client/v3/keys/device_signing/upload", rate="keys")
def post_device_signing(request: Request) -> dict[str, Any]:
    """Publish cross-signing keys (POST /keys/device_signing/upload)."""
    body = request.json_object()
    # A client may go on with nothing but `auth`: the keys are those of its first request then.
    authenticate = set(body) == {"auth"}
    if not authenticate:
        keys = read_upload(request.requester, body)
        if not needs_authentication(request.requester, keys):
            upload_cross_signing_keys(request.requester, keys, authenticated=False)
            return {}
        authenticate = not may_reset(request.requester.user_nid)
    if authenticate:
        flows = OAUTH_FLOWS if is_oauth(request.requester) else None
        action = "replace the keys that prove your identity"
        done = require_uia(request, action=action, flows=flows, once=True)
        keys = read_upload(request.requester, done.params)
    upload_cross_signing_keys(request.requester, keys, authenticated=True)
    return {}


@endpoint("POST", "/_matrix/client/v3/keys/signatures/upload", rate="keys")
def post_signatures(request: Request) -> dict[str, Any]:
    """Publish signatures on keys (POST /keys/signatures/upload)."""
    body = request.json_object()
    if not all(isinstance(keys, dict) for keys in body.values()):
        raise BadJson("The body must be a map of user IDs to maps of keys")
    return {"failures": upload_signatures(request.requester, body)}
