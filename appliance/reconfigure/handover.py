"""What tells `hearth-turn-certificate.service` whose certificate coturn is to have."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from appliance.own_certificate import Files
from appliance.turn_offers import host_of

if TYPE_CHECKING:
    from appliance.config import Config

STORAGE: Final = "/var/lib/hearth-proxy/caddy"
_HEAD: Final = "# Whose certificate is handed to coturn. Written by hearth reconfigure.\n"


def handover(config: Config, own: Files | None = None) -> str | None:
    """The text of the file; None where coturn has no certificate, or the proxy is not ours to ask.

    `own` is a certificate that was uploaded.
    """
    proxy, turn = config.proxy, config.turn
    if proxy.kind != "caddy" or turn.server_file is None or turn.certificate_file is None:
        return None
    if proxy.certificate_file is not None and proxy.key_file is not None:
        own = Files(proxy.certificate_file, proxy.key_file)
    if own is not None:
        source = ["--certificate", str(own.certificate), "--key", str(own.key)]
    else:
        source = ["--storage", STORAGE, "--host", _host(config)]
    return f'{_HEAD}SOURCE="{shlex.join(source)}"\n'


def _host(config: Config) -> str:
    """The host that clients reach coturn at."""
    named = [host_of(uri) for uri in config.turn.uris if uri.startswith("turns:")]
    return named[0] if named else urlsplit(config.server.public_baseurl).hostname or config.server.name
