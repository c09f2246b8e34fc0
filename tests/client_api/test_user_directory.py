"""Searching users."""

from __future__ import annotations

import msgspec
import pytest

from appliance.config import Config
from appliance.config.current import use_config
from matrix_app.services import user_directory
from matrix_app.services.create_account import create_account
from matrix_app.storage import db, interning
from tests.factories.client import Client, ClientFactory
from tests.factories.statements import recorded
from tests.factories.visiting_server import VisitingServer


def named(clients: ClientFactory, localpart: str, name: str) -> Client:
    """A client of a user with a name."""
    client = clients.make(localpart)
    client.put(f"/profile/{client.user_id}/displayname", {"displayname": name})
    return client


def found(client: Client, term: str) -> list[str]:
    """The IDs of those found."""
    results = client.post("/user_directory/search", {"search_term": term}).body["results"]
    return [result["user_id"] for result in results]


def test_one_finds_those_with_whom_one_shares_a_room(clients: ClientFactory) -> None:
    alice, bob, carol = (named(clients, name, name.title()) for name in ("alice", "bob", "carol"))
    room_id = alice.create_room()
    alice.change(room_id, "invite", user_id=bob.user_id)
    bob.change(room_id, "join")
    assert found(alice, "bob") == [bob.user_id]
    assert found(carol, "bob") == []
    bob.change(room_id, "leave")
    assert found(alice, "bob") == []


def test_one_finds_those_in_rooms_that_anybody_may_look_into(clients: ClientFactory) -> None:
    alice, bob = named(clients, "alice", "Alice"), named(clients, "bob", "Bob")
    room_id = alice.create_room(preset="public_chat")
    assert found(bob, "alice") == [alice.user_id]
    alice.set_state(room_id, "m.room.join_rules", {"join_rule": "invite"})
    assert found(bob, "alice") == []
    alice.set_state(room_id, "m.room.history_visibility", {"history_visibility": "world_readable"})
    assert found(bob, "alice") == [alice.user_id]


def test_one_finds_nobody_in_rooms_that_the_server_has_left(clients: ClientFactory) -> None:
    alice, other = named(clients, "alice", "Alice"), clients.make()
    room_id = alice.create_room(preset="public_chat")
    VisitingServer().join(room_id, "@zoe:remote.example")
    assert found(other, "zoe") == ["@zoe:remote.example"]
    alice.change(room_id, "leave")
    assert found(other, "zoe") == []


@pytest.mark.parametrize(
    "term", ["björn", "BJORN", "bjo", "Larsson", "lars björn", "@bjarn1:hearth.example", "bjarn1"]
)
def test_words_are_found_by_their_beginning_whatever_their_case_and_accents(
    clients: ClientFactory, term: str
) -> None:
    user = named(clients, "bjarn1", "Björn Larsson")
    user.create_room(preset="public_chat")
    assert found(clients.make(), term) == [user.user_id]


def test_scripts_without_spaces_are_found_anywhere(clients: ClientFactory) -> None:
    user = named(clients, "tanaka", "田中太郎")
    user.create_room(preset="public_chat")
    assert found(clients.make(), "太郎") == [user.user_id]


@pytest.mark.parametrize("term", ["", "%", "_", "xyz"])
def test_what_matches_nobody_finds_nobody(clients: ClientFactory, term: str) -> None:
    named(clients, "alice", "Alice").create_room(preset="public_chat")
    assert found(clients.make(), term) == []


def test_a_search_says_when_there_are_more(clients: ClientFactory) -> None:
    everybody = [named(clients, f"sam{number}", "Sam") for number in range(3)]
    for user in everybody:
        user.create_room(preset="public_chat")
    body = everybody[0].post("/user_directory/search", {"search_term": "sam", "limit": 2}).body
    assert body["limited"] is True
    assert len(body["results"]) == 2
    assert body["results"][0]["display_name"] == "Sam"


def test_the_owner_may_let_everybody_be_found(clients: ClientFactory, config: Config) -> None:
    create_account("dora", display_name="Dora")
    alice = clients.make()
    assert found(alice, "dora") == []
    shown = msgspec.structs.replace(config.rooms, user_directory_shows_everyone=True)
    with use_config(msgspec.structs.replace(config, rooms=shown)):
        assert found(alice, "dora") == ["@dora:hearth.example"]


def test_an_old_name_is_no_longer_found(clients: ClientFactory) -> None:
    alice = named(clients, "a1", "Xenia")
    alice.create_room(preset="public_chat")
    alice.put(f"/profile/{alice.user_id}/displayname", {"displayname": "Yolanda"})
    bob = clients.make()
    assert (found(bob, "xenia"), found(bob, "yolanda")) == ([], [alice.user_id])


def test_guests_are_not_in_the_directory(clients: ClientFactory) -> None:
    guest = clients.make(guest=True)
    with db.write():
        user_directory.seen(guest.requester.user_nid, guest.user_id, "Guest")
        user_directory.refresh(guest.requester.user_nid)
    assert db.value("SELECT count(*) FROM user_directory") == 0


def test_a_remote_user_is_found_by_the_name_in_their_rooms(clients: ClientFactory) -> None:
    with db.write():
        nid = interning.user_nid("@zoe:elsewhere.example")
        user_directory.seen(nid, "@zoe:elsewhere.example", "Zoë")
    assert user_directory.search_text("@zoe:elsewhere.example", "Zoë") == " zoe zoe elsewhere example"
    assert found(clients.make(), "zoe") == []


def test_users_whose_ids_are_not_to_be_shown_are_not_found(clients: ClientFactory, config: Config) -> None:
    with db.write():
        for user_id in ("@zoe:hearth.example", "@zoe b:hearth.example", "@zoë:hearth.example"):
            user_directory.seen(interning.user_nid(user_id), user_id, "Zoe")
    rooms = msgspec.structs.replace(config.rooms, user_directory_shows_everyone=True)
    with use_config(msgspec.structs.replace(config, rooms=rooms)):
        assert found(clients.make(), "zoe") == ["@zoe:hearth.example"]


def test_a_search_is_one_statement_and_one_for_the_names(clients: ClientFactory) -> None:
    for number in range(3):
        named(clients, f"sam{number}", "Sam").create_room(preset="public_chat")
    nid = clients.make().requester.user_nid
    with recorded() as statements:
        user_directory.search(nid, "sam", 10)
    assert len(statements) == 2
