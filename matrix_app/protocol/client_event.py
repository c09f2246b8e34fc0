"""Events as clients see them ("Room event format" of the client-server API)."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import orjson

from matrix_app.protocol.errors import BadJson

_REDACTION: Final = "m.room.redaction"
_STRIPPED: Final[tuple[tuple[str, type], ...]] = (
    ("sender", str),
    ("type", str),
    ("state_key", str),
    ("content", dict),
)


class _Fields(msgspec.Struct):
    # The fields of a stored PDU that clients see; the content is passed on without being parsed.
    type: str
    sender: str
    content: msgspec.Raw
    origin_server_ts: int
    state_key: str | msgspec.UnsetType = msgspec.UNSET
    redacts: str | msgspec.UnsetType = msgspec.UNSET


_DECODER: Final = msgspec.json.Decoder(_Fields)


def to_client_event(
    event_pdu: dict[str, Any],
    event_id: str,
    room_id: str,
    *,
    include_room_id: bool,
    unsigned: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The event as "ClientEvent", or without its `room_id` as "ClientEventWithoutRoomID".

    `unsigned` is what the client gets as such; nothing that other servers have put there passes.
    """
    event = {
        "content": event_pdu["content"],
        "event_id": event_id,
        "origin_server_ts": event_pdu["origin_server_ts"],
        "sender": event_pdu["sender"],
        "type": event_pdu["type"],
    }
    if "state_key" in event_pdu:
        event["state_key"] = event_pdu["state_key"]
    if include_room_id:
        event["room_id"] = room_id
    if unsigned:
        event["unsigned"] = unsigned
    if event_pdu["type"] == _REDACTION:
        _set_redacts(event, event_pdu.get("redacts"))
    return event


def client_event_bytes(
    pdu_bytes: bytes, event_id: str, room_id: str | None, unsigned: dict[str, Any] | None
) -> bytes:
    """As `to_client_event`, from the stored JSON to JSON; without `room_id` if that is None.

    The content is copied as it is stored. `unsigned` may hold `orjson.Fragment`s.
    """
    fields = _DECODER.decode(pdu_bytes)
    event = {
        "content": orjson.Fragment(bytes(fields.content)),
        "event_id": event_id,
        "origin_server_ts": fields.origin_server_ts,
        "sender": fields.sender,
        "type": fields.type,
    }
    if fields.state_key is not msgspec.UNSET:
        event["state_key"] = fields.state_key
    if room_id is not None:
        event["room_id"] = room_id
    if unsigned:
        event["unsigned"] = unsigned
    if fields.type == _REDACTION:
        event["content"] = _keys_as_fragments(fields.content)
        _set_redacts(event, None if fields.redacts is msgspec.UNSET else fields.redacts)
    return orjson.dumps(event)


def _keys_as_fragments(content: msgspec.Raw) -> dict[str, orjson.Fragment]:
    values = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    return {key: orjson.Fragment(bytes(value)) for key, value in values.items()}


def prune_keys_for_stripped_state(event: Any) -> dict[str, Any]:
    """The event as "Stripped state" has it; raises `BadJson` when one of the four keys is missing.

    What comes over federation must not be passed on to clients without this.
    """
    if not isinstance(event, dict):
        raise BadJson("An event is an object")
    for name, kind in _STRIPPED:
        if not isinstance(event.get(name), kind):
            raise BadJson(f"A stripped state event needs {name}")
    return {name: event[name] for name, _ in _STRIPPED}


def _set_redacts(event: dict[str, Any], redacts: Any) -> None:
    # v11: for older clients `redacts` is added at the top level, where versions up to 10 have it; for newer
    # clients it is added to the content of the older versions' events.
    content = event["content"]
    if redacts is None:
        redacts = content.get("redacts")
    elif "redacts" not in content:
        event["content"] = {**content, "redacts": redacts}
    if redacts is not None:
        event["redacts"] = redacts
