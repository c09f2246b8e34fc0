"""Addresses of clients ("Redirect URI validation" of the OAuth 2.0 API).

They are compared as text and shown to people, so nothing is taken that a browser might read in another way.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

LONGEST_URI: Final = 2000

_HTTPS: Final = re.compile(r"https://([A-Za-z0-9.-]+)(:[0-9]{1,5})?([/?][!-~]*)?")
_LOOPBACK: Final = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?([/?][!-~]*)?")
_PRIVATE: Final = re.compile(r"([a-z][a-z0-9.-]*):([!-~]*)")
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_FORBIDDEN: Final = frozenset('#\\"<>^`{|}')


class WebAddress(NamedTuple):
    """An https address: its host in small letters, and what follows the host."""

    host: str
    rest: str


def web_address(uri: str) -> WebAddress | None:
    """The parts of an https URI without a user or password; None for anything else."""
    found = _HTTPS.fullmatch(uri)
    if found is None or not _is_plain(uri):
        return None
    host = found[1].lower()
    if not all(_LABEL.fullmatch(label) for label in host.split(".")) or not _is_port(found[2]):
        return None
    return WebAddress(host, uri[len("https://") + len(host) :])


def is_below(host: str, base: str) -> bool:
    """Whether a host is `base` or a subdomain of it; what lies below a single label is not one owner's."""
    return host == base or ("." in base and host.endswith(f".{base}"))


def is_redirect_uri(uri: str, client_host: str, application_type: str) -> bool:
    """Whether a client with this host in its `client_uri` may register a redirect URI."""
    address = web_address(uri)
    if address is not None:
        return is_below(address.host, client_host)
    if application_type != "native" or not _is_plain(uri):
        return False
    loopback = _LOOPBACK.fullmatch(uri)
    return loopback[2] is None if loopback else _is_private(uri, client_host)


def _is_private(uri: str, client_host: str) -> bool:
    """A scheme of the client's own: its host backwards, which has a dot, so that it is none of a browser."""
    found = _PRIVATE.fullmatch(uri)
    if found is None or found[2].startswith("//"):
        return False
    owner = ".".join(reversed(client_host.split(".")))
    return "." in found[1] and (found[1] == owner or found[1].startswith(f"{owner}."))


def matches(given: str, registered: str) -> bool:
    """Whether the redirect URI of a request is a registered one: exactly, but for the port on loopback."""
    if given == registered:
        return True
    ours, theirs = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(given)
    if ours is None or theirs is None or not _is_plain(given) or not _is_port(theirs[2]):
        return False
    return ours[2] is None and (ours[1], ours[3]) == (theirs[1], theirs[3])


def shown_target(redirect_uri: str) -> str:
    """What people are shown of where they are sent: a host, or the scheme of an app."""
    address = web_address(redirect_uri)
    if address is not None:
        return address.host
    loopback = _LOOPBACK.fullmatch(redirect_uri)
    return loopback[1] if loopback else f"{redirect_uri.partition(':')[0]}:"


def policy_sources(redirect_uri: str, client_host: str) -> tuple[str, ...]:
    """What a policy of content calls the target of a redirect URI, and where an app may lead on from it."""
    if web_address(redirect_uri) is not None:
        below = (f"https://*.{client_host}:*",) if "." in client_host else ()
        return (f"https://{client_host}:*", *below)
    loopback = _LOOPBACK.fullmatch(redirect_uri)
    if loopback is None:
        return (f"{redirect_uri.partition(':')[0]}:",)
    # A policy cannot name an address of IPv6.
    return ("http:" if loopback[1].startswith("[") else f"http://{loopback[1]}{loopback[2] or ''}",)


def _is_plain(uri: str) -> bool:
    return len(uri) <= LONGEST_URI and _FORBIDDEN.isdisjoint(uri)


def _is_port(text: str | None) -> bool:
    return text is None or 0 < int(text[1:]) < 65536
