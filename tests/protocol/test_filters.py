import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.errors import BadJson, NotJson
from matrix_app.protocol.filters import (
    EventFilter,
    Filter,
    RoomEventFilter,
    filter_from_json,
    matcher_of,
    matches,
    parse_filter,
    parse_room_event_filter,
    room_event_filter_from_json,
)

ALICE = "@alice:example.org"
BOB = "@bob:example.org"
ROOM = "!room:example.org"

EXAMPLE: dict[str, Any] = {
    "room": {
        "state": {"types": ["m.room.*"], "not_rooms": ["!726s6s6q:example.com"]},
        "timeline": {
            "limit": 10,
            "types": ["m.room.message"],
            "not_rooms": ["!726s6s6q:example.com"],
            "not_senders": ["@spam:example.com"],
        },
        "ephemeral": {"types": ["m.receipt", "m.typing"], "lazy_load_members": True},
    },
    "presence": {"types": ["m.presence"], "not_senders": [ALICE]},
    "event_format": "client",
    "event_fields": ["type", "content", "sender"],
}


def test_the_example_of_the_specification_is_parsed():
    parsed = parse_filter(EXAMPLE)
    assert parsed.event_fields == ("type", "content", "sender")
    assert parsed.room.timeline.limit == 10
    assert parsed.room.state.types == ("m.room.*",)
    assert parsed.room.ephemeral.lazy_load_members
    assert parsed.presence.not_senders == (ALICE,)


def test_an_empty_filter_lets_everything_pass():
    parsed = parse_filter({})
    assert parsed == Filter()
    assert parsed.event_format == "client"
    assert not parsed.room.include_leave
    assert matches(parsed.room.timeline, type="m.room.message", sender=BOB, room_id=ROOM, content={})
    assert not parsed.room.timeline.blocks_everything()


def test_unknown_keys_are_ignored():
    assert parse_filter({"org.example": 1, "room": {"timeline": {"moon": "full"}}}) == Filter()


@pytest.mark.parametrize(
    "invalid",
    [
        [],
        "text",
        {"presence": "not_an_object"},
        {"room": {"timeline": "not_an_object"}},
        {"room": {"state": "not_an_object"}},
        {"room": {"ephemeral": "not_an_object"}},
        {"room": {"account_data": "not_an_object"}},
        {"room": {"timeline": {"rooms": "not_a_list"}}},
        {"room": {"timeline": {"not_rooms": "not_a_list"}}},
        {"room": {"timeline": {"senders": "not_a_list"}}},
        {"room": {"timeline": {"not_senders": "not_a_list"}}},
        {"room": {"timeline": {"types": "not_a_list"}}},
        {"room": {"timeline": {"not_types": "not_a_list"}}},
        {"room": {"timeline": {"types": [0]}}},
        {"room": {"timeline": {"rooms": ["not_a_room_id"]}}},
        {"room": {"timeline": {"senders": ["not_a_sender_id"]}}},
        {"room": {"timeline": {"limit": -1}}},
        {"room": {"timeline": {"limit": "10"}}},
        {"room": {"include_leave": "yes"}},
        {"event_format": "morse"},
        {"event_fields": "type"},
    ],
)
def test_a_malformed_filter_is_refused(invalid):
    with pytest.raises(BadJson):
        parse_filter(invalid)
    with pytest.raises(BadJson):
        filter_from_json(json.dumps(invalid))


def test_a_filter_that_is_not_json_is_refused():
    for text in ("{", b"\xff", "", "nonsense"):
        with pytest.raises(NotJson):
            filter_from_json(text)


def test_filters_from_json_equal_parsed_ones():
    assert filter_from_json(json.dumps(EXAMPLE)) == parse_filter(EXAMPLE)
    timeline = EXAMPLE["room"]["timeline"]
    assert room_event_filter_from_json(json.dumps(timeline)) == parse_room_event_filter(timeline)


def test_equal_filters_share_a_matcher():
    assert matcher_of(EventFilter(types=("a",))) is matcher_of(EventFilter(types=("a",)))


def test_limits_have_a_default_and_a_cap():
    assert EventFilter().capped_limit() == 10
    assert EventFilter().capped_limit(default=20) == 20
    assert EventFilter(limit=0).capped_limit() == 0
    assert EventFilter(limit=5000).capped_limit(maximum=100) == 100


