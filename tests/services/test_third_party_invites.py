"""Invites by mail address."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from nacl.signing import SigningKey

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import BadGateway, Forbidden, InvalidParam
from matrix_app.services.identity_server import IdentityServer, is_key_valid
from matrix_app.services.third_party_binding import MOST_INVITES
from matrix_app.services.third_party_invites import ThirdPartyInvite, exchange, invite_by_address
from tests.factories.client import Client, ClientFactory
from tests.factories.present_state import membership_of, room_of, state_of

KEY, OTHER = SigningKey(bytes(range(32))), SigningKey(bytes(range(1, 33)))
WANTED = ThirdPartyInvite("id.example", "token", "email", " Bob@Example.org")


def text(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")


KEY_WITHOUT_URL = {"public_key": text(bytes(KEY.verify_key))}


class FakeIdentities:
    """An identity server in memory."""

    def __init__(self, **bound: str) -> None:
        self.bound = bound
        self.stored: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {
            "token": "t",
            "display_name": "b...@...",
            "public_keys": [
                {"public_key": text(bytes(KEY.verify_key)), "key_validity_url": "https://id.example/v"}
            ],
        }

    def find_user(self, medium: str, address: str) -> str | None:
        return self.bound.get(medium) if address == "bob@example.org" else None

    def store_invite(self, details: dict[str, Any]) -> dict[str, Any]:
        self.stored.append(details)
        return self.answer


def invite(client: Client, room_id: str, identities: FakeIdentities) -> None:
    invite_by_address(client.requester, room_id, WANTED, make_server=lambda name, token: identities)


def sign(target: Client, key: SigningKey = KEY, **fields: str) -> dict[str, Any]:
    signed = {"mxid": target.user_id, "token": "t", **fields}
    signature = text(key.sign(encode_canonical(signed)).signature)
    return {**signed, "signatures": {"id.example": {"ed25519:0": signature}}}


def valid(url: str, key: str) -> bool:
    return True


def test_a_known_address_invites_its_user(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    invite(alice, room_id, FakeIdentities(email=bob.user_id))
    assert membership_of(room_id, bob.user_id) == "invite"


def test_an_unknown_address_is_kept_by_the_identity_server(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(name="Pub")
    identities = FakeIdentities()
    invite(alice, room_id, identities)
    assert identities.stored == [
        {
            "medium": "email",
            "address": "bob@example.org",
            "room_id": room_id,
            "sender": alice.user_id,
            "room_name": "Pub",
            "room_join_rules": "invite",
        }
    ]
    content = state_of(room_id)["m.room.third_party_invite", "t"]
    assert content["display_name"] == "b...@..."
    assert content["public_key"] == text(bytes(KEY.verify_key))


def test_who_binds_the_address_is_invited_and_joins_even_after_the_inviter_left(
    clients: ClientFactory,
) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    invite(alice, room_id, FakeIdentities())
    alice.change(room_id, "leave")
    exchange(room_of(room_id), bob.user_id, sign(bob), sender=alice.user_id, is_valid=valid)
    content = state_of(room_id)["m.room.member", bob.user_id]
    assert content["third_party_invite"]["display_name"] == "b...@..."
    assert bob.change(room_id, "join").status == 200


def test_a_wrong_or_revoked_key_invites_nobody(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    invite(alice, room_id, FakeIdentities())
    room, sender = room_of(room_id), alice.user_id
    with pytest.raises(Forbidden):
        exchange(room, bob.user_id, sign(bob, OTHER), sender=sender, is_valid=valid)
    with pytest.raises(Forbidden):
        exchange(room, bob.user_id, sign(bob), sender=sender, is_valid=lambda url, key: False)
    with pytest.raises(Forbidden):
        exchange(room, bob.user_id, sign(bob, token="u"), sender=sender, is_valid=valid)
    assert membership_of(room_id, bob.user_id) is None


def test_an_identity_server_that_tells_of_a_binding_has_its_user_invited(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    room_id = alice.create_room()
    alice.set_state(room_id, "m.room.third_party_invite", {"public_keys": [KEY_WITHOUT_URL]}, "t")

    def bind(*proofs: dict[str, Any]) -> int:
        shared = {"room_id": room_id, "sender": alice.user_id, "mxid": bob.user_id}
        invites = [{**shared, "signed": signed} for signed in proofs]
        body = {"medium": "email", "address": "b@b.example", "mxid": bob.user_id, "invites": invites}
        return alice.put("/_matrix/federation/v1/3pid/onbind", body).status

    for signed in (sign(carol), sign(bob, OTHER), {}):
        assert bind(signed) == 403
        assert membership_of(room_id, bob.user_id) is None
    assert bind(*[sign(bob, OTHER)] * MOST_INVITES, sign(bob)) == 403
    assert membership_of(room_id, bob.user_id) is None
    assert bind(sign(bob), sign(bob, OTHER)) == 403
    assert membership_of(room_id, bob.user_id) == "invite"
    assert bind(sign(bob)) == 200


def test_nobody_is_asked_about_invites_for_who_has_no_account(clients: ClientFactory) -> None:
    alice = clients.make()
    nobody = "@nobody:hearth.example"
    invites = [{"room_id": "!r:elsewhere.example", "sender": "@a:elsewhere.example", "mxid": nobody}]
    body = {"mxid": nobody, "invites": [invite | {"signed": {}} for invite in invites]}
    assert alice.put("/_matrix/federation/v1/3pid/onbind", body).status == 200


def test_a_proof_given_with_the_join_is_enough(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    room_id = alice.create_room()
    content = {"display_name": "b", "public_key": "", "public_keys": [KEY_WITHOUT_URL]}
    assert alice.set_state(room_id, "m.room.third_party_invite", content, "t").status == 200
    proof = sign(bob, sender=alice.user_id)
    assert carol.change(room_id, "join", third_party_signed=proof).errcode == "M_FORBIDDEN"
    assert bob.change(room_id, "join", third_party_signed=sign(bob, OTHER)).errcode == "M_FORBIDDEN"
    assert bob.change(room_id, "join", third_party_signed=proof).status == 200
    assert membership_of(room_id, bob.user_id) == "join"


def test_who_is_not_in_the_room_bothers_no_identity_server(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    identities = FakeIdentities()
    with pytest.raises(Forbidden):
        invite(bob, room_id, identities)
    assert identities.stored == []


def test_an_incomplete_answer_is_no_invite(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    identities = FakeIdentities()
    identities.answer = {"token": "t"}
    with pytest.raises(BadGateway):
        invite(alice, room_id, identities)


def test_what_is_no_server_name_is_no_identity_server(clients: ClientFactory) -> None:
    with pytest.raises(InvalidParam):
        IdentityServer.of("id.example/evil?", "token")
    alice = clients.make()
    body = {"id_server": "a/b", "id_access_token": "t", "medium": "email", "address": "a@b.example"}
    assert alice.change(alice.create_room(), "invite", **body).errcode == "M_INVALID_PARAM"
    del body["id_access_token"]
    assert alice.change(alice.create_room(), "invite", **body).errcode == "M_MISSING_PARAM"


def test_a_key_whose_identity_server_has_no_address_is_not_valid() -> None:
    assert not is_key_valid("http://[", "key")
    assert not is_key_valid("https://id.example:99999/v", "key")
