"""What holds in every room, whatever its power levels and whatever is tried."""

from math import inf
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth import PowerLevels, check_event, membership_of
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from tests.factories.events import ALICE, BOB, CAROL, DAVE, RoomBuilder
from tests.protocol.event_auth.rooms import member_event, put, put_state

USERS = [ALICE, BOB, CAROL, DAVE]
MEMBERSHIPS = ["join", "leave", "invite", "ban", "knock"]

versions = st.sampled_from(list(ROOM_VERSIONS))
users = st.sampled_from(USERS)
levels = st.integers(-5, 105)
# Few values close together, so that what is the same and what is off by one occurs.
near = st.sampled_from([0, 49, 50, 51, 99, 100, 101])
event_types = st.sampled_from(["m.room.power_levels", "m.room.topic", "m.room.message"])

single_levels = st.sampled_from(
    ["users_default", "events_default", "state_default", "ban", "kick", "redact", "invite"]
)


def power_level_changes() -> st.SearchStrategy[dict[str, Any]]:
    """One or two keys of power levels, with new values."""
    single = st.tuples(single_levels, near)
    user = st.tuples(st.just("users"), st.dictionaries(users, near, min_size=1, max_size=2))
    event = st.tuples(st.just("events"), st.dictionaries(event_types, near, min_size=1, max_size=1))
    room = st.tuples(st.just("notifications"), st.dictionaries(st.just("room"), near, min_size=1))
    return st.lists(single | user | event | room, min_size=1, max_size=2).map(dict)


@st.composite
def power_levels(draw: st.DrawFn) -> dict[str, Any]:
    content: dict[str, Any] = draw(st.dictionaries(single_levels, near, max_size=4))
    content["users"] = draw(st.dictionaries(users, near, max_size=4))
    content["events"] = draw(st.dictionaries(event_types, near, max_size=3))
    content["notifications"] = draw(st.dictionaries(st.just("room"), near))
    return content


@st.composite
def rooms(draw: st.DrawFn) -> RoomBuilder:
    """A room with any power levels, join rule and memberships, whatever the rules say to them."""
    version = draw(versions)
    room = RoomBuilder(version, create_content={"additional_creators": draw(st.sampled_from([[], [BOB]]))})
    content = draw(power_levels())
    if room.rules.privileged_creators:
        creators = {ALICE, *room.state["m.room.create", ""].content["additional_creators"]}
        content["users"] = {user: level for user, level in content["users"].items() if user not in creators}
    put_state(room, "m.room.power_levels", content)
    put_state(room, "m.room.join_rules", {"join_rule": draw(st.sampled_from(["public", "invite", "knock"]))})
    for user in USERS:
        put(room, user, draw(st.sampled_from([*MEMBERSHIPS, "join", "join"])))
    return room


def is_allowed(event: Event, room: RoomBuilder) -> bool:
    try:
        check_event(event, room.state)
    except AuthorizationFailed:
        return False
    return True


def changed(room: RoomBuilder, sender: str, changes: dict[str, Any]) -> Event:
    """Power levels that differ from the room's by these changes; a level of 0 takes the entry away."""
    content = dict(room.state["m.room.power_levels", ""].content)
    for key, value in changes.items():
        if isinstance(value, dict):
            entries = content.get(key, {}) | value
            content[key] = {name: level for name, level in entries.items() if level != 0}
        else:
            content[key] = value
    return room.make("m.room.power_levels", sender, content, state_key="")


def level_of(room: RoomBuilder, user: str) -> float:
    return PowerLevels.from_state(room.state, room.rules).user_level(user)


def explicit(room: RoomBuilder) -> PowerLevels:
    return PowerLevels.from_state(room.state, room.rules)


@settings(max_examples=100)
@given(room=rooms(), sender=users, changes=power_level_changes())
def test_nobody_gives_more_power_than_they_have(
    room: RoomBuilder, sender: str, changes: dict[str, Any]
) -> None:
    event = changed(room, sender, changes)
    if not is_allowed(event, room):
        return
    before, own = explicit(room), level_of(room, sender)
    room.apply(event)
    after = explicit(room)
    raised = [user for user in after.users if after.users[user] != before.users.get(user)]
    assert all(after.users[user] <= own for user in raised)
    assert after.user_level(sender) <= own


@settings(max_examples=100)
@given(room=rooms(), sender=users, changes=power_level_changes())
def test_nobody_takes_power_from_who_has_no_less(
    room: RoomBuilder, sender: str, changes: dict[str, Any]
) -> None:
    event = changed(room, sender, changes)
    if not is_allowed(event, room):
        return
    before, own = explicit(room), level_of(room, sender)
    room.apply(event)
    after = explicit(room)
    for user, level in before.users.items():
        if user != sender and level >= own:
            assert after.users.get(user) == level


