"""How the certificates of other servers are checked."""

from __future__ import annotations

import ssl

from appliance.config.sections.matrix import Federation


def tls_context(federation: Federation) -> ssl.SSLContext:
    """Verification by the system's authorities, or by those of `ca_file`."""
    file = federation.ca_file
    context = ssl.create_default_context(cafile=None if file is None else str(file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not federation.verify_certificates:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
