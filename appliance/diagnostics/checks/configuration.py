"""The configuration: what is set, and what should be before anybody is invited."""

from __future__ import annotations

from urllib.parse import urlsplit

from appliance.config import get_config
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, info, ok, warn


@check("configuration.name", "Name of the server")
def name() -> Result:
    """The part of user IDs after the colon cannot be changed later."""
    found = get_config().server.name
    if found == "localhost" or found.startswith(("127.", "[::1]")):
        return warn(
            f"The server is called {found}: others cannot reach it, and the name cannot be changed later",
            fix="Choose a name in the setup, or server.name in hearth.toml, before anybody is invited.",
        )
    return ok(found)


@check("configuration.address", "Address for clients")
def address() -> Result:
    """Clients need an address with https."""
    base = get_config().server.public_baseurl
    if not base:
        return warn("No public address is set", fix="Set server.public_baseurl to https://…")
    if urlsplit(base).scheme != "https":
        return warn(f"{base} is not protected by TLS", fix="Put a proxy with a certificate in front.")
    return ok(base)


@check("configuration.contact", "Contact of the administrator")
def contact() -> Result:
    """Users and other servers' owners look for somebody to turn to."""
    server = get_config().server
    if not server.admin_contact and not server.support_page:
        return info("Nobody is named as the contact of this server", fix="Settings: This server")
    return ok(server.admin_contact or server.support_page)


@check("configuration.owner", "Administrator")
def owner() -> Result:
    """Somebody must be able to look after the server."""
    from matrix_app.storage import accounts

    if not accounts.any_admin():
        return error(
            "The server has no administrator", fix="hearth setup-url, or hearth create-user NAME --admin"
        )
    return ok("There is one")
