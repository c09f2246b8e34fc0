"""Forks whose outcome versions 2 and 2.1 agree on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories.events import ALICE, BOB, CAROL, DAVE, RoomBuilder
from tests.protocol.state_resolution.forks import (
    JOIN_RULES,
    POWER_LEVELS,
    TOPIC,
    member,
    resolve_forks,
    set_topic,
)

EARLY, LATE = 1_000, 2_000_000_000_000


def levels_of(room: RoomBuilder, **users: int) -> dict[str, Any]:
    named = {{"bob": BOB, "carol": CAROL, "dave": DAVE}[name]: level for name, level in users.items()}
    creator = {} if room.rules.privileged_creators else {ALICE: 100}
    return {"users": creator | named}


@pytest.fixture(params=["2", "6", "9", "10", "11", "12"])
def room(request: pytest.FixtureRequest) -> RoomBuilder:
    """A public room of Alice's, with Bob (50), Carol (50) and Dave (0)."""
    room = RoomBuilder.opened(request.param)
    for user_id in (BOB, CAROL, DAVE):
        room.join(user_id)
    room.set_power_levels(levels_of(room, bob=50, carol=50))
    set_topic(room, ALICE, "first")
    return room


def test_a_ban_wins_over_the_power_levels_that_the_banned_user_sets_meanwhile(room: RoomBuilder) -> None:
    other = room.fork()
    ban = room.ban(ALICE, BOB)
    other.set_power_levels(levels_of(other, bob=50, carol=50, dave=50), sender=BOB)
    result = resolve_forks(room, other)
    assert result[member(BOB)] is ban
    assert result[POWER_LEVELS] is room.state[POWER_LEVELS]


def test_a_topic_set_by_someone_banned_meanwhile_is_lost_even_if_it_is_later(room: RoomBuilder) -> None:
    other = room.fork()
    ban = room.ban(ALICE, BOB)
    set_topic(other, BOB, "mine", origin_server_ts=LATE)
    result = resolve_forks(room, other)
    assert result[member(BOB)] is ban
    assert result[TOPIC] is room.state[TOPIC]


def test_a_topic_set_by_someone_demoted_meanwhile_is_lost(room: RoomBuilder) -> None:
    other = room.fork()
    demotion = room.set_power_levels(levels_of(room, bob=0, carol=50))
    set_topic(other, BOB, "mine", origin_server_ts=LATE)
    result = resolve_forks(room, other)
    assert result[POWER_LEVELS] is demotion
    assert result[TOPIC] is room.state[TOPIC]


def test_of_two_topics_by_the_same_power_levels_the_later_one_wins(room: RoomBuilder) -> None:
    other = room.fork()
    set_topic(room, BOB, "earlier", origin_server_ts=EARLY)
    later = set_topic(other, CAROL, "later", origin_server_ts=EARLY + 1)
    assert resolve_forks(room, other)[TOPIC] is later


def test_of_two_topics_of_one_time_the_one_with_the_greater_id_wins(room: RoomBuilder) -> None:
    other = room.fork()
    ids = ("$zz:b.example", "$aa:c.example")
    greater = set_topic(room, BOB, "greater", origin_server_ts=EARLY, event_id=ids[0])
    set_topic(other, CAROL, "smaller", origin_server_ts=EARLY, event_id=ids[1])
    assert resolve_forks(room, other)[TOPIC] is greater


def test_a_topic_under_newer_power_levels_wins_over_a_later_one_under_older(room: RoomBuilder) -> None:
    other = room.fork()
    room.set_power_levels(levels_of(room, bob=50, carol=50, dave=50))
    newer = set_topic(room, DAVE, "newer levels", origin_server_ts=EARLY)
    set_topic(other, CAROL, "older levels", origin_server_ts=LATE)
    assert resolve_forks(room, other)[TOPIC] is newer


def test_who_joins_while_the_room_is_closed_is_not_in_it(room: RoomBuilder) -> None:
    other = room.fork()
    closing = room.set_join_rule("invite")
    other.join("@zara:z.example")
    result = resolve_forks(room, other)
    assert result[JOIN_RULES] is closing
    assert member("@zara:z.example") not in result


def test_who_is_invited_before_the_room_closes_stays(room: RoomBuilder) -> None:
    room.invite(ALICE, "@zara:z.example")
    other = room.fork()
    closing = room.set_join_rule("invite")
    join = other.join("@zara:z.example")
    result = resolve_forks(room, other)
    assert result[JOIN_RULES] is closing
    assert result[member("@zara:z.example")] is join


