"""Policy lists: following them, what is refused because of them, and this server's own."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from matrix_app.federation.inbound.peers import use_peers
from matrix_app.protocol.errors import Conflict, Forbidden, InvalidParam, NotFound
from matrix_app.services import long_tasks
from matrix_app.services.audit import CLI
from matrix_app.services.policy_lists import enforcement, follow, matching, own_list
from matrix_app.services.policy_lists.rules_of import rules_of
from matrix_app.services.received_events import store_received
from matrix_app.services.system_user import system_account
from matrix_app.storage import audit, policy_lists, rooms
from matrix_app.storage.cache import clear_all
from matrix_app.storage.policy_lists import Applied, ListRow
from tests.factories.client import Client, ClientFactory
from tests.factories.events import ALICE
from tests.factories.fake_peers import SignedRoom
from tests.factories.present_state import membership_of
from tests.factories.remote_rooms import ZOE, JoinedRoom, fresh
from tests.factories.resident_servers import ResidentServers
from tests.factories.statements import recorded
from tests.factories.syncing import sync

pytestmark = pytest.mark.django_db(transaction=True)
EVIL, GOOD = "@evil:bad.example", "@good:fine.example"


@pytest.fixture
def keeper(clients: ClientFactory) -> Client:
    """Somebody here who keeps a policy list."""
    return clients.make("keeper")


def list_of(keeper: Client) -> str:
    return keeper.create_room(preset="public_chat", room_alias_name="policies")


def ban(keeper: Client, room_id: str, kind: str, entity: str, **content: Any) -> str:
    body = {"entity": entity, "recommendation": "m.ban", "reason": "spam", **content}
    answer = keeper.set_state(room_id, f"m.policy.rule.{kind}", body, f"rule:{entity}")
    assert answer.status == 200, answer
    event_id: str = answer.body["event_id"]
    return event_id


ALL = Applied(enabled=True, users=True, rooms=True, servers=True)


def followed(
    room_id: str, *, users: bool = True, rooms: bool = True, servers: bool = True, end_invites: bool = False
) -> int:
    """A list that is followed and applied."""
    nid = follow.subscribe(CLI, room_id, [])
    follow.configure(CLI, nid, Applied(True, users, rooms, servers, end_invites))
    return nid


def row_of(nid: int) -> ListRow:
    found = policy_lists.get(nid)
    assert found is not None
    return found


def is_refused(sender: str, target: str = "@keeper:hearth.example", room_id: str = "!r:fine.example") -> bool:
    try:
        enforcement.refuse_invite(sender, target, room_id)
    except Forbidden:
        return True
    return False


def test_a_list_is_followed_by_its_alias_and_joined_by_the_servers_own_user(keeper: Client) -> None:
    room_id = list_of(keeper)
    nid = follow.subscribe(CLI, "#policies:hearth.example", [])
    assert (row_of(nid).room_id, row_of(nid).enabled) == (room_id, False)
    assert membership_of(room_id, system_account().user_id) == "join"
    with pytest.raises(Conflict):
        follow.subscribe(CLI, room_id, [])
    follow.unsubscribe(CLI, nid)
    assert policy_lists.everything() == []
    assert membership_of(room_id, system_account().user_id) == "leave"
    actions = [entry.action for entry in audit.page(before=None, limit=10)]
    assert {"policy.subscribe", "policy.unsubscribe"} <= set(actions)


def test_what_cannot_be_joined_is_not_followed(keeper: Client) -> None:
    with pytest.raises(Forbidden):
        follow.subscribe(CLI, keeper.create_room(), [])
    with pytest.raises(InvalidParam):
        follow.subscribe(CLI, "policies", [])
    assert policy_lists.everything() == []


def test_nothing_is_applied_before_that_is_said(keeper: Client) -> None:
    room_id = list_of(keeper)
    ban(keeper, room_id, "user", EVIL)
    nid = follow.subscribe(CLI, room_id, [])
    assert not is_refused(EVIL)
    follow.configure(CLI, nid, ALL)
    assert is_refused(EVIL)
    assert not is_refused(GOOD)
    follow.configure(CLI, nid, ALL._replace(enabled=False))
    assert not is_refused(EVIL)


def test_rules_are_in_effect_as_soon_as_they_are_in_the_room(keeper: Client) -> None:
    room_id = list_of(keeper)
    nid = followed(room_id)
    assert not is_refused(EVIL)
    ban(keeper, room_id, "user", EVIL)
    assert is_refused(EVIL)
    keeper.set_state(room_id, "m.policy.rule.user", {}, f"rule:{EVIL}")
    assert not is_refused(EVIL)
    ban(keeper, room_id, "server", "*.example")
    assert is_refused(GOOD)
    # What another process, or this one after a new start, knows.
    clear_all()
    assert is_refused(GOOD)
    assert row_of(nid).refused == 3


def test_each_kind_of_rule_is_applied_only_where_that_is_wanted(keeper: Client) -> None:
    room_id = list_of(keeper)
    ban(keeper, room_id, "user", EVIL)
    ban(keeper, room_id, "server", "fine.example")
    ban(keeper, room_id, "room", "!bad:*")
    nid = followed(room_id, users=False, rooms=False, servers=False)
    for kinds, refused in (
        ({}, ""),
        ({"users": True}, "u"),
        ({"servers": True}, "s"),
        ({"rooms": True}, "r"),
    ):
        wanted = {"users": False, "rooms": False, "servers": False, **kinds}
        follow.configure(CLI, nid, Applied(enabled=True, **wanted))
        assert is_refused(EVIL) == (refused == "u")
        assert is_refused(GOOD, room_id="!x:y.example") == (refused == "s")
        assert is_refused("@a:else.example", room_id="!bad:bad.example") == (refused == "r")


def test_users_of_this_server_are_meant_by_no_list(keeper: Client, clients: ClientFactory) -> None:
    room_id = list_of(keeper)
    ban(keeper, room_id, "user", "@*:*")
    ban(keeper, room_id, "server", "*")
    followed(room_id)
    other = clients.make("other")
    mine = keeper.create_room()
    assert keeper.change(mine, "invite", user_id=other.user_id).status == 200
    assert keeper.change(mine, "invite", user_id=GOOD).errcode == "M_FORBIDDEN"


def test_nobody_here_joins_or_knocks_on_a_banned_room(keeper: Client, clients: ClientFactory) -> None:
    room_id, alice = list_of(keeper), clients.make("alice")
    bad = keeper.create_room(preset="public_chat", room_alias_name="bad", name="Bad")
    ban(keeper, room_id, "room", bad)
    followed(room_id)
    for answer in (
        alice.change(bad, "join"),
        alice.post(f"/join/{quote(bad)}"),
        alice.post("/join/%23bad:hearth.example"),
        alice.post(f"/knock/{quote(bad)}"),
        keeper.change(bad, "invite", user_id=alice.user_id),
    ):
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN"), answer
        assert "policy list" in answer.body["error"]
    assert membership_of(bad, alice.user_id) is None


@pytest.mark.parametrize("entity", ["#bad:hearth.example", "#b?d:*"])
def test_a_room_is_banned_by_its_alias_too(keeper: Client, clients: ClientFactory, entity: str) -> None:
    room_id, alice = list_of(keeper), clients.make("alice")
    bad = keeper.create_room(preset="public_chat", room_alias_name="bad")
    ban(keeper, room_id, "room", entity)
    followed(room_id)
    assert alice.post("/join/%23bad:hearth.example").errcode == "M_FORBIDDEN"
    assert alice.change(bad, "join").errcode == "M_FORBIDDEN"


def test_a_new_room_invites_nobody_who_is_banned(keeper: Client) -> None:
    room_id = list_of(keeper)
    ban(keeper, room_id, "server", "bad.example")
    followed(room_id)
    answer = keeper.post("/createRoom", {"invite": [EVIL]})
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


def test_without_lists_messages_and_syncs_cost_what_they_did_and_invites_one_statement(
    keeper: Client, clients: ClientFactory
) -> None:
    other = clients.make("other")
    room = keeper.create_room()
    keeper.send(room)
    with recorded() as sent:
        keeper.send(room)
        sync(keeper)
    assert [sql for sql, _ in sent if "policy_list" in sql] == []
    with recorded() as asked:
        keeper.change(room, "invite", user_id=other.user_id)
    assert len([sql for sql, _ in asked if "policy_list" in sql]) == 1
    with recorded() as asked:
        other.change(room, "join")
    assert len([sql for sql, _ in asked if "policy_list" in sql]) == 1
    assert asked.scans() == []


def test_a_list_of_another_server_comes_with_the_room_and_follows_it(clients: ClientFactory) -> None:
    theirs = SignedRoom.opened("11", join_rule="public")
    assert isinstance(theirs, SignedRoom)
    content = {"entity": EVIL, "recommendation": "m.ban", "reason": "spam"}
    theirs.send("m.policy.rule.user", ALICE, content, state_key="rule:1")
    room_id = str(theirs.room_id)
    with use_peers(ResidentServers(theirs)):
        nid = follow.subscribe(CLI, room_id, ["a.example"])
    follow.configure(CLI, nid, ALL)
    assert is_refused(EVIL)
    assert not is_refused(GOOD)
    room = rooms.find(room_id)
    assert room is not None
    news = theirs.send("m.policy.rule.server", ALICE, {**content, "entity": "fine.*"}, state_key="rule:2")
    store_received(room, fresh(news))
    assert is_refused(GOOD)


def test_the_own_list_is_made_once_and_its_rules_are_written(clients: ClientFactory) -> None:
    nid = own_list.make_own(CLI, is_public=False)
    with pytest.raises(Conflict):
        own_list.make_own(CLI, is_public=True)
    own_list.add_rule(CLI, "user", EVIL, "spam")
    own_list.add_rule(CLI, "server", "*.bad.example", "")
    assert is_refused(EVIL)
    assert is_refused("@a:very.bad.example")
    own_list.add_rule(CLI, "user", EVIL, "more spam")
    [rule, _] = sorted(rules_of(row_of(nid)).rules, key=lambda rule: rule.kind, reverse=True)
    assert (rule.entity, rule.reason) == (EVIL, "more spam")
    own_list.remove_rule(CLI, rule.event_id)
    assert not is_refused(EVIL)
    with pytest.raises(NotFound):
        own_list.remove_rule(CLI, rule.event_id)
    actions = [entry.action for entry in audit.page(before=None, limit=10)]
    assert {"policy.make_own", "policy.add_rule", "policy.remove_rule"} <= set(actions)


@pytest.mark.parametrize(
    ("kind", "entity"),
    [
        ("server", "*"),
        ("server", "hearth.example"),
        ("server", "HEARTH.*"),
        ("user", "@*:*"),
        ("user", "@*:hearth.example"),
        ("user", "nobody"),
        ("room", "kitchen"),
        ("server", "two words"),
        ("planet", "mars"),
        ("user", ""),
        ("user", "@a\n:b"),
    ],
)
def test_rules_that_would_shut_everybody_out_or_mean_nobody_are_refused(kind: str, entity: str) -> None:
    own_list.make_own(CLI, is_public=False)
    with pytest.raises(InvalidParam):
        own_list.add_rule(CLI, kind, entity, "")


def test_a_long_entity_has_a_key_that_fits() -> None:
    nid = own_list.make_own(CLI, is_public=False)
    own_list.add_rule(CLI, "user", f"@{'*a' * 200}:bad.example", "")
    assert len(rules_of(row_of(nid)).rules) == 1


def test_a_public_list_is_joined_by_others_and_a_private_one_is_not(clients: ClientFactory) -> None:
    alice = clients.make("alice")
    nid = own_list.make_own(CLI, is_public=True)
    assert alice.change(row_of(nid).room_id, "join").status == 200


def test_whom_a_list_means_here_is_found_before_it_is_applied(
    keeper: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "BATCH", 2)
    theirs = SignedRoom.opened(join_rule="public")
    theirs.join("@bob:b.example")
    JoinedRoom(theirs, ZOE)
    bad = keeper.create_room(preset="public_chat", room_alias_name="bad")
    room_id = list_of(keeper)
    ban(keeper, room_id, "user", "@al*:a.example", reason="rude")
    ban(keeper, room_id, "server", "B.example")
    ban(keeper, room_id, "room", "#bad:*")
    ban(keeper, room_id, "user", "@keeper:*")
    nid = follow.subscribe(CLI, room_id, [])
    long_tasks.run(matching.look(CLI, nid))
    found = policy_lists.matches(nid, ("", ""), 10)
    assert [(match.kind, match.entity, match.rooms) for match in found] == [
        ("room", "#bad:hearth.example", 1),
        ("server", "b.example", 1),
        ("user", ALICE, 1),
    ]
    assert found[2].reason == "rude"
    assert row_of(nid).matched_ts is not None
    keeper.set_state(room_id, "m.policy.rule.room", {}, "rule:#bad:*")
    long_tasks.run(matching.look(CLI, nid))
    assert policy_lists.count_matches(nid) == {"server": 1, "user": 1}
    assert bad


def test_what_the_lists_say_of_somebody_is_told(keeper: Client) -> None:
    room_id = list_of(keeper)
    ban(keeper, room_id, "server", "bad.*")
    follow.subscribe(CLI, room_id, [])
    for entity in (EVIL, "bad.example"):
        [(row, rule, reason)] = follow.about(entity)
        assert (row.room_id, rule, reason) == (room_id, "bad.*", "spam")
    assert follow.about("!bad:bad.example") == []
