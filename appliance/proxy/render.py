"""Fills the template of a proxy's configuration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.template import Context, Engine

from appliance.proxy.site import NoSite

if TYPE_CHECKING:
    from appliance.proxy.site import Certificates, Site

FOLDER: Final = Path(__file__).with_name("templates")
KINDS: Final = ("caddy", "nginx", "traefik", "apache")
# Those that are told of a Unix socket as of a host.
WITH_SOCKETS: Final = ("caddy", "nginx")


def render(kind: str, site: Site, certificates: Certificates) -> str:
    """The configuration for one of `KINDS`; nothing is asked of the database, nothing is written.

    Raises `NoSite` for a Unix socket that this kind of proxy cannot connect to.
    """
    if site.is_local and kind not in WITH_SOCKETS:
        raise NoSite(f"{kind} is told of Hearth by host and port, and not by {site.upstream}")
    engine = Engine(dirs=[str(FOLDER)], autoescape=False)
    values = {"site": site, "tls": certificates, "names": tuple(dict.fromkeys((site.name, site.host)))}
    text = engine.get_template(f"{kind}.txt").render(Context(values, use_l10n=False))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
