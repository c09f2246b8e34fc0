"""Settings of notices that the server sends to its users."""

from __future__ import annotations

from typing import Annotated

from appliance.config.fields import Section, doc


class Notices(Section, frozen=True):
    """Notices that administrators send to users, each in a room with the server's own user."""

    room_name: Annotated[str, doc("What the room is called; those that are there keep their name.")] = (
        "Server notices"
    )
    room_topic: Annotated[str, doc("What the room is for; empty for nothing.")] = (
        "What the administrators of this server want you to know"
    )
