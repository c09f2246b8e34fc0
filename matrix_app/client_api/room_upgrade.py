"""Upgrading rooms ("Room upgrades")."""

from __future__ import annotations

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.upgrade_room import upgrade_room


class UpgradeBody(msgspec.Struct):
    """The version of the new room, and who are its creators besides."""

    new_version: str
    additional_creators: list[str] | None = None


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/upgrade", rate="create_room")
def post_upgrade(request: Request) -> dict[str, str]:
    """Replace a room by one of another version."""
    body = request.decode(UpgradeBody)
    room_id = upgrade_room(
        request.requester, request.path["room_id"], body.new_version, body.additional_creators
    )
    return {"replacement_room": room_id}
