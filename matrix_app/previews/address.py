"""Which addresses of the web are fetched at all."""

from __future__ import annotations

import re
from typing import Final

from yarl import URL

from appliance.config import get_config
from matrix_app.protocol.errors import Forbidden, InvalidParam
from matrix_app.protocol.globs import glob

LONGEST: Final = 2000
_SCHEMES: Final = frozenset(("http", "https"))
_NOT_IN_HOSTS: Final = re.compile(r"[\s\x00-\x1f\x7f<>\"'\\^`{|}]")


def parse_address(text: str) -> URL:
    """An address that a user or a page names, without what is behind a #; raises `InvalidParam`."""
    if len(text) > LONGEST:
        raise InvalidParam("The address is too long")
    try:
        url = URL(text).with_fragment(None)
        _, host = url.port, url.host
    except (ValueError, TypeError):
        raise InvalidParam("This is not an address of the web") from None
    if url.scheme not in _SCHEMES or not host or _NOT_IN_HOSTS.search(host):
        raise InvalidParam("This is not an address of the web")
    return url


def check_address(url: URL) -> None:
    """Raise `Forbidden` for a host, a port or a kind of address that the configuration does not allow."""
    config = get_config().media.previews
    if url.user is not None or url.password is not None:
        raise Forbidden("Addresses with a user or a password are not previewed")
    if config.ports and url.port not in config.ports:
        raise Forbidden("Addresses with this port are not previewed")
    host = (url.host or "").lower().rstrip(".")
    if _matches(config.deny_hosts, host) or (config.allow_hosts and not _matches(config.allow_hosts, host)):
        raise Forbidden("Pages of this host are not previewed")


def _matches(globs: tuple[str, ...], host: str) -> bool:
    return any(glob(pattern.lower()).matches(host) for pattern in globs)
