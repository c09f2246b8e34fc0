"""What clients must know of this server's OAuth 2.0 API ("Server metadata discovery", RFC 8414)."""

from __future__ import annotations

from typing import Any, Final

from appliance.config import get_config
from matrix_app.protocol.errors import Unrecognized
from matrix_app.protocol.oauth.client_metadata import GRANT_TYPES
from matrix_app.services.public_address import public_baseurl

# Below the address of this server.
PREFIX: Final = "/_matrix/hearth/oauth2"
AUTHORIZE: Final = "/account/authorize/"
LINK: Final = "/account/link/"
ACCOUNT: Final = "/account/"
# "Account management URL actions".
ACTIONS: Final = (
    "org.matrix.profile",
    "org.matrix.devices_list",
    "org.matrix.device_view",
    "org.matrix.device_delete",
    "org.matrix.account_deactivate",
    "org.matrix.cross_signing_reset",
)


def is_on() -> bool:
    """Whether apps may sign people in by the OAuth 2.0 API."""
    return get_config().oauth.enabled


def require_on() -> None:
    """Raise `Unrecognized` while they may not: "the homeserver does not support the OAuth 2.0 API"."""
    if not is_on():
        raise Unrecognized("Legacy authentication is in use on this homeserver.")


def issuer() -> str:
    """The identifier of this authorisation server."""
    return f"{public_baseurl()}/"


def registers_on_page() -> bool:
    """Whether people may register, which they do on a page."""
    return get_config().registration.mode != "closed"


def reset_address() -> str:
    """Where somebody approves that their identity is replaced."""
    return f"{public_baseurl()}{ACCOUNT}?action=org.matrix.cross_signing_reset"


def server_metadata() -> dict[str, Any]:
    """The answer to GET /auth_metadata."""
    base = public_baseurl()
    found: dict[str, Any] = {
        "issuer": issuer(),
        "authorization_endpoint": f"{base}{AUTHORIZE}",
        "token_endpoint": f"{base}{PREFIX}/token",
        "revocation_endpoint": f"{base}{PREFIX}/revoke",
        "registration_endpoint": f"{base}{PREFIX}/register",
        "device_authorization_endpoint": f"{base}{PREFIX}/device",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment"],
        "grant_types_supported": list(GRANT_TYPES),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": ["urn:matrix:client:api:*"],
        "authorization_response_iss_parameter_supported": True,
        "account_management_uri": f"{base}{ACCOUNT}",
        "account_management_actions_supported": list(ACTIONS),
    }
    if registers_on_page():
        found["prompt_values_supported"] = ["create"]
    return found
