"""Which state events say of a user whether they are in the room."""

from __future__ import annotations

from matrix_app.protocol.ids import is_user_id


def is_membership(event_type: str, state_key: str | None) -> bool:
    """Whether a state event with this type and key is somebody's membership.

    The authorisation rules do not ask for a user ID as the key of `m.room.member`: whoever may invite may
    "invite" anything, and servers have to take such events like others, or lose those that follow on them.
    """
    return event_type == "m.room.member" and state_key is not None and is_user_id(state_key)
