"""Certificates: whether others believe them, and for how long yet."""

from __future__ import annotations

from typing import Final

from appliance.config import get_config
from appliance.diagnostics.checks.asking import on_no_answer
from appliance.diagnostics.outside import Certificate, outside
from appliance.diagnostics.own_names import nameless, own_names
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, ok, skipped, warn
from matrix_app.protocol.said import said

WARN_DAYS: Final = 21
ERROR_DAYS: Final = 7
# Caddy's own authority gives twelve hours, and Caddy renews when four are left.
ERROR_HOURS_OF_OWN: Final = 2


@check("tls.host", "Certificate for clients", needs=["names.host"])
@on_no_answer
def host() -> Result:
    """The certificate at the address for clients."""
    names = own_names()
    return nameless() if names is None else _judged(names.host, names.port)


@check("tls.server_name", "Certificate of the server's name", needs=["names.server_name"])
@on_no_answer
def server_name() -> Result:
    """.well-known is read over https at the domain in user IDs."""
    names = own_names()
    if names is None:
        return nameless()
    if names.domain == names.host:
        return skipped("It is that for clients")
    return _judged(names.domain, 443)


@check("tls.federation", "Certificate at port 8448")
@on_no_answer
def federation() -> Result:
    """Port 8448 matters only where something listens there."""
    names = own_names()
    if names is None:
        return nameless()
    if not get_config().federation.enabled or not outside().connects(names.domain, 8448):
        return skipped("Nothing listens there, and nothing needs to where .well-known leads elsewhere")
    return _judged(names.domain, 8448)


def _judged(name: str, port: int) -> Result:
    found = outside().certificate(name, port, name)
    if get_config().proxy.private_ca and not found.fault:
        return _judged_by_hours(found, f"{name}:{port}")
    return judge(found, f"{name}:{port}")


def _judged_by_hours(found: Certificate, where: str) -> Result:
    hours = int(found.days_left * 24)
    text = said("The certificate at {where} is good for {hours} hours", where=where, hours=hours)
    if hours >= ERROR_HOURS_OF_OWN:
        return ok(said("{text}: Caddy's own authority gives no more than twelve", text=text), hours=hours)
    return error(text, fix="Caddy renews it four hours ahead: its log says why it has not.", hours=hours)


def judge(found: Certificate, where: str) -> Result:
    """What a certificate is worth: refused and nearly expired ones are errors."""
    fix = said("Does the proxy renew it? See its log; Caddy and certbot do so 30 days ahead.")
    if found.fault:
        return error(
            said("The certificate at {where} is refused: {fault}", where=where, fault=found.fault), fix=fix
        )
    days = int(found.days_left)
    text = said("The certificate at {where} is good for {days} days", where=where, days=days)
    if days < ERROR_DAYS:
        return error(text, fix=fix, days=days)
    return warn(text, fix=fix, days=days) if days < WARN_DAYS else ok(text, days=days)
