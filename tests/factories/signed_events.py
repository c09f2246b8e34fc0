"""Events made the way Hearth makes its own: valid, hashed and signed."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.event_format import create_event
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.protocol.signing import SigningKey

SERVER = "a.example"
SENDER = f"@alice:{SERVER}"
KEY = SigningKey("a_test", b"\x01" * 32)
HASH_ID = "b" * 43


def make_signed_event(rules: RoomVersion, **changes: Any) -> Event:
    """A message by `SENDER`, signed with `KEY`; `changes` are fields of `create_event`."""
    fields: dict[str, Any] = {
        "room_id": f"!{HASH_ID}" if rules.room_id_is_create_hash else f"!room:{SERVER}",
        "sender": SENDER,
        "type": "m.room.message",
        "content": {"msgtype": "m.text", "body": "Good morning"},
        "prev_events": [],
        "auth_events": [],
        "depth": 7,
        "origin_server_ts": 1_700_000_000_000,
        **changes,
    }
    return create_event(rules=rules, key=KEY, server_name=SERVER, **fields)
