"""Devices of users of other servers."""

from __future__ import annotations

from matrix_app.storage import db, devices, interning, members


def keys_changed(user_id: str) -> None:
    """Note that devices or keys of a user changed, if anybody here shares a room with them."""
    user_nid = interning.find_user(user_id)
    if user_nid is not None and members.joined_rooms(user_nid):
        with db.write():
            devices.device_list_changed(user_nid)
