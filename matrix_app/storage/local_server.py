"""The one server name that this database belongs to."""

from appliance.config import get_config


def local_server_name() -> str:
    """The server name of the configuration; it never changes once there are rooms."""
    return get_config().server.name
