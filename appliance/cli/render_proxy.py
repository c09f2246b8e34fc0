"""`hearth render-proxy`."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.config import get_config
from appliance.config.addresses import Listen, parse_listen
from appliance.proxy.render import KINDS, render
from appliance.proxy.site import Certificates, NoSite, Site, certificates_of, site_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """For which proxy, and where its certificate is."""
    parser.add_argument("kind", choices=KINDS, help="the program that does TLS in front of Hearth")
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="a certificate, with its chain")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the private key of the certificate")
    parser.add_argument(
        "--private-ca",
        action="store_true",
        help="Caddy only: certificates of Caddy's own authority, for a network without the internet",
    )
    parser.add_argument(
        "--upstream",
        type=_upstream,
        metavar="ADDRESS",
        help="where the proxy finds Hearth, when it is not on this machine: host:port, or unix:/path",
    )
    parser.epilog = (
        "Prints a configuration for server.name and server.public_baseurl. Without --certificate or those "
        "of [proxy], Caddy and Traefik get certificates themselves; nginx and Apache use those of certbot."
    )


def run(arguments: Namespace) -> int:
    """Prints the configuration, or what is missing."""
    try:
        site = site_of(get_config(), arguments.upstream)
        print(render(arguments.kind, site, _certificates(arguments, site)), end="")
    except NoSite as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


def _upstream(text: str) -> Listen:
    try:
        return parse_listen(text)
    except ValueError as fault:
        raise ArgumentTypeError(str(fault)) from fault


def _certificates(arguments: Namespace, site: Site) -> Certificates:
    if (arguments.certificate is None) != (arguments.key is None):
        raise NoSite("--certificate and --key are given together")
    if arguments.private_ca and (arguments.certificate or arguments.kind != "caddy"):
        raise NoSite("--private-ca is for Caddy, and instead of --certificate")
    if arguments.certificate:
        return Certificates(arguments.certificate.absolute(), arguments.key.absolute())
    if arguments.private_ca:
        return Certificates(private=True)
    return certificates_of(get_config(), arguments.kind, site)
