"""Every step to a server, as it is told to people."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from aiohttp import web

from appliance.config import get_config
from matrix_app.federation.discovery import SrvRecord
from matrix_app.federation.examine import Ports, walk
from matrix_app.federation.own_keys import published_keys
from matrix_app.federation.transport import Transport
from matrix_app.services.examine_server import Examination
from tests.federation.certificates import Authority
from tests.federation.fakes import Addresses, Https, Srv, answer
from tests.federation.https_server import HttpsServer

pytestmark = pytest.mark.django_db(transaction=True)


async def serve(request: web.BaseRequest) -> web.StreamResponse:
    if request.path.endswith("/key/v2/server"):
        return web.json_response(published_keys())
    return web.json_response({"server": {"name": "Synapse", "version": "1.0"}})


async def examined(authority: Authority, name: str, https: Https, srv: Srv, **settings: Any) -> Examination:
    wanted = {"allow_private_addresses": True, "ca_file": authority.file, **settings}
    federation = msgspec.structs.replace(get_config().federation, **wanted)
    addresses = Addresses({"box.example": ["127.0.0.1"]})
    transport = Transport(federation, addresses=addresses)
    try:
        return await walk(name, transport, Ports(https, srv, addresses))
    finally:
        await transport.close()


def kinds(found: Examination) -> list[tuple[str, str]]:
    return [(hop.kind, hop.status) for hop in found.hops]


async def test_every_step_of_a_sound_server_is_told(authority: Authority) -> None:
    name = get_config().server.name
    async with HttpsServer(authority.server_context("hs.example"), serve).running() as server:
        srv = Srv({"_matrix-fed._tcp.hs.example": [SrvRecord(1, 1, server.port, "box.example")]})
        found = await examined(authority, name, Https(answer('{"m.server": "hs.example"}')), srv)
    assert kinds(found) == [
        ("well_known", "ok"),
        ("srv", "ok"),
        ("address", "ok"),
        ("tls", "warn"),  # the certificates of tests are good for a day
        ("keys", "ok"),
        ("version", "ok"),
    ]
    assert found.is_reached
    assert found.software == "Synapse 1.0"
    assert found.route == f"box.example:{server.port}"
    assert "hs.example" in found.of_kind("tls")[0].text


async def test_a_wrong_certificate_and_foreign_keys_are_told(authority: Authority) -> None:
    async with HttpsServer(authority.server_context("other.example"), serve).running() as server:
        srv = Srv({"_matrix-fed._tcp.far.example": [SrvRecord(1, 1, server.port, "box.example")]})
        found = await examined(authority, "far.example", Https(answer("{}", 404)), srv)
        assert ("tls", "error") in kinds(found)
        assert "certificate is refused" in found.of_kind("tls")[0].text
        assert not found.is_reached
    async with HttpsServer(authority.server_context("far.example"), serve).running() as server:
        srv = Srv({"_matrix-fed._tcp.far.example": [SrvRecord(1, 1, server.port, "box.example")]})
        found = await examined(authority, "far.example", Https(answer("{}", 404)), srv)
    assert "They are those of" in found.of_kind("keys")[0].text


async def test_a_name_without_an_address_ends_early(authority: Authority) -> None:
    found = await examined(authority, "nowhere.example", Https(None), Srv())
    assert ("well_known", "info") in kinds(found)
    assert ("address", "error") in kinds(found)
    assert not found.is_reached


async def test_addresses_that_are_forbidden_are_not_connected_to(authority: Authority) -> None:
    async with HttpsServer(authority.server_context("far.example"), serve).running() as server:
        srv = Srv({"_matrix-fed._tcp.far.example": [SrvRecord(1, 1, server.port, "box.example")]})
        found = await examined(
            authority, "far.example", Https(answer("{}", 404)), srv, allow_private_addresses=False
        )
    assert not server.seen
    assert "do not let" in found.of_kind("tls")[0].text
