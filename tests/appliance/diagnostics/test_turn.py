"""Relays for calls: messages of STUN as the RFC has them, and what the checks make of servers."""

from __future__ import annotations

import hashlib
import ssl

import pytest

from appliance.diagnostics import stun
from appliance.diagnostics.checks import turn
from appliance.diagnostics.result import Status
from appliance.diagnostics.stun import TurnFault, TurnServer, connected, decode, read_address
from tests.factories.settings import settings
from tests.factories.turn_server import silent_port, turn_server

# RFC 5769, sections 2.2 and 2.3: a binding response over IPv4 and IPv6 with the same transaction.
IPV4_RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
IPV6_VALUE = bytes.fromhex("0002a1470113a9faa5d3f179bc25f4b5bed2b9d9")


def test_the_sample_messages_of_the_standard_are_read() -> None:
    message = decode(IPV4_RESPONSE)
    assert message.kind == stun.BINDING | stun.SUCCESS
    assert str(read_address(message.attributes[stun.XOR_MAPPED], message.transaction)) == "192.0.2.1"
    assert str(read_address(IPV6_VALUE, message.transaction)) == "2001:db8:1234:5678:11:2233:4455:6677"
    assert stun.xor_address("192.0.2.1", 32853, message.transaction) == message.attributes[stun.XOR_MAPPED]


def test_a_signature_is_that_of_the_standard() -> None:
    # RFC 5769, section 2.4: a request with a long-term credential (RFC 8489, 9.2.2: MD5 of the three).
    sample = bytes.fromhex(
        "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b90000"
        "0015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700"
        "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666"
    )
    key = hashlib.md5("\u30de\u30c8\u30ea\u30c3\u30af\u30b9:example.org:TheMatrIX".encode()).digest()
    message = decode(sample)
    signature = message.attributes.pop(stun.INTEGRITY)
    assert stun.encode(1, message.transaction, message.attributes, key) == sample
    assert sample.endswith(signature)


@pytest.mark.parametrize(
    ("uri", "server"),
    [
        ("turn:a.example", ("a.example", 3478, "udp")),
        ("turn:a.example:99?transport=tcp", ("a.example", 99, "tcp")),
        ("turns:a.example?transport=tcp", ("a.example", 5349, "tls")),
        ("turn:[::1]:99", ("::1", 99, "udp")),
    ],
)
def test_addresses_of_servers_are_read(uri: str, server: tuple[str, int, str]) -> None:
    assert TurnServer.of(uri) == server


def test_no_answer_and_nonsense_are_faults() -> None:
    with pytest.raises(TurnFault):
        TurnServer.of("stun:a.example")
    with pytest.raises(TurnFault):
        decode(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_a_relay_is_given_for_a_minted_credential_and_given_back(kind: str) -> None:
    with turn_server() as server:
        keys = {"uris": (server.uris[kind],), "secret": server.secret}
        with settings(turn=keys):
            found = {"udp": turn.udp, "tcp": turn.tcp}[kind]()
            assert (found.status, server.relay in found.summary) == (Status.OK, True)
            assert server.released == 1
            assert turn.tls().status is Status.SKIPPED
            server.relay = "10.1.1.1"
            assert {"udp": turn.udp, "tcp": turn.tcp}[kind]().status is Status.WARN


def test_a_wrong_secret_and_a_relay_for_everybody_are_errors() -> None:
    with turn_server() as server:
        with settings(turn={"uris": (server.uris["udp"],), "secret": "wrong"}):
            assert "401 Unauthorized" in turn.udp().summary
        server.asks_for_credentials = False
        with settings(turn={"uris": (server.uris["udp"],), "secret": server.secret}):
            assert "for everybody" in turn.udp().summary


def test_a_relay_into_private_networks_is_an_error() -> None:
    with turn_server() as server, settings(turn={"uris": (server.uris["tcp"],), "secret": server.secret}):
        assert turn.denied_peers().status is Status.OK
        server.denied = {"127.0.0.1"}
        found = turn.denied_peers()
        assert found.status is Status.ERROR
        assert "10.0.0.1, 192.168.0.1" in found.summary
        assert "denied-peer-ip=10.0.0.0" in found.snippet


def test_a_relay_that_leads_nowhere_is_an_error() -> None:
    with turn_server() as server, settings(turn={"uris": (server.uris["tcp"],), "secret": server.secret}):
        server.denied |= {turn.OUTSIDE}
        found = turn.denied_peers()
    assert found.status is Status.ERROR
    assert "leads nowhere" in found.summary


def test_a_server_that_is_silent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stun, "SECONDS", 0.1)
    holder, port = silent_port()
    with holder, settings(turn={"uris": (f"turn:127.0.0.1:{port}",), "secret": "s"}):
        found = turn.udp()
    assert found.status is Status.ERROR
    assert "does not answer" in found.summary


def test_without_a_server_nothing_is_looked_at() -> None:
    assert turn.udp().status is turn.denied_peers().status is Status.SKIPPED


def test_a_client_is_told_the_address_that_it_has() -> None:
    with (
        turn_server() as server,
        connected(TurnServer.of(server.uris["udp"]), ssl.create_default_context()) as client,
    ):
        assert str(client.own_address()) == "127.0.0.1"