@settings(max_examples=100)
@given(room=rooms(), sender=users, changes=power_level_changes())
def test_nobody_touches_what_is_above_them(room: RoomBuilder, sender: str, changes: dict[str, Any]) -> None:
    event = changed(room, sender, changes)
    if not is_allowed(event, room):
        return
    before, own = explicit(room), level_of(room, sender)
    room.apply(event)
    after = explicit(room)
    for type, level in before.events.items():
        assert level <= own or after.events.get(type) == level
    for type, level in after.events.items():
        assert level <= own or before.events.get(type) == level


@settings(max_examples=100)
@given(room=rooms(), sender=users, membership=st.sampled_from(["join", "invite", "knock"]), target=users)
def test_a_ban_is_left_by_being_lifted_only(
    room: RoomBuilder, sender: str, membership: str, target: str
) -> None:
    put(room, target, "ban")
    assert not is_allowed(member_event(room, sender, target, membership), room)
    assert not is_allowed(member_event(room, target, target, "leave"), room)


@settings(max_examples=100)
@given(room=rooms(), sender=users, membership=st.sampled_from(["leave", "ban"]), target=users)
def test_nobody_removes_or_bans_who_has_no_less_power(
    room: RoomBuilder, sender: str, membership: str, target: str
) -> None:
    if sender != target and level_of(room, target) >= level_of(room, sender):
        assert not is_allowed(member_event(room, sender, target, membership), room)


@settings(max_examples=100)
@given(room=rooms(), sender=users, membership=st.sampled_from(MEMBERSHIPS), target=users)
def test_nobody_comes_into_a_room_but_by_their_own_event(
    room: RoomBuilder, sender: str, membership: str, target: str
) -> None:
    before = membership_of(room.state, target)
    event = member_event(room, sender, target, membership)
    if is_allowed(event, room) and membership == "join":
        assert sender == target
        assert (
            before in ("join", "invite")
            or room.state["m.room.join_rules", ""].content["join_rule"] == "public"
        )


@settings(max_examples=100)
@given(room=rooms(), sender=users, level=levels, creator=users)
def test_creators_of_version_12_are_never_listed(
    room: RoomBuilder, sender: str, level: int, creator: str
) -> None:
    event = room.make("m.room.power_levels", sender, {"users": {creator: level}}, state_key="")
    if level_of(room, creator) == inf:
        assert not is_allowed(event, room)


numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=5) | st.sampled_from(USERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
content_keys = st.sampled_from(
    [
        "membership",
        "third_party_invite",
        "signed",
        "token",
        "mxid",
        "users",
        "events",
        "notifications",
        "ban",
        "users_default",
        "redacts",
        "join_authorised_via_users_server",
        "signatures",
        "join_rule",
        "creator",
        "additional_creators",
        "room_version",
        "public_keys",
        "public_key",
    ]
)
wild_contents = st.dictionaries(
    content_keys, json_values | st.dictionaries(content_keys, json_values, max_size=4), max_size=4
)
wild_types = st.sampled_from(
    [
        "m.room.member",
        "m.room.power_levels",
        "m.room.create",
        "m.room.redaction",
        "m.room.join_rules",
        "m.room.third_party_invite",
        "m.room.aliases",
    ]
)


@settings(max_examples=200)
@given(
    version=versions,
    type=wild_types,
    content=wild_contents,
    membership=st.sampled_from(MEMBERSHIPS),
    state_key=st.none() | users | st.just(""),
    sender=users,
)
def test_whatever_the_content_is_the_answer_is_allowed_or_refused(
    version: str,
    type: str,
    content: dict[str, Any],
    membership: str,
    state_key: str | None,
    sender: str,
) -> None:
    room = RoomBuilder.opened(version)
    for wild in (content, {"membership": membership} | content):
        event = room.make(type, sender, wild, state_key=state_key)
        assert is_allowed(event, room) in (True, False)


@settings(max_examples=200)
@given(
    version=versions,
    types=st.lists(wild_types.filter(lambda type: type != "m.room.create"), min_size=1, max_size=3),
    content=wild_contents,
    tried=wild_types,
    membership=st.sampled_from(MEMBERSHIPS),
)
def test_whatever_the_state_says_the_answer_is_allowed_or_refused(
    version: str, types: list[str], content: dict[str, Any], tried: str, membership: str
) -> None:
    room = RoomBuilder.opened(version)
    room.join(BOB)
    for type in types:
        room.apply(room.make(type, ALICE, content, state_key=BOB if type == "m.room.member" else ""))
    for sender in (ALICE, BOB):
        event = room.make(tried, sender, {"membership": membership}, state_key=BOB)
        assert is_allowed(event, room) in (True, False)
