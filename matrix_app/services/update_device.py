"""Changing a device, and making one without signing in."""

from __future__ import annotations

from matrix_app.protocol.errors import Forbidden, TooLarge
from matrix_app.protocol.ids import parse_device_id, parse_text
from matrix_app.protocol.said import said
from matrix_app.services.create_session import LONGEST_NAME
from matrix_app.storage import db, devices, sessions
from matrix_app.storage.clock import now_ms
from matrix_app.storage.devices import DeviceRow


def rename_device(device: DeviceRow, display_name: str) -> None:
    """Give a device a name, which others see too; raises `TooLarge`."""
    _check_name(display_name)
    with db.write():
        devices.rename(device.nid, display_name)
        devices.device_list_changed(device.user_nid, device.device_id)


def make_device(user_nid: int, device_id: str, display_name: str | None) -> None:
    """Make a device that nobody is signed in on: for application services, which have tokens of their own.

    Raises `InvalidParam` for an impossible ID, and `Forbidden` for that of a cross-signing key.
    """
    parse_device_id(device_id)
    _check_name(display_name or "")
    with db.write():
        # "Servers MUST not allow devices to have the same IDs as cross-signing keys".
        if devices.is_cross_signing_key(user_nid, device_id):
            raise Forbidden("The device ID is that of a cross-signing key")
        sessions.put_device(user_nid, device_id, display_name, now_ms())
        devices.device_list_changed(user_nid, device_id)


def _check_name(display_name: str) -> None:
    parse_text(display_name)
    if len(display_name) > LONGEST_NAME:
        raise TooLarge(said("The name of a device may have {count} characters", count=LONGEST_NAME))
