"""A certificate of the owner's for the proxy, uploaded on a page: where it is, and where the proxy finds it.

The server cannot write what the proxy reads. `hearth reconfigure`, which root runs, hands it on.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from appliance.config.sources import read_sources

if TYPE_CHECKING:
    from appliance.config import Config

CERTIFICATE: Final = "proxy-certificate.pem"
KEY: Final = "proxy-key.pem"
# `hearth reconfigure` takes back only what begins so.
_HEAD: Final = "# Handed to the proxy by hearth reconfigure.\n"


class OwnPair(NamedTuple):
    """A certificate with its chain, and its key, as PEM."""

    certificate: str
    key: str


class Files(NamedTuple):
    """Where a certificate and its key are."""

    certificate: Path
    key: Path


def kept(config: Config) -> Files:
    """Where what was uploaded is kept: among the secrets, so that backups have it."""
    folder = config.server.secrets_dir
    return Files(folder / CERTIFICATE, folder / KEY)


def read(config: Config) -> OwnPair | None:
    """What was uploaded; None without anything."""
    files = kept(config)
    try:
        return OwnPair(files.certificate.read_text("ascii"), files.key.read_text("ascii"))
    except FileNotFoundError:
        return None


def is_handed_on(config: Config) -> bool:
    """Whether `hearth reconfigure` writes files for a proxy, and so hands the certificate on."""
    proxy = config.proxy
    return proxy.kind != "none" and proxy.file is not None and proxy.certificate_file is None


def for_proxy(config: Config) -> Files | None:
    """Where the proxy finds what was uploaded; None where nothing was, as far as one may see."""
    files = kept(config)
    try:
        is_there = files.certificate.is_file() and files.key.is_file()
    except PermissionError:
        return None
    if not is_there:
        return None
    return handed() if is_handed_on(config) else files


def handed() -> Files:
    """Where `hearth reconfigure` puts them: beside the configuration."""
    folder = read_sources(os.environ, []).folder
    return Files(folder / CERTIFICATE, folder / KEY)


def handed_text(text: str) -> str:
    """What is put there."""
    return _HEAD + text


def is_current(config: Config) -> bool:
    """Whether the proxy has been given what was uploaded last."""
    pair = read(config)
    try:
        found = handed().certificate.read_text("ascii")
    except OSError:
        return False
    return pair is not None and found == handed_text(pair.certificate)


def hosts_of(config: Config) -> list[str]:
    """The host for clients, which a certificate must be for, and the domain of the users, if another."""
    domain = urlsplit(f"//{config.server.name}").hostname or config.server.name
    host = urlsplit(config.server.public_baseurl).hostname or domain
    return list(dict.fromkeys((host, domain)))
