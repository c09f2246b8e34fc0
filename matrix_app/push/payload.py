"""What a push gateway is sent (POST /_matrix/push/v1/notify of the push gateway API)."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from appliance.config import get_config
from matrix_app.services.room_names import member_names, room_name
from matrix_app.storage import events, interning, rooms, summaries
from matrix_app.storage.events import EventRow
from matrix_app.storage.pushers import PusherRow

# These wake a phone although no rule gives them a sound: what an encrypted event is only the phone can say.
_URGENT: Final = frozenset({"m.room.encrypted", "m.call.invite", "m.rtc.notification", "m.call.notify"})
# With MSC4076 clients count by themselves.
_NO_COUNT: Final = "org.matrix.msc4076.disable_badge_count"


class Addressed(NamedTuple):
    """A pusher, and what its client said of it when it was made."""

    pusher: PusherRow
    data: dict[str, Any]

    @classmethod
    def of(cls, pusher: PusherRow) -> Addressed:
        """The pusher with its `data`."""
        return cls(pusher, orjson.loads(pusher.data).get("data") or {})

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return str(self.data.get("url") or "")

    @property
    def is_counted(self) -> bool:
        """Whether the client wants to be told how much is unread."""
        return self.data.get(_NO_COUNT) is not True


def notification(to: Addressed, row: EventRow, tweaks: dict[str, Any], unread: int) -> dict[str, Any]:
    """The body for an event."""
    room_id = rooms.by_nid(row.room_nid).room_id
    found: dict[str, Any] = {"event_id": row.event_id, "room_id": room_id}
    if to.data.get("format") != "event_id_only":
        found |= _described(to, row)
        device = _device(to) | {"tweaks": tweaks}
    else:
        device = _device(to)
    urgent = row.type in _URGENT or bool(tweaks.get("sound") or tweaks.get("highlight"))
    found["prio"] = "high" if urgent else "low"
    return {"notification": found | _counts(to, unread) | {"devices": [device]}}


def badge(to: Addressed, unread: int) -> dict[str, Any]:
    """The body that tells only how much is unread."""
    # Without a count at all gateways would not touch what is shown: zero is said here, not left out.
    counts = {"counts": {"unread": unread}}
    return {"notification": {"prio": "low", **counts, "devices": [_device(to)]}}


def _device(to: Addressed) -> dict[str, Any]:
    return {
        "app_id": to.pusher.app_id,
        "pushkey": to.pusher.pushkey,
        "pushkey_ts": to.pusher.created_ts // 1000,
        "data": {key: value for key, value in to.data.items() if key != "url"},
    }


def _counts(to: Addressed, unread: int) -> dict[str, Any]:
    # "Counts whose value is zero should be omitted."
    return {"counts": {"unread": unread} if unread else {}} if to.is_counted else {}


def _described(to: Addressed, row: EventRow) -> dict[str, Any]:
    event = events.parse(row)
    viewer = to.pusher.user_nid
    found: dict[str, Any] = {
        # The name of `event_id` from before it was specified, which old gateways look for.
        "id": row.event_id,
        "type": event.type,
        "sender": event.sender,
        "sender_display_name": member_names(row.room_nid, [row.sender_nid])[row.sender_nid],
        "room_name": room_name(row.room_nid, viewer),
    }
    alias = summaries.get(row.room_nid).canonical_alias
    if alias:
        found["room_alias"] = alias
    if event.type == "m.room.member":
        # Of old, as `id` is.
        found["membership"] = event.content.get("membership")
        found["user_is_target"] = event.state_key == interning.user_id_of(viewer)
    if get_config().push.include_content:
        found["content"] = event.content
    return found
