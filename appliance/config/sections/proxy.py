"""Settings of the proxy in front, which does TLS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from appliance.config.fields import Section, doc, path


class Proxy(Section, frozen=True):
    """The proxy in front, for which `hearth reconfigure` writes a configuration.

    Without these, `hearth render-proxy` prints it.
    """

    kind: Annotated[
        Literal["none", "caddy", "nginx", "traefik", "apache"],
        doc("Which program it is; none where somebody else looks after it."),
    ] = "none"
    file: Annotated[
        Path | None,
        path("Where the configuration is written, which is then nobody else's to change.", "config"),
    ] = None
    certificate_file: Annotated[
        Path | None,
        path(
            "A certificate of your own, with its chain. Without it Caddy and Traefik get certificates "
            "themselves, and nginx and Apache use those of certbot.",
            "config",
        ),
    ] = None
    key_file: Annotated[Path | None, path("The private key of `certificate_file`.", "config")] = None
    private_ca: Annotated[
        bool,
        doc("Caddy only: certificates of its own authority, for a network that the internet does not reach."),
    ] = False
