# ruff: noqa: E501 - a table, one row a line
"""Requests that no honest client makes, and the error codes that refuse them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

PASSWORD = "a horse, a battery and a staple"
DEEP = 100_000
V3 = "/_matrix/client/v3"
MESSAGE = V3 + "/rooms/{room}/send/m.room.message/{txn}"
STATE = V3 + "/rooms/{room}/state"

NOT_JSON = {"M_NOT_JSON"}
BAD_JSON = {"M_BAD_JSON"}
UNREADABLE = {"M_NOT_JSON", "M_BAD_JSON"}
# The specification leaves open which of these says that a field has a wrong value.
WRONG = {"M_BAD_JSON", "M_INVALID_PARAM", "M_MISSING_PARAM"}
# From room version 10 on it is the authorisation rules that know the types of power levels.
REFUSED = WRONG | {"M_FORBIDDEN"}
UNKNOWN_ROOM = {"M_FORBIDDEN", "M_NOT_FOUND"}
TOO_LARGE = {"M_TOO_LARGE"}
TOO_LONG = {"M_TOO_LARGE", "M_INVALID_PARAM", "M_BAD_JSON"}


class Case(NamedTuple):
    """A request, and the error codes of which its answer must have one."""

    name: str
    method: str
    path: str
    body: bytes | Any
    errors: set[str]

    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def text(body: str) -> dict[str, str]:
    return {"msgtype": "m.text", "body": body}


def sized(total: int) -> dict[str, str]:
    """A message whose content alone is of so many bytes."""
    return text("x" * (total - len(json.dumps(text("")))))


UNREADABLE_BODIES = [
    Case("nothing", "PUT", MESSAGE, b"", UNREADABLE),
    Case("half an object", "PUT", MESSAGE, b'{"body": "x"', NOT_JSON),
    Case("words", "PUT", MESSAGE, b"hello", NOT_JSON),
    Case("two objects", "PUT", MESSAGE, b"{}{}", NOT_JSON),
    Case("a trailing comma", "PUT", MESSAGE, b'{"body": "x",}', NOT_JSON),
    Case("NaN", "PUT", MESSAGE, b'{"body": NaN}', UNREADABLE),
    Case("infinity", "PUT", MESSAGE, b'{"body": -Infinity}', UNREADABLE),
    Case("bytes that are not UTF-8", "PUT", MESSAGE, b'{"body": "\xff\xfe"}', NOT_JSON),
    Case("UTF-16", "PUT", MESSAGE, '{"body": "x"}'.encode("utf-16"), NOT_JSON),
    Case("a surrogate in UTF-8", "PUT", MESSAGE, b'{"body": "\xed\xa0\x80"}', NOT_JSON),
    Case("a lone surrogate", "PUT", MESSAGE, rb'{"msgtype": "m.text", "body": "\ud800"}', UNREADABLE),
    Case("a lone surrogate as a key", "PUT", MESSAGE, rb'{"\udfff": 1}', UNREADABLE),
    Case("deep lists", "PUT", MESSAGE, b'{"a": ' + b"[" * DEEP + b"]" * DEEP + b"}", UNREADABLE | TOO_LARGE),
    Case("deep objects", "PUT", MESSAGE, b'{"a":' * DEEP + b"1" + b"}" * DEEP, UNREADABLE | TOO_LARGE),
    Case("a list", "PUT", MESSAGE, [], BAD_JSON),
    Case("a string", "PUT", MESSAGE, "x", BAD_JSON),
    Case("null", "PUT", MESSAGE, None, BAD_JSON),
    Case("a list, to create a room", "POST", V3 + "/createRoom", [], BAD_JSON),
    Case("a list as a filter", "POST", V3 + "/user/{user}/filter", [], BAD_JSON),
    Case("a list as account data", "PUT", V3 + "/user/{user}/account_data/org.example", [], BAD_JSON),
]

NUMBERS = [
    Case("a float in an event", "PUT", MESSAGE, {**text("x"), "n": 1.5}, BAD_JSON),
    Case("a float within", "PUT", MESSAGE, {**text("x"), "n": [{"m": 0.1}]}, BAD_JSON),
    Case("an exponent", "PUT", MESSAGE, b'{"msgtype": "m.text", "body": "x", "n": 1e300}', UNREADABLE),
    Case("2^53", "PUT", MESSAGE, {**text("x"), "n": 2**53}, BAD_JSON),
    Case("-2^53", "PUT", MESSAGE, {**text("x"), "n": -(2**53)}, BAD_JSON),
    Case("10^400", "PUT", MESSAGE, {**text("x"), "n": 10**400}, UNREADABLE),
    Case("a float in state", "PUT", STATE + "/org.example/", {"n": 1.5}, BAD_JSON),
    Case("2^64 in state", "PUT", STATE + "/org.example/", {"n": 2**64}, UNREADABLE),
    Case("a float in a new room", "POST", V3 + "/createRoom", {"creation_content": {"n": 1.5}}, BAD_JSON),
]

WRONG_TYPES = [
    Case("a number as a room's name", "POST", V3 + "/createRoom", {"name": 5}, WRONG),
    Case("a string as invitations", "POST", V3 + "/createRoom", {"invite": "@a:b"}, WRONG),
    Case("nobody invited", "POST", V3 + "/createRoom", {"invite": ["nobody"]}, WRONG),
    Case("a room version as a number", "POST", V3 + "/createRoom", {"room_version": 10}, WRONG),
    Case("an unknown room version", "POST", V3 + "/createRoom", {"room_version": "no"}, {"M_UNSUPPORTED_ROOM_VERSION"}),
    Case("an unknown preset", "POST", V3 + "/createRoom", {"preset": "no"}, WRONG),
    Case("initial state without a type", "POST", V3 + "/createRoom", {"initial_state": [{"content": {}}]}, WRONG),
    Case("initial state as a string", "POST", V3 + "/createRoom", {"initial_state": "no"}, WRONG),
    Case("an alias with a colon", "POST", V3 + "/createRoom", {"room_alias_name": "a:b"}, WRONG | {"M_UNKNOWN"}),
    Case("power levels as a list", "PUT", STATE + "/m.room.power_levels", {"users": []}, REFUSED),
    Case("a power level as a word", "PUT", STATE + "/m.room.power_levels", {"ban": "all"}, REFUSED),
    Case("a membership that is none", "PUT", STATE + "/m.room.member/{user}", {"membership": "dance"}, WRONG),
    Case("a membership as a number", "PUT", STATE + "/m.room.member/{user}", {"membership": 1}, WRONG),
    Case("a member that is no user", "PUT", STATE + "/m.room.member/x", {"membership": "invite"}, WRONG | {"M_FORBIDDEN"}),
    Case("an invitation without a user", "POST", V3 + "/rooms/{room}/invite", {}, WRONG),
    Case("an invitation of a number", "POST", V3 + "/rooms/{room}/invite", {"user_id": 5}, WRONG),
    Case("a ban of nobody", "POST", V3 + "/rooms/{room}/ban", {"user_id": "nobody"}, WRONG),
    Case("typing maybe", "PUT", V3 + "/rooms/{room}/typing/{user}", {"typing": "maybe"}, WRONG),
    Case("typing forever", "PUT", V3 + "/rooms/{room}/typing/{user}", {"typing": True, "timeout": "ever"}, WRONG),
    Case("an unknown receipt", "POST", V3 + "/rooms/{room}/receipt/m.no/{event}", {}, WRONG),
    Case("a receipt in no thread", "POST", V3 + "/rooms/{room}/receipt/m.read/{event}", {"thread_id": ""}, WRONG),
    Case("a marker as a number", "POST", V3 + "/rooms/{room}/read_markers", {"m.fully_read": 5}, WRONG),
    Case("a display name as a list", "PUT", V3 + "/profile/{user}/displayname", {"displayname": []}, WRONG),
    Case("an avatar as a number", "PUT", V3 + "/profile/{user}/avatar_url", {"avatar_url": 5}, WRONG),
    Case("presence that is none", "PUT", V3 + "/presence/{user}/status", {"presence": "asleep"}, WRONG),
    Case("a filter's limit as a word", "POST", V3 + "/user/{user}/filter", {"room": {"timeline": {"limit": "no"}}}, WRONG),
    Case("a filter of types as a word", "POST", V3 + "/user/{user}/filter", {"presence": {"types": "m.x"}}, WRONG),
    Case("a filter of rooms that are none", "POST", V3 + "/user/{user}/filter", {"room": {"rooms": ["x"]}}, WRONG),
    Case("device messages as a list", "PUT", V3 + "/sendToDevice/m.x/{txn}", {"messages": []}, WRONG),
    Case("a device message as a number", "PUT", V3 + "/sendToDevice/m.x/{txn}", {"messages": {"{user}": {"*": 5}}}, WRONG),
    Case("device keys as a word", "POST", V3 + "/keys/upload", {"device_keys": "no"}, WRONG),
    Case("one-time keys as a list", "POST", V3 + "/keys/upload", {"one_time_keys": []}, WRONG),
    Case("a key query of a list", "POST", V3 + "/keys/query", {"device_keys": []}, WRONG),
    Case("a key claim of a word", "POST", V3 + "/keys/claim", {"one_time_keys": "no"}, WRONG),
    Case("a push rule without actions", "PUT", V3 + "/pushrules/global/room/{room}", {}, WRONG | {"M_UNKNOWN"}),
    Case("a push rule of an odd kind", "PUT", V3 + "/pushrules/global/odd/x", {"actions": []}, WRONG | {"M_UNRECOGNIZED", "M_UNKNOWN"}),
    Case("an odd action", "PUT", V3 + "/pushrules/global/room/{room}", {"actions": [5]}, WRONG | {"M_UNKNOWN"}),
    Case("a pusher without keys", "POST", V3 + "/pushers/set", {"kind": "http"}, WRONG),
    Case("a search for nothing", "POST", V3 + "/search", {}, WRONG),
    Case("a search of a number", "POST", V3 + "/search", {"search_categories": {"room_events": {"search_term": 5}}}, WRONG),
    Case("a directory search of nobody", "POST", V3 + "/user_directory/search", {}, WRONG),
    Case("five public rooms, in words", "POST", V3 + "/publicRooms", {"limit": "five"}, WRONG),
    Case("a report that is a list", "POST", V3 + "/rooms/{room}/report/{event}", {"reason": []}, WRONG),
    Case("an upgrade to nothing", "POST", V3 + "/rooms/{room}/upgrade", {}, WRONG),
    Case("an alias for no room", "PUT", V3 + "/directory/room/%23x:{server}", {"room_id": "x"}, WRONG | UNKNOWN_ROOM),
    Case("an alias that is none", "PUT", V3 + "/directory/room/x", {"room_id": "{room}"}, WRONG),
    Case("an invitation of half a user ID", "POST", V3 + "/rooms/{room}/invite", {"user_id": "@x"}, WRONG),
    Case("a stage that is an object", "POST", V3 + "/delete_devices", {"devices": [], "auth": {"type": {}}}, WRONG),
    Case("a login by a number", "POST", V3 + "/login", {"type": 5}, WRONG | {"M_UNKNOWN"}),
    Case("a login of an unknown type", "POST", V3 + "/login", {"type": "m.no"}, {"M_UNKNOWN", "M_INVALID_PARAM"}),
]  # fmt: skip

QUERIES = [
    Case("no direction", "GET", V3 + "/rooms/{room}/messages", b"", WRONG),
    Case("an odd direction", "GET", V3 + "/rooms/{room}/messages?dir=x", b"", WRONG),
    Case("a limit in words", "GET", V3 + "/rooms/{room}/messages?dir=b&limit=few", b"", WRONG),
    Case("a limit below zero", "GET", V3 + "/rooms/{room}/messages?dir=b&limit=-1", b"", WRONG),
    Case("an odd start", "GET", V3 + "/rooms/{room}/messages?dir=b&from=x", b"", WRONG | {"M_UNKNOWN"}),
    Case("a broken filter", "GET", V3 + "/rooms/{room}/messages?dir=b&filter=%7B", b"", UNREADABLE | WRONG),
    Case("an odd since", "GET", V3 + "/sync?since=x&timeout=0", b"", WRONG | {"M_UNKNOWN"}),
    Case("a timeout in words", "GET", V3 + "/sync?timeout=soon", b"", WRONG),
    Case("a filter that is not there", "GET", V3 + "/sync?filter=987654&timeout=0", b"", WRONG | {"M_NOT_FOUND", "M_UNKNOWN"}),
    Case("a broken filter of a sync", "GET", V3 + "/sync?filter=%7B&timeout=0", b"", UNREADABLE | WRONG),
    Case("a thumbnail without a size", "GET", "/_matrix/client/v1/media/thumbnail/{server}/x", b"", WRONG | {"M_NOT_FOUND"}),
    Case("a time in words", "GET", "/_matrix/client/v1/rooms/{room}/timestamp_to_event?ts=now&dir=b", b"", WRONG),
]  # fmt: skip

STRANGERS = [
    Case("a message to a room that is not there", "PUT", V3 + "/rooms/!no:{server}/send/m.x/{txn}", {}, UNKNOWN_ROOM),
    Case("a message to no room", "PUT", V3 + "/rooms/no/send/m.x/{txn}", {}, UNKNOWN_ROOM | WRONG),
    Case("state of a room that is not there", "GET", V3 + "/rooms/!no:{server}/state", b"", UNKNOWN_ROOM),
    Case("history of a room that is not there", "GET", V3 + "/rooms/!no:{server}/messages?dir=b", b"", UNKNOWN_ROOM),
    Case("an event that is not there", "GET", V3 + "/rooms/{room}/event/$no", b"", {"M_NOT_FOUND"}),
    Case("state that is not there", "GET", STATE + "/org.no/x", b"", {"M_NOT_FOUND"}),
    Case("an invitation to a room that is not there", "POST", V3 + "/rooms/!no:{server}/invite", {"user_id": "{user}"}, UNKNOWN_ROOM),
    Case("the profile of nobody", "GET", V3 + "/profile/@nobody-at-all:{server}", b"", {"M_NOT_FOUND"}),
    Case("a profile that is no user's", "GET", V3 + "/profile/nobody", b"", WRONG | {"M_NOT_FOUND"}),
    Case("somebody else's name", "PUT", V3 + "/profile/@x:{server}/displayname", {"displayname": "x"}, {"M_FORBIDDEN", "M_NOT_FOUND"} | WRONG),
    Case("somebody else's account data", "PUT", V3 + "/user/@x:{server}/account_data/m.x", {}, {"M_FORBIDDEN"}),
    Case("somebody else's typing", "PUT", V3 + "/rooms/{room}/typing/@x:{server}", {"typing": True}, {"M_FORBIDDEN", "M_UNKNOWN"}),
    Case("an alias that is not there", "GET", V3 + "/directory/room/%23nothing-here:{server}", b"", {"M_NOT_FOUND"}),
    Case("a join by an alias that is not there", "POST", V3 + "/join/%23nothing-here:{server}", {}, {"M_NOT_FOUND"}),
    Case("a device that is not there", "GET", V3 + "/devices/NOPE", b"", {"M_NOT_FOUND"}),
    Case("account data that are not there", "GET", V3 + "/user/{user}/account_data/org.no", b"", {"M_NOT_FOUND"}),
    Case("media that are not there", "GET", "/_matrix/client/v1/media/download/{server}/nothing", b"", {"M_NOT_FOUND"}),
    Case("a second creation", "PUT", STATE + "/m.room.create", {}, {"M_FORBIDDEN", "M_BAD_JSON", "M_INVALID_PARAM"}),
    Case("state in somebody else's name", "PUT", STATE + "/org.example/@x:{server}", {}, {"M_FORBIDDEN"}),
    Case("a path that is not UTF-8", "GET", V3 + "/rooms/%FF/state", b"", {"M_INVALID_PARAM"}),
    Case("an endpoint that is not there", "GET", V3 + "/no/such/thing", b"", {"M_UNRECOGNIZED"}),
    Case("a method that is not there", "DELETE", V3 + "/sync", b"", {"M_UNRECOGNIZED"}),
]  # fmt: skip

SIZES = [
    Case("65,537 bytes of content", "PUT", MESSAGE, sized(65_537), TOO_LARGE),
    Case("65,400 bytes of content, which the rest takes over the limit", "PUT", MESSAGE, sized(65_400), TOO_LARGE),
    Case("65,537 bytes of state", "PUT", STATE + "/org.example/", sized(65_537), TOO_LARGE),
    Case("a body of twenty megabytes", "PUT", MESSAGE, sized(20_000_000), TOO_LARGE),
    Case("an event type of 256 bytes", "PUT", V3 + "/rooms/{room}/send/" + "t" * 256 + "/{txn}", {}, TOO_LONG),
    Case("an event type of 255 bytes in 254 letters", "PUT", STATE + "/" + "t" * 253 + "%F0%9F%94%A5/x", {}, TOO_LONG),
    Case("a state key of 256 bytes", "PUT", STATE + "/org.example/" + "k" * 256, {}, TOO_LONG),
    Case("a room ID of 300 bytes", "PUT", V3 + "/rooms/!" + "r" * 299 + ":{server}/send/m.x/{txn}", {}, TOO_LONG | UNKNOWN_ROOM),
    Case("a user ID of 300 bytes", "POST", V3 + "/rooms/{room}/invite", {"user_id": "@" + "u" * 300 + ":{server}"}, TOO_LONG),
    Case("an alias of 300 bytes", "PUT", V3 + "/directory/room/%23" + "a" * 300 + ":{server}", {"room_id": "{room}"}, TOO_LONG),
    Case("a display name of 100,000 bytes", "PUT", V3 + "/profile/{user}/displayname", {"displayname": "x" * 100_000}, TOO_LONG | {"M_PROFILE_TOO_LARGE"}),
    Case("a user name of 300 bytes", "POST", V3 + "/register", {"username": "u" * 300, "password": PASSWORD}, {"M_INVALID_USERNAME"}),
]  # fmt: skip

NULS = [
    Case("NUL in a user name", "POST", V3 + "/register", {"username": "a\0b", "password": PASSWORD}, {"M_INVALID_USERNAME"}),
    Case("NUL in a room ID", "PUT", V3 + "/rooms/!a%00b:{server}/send/m.x/{txn}", {}, UNKNOWN_ROOM | WRONG),
    Case("NUL in an alias", "GET", V3 + "/directory/room/%23a%00b:{server}", b"", {"M_NOT_FOUND"} | WRONG),
    Case("NUL in an event ID", "GET", V3 + "/rooms/{room}/event/$a%00b", b"", {"M_NOT_FOUND"} | WRONG),
    Case("NUL in a new alias", "POST", V3 + "/createRoom", {"room_alias_name": "a\0b"}, WRONG),
    Case("NUL in a login", "POST", V3 + "/login", {"type": "m.login.password", "user": "a\0b", "password": "x"}, {"M_FORBIDDEN"} | WRONG),
    Case("NUL in a since", "GET", V3 + "/sync?since=%00&timeout=0", b"", WRONG | {"M_UNKNOWN"}),
    Case("NUL in a device", "GET", V3 + "/devices/A%00B", b"", {"M_NOT_FOUND"} | WRONG),
    Case("NUL in a media ID", "GET", "/_matrix/client/v1/media/download/{server}/a%00b", b"", {"M_NOT_FOUND"} | WRONG),
    Case("NUL in a profile", "GET", V3 + "/profile/@a%00b:{server}", b"", {"M_NOT_FOUND"} | WRONG),
]  # fmt: skip

CASES = UNREADABLE_BODIES + NUMBERS + WRONG_TYPES + QUERIES + STRANGERS + SIZES + NULS
