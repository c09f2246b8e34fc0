"""Which servers the configuration lets this one speak with."""

from __future__ import annotations

from appliance.config import get_config
from matrix_app.protocol.errors import FederationDenied, InvalidParam
from matrix_app.protocol.globs import glob
from matrix_app.protocol.ids import parse_server_name
from matrix_app.protocol.said import said


def check_allowed(server_name: str) -> None:
    """Raises `FederationDenied` unless the server may be spoken with, `InvalidParam` for what is no name."""
    parse_server_name(server_name)
    config = get_config()
    if server_name == config.server.name:
        raise InvalidParam("This server does not federate with itself")
    if not is_allowed(server_name):
        raise FederationDenied(
            said("Federation with {server_name} is not allowed here", server_name=server_name)
        )


def is_allowed(server_name: str) -> bool:
    """Whether `federation.enabled`, `allow_servers` and `deny_servers` let the server through."""
    federation = get_config().federation
    folded = server_name.lower()
    if not federation.enabled or _any(federation.deny_servers, folded):
        return False
    return not federation.allow_servers or _any(federation.allow_servers, folded)


def _any(patterns: tuple[str, ...], folded: str) -> bool:
    # Names of hosts do not tell upper from lower case.
    return any(glob(pattern.lower()).matches(folded) for pattern in patterns)