def test_power_levels_off_topic_of_the_conflict_do_not_disturb_it(room: RoomBuilder) -> None:
    room.set_power_levels(levels_of(room, bob=50))
    old = room.fork()
    room.set_power_levels(levels_of(room, bob=50, carol=50))
    latest = room.set_power_levels(levels_of(room, bob=50, carol=0), sender=ALICE)
    result = resolve_forks(room, old)
    assert result[POWER_LEVELS] is latest


def test_of_two_moderators_levels_the_earlier_win_where_the_later_would_lower_an_equal(
    room: RoomBuilder,
) -> None:
    other = room.fork()
    first = room.set_power_levels(levels_of(room, bob=50, carol=50, dave=50), sender=BOB)
    second = other.set_power_levels(levels_of(other, bob=50, carol=50, dave=25), sender=CAROL)
    assert first.origin_server_ts < second.origin_server_ts
    # Dave is Carol's equal once the first is applied, so that she may not lower him.
    assert resolve_forks(room, other)[POWER_LEVELS] is first


def test_the_more_powerful_sender_goes_first_whatever_the_clocks_say(room: RoomBuilder) -> None:
    other = room.fork()
    own = room.set_power_levels(levels_of(room, bob=0, carol=50))
    event = other.send(
        "m.room.power_levels",
        BOB,
        levels_of(other, bob=50, carol=50, dave=50),
        state_key="",
        origin_server_ts=EARLY,
    )
    assert event.origin_server_ts < own.origin_server_ts
    assert resolve_forks(room, other)[POWER_LEVELS] is own


def test_a_kick_and_what_the_kicked_user_does_meanwhile_are_resolved_for_the_kick(room: RoomBuilder) -> None:
    other = room.fork()
    kick = room.kick(BOB, DAVE)
    other.send("m.room.member", DAVE, {"membership": "join", "displayname": "D"}, state_key=DAVE)
    set_back = resolve_forks(room, other)
    # The room is public: the renewed join comes after the kick, and is allowed again.
    assert set_back[member(DAVE)].content.get("displayname") == "D"
    room.set_join_rule("invite")
    assert resolve_forks(room, other)[member(DAVE)] is kick


def test_three_forks_are_resolved_at_once(room: RoomBuilder) -> None:
    second, third = room.fork(), room.fork()
    ban = room.ban(ALICE, BOB)
    set_topic(second, BOB, "lost", origin_server_ts=LATE)
    kept = set_topic(third, CAROL, "kept")
    result = resolve_forks(room, second, third)
    assert result[member(BOB)] is ban
    assert result[TOPIC] is kept


def test_a_state_that_only_one_fork_has_is_kept_if_it_is_allowed(room: RoomBuilder) -> None:
    other = room.fork()
    name = room.send("m.room.name", ALICE, {"name": "Room"}, state_key="")
    other.message(CAROL)
    assert resolve_forks(room, other)["m.room.name", ""] is name


def test_what_a_power_event_rests_on_by_way_of_agreed_events_is_replayed_before_the_rest(
    room: RoomBuilder,
) -> None:
    early, late = {"origin_server_ts": EARLY}, {"origin_server_ts": LATE}
    join = room.send("m.room.member", BOB, {"membership": "join"}, state_key=BOB, **late)
    renamed = room.fork().send(
        "m.room.member", BOB, {"membership": "join", "displayname": "B"}, state_key=BOB, **early
    )
    # Bob's power levels rest on his join, and both states have something that rests on them.
    room.set_power_levels(levels_of(room, bob=50, carol=50), sender=BOB)
    set_topic(room, ALICE, "agreed")
    other = room.fork()
    kick = room.kick(ALICE, DAVE)
    other.apply(renamed)
    result = resolve_forks(room, other)
    assert result[member(DAVE)] is kick
    # By their clocks alone the join would follow the new name.
    assert join.origin_server_ts > renamed.origin_server_ts
    assert result[member(BOB)] is renamed


@pytest.mark.parametrize("version", ["2", "6", "10", "11"])
def test_a_join_that_all_agree_on_does_not_hold_up_what_rests_on_it(version: str) -> None:
    """Bob joined when he had no power, Carol when she had: replayed, his join would come late (ADR 8)."""
    room = RoomBuilder.opened(version)
    room.join(BOB)
    room.set_power_levels(levels_of(room, bob=100, carol=100))
    room.join(CAROL)
    other = room.fork()
    room.set_power_levels(levels_of(room, bob=100, carol=100, dave=1), sender=CAROL)
    other.set_power_levels(levels_of(other, bob=100, carol=100, dave=2), sender=BOB)
    other.set_power_levels(levels_of(other, bob=100, carol=100, dave=3), sender=BOB)
    last = room.set_power_levels(levels_of(room, bob=100, carol=100, dave=4))
    assert resolve_forks(room, other)[POWER_LEVELS] is last
