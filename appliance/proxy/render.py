"""Fills the template of a proxy's configuration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.template import Context, Engine

if TYPE_CHECKING:
    from appliance.proxy.site import Certificates, Site

FOLDER: Final = Path(__file__).with_name("templates")
KINDS: Final = ("caddy", "nginx", "traefik", "apache")


def render(kind: str, site: Site, certificates: Certificates) -> str:
    """The configuration for one of `KINDS`; nothing is asked of the database, nothing is written."""
    engine = Engine(dirs=[str(FOLDER)], autoescape=False)
    values = {"site": site, "tls": certificates, "names": tuple(dict.fromkeys((site.name, site.host)))}
    text = engine.get_template(f"{kind}.txt").render(Context(values, use_l10n=False))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
