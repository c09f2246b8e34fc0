"""What the checks see of the network: DNS, connections, certificates and web pages. Tests give another."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final, NamedTuple, Protocol
from urllib.parse import urljoin, urlsplit

import orjson
from django.conf import settings
from django.utils.module_loading import import_string

from appliance.config import get_config
from appliance.diagnostics.name_servers import DnsAnswer, NoNameServer, ask, system_servers
from appliance.version import VERSION
from matrix_app.protocol.said import said

SECONDS: Final = 5.0
MOST_REDIRECTS: Final = 3
LARGEST_BODY: Final = 1 << 20


class NoAnswer(Exception):
    """Nothing came back; the text says why."""


class Page(NamedTuple):
    """An answer over HTTP, after redirects; the names of headers are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        """The JSON object that it is; empty when it is something else."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}


class Certificate(NamedTuple):
    """What a server proved by TLS: for how many days more, by whom, or why it is not believed."""

    days_left: float
    fault: str = ""
    # The organisation that issued it.
    issuer: str = ""


class Outside(Protocol):
    """The network, as checks ask it. Every question takes a few seconds at most."""

    def addresses(self, host: str) -> list[str]:
        """The A and AAAA records of a name; empty when there are none. Raises `NoAnswer`."""
        ...

    def services(self, name: str) -> list[str]:
        """The SRV records of a name, as `target:port`. Raises `NoAnswer`."""
        ...

    def dns(self, name: str, kind: str, *, server: str = "", unchecked: bool = False) -> DnsAnswer:
        """What a name server (those of this machine without one) says; see `name_servers.ask`.

        Raises `NoAnswer`.
        """
        ...

    def page(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        seconds: float = SECONDS,
    ) -> Page:
        """What an address answers, its certificate verified. Raises `NoAnswer`, also when time is over."""
        ...

    def certificate(self, host: str, port: int, name: str) -> Certificate:
        """The certificate at a port for a name. Raises `NoAnswer` without a connection."""
        ...

    def connects(self, host: str, port: int) -> bool:
        """Whether somebody listens there."""
        ...


def outside() -> Outside:
    """The network."""
    found: Outside = import_string(settings.DIAGNOSTICS_OUTSIDE)
    return found


class Network:
    """The network itself: name servers of the system without /etc/hosts, sockets, certificates."""

    def addresses(self, host: str) -> list[str]:
        """The A and AAAA records of a name."""
        if is_address(host):
            return [host]
        return [*self._records(host, "A"), *self._records(host, "AAAA")]

    def services(self, name: str) -> list[str]:
        """The SRV records of a name."""
        return [f"{text.split()[3].rstrip('.')}:{text.split()[2]}" for text in self._records(name, "SRV")]

    def dns(self, name: str, kind: str, *, server: str = "", unchecked: bool = False) -> DnsAnswer:
        """What a name server says."""
        try:
            return ask(name, kind, [server] if server else system_servers(), unchecked=unchecked)
        except NoNameServer as fault:
            raise NoAnswer(str(fault)) from fault

    def _records(self, name: str, kind: str) -> list[str]:
        import dns.exception
        import dns.resolver

        try:
            return [item.to_text() for item in dns.resolver.resolve(name, kind, lifetime=SECONDS)]
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as fault:
            raise NoAnswer(
                said("no name server answers for {name}: {fault}", name=name, fault=fault)
            ) from fault

    def page(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        seconds: float = SECONDS,
    ) -> Page:
        """What an address answers after redirects."""
        for _ in range(MOST_REDIRECTS + 1):
            page = _ask(method, url, {"User-Agent": f"Hearth/{VERSION}", **(headers or {})}, body, seconds)
            if page.status not in (301, 302, 303, 307, 308) or "location" not in page.headers:
                return page
            url = urljoin(url, page.headers["location"])
        raise NoAnswer(said("{url} is at the end of too many redirects", url=url))

    def certificate(self, host: str, port: int, name: str) -> Certificate:
        """The certificate at a port for a name."""
        try:
            with _connected(host, port) as plain, _tls().wrap_socket(plain, server_hostname=name) as secure:
                found = secure.getpeercert() or {}
        except ssl.SSLCertVerificationError as fault:
            return Certificate(0.0, fault.verify_message)
        except OSError as fault:
            raise NoAnswer(
                said("{host}:{port} speaks no TLS: {fault}", host=host, port=port, fault=fault)
            ) from fault
        expires = ssl.cert_time_to_seconds(str(found["notAfter"])) if found else time.time() + 365 * 86400
        return Certificate((expires - time.time()) / 86400, issuer=_issuer(found))

    def connects(self, host: str, port: int) -> bool:
        """Whether somebody listens there."""
        try:
            with _connected(host, port):
                return True
        except OSError:
            return False


network: Final = Network()


def _issuer(certificate: Mapping[str, object]) -> str:
    parts = certificate.get("issuer", ())
    names = {key: value for part in parts for key, value in part} if isinstance(parts, tuple) else {}
    return str(names.get("organizationName") or names.get("commonName") or "")


def is_address(host: str) -> bool:
    """Whether a host is an IP address and no name."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _connected(host: str, port: int) -> socket.socket:
    return socket.create_connection((host.strip("[]"), port), timeout=SECONDS)


def _tls() -> ssl.SSLContext:
    from matrix_app.federation.tls import tls_context

    return tls_context(get_config().federation)


def _ask(method: str, url: str, headers: dict[str, str], body: bytes, seconds: float) -> Page:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NoAnswer(said("{url} is not an address of a web page", url=url))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _connection(parts.scheme, parts.hostname, parts.port, seconds)
    try:
        connection.request(method, target, body=body or None, headers=headers)
        response = connection.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Page(response.status, names, response.read(LARGEST_BODY))
    except ssl.SSLCertVerificationError as fault:
        raise NoAnswer(
            said(
                "the certificate of {hostname} is refused: {verify_message}",
                hostname=parts.hostname,
                verify_message=fault.verify_message,
            )
        ) from fault
    except (OSError, http.client.HTTPException, UnicodeError) as fault:
        raise NoAnswer(
            said("{hostname} gives no answer: {fault}", hostname=parts.hostname, fault=fault)
        ) from fault
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None, seconds: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port or 443, timeout=seconds, context=_tls())
    return http.client.HTTPConnection(host, port or 80, timeout=seconds)
