"""What is kept of parsed power levels."""

from matrix_app.protocol.event_auth.power_levels import ParsedLevels
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import V11
from tests.factories.events import make_event


def levels_event(users: int, event_id: str | None = None) -> Event:
    content = {"users": {f"@{number}:a.example": 1 for number in range(users)}}
    return make_event(V11, type="m.room.power_levels", state_key="", content=content, event_id=event_id)


def test_what_was_parsed_long_ago_makes_room() -> None:
    cache = ParsedLevels(max_entries=1000)
    events = [levels_event(users=180) for _ in range(8)]
    parsed = [cache.get(event, None, V11) for event in events]
    kept = [
        cache.get(event, None, V11) is levels for event, levels in zip(events[3:], parsed[3:], strict=True)
    ]
    assert kept == [True] * 5
    assert cache.get(events[0], None, V11) is not parsed[0]


def test_the_last_is_kept_however_large_it_is() -> None:
    cache = ParsedLevels(max_entries=100)
    cache.get(levels_event(users=10), None, V11)
    event = levels_event(users=5000)
    assert cache.get(event, None, V11) is cache.get(event, None, V11)


def test_parsing_the_same_event_again_takes_no_more_room() -> None:
    cache = ParsedLevels(max_entries=300)
    other = levels_event(users=80)
    kept = cache.get(other, None, V11)
    for ban in range(20):
        event = make_event(
            V11, type="m.room.power_levels", state_key="", content={"ban": ban}, event_id="$same"
        )
        cache.get(event, None, V11)
    assert cache.get(other, None, V11) is kept