@pytest.mark.parametrize(
    ("types", "not_types", "passes"),
    [
        (None, [], True),
        ([], [], False),
        (["m.room.message"], [], True),
        (["m.room.*"], [], True),
        (["*"], [], True),
        (["m.*.message"], [], True),
        (["m.room.messag?"], [], False),
        (["M.ROOM.MESSAGE"], [], False),
        (["m.room.member"], [], False),
        (["m.room.message"], ["m.room.*"], False),
        (None, ["*"], False),
        (None, ["m.room.member"], True),
    ],
)
def test_types_may_have_wildcards_and_exclusion_wins(types, not_types, passes):
    event_filter = parse_room_event_filter({"types": types, "not_types": not_types})
    assert matches(event_filter, type="m.room.message", sender=BOB, room_id=ROOM, content={}) == passes


@pytest.mark.parametrize(
    ("definition", "sender", "passes"),
    [
        ({"senders": [ALICE]}, ALICE, True),
        ({"senders": [ALICE]}, BOB, False),
        ({"senders": [ALICE]}, None, False),
        ({"senders": []}, ALICE, False),
        ({"senders": [ALICE], "not_senders": [ALICE]}, ALICE, False),
        ({"not_senders": [ALICE]}, BOB, True),
        ({"not_senders": [ALICE]}, None, True),
    ],
)
def test_senders_are_chosen_and_excluded(definition, sender, passes):
    assert matches(parse_room_event_filter(definition), type="m.typing", sender=sender) == passes


@pytest.mark.parametrize(
    ("definition", "passes"),
    [
        ({"rooms": [ROOM]}, True),
        ({"rooms": ["!other:example.org"]}, False),
        ({"rooms": [ROOM], "not_rooms": [ROOM]}, False),
        ({"not_rooms": [ROOM]}, False),
        ({"rooms": []}, False),
    ],
)
def test_rooms_are_chosen_and_excluded(definition, passes):
    event_filter = parse_room_event_filter(definition)
    assert matches(event_filter, type="m.room.message", sender=BOB, room_id=ROOM) == passes
    assert event_filter.wants_room(ROOM) == passes
    assert parse_filter({"room": definition}).room.wants_room(ROOM) == passes


@pytest.mark.parametrize(
    ("contains_url", "content", "passes"),
    [
        (True, {"url": "mxc://a/b"}, True),
        (True, {}, False),
        (False, {"url": "mxc://a/b"}, False),
        (False, {}, True),
        (None, {}, True),
    ],
)
def test_events_can_be_chosen_by_having_a_url(contains_url, content, passes):
    event_filter = RoomEventFilter(contains_url=contains_url)
    assert matches(event_filter, type="m.room.message", sender=BOB, room_id=ROOM, content=content) == passes


@pytest.mark.parametrize("definition", [{"not_types": ["*"]}, {"types": []}, {"senders": []}, {"rooms": []}])
def test_a_filter_that_lets_nothing_pass_says_so(definition):
    event_filter = parse_room_event_filter(definition)
    assert event_filter.blocks_everything()
    assert not matches(event_filter, type="m.room.message", sender=BOB, room_id=ROOM)


def test_exact_types_are_known_when_there_is_no_wildcard():
    assert EventFilter(types=("a", "b")).exact_types() == ("a", "b")
    assert EventFilter(types=("a", "b*")).exact_types() is None
    assert EventFilter().exact_types() is None
    assert EventFilter().types_like() is None


def like_regex(pattern):
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    signs = {"%": ".*", "_": "."}
    return "".join(
        re.escape(part[1]) if len(part) == 2 else signs.get(part, re.escape(part)) for part in parts
    )


names = st.text(alphabet="m._%\\*?", max_size=6)


@given(names, names)
def test_like_patterns_match_what_the_matcher_matches(pattern, name):
    event_filter = EventFilter(types=(pattern,), not_types=(pattern,))
    likes = event_filter.types_like()
    assert likes is not None
    (included,) = likes
    assert event_filter.not_types_like() == (included,)
    by_like = re.fullmatch(like_regex(included), name, re.DOTALL) is not None
    assert by_like == matches(EventFilter(types=(pattern,)), type=name)
