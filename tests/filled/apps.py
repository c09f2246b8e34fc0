"""An app of a filled server, and a device with it that waits to be let in."""

from __future__ import annotations

from typing import Any, Final

from matrix_app.protocol.oauth.pkce import challenge_of
from matrix_app.services.oauth import clients, device_grants
from matrix_app.storage import db
from tests.filled.store import DAY

DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE: Final = "urn:matrix:client:api:* urn:matrix:client:device:KITCHEN"
REDIRECT_URI: Final = "http://127.0.0.1/callback"


def metadata_of(name: str) -> dict[str, Any]:
    """What an app registers that runs on its user's own machine."""
    return {
        "client_name": name,
        "client_uri": "https://pigeon.example/",
        "tos_uri": "https://pigeon.example/terms",
        "policy_uri": "https://pigeon.example/privacy",
        "application_type": "native",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token", DEVICE_CODE],
    }


def parameters_of(client_id: str, redirect_uri: str = REDIRECT_URI) -> dict[str, str]:
    """The parameters with which the app sends its user to the server."""
    return {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": SCOPE,
        "state": "7",
        "code_challenge": challenge_of("x" * 43),
        "code_challenge_method": "S256",
    }


def fill_apps(now: int) -> tuple[str, str]:
    """An app, and the code of a device that waits as long as anybody looks at the pages."""
    app = clients.register(metadata_of("Pigeon"))
    user_code = device_grants.start(app, SCOPE).user_code
    db.execute("UPDATE oauth_device_grant SET expires_ts = %s", (now + 1000 * DAY,))
    return app.client_id, user_code
