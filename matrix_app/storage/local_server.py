"""The one server name that this database belongs to."""

from django.conf import settings


def local_server_name() -> str:
    """The server name of the configuration; it never changes once there are rooms."""
    name: str = settings.SERVER_NAME
    return name
