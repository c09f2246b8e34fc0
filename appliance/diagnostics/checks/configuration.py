"""The configuration: what is set, and what should be before anybody is invited."""

from __future__ import annotations

from urllib.parse import urlsplit

from appliance.config import get_config
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, info, ok, skipped, warn
from appliance.version import VERSION
from matrix_app.protocol.said import said


@check("configuration.name", "Name of the server")
def name() -> Result:
    """The part of user IDs after the colon cannot be changed later."""
    found = get_config().server.name
    if found == "localhost" or found.startswith(("127.", "[::1]")):
        return warn(
            said(
                "The server is called {found}: others cannot reach it, and the name cannot be changed later",
                found=found,
            ),
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
        return warn(
            said("{base} is not protected by TLS", base=base), fix="Put a proxy with a certificate in front."
        )
    return ok(base)


@check("configuration.contact", "Contact of the administrator")
def contact() -> Result:
    """Users and other servers' owners look for somebody to turn to."""
    server = get_config().server
    if not server.admin_contact and not server.support_page:
        return info("Nobody is named as the contact of this server", fix="Settings: This server")
    return ok(server.admin_contact or server.support_page)


@check("configuration.release", "Newer release", needs=["database.connect"])
def release() -> Result:
    """What was heard of newer releases, where somebody is asked."""
    from matrix_app.services.newer_release import newer_release
    from matrix_app.storage import newest_release

    if not get_config().updates.url:
        return skipped("Nobody is asked for newer releases (updates.url)")
    newer, row = newer_release(), newest_release.get()
    if newer is not None:
        return info(
            said(
                "Hearth {version} has been released, and this is {present}",
                version=newer.version,
                present=VERSION,
            ),
            fix=newer.url,
        )
    if row is None:
        return info("Nobody has been asked yet")
    if row.fault:
        return warn(
            said("Asking for newer releases failed: {fault}", fault=row.fault), fix="Is updates.url right?"
        )
    return ok(said("{version} is the newest release that is known", version=VERSION))


@check("configuration.owner", "Administrator")
def owner() -> Result:
    """Somebody must be able to look after the server."""
    from matrix_app.storage import accounts

    if not accounts.any_admin():
        return error(
            "The server has no administrator", fix="hearth setup-url, or hearth create-user NAME --admin"
        )
    return ok("There is one")
