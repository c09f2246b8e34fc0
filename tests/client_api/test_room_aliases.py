"""Room aliases."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.factories.client import Answer, Client, ClientFactory
from tests.factories.present_state import state_of

ALIAS = "#pub:hearth.example"


def path(alias: str) -> str:
    return f"/directory/room/{quote(alias, safe='')}"


def put(client: Client, room_id: str, alias: str = ALIAS) -> Answer:
    return client.put(path(alias), {"room_id": room_id})


def canonical(client: Client, room_id: str, **content: object) -> str | int | None:
    answer = client.set_state(room_id, "m.room.canonical_alias", content)
    return answer.errcode or answer.status


def test_an_alias_leads_to_its_room_until_it_is_deleted(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    assert put(alice, room_id).body == {}
    assert bob.get(path(ALIAS)).body == {"room_id": room_id, "servers": ["hearth.example"]}
    assert alice.get(f"/rooms/{room_id}/aliases").body == {"aliases": [ALIAS]}
    assert put(alice, room_id).status == 409
    assert alice.delete(path(ALIAS)).body == {}
    assert bob.get(path(ALIAS)).errcode == "M_NOT_FOUND"
    assert alice.delete(path(ALIAS)).errcode == "M_NOT_FOUND"


@pytest.mark.parametrize("alias", ["#☕:hearth.example", "##☕/%:hearth.example"])
def test_aliases_may_have_letters_of_every_kind(clients: ClientFactory, alias: str) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    assert put(alice, room_id, alias).status == 200
    assert alice.get(path(alias)).body["room_id"] == room_id


@pytest.mark.parametrize(
    "alias", ["pub", "#pub", "#pub:other.example", "#a b:hearth.example", "#" + "x" * 255]
)
def test_what_is_no_alias_of_this_server_is_refused(clients: ClientFactory, alias: str) -> None:
    alice = clients.make()
    assert put(alice, alice.create_room(), alias).errcode == "M_INVALID_PARAM"


def test_only_members_give_aliases_and_see_them(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    assert put(bob, room_id).errcode == "M_FORBIDDEN"
    assert bob.get(f"/rooms/{room_id}/aliases").errcode == "M_FORBIDDEN"
    alice.set_state(room_id, "m.room.history_visibility", {"history_visibility": "world_readable"})
    assert bob.get(f"/rooms/{room_id}/aliases").status == 200


def test_aliases_are_deleted_by_their_creators_and_by_moderators(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    room_id = alice.create_room(preset="public_chat")
    for client in (bob, carol):
        client.change(room_id, "join")
    put(bob, room_id)
    assert carol.delete(path(ALIAS)).errcode == "M_FORBIDDEN"
    assert bob.delete(path(ALIAS)).status == 200
    put(bob, room_id)
    assert alice.delete(path(ALIAS)).status == 200


def test_a_deleted_alias_is_not_advertised_any_more(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(room_alias_name="pub")
    put(alice, room_id, "#two:hearth.example")
    assert canonical(alice, room_id, alias=ALIAS, alt_aliases=[ALIAS, "#two:hearth.example"]) == 200
    alice.delete(path(ALIAS))
    content = state_of(room_id)["m.room.canonical_alias", ""]
    assert content == {"alt_aliases": ["#two:hearth.example"]}
    alice.delete(path("#two:hearth.example"))
    assert state_of(room_id)["m.room.canonical_alias", ""] == {}


def test_a_creator_without_power_deletes_a_canonical_alias_all_the_same(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    put(bob, room_id)
    assert canonical(alice, room_id, alias=ALIAS) == 200
    assert bob.delete(path(ALIAS)).status == 200
    assert state_of(room_id)["m.room.canonical_alias", ""] == {"alias": ALIAS}


def test_a_room_advertises_only_aliases_that_lead_to_it(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(room_alias_name="pub")
    alice.create_room(room_alias_name="other")
    assert canonical(alice, room_id, alias="#none:hearth.example") == "M_BAD_ALIAS"
    assert canonical(alice, room_id, alt_aliases=["#other:hearth.example"]) == "M_BAD_ALIAS"
    assert canonical(alice, room_id, alt_aliases=["%pub:hearth.example"]) == "M_INVALID_PARAM"
    assert canonical(alice, room_id, alias=ALIAS, alt_aliases=[ALIAS]) == 200


def test_an_alias_that_is_advertised_already_is_not_checked_again(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    put(bob, room_id)
    canonical(alice, room_id, alias=ALIAS)
    bob.delete(path(ALIAS))
    assert canonical(alice, room_id, alias=ALIAS, extra=1) == 200
    assert canonical(alice, room_id, alias="") == 200
