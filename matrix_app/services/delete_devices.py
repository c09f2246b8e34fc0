"""Signing devices out."""

from __future__ import annotations

from collections.abc import Iterable

from matrix_app.protocol.ids import parse_text
from matrix_app.storage import db, devices
from matrix_app.storage.devices import DeviceRow
from matrix_app.storage.stream import Change, Kind, append


def delete_devices(user_nid: int, device_ids: Iterable[str]) -> None:
    """Remove those devices which the user has, with their tokens, keys, pushers and messages.

    Everybody who shares a room with the user learns that the device list changed.
    """
    wanted = {parse_text(device_id) for device_id in device_ids}
    with db.write():
        _delete(user_nid, [device for device in devices.of_user(user_nid) if device.device_id in wanted])


def delete_all_devices(user_nid: int, *, but_nid: int | None = None, dehydrated: bool = False) -> None:
    """Remove every device of a user, but one.

    The dehydrated device, which is there for when the user is signed in nowhere, goes only with the account.
    """
    with db.write():
        kept = {but_nid, None if dehydrated else devices.dehydrated(user_nid)}
        _delete(user_nid, [device for device in devices.of_user(user_nid) if device.nid not in kept])


def _delete(user_nid: int, gone: list[DeviceRow]) -> None:
    if not gone:
        return
    devices.delete(user_nid, gone)
    for device in gone:
        devices.device_list_changed(user_nid, device.device_id)
    # What a device waits for ends with it.
    append([Change(Kind.SESSION, device_nid=device.nid) for device in gone])
