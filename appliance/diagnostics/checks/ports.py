"""Ports: whether Hearth listens, and whether the way from outside leads to it."""

from __future__ import annotations

from typing import Final

from appliance.config import get_config
from appliance.diagnostics.checks.asking import on_no_answer
from appliance.diagnostics.outside import NoAnswer, outside
from appliance.diagnostics.own_names import nameless, own_names
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, ok, skipped, unknown
from matrix_app.protocol.said import said

# Where one that listens everywhere is found on this machine.
_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104


def local_base() -> str | None:
    """The first TCP address that this server listens on, as http://…; None when there is only a socket."""
    for address in get_config().server.listen:
        if not address.startswith("unix:"):
            host, _, port = address.rpartition(":")
            host = _LOOPBACK.get(host, host)
            return f"http://{host}:{port}"
    return None


@check("ports.local", "Hearth answers on this machine")
def local() -> Result:
    """The address that the proxy sends requests to."""
    base = local_base()
    if base is None:
        return skipped("Hearth listens on a Unix socket only")
    try:
        page = outside().page(f"{base}/_matrix/client/versions")
    except NoAnswer as fault:
        return error(
            said("Nobody answers at {base}: {fault}", base=base, fault=fault), fix="Start Hearth: hearth run"
        )
    if page.status == 200 and "versions" in page.json():
        return ok(said("It answers at {base}", base=base))
    return error(
        said("{base} answers {status}: is it another program?", base=base, status=page.status),
        fix="Change server.listen.",
    )


@check("ports.public", "Way in from outside", needs=["names.host"])
@on_no_answer
def public() -> Result:
    """From inside it can only be told when nothing is there; an open port here may be closed to others."""
    names = own_names()
    if names is None:
        return nameless()
    where = f"{names.host}:{names.port}"
    if outside().connects(names.host, names.port):
        return unknown(
            said(
                "{where} answers this machine; whether it answers others cannot be told from here",
                where=where,
            ),
            fix="The check of federation with another server tells.",
        )
    return unknown(
        said(
            "{where} does not answer this machine. Some routers lead nobody back in: try it from elsewhere",
            where=where,
        ),
        fix=said(
            "Forward port {port} of the router to this machine, and open it in the firewall.", port=names.port
        ),
    )
