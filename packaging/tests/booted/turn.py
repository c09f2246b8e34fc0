"""Calls: relays of coturn over each transport, with the credentials that clients get."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import Any

from stories.client import CLIENT, ask

from booted.machine import ADDRESS, HOST, tell, wait_for
from booted.names import trust

sys.path += ["/usr/lib/hearth", "/usr/lib/hearth-runtime"]
from appliance.diagnostics.stun import Credentials, TurnClient, TurnFault, TurnServer, connected


def check_turn(token: str) -> None:
    """At an address that is not loopback, as coturn listens nowhere else."""
    began = time.monotonic()
    # Those over TLS are told once coturn has the certificate that Caddy made.
    wait_for("clients are told of turns:", lambda: len(offer(token)["uris"]) == 3)
    told = offer(token)
    who = Credentials(told["username"], told["password"])
    servers = [TurnServer.of(uri) for uri in told["uris"]]
    assert sorted(server.transport for server in servers) == ["tcp", "tls", "udp"], told["uris"]
    for server in servers:
        assert server.host == HOST, server
        wait_for(f"coturn listens for {server.transport}", partial(listens, server))
        check_relay(server, who)
    tell("coturn makes relays over UDP, TCP and TLS with the credentials of a client", began)


def offer(token: str) -> Any:
    """Client-server API, GET /voip/turnServer."""
    return ask("GET", f"{CLIENT}/voip/turnServer", token)


def listens(server: TurnServer) -> bool:
    """It starts at its own pace, and reads certificates anew."""
    try:
        with connected(server, trust()) as client:
            return str(client.own_address()) == ADDRESS
    except TurnFault:
        return False


def check_relay(server: TurnServer, who: Credentials) -> None:
    """A relay for who may have one, which leads to nobody inside; none for others."""
    with connected(server, trust()) as client:
        assert str(client.allocate(who)) == ADDRESS
        assert client.permits("8.8.8.8")
        assert not client.permits("10.0.0.1")
        assert not client.permits("127.0.0.1")
        client.release()
    with connected(server, trust()) as client:
        refused = refusal(client, Credentials(who.username, "wrong"))
    assert "401" in refused, refused


def refusal(client: TurnClient, who: Credentials) -> str:
    """Why somebody gets no relay; empty for who gets one."""
    try:
        client.allocate(who)
    except TurnFault as fault:
        return str(fault)
    return ""
