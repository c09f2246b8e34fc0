"""TURN: whether calls get a relay, with credentials such as clients get, over each transport."""

from __future__ import annotations

import ssl
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from appliance.config import get_config
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, ok, skipped, warn
from appliance.diagnostics.stun import Credentials, TurnFault, TurnServer, connected
from appliance.turn_offers import why_withheld
from matrix_app.protocol.said import said

# Addresses that a relay must not reach for strangers: this machine, and networks behind it.
FORBIDDEN: Final = ("127.0.0.1", "10.0.0.1", "192.168.0.1")
# Any that somebody at the other end of a call may have. Nothing is sent to it.
OUTSIDE: Final = "8.8.8.8"
_FIX: Final = {
    "udp": "Is coturn running, and are its UDP port and its relay ports (49152 to 65535) open?",
    "tcp": "Is coturn running, and is its TCP port open?",
    "tls": "Has coturn a certificate (cert, pkey) for its name, and is its TLS port open?",
}


@check("turn.udp", "Relay for calls over UDP", timeout=25)
def udp() -> Result:
    """A STUN binding, and a relay with a minted credential."""
    return _tried("udp")


@check("turn.tcp", "Relay for calls over TCP", timeout=25)
def tcp() -> Result:
    """For networks that let no UDP out."""
    return _tried("tcp")


@check("turn.tls", "Relay for calls over TLS", timeout=25)
def tls() -> Result:
    """For networks that let only TLS out."""
    turn = get_config().turn
    withheld = [why for uri in turn.uris if (why := why_withheld(turn, uri))]
    if withheld:
        return warn(
            withheld[0],
            detail="Clients are not told of this relay. Those in networks that let only TLS out cannot call.",
            fix="Does the proxy get certificates? Is turn.certificate_file the file that coturn reads?",
        )
    return _tried("tls")


def _servers(transport: str) -> list[TurnServer]:
    found = [TurnServer.of(uri) for uri in get_config().turn.uris]
    return [server for server in found if server.transport == transport]


def _credentials() -> Credentials:
    from matrix_app.services.calls import minted_credentials

    return Credentials(*minted_credentials("@hearth-check:invalid"))


def _tried(transport: str) -> Result:
    if not get_config().turn.uris:
        return skipped("No TURN server is set (turn.uris)")
    try:
        servers = _servers(transport)
        relays = [_relay_of(server) for server in servers]
    except (TurnFault, OSError) as fault:
        return error(str(fault), fix=_FIX[transport])
    if not servers:
        return skipped(said("No TURN server is named for {transport}", transport=transport.upper()))
    private = [address for address in relays if not address.is_global]
    if private:
        return warn(
            said("The relay is at {address}, which others cannot reach", address=private[0]),
            fix="Tell coturn its public address.",
            snippet="external-ip=PUBLIC_ADDRESS",
        )
    return ok(said("A relay was given at {address}", address=relays[0]))


def _relay_of(server: TurnServer) -> IPv4Address | IPv6Address:
    with connected(server, ssl.create_default_context()) as client:
        client.own_address()
        relay = client.allocate(_credentials())
        client.release()
        return relay


@check("turn.denied_peers", "Relay leads outside, and keeps out of private networks", timeout=30)
def denied_peers() -> Result:
    """Users of a relay must reach others, and must not reach what is behind its firewall."""
    uris = get_config().turn.uris
    if not uris:
        return skipped("No TURN server is set (turn.uris)")
    try:
        with connected(TurnServer.of(uris[0]), ssl.create_default_context()) as client:
            client.allocate(_credentials())
            open_to = [address for address in FORBIDDEN if client.permits(address)]
            leads_outside = client.permits(OUTSIDE)
            client.release()
    except (TurnFault, OSError) as fault:
        return skipped(said("The relay does not work: {fault}", fault=fault))
    if open_to:
        return error(
            said("The relay lets its users reach {addresses}", addresses=open_to),
            fix="Add to turnserver.conf:",
            snippet="no-multicast-peers\ndenied-peer-ip=0.0.0.0-0.255.255.255\n"
            "denied-peer-ip=10.0.0.0-10.255.255.255\ndenied-peer-ip=127.0.0.0-127.255.255.255\n"
            "denied-peer-ip=169.254.0.0-169.254.255.255\ndenied-peer-ip=172.16.0.0-172.31.255.255\n"
            "denied-peer-ip=192.168.0.0-192.168.255.255",
        )
    if not leads_outside:
        return error(
            said("The relay refuses {address} too, so it leads nowhere", address=OUTSIDE),
            fix="Is there a denied-peer-ip in turnserver.conf that begins with :: or 0.0.0.0? "
            "hearth render-turn prints those that should be there.",
        )
    return ok("Private addresses are refused, others are not")
