"""Invites that other servers send."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.http.dispatch import dispatch
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.protocol.signing import verify_event
from matrix_app.services.local_identity import local_identity
from matrix_app.storage import events, rooms
from tests.factories.client import Answer, Client, ClientFactory
from tests.factories.servers import make_http
from tests.factories.syncing import sync
from tests.factories.visiting_server import VisitingServer, path_of


class RemoteRoom:
    """A room of the other server, of which this one knows nothing."""

    def __init__(self, remote: VisitingServer, version: str = "10") -> None:
        self.remote = remote
        self.rules = ROOM_VERSIONS[version]
        self.owner = remote.user("owner")
        hashed = self.rules.room_id_is_create_hash
        self.create = remote.event(
            self.rules,
            room_id=None if hashed else "!theirs:remote.example",
            sender=self.owner,
            type="m.room.create",
            state_key="",
            content={"room_version": version},
            depth=1,
        )
        self.room_id = self.create.room_id

    def event(self, **fields: Any) -> Event:
        common = {"room_id": self.room_id, "sender": self.owner, "prev_events": [self.create]}
        return self.remote.event(self.rules, **{**common, **fields})

    def invite(self, target: str, **changes: Any) -> Event:
        fields = {"type": "m.room.member", "state_key": target, "content": {"membership": "invite"}}
        return self.event(**{**fields, **changes})

    def send(self, invite: Event, **changes: Any) -> Answer:
        name = self.event(type="m.room.name", state_key="", content={"name": "Theirs"})
        body = {
            "room_version": self.rules.identifier,
            "event": invite.pdu,
            "invite_room_state": [self.create.pdu, name.pdu],
            **changes,
        }
        return self.remote.put(body, "v2", "invite", self.room_id, invite.event_id)


def invites_of(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = sync(client).get("rooms", {}).get("invite", {})
    return found


@pytest.mark.parametrize("version", ["1", "6", "10", "12"])
def test_an_invite_is_signed_and_shown_to_the_user(
    remote: VisitingServer, alice: Client, version: str
) -> None:
    room = RemoteRoom(remote, version)
    event = room.invite(alice.user_id)
    answer = room.send(event)
    assert answer.status == 200, answer
    signed = answer.body["event"]
    assert {**signed, "signatures": None} == {**event.pdu, "signatures": None}
    identity = local_identity()
    key = identity.signing_key
    verify_event(signed, room.rules, identity.server_name, key.key_id, key.verify_key)
    shown = invites_of(alice)[room.room_id]["invite_state"]["events"]
    assert {item["type"] for item in shown} == {"m.room.create", "m.room.name", "m.room.member"}
    assert all(
        set(item) <= {"content", "sender", "state_key", "type", "origin_server_ts", "event_id"}
        for item in shown
    )


def test_an_invite_that_is_sent_twice_is_signed_twice(remote: VisitingServer, alice: Client) -> None:
    room = RemoteRoom(remote)
    event = room.invite(alice.user_id)
    assert room.send(event).body == room.send(event).body
    assert list(invites_of(alice)) == [room.room_id]


def test_the_first_version_takes_the_event_alone(remote: VisitingServer, alice: Client) -> None:
    room = RemoteRoom(remote, "1")
    event = room.invite(alice.user_id)
    name = {"type": "m.room.name", "state_key": "", "sender": room.owner, "content": {"name": "Theirs"}}
    body = {**event.pdu, "unsigned": {"invite_room_state": [name, "nonsense", {"type": 1}]}}
    status, answer = remote.put(body, "v1", "invite", room.room_id, event.event_id).body
    assert status == 200
    assert set(answer["event"]["signatures"]) == {"remote.example", "hearth.example"}
    shown = invites_of(alice)[room.room_id]["invite_state"]["events"]
    assert [item["type"] for item in shown] == ["m.room.name", "m.room.member"]


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_first_version_says_the_rooms_version_by_its_create_event(
    remote: VisitingServer, alice: Client, version: str
) -> None:
    room = RemoteRoom(remote, version)
    event = room.invite(alice.user_id)
    create = {"type": "m.room.create", "state_key": "", "sender": room.owner, "content": {}}
    create["content"] = {"creator": room.owner} | ({} if version == "1" else {"room_version": version})
    body = {**event.pdu, "unsigned": {"invite_room_state": [create]}}
    assert remote.put(body, "v1", "invite", room.room_id, event.event_id).status == 200
    known = rooms.find(room.room_id)
    assert known is not None
    assert known.rules.identifier == version


def test_the_first_version_invites_to_a_room_of_version_2_that_is_known_here(
    remote: VisitingServer, alice: Client, clients: ClientFactory
) -> None:
    room = RemoteRoom(remote, "2")
    assert room.send(room.invite(alice.user_id)).status == 200
    bob = clients.make("bob")
    event = room.invite(bob.user_id)
    status, _ = remote.put(event.pdu, "v1", "invite", room.room_id, event.event_id).body
    assert status == 200
    assert list(invites_of(bob)) == [room.room_id]


def test_an_invite_is_taken_though_another_server_named_another_version_of_the_room(
    remote: VisitingServer, alice: Client, clients: ClientFactory
) -> None:
    room = RemoteRoom(remote, "10")
    liar = RemoteRoom(VisitingServer("liar.example"), "1")
    liar.room_id = room.room_id
    assert liar.send(liar.invite(clients.make("bob").user_id), invite_room_state=[]).status == 200
    assert room.send(room.invite(alice.user_id)).status == 200
    assert list(invites_of(alice)) == [room.room_id]


def test_a_user_turns_an_invite_down(remote: VisitingServer, alice: Client) -> None:
    room = RemoteRoom(remote)
    room.send(room.invite(alice.user_id))
    assert alice.change(room.room_id, "leave").status == 200
    assert invites_of(alice) == {}
    assert room.send(room.invite(alice.user_id)).status == 200
    assert list(invites_of(alice)) == [room.room_id]


def test_a_user_who_takes_no_invites_gets_none(remote: VisitingServer, alice: Client) -> None:
    path = f"/user/{alice.user_id}/account_data/m.invite_permission_config"
    assert alice.put(path, {"default_action": "block"}).status == 200
    room = RemoteRoom(remote)
    answer = room.send(room.invite(alice.user_id))
    assert (answer.status, answer.errcode) == (403, "M_INVITE_BLOCKED")


def test_an_invite_by_somebody_who_is_ignored_is_not_shown(remote: VisitingServer, alice: Client) -> None:
    room = RemoteRoom(remote)
    content: dict[str, Any] = {"ignored_users": {room.owner: {}}}
    alice.put(f"/user/{alice.user_id}/account_data/m.ignored_user_list", content)
    # The other server is not told.
    assert room.send(room.invite(alice.user_id)).status == 200
    assert invites_of(alice) == {}


def test_an_unknown_room_version_is_refused(remote: VisitingServer, alice: Client) -> None:
    room = RemoteRoom(remote)
    answer = room.send(room.invite(alice.user_id), room_version="org.example.99")
    assert (answer.status, answer.errcode) == (400, "M_INCOMPATIBLE_ROOM_VERSION")


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "m.room.message"},
        {"content": {"membership": "join"}},
        {"sender": "@eve:third.example"},
        {"state_key": "@bob:remote.example"},
        {"room_id": "!other:remote.example"},
    ],
)
def test_what_is_no_invite_of_a_local_user_is_refused(
    remote: VisitingServer, alice: Client, fields: dict[str, Any]
) -> None:
    room = RemoteRoom(remote)
    answer = room.send(room.invite(alice.user_id, **fields))
    assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")


def test_an_unsigned_invite_is_refused(remote: VisitingServer, alice: Client) -> None:
    room = RemoteRoom(remote)
    event = room.invite(alice.user_id)
    answer = room.send(event, event={**event.pdu, "signatures": {}})
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
    assert invites_of(alice) == {}


def test_an_invite_with_changed_content_is_refused(remote: VisitingServer, alice: Client) -> None:
    room = RemoteRoom(remote)
    event = room.invite(alice.user_id)
    content = {"membership": "invite", "displayname": "Somebody else"}
    answer = room.send(event, event={**event.pdu, "content": content})
    assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")


@pytest.mark.parametrize("shown", [None, [], "nonsense", [{"type": "m.room.create"}]])
def test_new_rooms_have_to_show_their_create_event(remote: VisitingServer, alice: Client, shown: Any) -> None:
    room = RemoteRoom(remote, "12")
    event = room.invite(alice.user_id)
    answer = room.send(event, invite_room_state=shown)
    assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")
    older = RemoteRoom(remote, "11")
    assert older.send(older.invite(alice.user_id), invite_room_state=shown).status == 200


def test_new_rooms_have_to_show_events_that_are_signed(remote: VisitingServer, alice: Client) -> None:
    room = RemoteRoom(remote, "12")
    event = room.invite(alice.user_id)
    forged = {**room.create.pdu, "signatures": {}}
    answer = room.send(event, invite_room_state=[forged])
    assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")


def test_an_acl_holds_for_invites_too(remote: VisitingServer, alice: Client, clients: Any) -> None:
    room_id = alice.create_room(preset="public_chat", room_version="10")
    remote.join(room_id, remote.user("owner"))
    zoe = clients.make("zoe")
    alice.set_state(room_id, "m.room.power_levels", {"users": {alice.user_id: 100}, "invite": 0})
    template = remote.make("leave", room_id, remote.user("owner")).body["event"]
    event = remote.sign(
        template, ROOM_VERSIONS["10"], state_key=zoe.user_id, content={"membership": "invite"}
    )
    body = {"room_version": "10", "event": event.pdu, "invite_room_state": []}
    assert remote.put(body, "v2", "invite", room_id, event.event_id).status == 200
    alice.set_state(room_id, "m.room.server_acl", {"allow": ["hearth.example"]})
    answer = remote.put(body, "v2", "invite", room_id, event.event_id)
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


def test_an_invite_to_a_room_here_waits_for_the_rooms_own_rules(
    remote: VisitingServer, alice: Client
) -> None:
    room_id = alice.create_room(preset="public_chat", room_version="10")
    remote.join(room_id, remote.user("owner"))
    template = remote.make("leave", room_id, remote.user("owner")).body["event"]
    content = {"membership": "invite"}
    # Who is in the room cannot be invited.
    event = remote.sign(template, ROOM_VERSIONS["10"], state_key=alice.user_id, content=content)
    body = {"room_version": "10", "event": event.pdu, "invite_room_state": []}
    assert remote.put(body, "v2", "invite", room_id, event.event_id).status == 200
    assert events.row_by_id(event.event_id) is None
    assert alice.get(f"/rooms/{room_id}/state/m.room.member/{alice.user_id}").body["membership"] == "join"


def test_old_rooms_may_have_numbers_of_any_size(remote: VisitingServer, alice: Client) -> None:
    room = RemoteRoom(remote, "1")
    event = room.invite(alice.user_id, content={"membership": "invite", "org.example": 2**70})
    name = {"type": "m.room.name", "state_key": "", "sender": room.owner, "content": {"name": 2**70}}
    body = {"room_version": "1", "event": event.pdu, "invite_room_state": [name]}
    path = path_of("v2", "invite", room.room_id, event.event_id)
    raw = encode_canonical(body, lenient=True)
    response = dispatch(make_http("PUT", path, raw, remote.authorization("PUT", path, body)))
    assert response.status_code == 200
    assert str(2**70).encode() in b"".join(response)
    assert list(invites_of(alice)) == [room.room_id]


@pytest.mark.parametrize("target", ["alice:hearth.example", "", "@alice"])
def test_who_is_invited_has_to_be_a_user(remote: VisitingServer, alice: Client, target: str) -> None:
    room = RemoteRoom(remote)
    answer = room.send(room.invite(target))
    assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")
