"""A certificate that was uploaded for the proxy: for how long yet, for whom, and whether the proxy has it."""

from __future__ import annotations

import time

from appliance import own_certificate
from appliance.certificates import NoCertificate, facts_of
from appliance.config import get_config
from appliance.diagnostics.checks.tls import ERROR_DAYS, WARN_DAYS
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, ok, skipped, warn
from matrix_app.protocol.said import said


@check("tls.own", "Certificate of one's own")
def own() -> Result:
    """Nobody renews it but its owner."""
    config = get_config()
    pair = own_certificate.read(config)
    if pair is None:
        return skipped("No certificate has been uploaded; the proxy has its own way")
    try:
        facts = facts_of(pair.certificate)
    except NoCertificate as fault:
        return error(said("What was uploaded cannot be used: {fault}", fault=fault), fix="Upload it again.")
    days = int((facts.not_after - time.time()) / 86400)
    text = said("The certificate that was uploaded is good for {days} days", days=days)
    fix = said("Have it renewed, and upload the new one: Settings: Certificate of the proxy.")
    if days < ERROR_DAYS:
        return error(text, fix=fix, days=days)
    missing = [host for host in own_certificate.hosts_of(config) if not facts.covers(host)]
    if missing:
        return warn(
            said("The certificate that was uploaded is not for {missing}", missing=missing),
            fix=fix,
            days=days,
        )
    if days < WARN_DAYS:
        return warn(text, fix=fix, days=days)
    if own_certificate.is_handed_on(config) and not own_certificate.is_current(config):
        return warn("The proxy has not been given the certificate yet", fix="sudo hearth reconfigure")
    return ok(text, days=days)
