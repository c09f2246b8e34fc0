"""Invites that arrived before a policy list was applied."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.protocol.errors import Forbidden
from matrix_app.services import long_tasks
from matrix_app.services.audit import CLI
from matrix_app.services.policy_lists import enforcement, follow, matching
from matrix_app.services.policy_lists import waiting_invites as waiting
from matrix_app.services.received_invites import accept_invite
from matrix_app.storage import members, policy_lists, rooms
from matrix_app.storage.members import Membership
from tests.factories.client import Client, ClientFactory
from tests.factories.events import ALICE
from tests.factories.fake_peers import SignedRoom
from tests.factories.present_state import membership_of
from tests.factories.remote_rooms import fresh
from tests.factories.statements import recorded
from tests.factories.syncing import sync
from tests.services.policy_lists.test_policy_lists import ban, followed, list_of, row_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keeper(clients: ClientFactory) -> Client:
    """Somebody here who keeps a policy list."""
    return clients.make("keeper")


@pytest.fixture
def invited(clients: ClientFactory) -> Client:
    """Somebody here whom others invite."""
    return clients.make("invited")


def invite_from_elsewhere(client: Client) -> str:
    """An invite by ALICE to a room that this server is not in."""
    room = SignedRoom.opened("11", join_rule="public")
    accept_invite(fresh(room.invite(ALICE, client.user_id)), [])
    return str(room.room_id)


def invites_of(client: Client) -> set[str]:
    answer: Any = sync(client)
    return set(answer.get("rooms", {}).get("invite", {}))


def membership_here(room_id: str, client: Client) -> Membership:
    room = rooms.find(room_id)
    assert room is not None
    row = members.get(room.nid, client.requester.user_nid)
    assert row is not None
    return Membership(row.membership)


def test_they_are_taken_back_where_that_is_wanted(keeper: Client, invited: Client) -> None:
    room_id, listed = invite_from_elsewhere(invited), list_of(keeper)
    ban(keeper, listed, "user", ALICE)
    nid = followed(listed)
    waiting.end_banned_invites()
    assert invites_of(invited) == {room_id}, "nobody has asked for it"
    before = row_of(nid)
    follow.configure(CLI, nid, policy_lists.Applied(True, True, True, True, end_invites=True))
    waiting.end_banned_invites()
    assert invites_of(invited) == set()
    assert membership_here(room_id, invited) is Membership.LEAVE
    assert row_of(nid).refused == before.refused + 1


@pytest.mark.parametrize(
    ("kind", "entity", "applied"),
    [
        ("server", "a.example", {"users": False, "rooms": False}),
        ("user", "@al*:*", {"servers": False, "rooms": False}),
        ("room", "!*", {"servers": False, "users": False}),
    ],
)
def test_each_kind_of_rule_ends_them_when_it_is_applied(
    keeper: Client, invited: Client, kind: str, entity: str, applied: dict[str, bool]
) -> None:
    room_id, listed = invite_from_elsewhere(invited), list_of(keeper)
    ban(keeper, listed, kind, entity)
    others = {name: not applied.get(name, True) for name in ("users", "rooms", "servers")}
    nid = followed(listed, **others, end_invites=True)
    waiting.end_banned_invites()
    assert invites_of(invited) == {room_id}, "this kind of rule is not applied"
    kinds = {name: applied.get(name, True) for name in ("users", "rooms", "servers")}
    follow.configure(CLI, nid, policy_lists.Applied(enabled=True, end_invites=True, **kinds))
    waiting.end_banned_invites()
    assert invites_of(invited) == set()


def test_a_rule_that_comes_later_ends_them_too_and_looking_again_costs_one_statement(
    keeper: Client, invited: Client
) -> None:
    room_id, listed = invite_from_elsewhere(invited), list_of(keeper)
    followed(listed, end_invites=True)
    waiting.end_banned_invites()
    assert invites_of(invited) == {room_id}
    with recorded() as ran:
        waiting.end_banned_invites()
    assert len(ran) == 1
    ban(keeper, listed, "server", "a.example")
    waiting.end_banned_invites()
    assert invites_of(invited) == set()


def test_others_stay(keeper: Client, invited: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "BATCH", 1)
    theirs, listed = invite_from_elsewhere(invited), list_of(keeper)
    ours = keeper.create_room(invite=[invited.user_id])
    joined = keeper.create_room(invite=[invited.user_id])
    invited.change(joined, "join")
    ban(keeper, listed, "server", "*")
    ban(keeper, listed, "user", "@*:b.example")
    followed(listed, servers=False, end_invites=True)
    waiting.end_banned_invites()
    assert invites_of(invited) == {theirs, ours}
    ban(keeper, listed, "room", ours)
    ban(keeper, listed, "room", joined)
    waiting.end_banned_invites()
    assert invites_of(invited) == {theirs}
    assert membership_of(ours, invited.user_id) == "leave"
    assert membership_of(joined, invited.user_id) == "join", "who is in a room stays there"


def test_they_are_among_those_whom_a_list_means(
    keeper: Client, invited: Client, clients: ClientFactory
) -> None:
    room_id, other, listed = invite_from_elsewhere(invited), clients.make("other"), list_of(keeper)
    accept_invite(fresh(SignedRoom.opened("11", join_rule="public").invite(ALICE, other.user_id)), [])
    ban(keeper, listed, "user", ALICE)
    ban(keeper, listed, "room", room_id)
    nid = follow.subscribe(CLI, listed, [])
    long_tasks.run(matching.look(CLI, nid))
    found = [(match.entity, match.rooms) for match in policy_lists.matches(nid, ("", ""), 10)]
    assert sorted(found) == sorted([(room_id, 1), (ALICE, 2)])
    assert policy_lists.count_matches(nid) == {"invite": 2}


def test_a_room_that_nobody_here_knows_is_blocked_by_any_list(keeper: Client) -> None:
    listed, unknown = list_of(keeper), "!nobody-here-knows:bad.example"
    ban(keeper, listed, "room", unknown)
    nid = followed(listed)
    assert rooms.find(unknown) is None
    assert keeper.post(f"/join/{unknown}?via=bad.example").errcode == "M_FORBIDDEN"
    assert keeper.post(f"/knock/{unknown}?via=bad.example").errcode == "M_FORBIDDEN"
    with pytest.raises(Forbidden):
        enforcement.refuse_invite(ALICE, keeper.user_id, unknown)
    follow.configure(CLI, nid, policy_lists.Applied(True, True, False, True))
    enforcement.refuse_invite(ALICE, keeper.user_id, unknown)
