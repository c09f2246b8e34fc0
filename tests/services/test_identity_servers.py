"""What identity servers are told and asked, and what becomes of their answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import Forbidden
from matrix_app.services.deactivate import deactivate
from matrix_app.services.identity_server import IdentityServer
from matrix_app.services.local_identity import local_identity
from matrix_app.storage import db, threepid_bindings
from matrix_app.storage.threepid_bindings import Binding
from tests.factories.client import Client, ClientFactory
from tests.factories.http_service import Asked, HttpService, http_service
from tests.factories.settings import settings
from tests.federation.certificates import Authority

pytestmark = pytest.mark.django_db(transaction=True)

BOUND = b'{"medium": "email", "address": "alice@example.org"}'
ADDRESS = {"medium": "email", "address": "alice@example.org"}


@pytest.fixture
def identities(tmp_path: Path) -> Iterator[HttpService]:
    tls = Authority(tmp_path).server_context("127.0.0.1")
    outgoing = {"allow_private_addresses": True, "verify_certificates": False}
    with http_service(BOUND, tls) as service, settings(outgoing=outgoing):
        yield service


def name_of(service: HttpService) -> str:
    return service.address.removeprefix("https://")


def creds(service: HttpService) -> dict[str, str]:
    return {"sid": "1", "client_secret": "s", "id_server": name_of(service), "id_access_token": "t"}


def bind(client: Client, service: HttpService) -> None:
    assert client.post("/account/3pid/bind", creds(service)).status == 200


def test_an_address_is_bound_and_unbound_by_a_signed_request(
    clients: ClientFactory, identities: HttpService
) -> None:
    alice = clients.make()
    bind(alice, identities)
    (bound,) = identities.asked
    assert (bound.path, bound.authorization) == ("/_matrix/identity/v2/3pid/bind", "Bearer t")
    assert orjson.loads(bound.body) == {"sid": "1", "client_secret": "s", "mxid": alice.user_id}
    unbound = alice.post("/account/3pid/unbind", ADDRESS)
    assert unbound.body == {"id_server_unbind_result": "success"}
    assert orjson.loads(identities.asked[1].body) == {"mxid": alice.user_id, "threepid": ADDRESS}
    assert is_signed(identities.asked[1], name_of(identities))
    assert threepid_bindings.of_user(alice.requester.user_nid) == []
    # Nobody knows any more where it could be bound.
    assert alice.post("/account/3pid/unbind", ADDRESS).body == {"id_server_unbind_result": "no-support"}


def is_signed(asked: Asked, destination: str) -> bool:
    given = dict(re.findall(r'(\w+)="([^"]*)"', (asked.authorization or "").removeprefix("X-Matrix ")))
    identity = local_identity()
    signed = {
        "method": "POST",
        "uri": asked.path,
        "origin": identity.server_name,
        "destination": destination,
        "content": orjson.loads(asked.body),
    }
    expected = {
        "origin": identity.server_name,
        "destination": destination,
        "key": identity.signing_key.key_id,
        "sig": identity.signing_key.sign(encode_canonical(signed)),
    }
    return given == expected


@pytest.mark.parametrize(
    ("status", "errcode", "told"),
    [
        (400, "M_SESSION_NOT_VALIDATED", (400, "M_SESSION_NOT_VALIDATED")),
        (403, "M_TERMS_NOT_SIGNED", (403, "M_TERMS_NOT_SIGNED")),
        (401, "M_UNAUTHORIZED", (401, "M_UNAUTHORIZED")),
        # These would tell the client that it is not signed in here any more.
        (401, "M_UNKNOWN_TOKEN", (401, "M_UNAUTHORIZED")),
        (403, "M_USER_DEACTIVATED", (403, "M_UNAUTHORIZED")),
        (500, "M_UNKNOWN", (502, "M_UNKNOWN")),
    ],
)
def test_what_an_identity_server_says_against_it_is_told_but_signs_nobody_out(
    clients: ClientFactory, identities: HttpService, status: int, errcode: str, told: tuple[int, str]
) -> None:
    identities.status = status
    identities.answer = orjson.dumps({"errcode": errcode, "error": "no"})
    answer = clients.make().post("/account/3pid/bind", creds(identities))
    assert (answer.status, answer.errcode) == told


def test_an_invite_that_the_identity_server_refuses_signs_nobody_out(identities: HttpService) -> None:
    identities.status = 401
    identities.answer = b'{"errcode": "M_UNKNOWN_TOKEN", "error": "no"}'
    with pytest.raises(Forbidden) as caught:
        IdentityServer.of(name_of(identities), "t").find_user("email", "bob@example.org")
    assert caught.value.errcode == "M_FORBIDDEN"


def test_who_leaves_is_unbound_wherever_that_can_be_done(
    clients: ClientFactory, identities: HttpService
) -> None:
    alice = clients.make()
    nid = alice.requester.user_nid
    with db.write():
        for server in ("127.0.0.1:1", name_of(identities)):
            threepid_bindings.insert(nid, Binding("email", "alice@example.org", server))
    assert deactivate(alice.user_id, nid, erase=False, id_server=None) is False
    assert [asked.path for asked in identities.asked] == ["/_matrix/identity/v2/3pid/unbind"]
    assert [binding.id_server for binding in threepid_bindings.of_user(nid)] == ["127.0.0.1:1"]


@pytest.mark.parametrize("status", [400, 404, 501])
def test_an_identity_server_may_know_no_unbinding_or_have_something_against_it(
    clients: ClientFactory, identities: HttpService, status: int
) -> None:
    alice = clients.make()
    bind(alice, identities)
    identities.status, identities.answer = status, b'{"errcode": "M_NOT_FOUND", "error": "no"}'
    refused = alice.post("/account/3pid/unbind", ADDRESS)
    assert refused.errcode == "M_NOT_FOUND"
    assert len(threepid_bindings.of_user(alice.requester.user_nid)) == 1
    identities.answer = b"<html>"
    assert alice.post("/account/3pid/unbind", ADDRESS).body == {"id_server_unbind_result": "no-support"}
