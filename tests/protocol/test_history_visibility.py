import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.history_visibility import (
    BeforeAndAfter,
    may_see,
    may_see_all,
    server_may_see,
    visibility_of,
)

VISIBILITIES = ["world_readable", "shared", "invited", "joined"]
MEMBERSHIPS = ["join", "invite", "knock", "leave", "ban"]
unchanged = BeforeAndAfter.unchanged

pairs = st.builds(BeforeAndAfter, st.sampled_from(VISIBILITIES), st.sampled_from(VISIBILITIES))
stays = st.builds(BeforeAndAfter, st.sampled_from(MEMBERSHIPS), st.sampled_from(MEMBERSHIPS))


def sees(visibility, membership, joined_since=False):
    return may_see(unchanged(visibility), unchanged(membership), joined_since=joined_since)


@pytest.mark.parametrize(
    "content", [None, {}, {"history_visibility": "secret"}, {"history_visibility": ["joined"]}]
)
def test_history_is_shared_unless_the_room_says_otherwise(content):
    assert visibility_of(content) == "shared"


@pytest.mark.parametrize("value", VISIBILITIES)
def test_the_visibility_is_what_the_event_says(value):
    assert visibility_of({"history_visibility": value}) == value


@pytest.mark.parametrize("membership", MEMBERSHIPS)
def test_anybody_sees_world_readable_events(membership):
    assert sees("world_readable", membership)


@pytest.mark.parametrize("visibility", VISIBILITIES)
def test_members_see_what_is_sent_while_they_are_joined(visibility):
    assert sees(visibility, "join")


@pytest.mark.parametrize("membership", ["invite", "knock", "leave", "ban"])
def test_shared_events_are_seen_by_those_who_join_later(membership):
    assert sees("shared", membership, joined_since=True)
    assert not sees("shared", membership)


@pytest.mark.parametrize("joined_since", [True, False])
def test_invited_events_are_seen_from_the_invitation_on(joined_since):
    assert sees("invited", "invite", joined_since)
    assert not sees("invited", "leave", joined_since)
    assert not sees("invited", "knock", joined_since)


@pytest.mark.parametrize("membership", ["invite", "knock", "leave", "ban"])
def test_joined_events_are_seen_by_nobody_else(membership):
    assert not sees("joined", membership, joined_since=True)


def test_a_change_of_visibility_is_seen_if_either_side_allows_it():
    for change in (BeforeAndAfter("world_readable", "joined"), BeforeAndAfter("joined", "world_readable")):
        assert may_see(change, unchanged("leave"), joined_since=False)
    assert not may_see(BeforeAndAfter("joined", "invited"), unchanged("leave"), joined_since=False)


def test_users_see_their_own_joining_and_leaving():
    for change in (BeforeAndAfter("leave", "join"), BeforeAndAfter("join", "ban")):
        assert may_see(unchanged("joined"), change, joined_since=False)
    assert not may_see(unchanged("joined"), BeforeAndAfter("leave", "ban"), joined_since=False)


@given(st.lists(pairs, max_size=4), st.booleans())
def test_who_may_see_all_may_see_each(history, in_room):
    settings = {value for pair in history for value in (pair.before, pair.after)}
    if may_see_all(settings, "join" if in_room else "leave"):
        assert all(may_see(pair, unchanged("leave"), joined_since=in_room) for pair in history)


def test_members_of_a_room_that_once_hid_its_history_may_not_see_all():
    assert may_see_all({"shared", "world_readable"}, "join")
    assert not may_see_all({"shared", "joined"}, "join")
    assert not may_see_all({"shared"}, "leave")


def test_servers_in_the_room_see_shared_history():
    assert server_may_see(unchanged("shared"), [])
    assert server_may_see(BeforeAndAfter("joined", "shared"), [])
    assert server_may_see(unchanged("world_readable"), [])


def test_servers_see_restricted_history_only_while_they_have_users_who_do():
    assert not server_may_see(unchanged("joined"), [unchanged("leave"), unchanged("invite")])
    assert server_may_see(unchanged("joined"), [unchanged("leave"), unchanged("join")])
    assert server_may_see(unchanged("invited"), [unchanged("invite")])
    assert server_may_see(unchanged("joined"), [BeforeAndAfter("join", "leave")])


@given(pairs, st.lists(stays, max_size=3))
def test_a_server_sees_at_least_what_its_users_saw(visibility, memberships):
    if any(may_see(visibility, membership, joined_since=True) for membership in memberships):
        assert server_may_see(visibility, memberships)
