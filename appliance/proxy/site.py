"""What a proxy must know of this server: names, ports, and how much and how long it lets through."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from appliance import own_certificate
from appliance.config.addresses import Listen, parse_listen

if TYPE_CHECKING:
    from appliance.config import Config

FEDERATION_PORT = 8448
HTTPS_PORT = 443
LEAST_TIMEOUT_SECONDS = 600
MIB = 1 << 20
# Nothing else gets into the configuration of another program.
_HOST = re.compile(r"[0-9A-Za-z.:_-]+")


class NoSite(Exception):
    """The configuration lacks what a proxy must know; the message says what."""


class Site(NamedTuple):
    """One server as seen from outside.

    `name` is the domain of its users, without a port; `host` is where clients go. Both may be the same.
    """

    name: str
    host: str
    https_port: int
    federation_port: int
    upstream: str
    max_body_bytes: int
    timeout_seconds: int

    @property
    def max_body_mib(self) -> int:
        """The largest body, in whole MiB that hold it."""
        return -(-self.max_body_bytes // MIB)

    @property
    def upstream_for_caddy(self) -> str:
        """As Caddy writes it: the path of a socket comes after a slash."""
        return self.upstream.replace("unix:", "unix/", 1) if self.is_local else self.upstream

    @property
    def is_local(self) -> bool:
        """Whether the proxy connects to a Unix socket."""
        return self.upstream.startswith("unix:")

    @property
    def delegates(self) -> bool:
        """Whether the domain of the users is another than where clients go."""
        return self.name != self.host


class Certificates(NamedTuple):
    """Where the certificate comes from: files of the owner's, or the proxy's own private authority."""

    certificate: Path | None = None
    key: Path | None = None
    private: bool = False


def usual_certificates(kind: str, site: Site) -> Certificates:
    """Where the certificate of a proxy is when nothing else is said: its own doing, or certbot's folder."""
    if kind not in ("nginx", "apache"):
        return Certificates()
    # certbot names the folder after the first domain that it was asked for.
    folder = Path("/etc/letsencrypt/live") / site.name
    return Certificates(folder / "fullchain.pem", folder / "privkey.pem")


def certificates_of(config: Config, kind: str, site: Site) -> Certificates:
    """Where the certificate of a proxy is: by the configuration, as one that was uploaded, or by custom."""
    proxy = config.proxy
    if proxy.certificate_file is not None:
        return Certificates(proxy.certificate_file, proxy.key_file)
    if (own := own_certificate.for_proxy(config)) is not None:
        return Certificates(own.certificate, own.key)
    return usual_certificates(kind, site)._replace(private=proxy.private_ca and kind == "caddy")


def site_of(config: Config, upstream: Listen | None = None) -> Site:
    """Raises `NoSite` when names are missing that a certificate can be had for.

    The proxy is to connect to `upstream`, or else to where Hearth listens.
    """
    public = urlsplit(config.server.public_baseurl)
    if public.scheme != "https" or not public.hostname:
        raise NoSite("set server.public_baseurl to the https:// address that clients will use")
    name, port = _split(config.server.name)
    for host in (name, public.hostname):
        _check(host)
    return Site(
        name=name,
        host=public.hostname,
        https_port=public.port or HTTPS_PORT,
        federation_port=port or FEDERATION_PORT,
        upstream=(upstream or _upstream(config)).bind(),
        max_body_bytes=max(config.media.max_upload_bytes, config.web.max_body_bytes),
        timeout_seconds=max(LEAST_TIMEOUT_SECONDS, config.limits.sync_timeout_seconds + 60),
    )


def _split(server_name: str) -> tuple[str, int]:
    parts = urlsplit(f"//{server_name}")
    return (parts.hostname or "").lower(), parts.port or 0


def _check(host: str) -> None:
    if not _HOST.fullmatch(host):
        raise NoSite(f"{host!r} is no name of a host")
    if "." not in host:
        raise NoSite(f"{host} is no name that other machines can find: set server.name and public_baseurl")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    raise NoSite(f"{host} is an address; a proxy needs names, for which certificates can be had")


def _upstream(config: Config) -> Listen:
    """The first address that Hearth listens on and a proxy can be told as host and port."""
    for text in config.server.listen:
        listen = parse_listen(text)
        if not listen.path:
            return listen.reached_at()
    raise NoSite("server.listen has no host:port for the proxy to connect to")
