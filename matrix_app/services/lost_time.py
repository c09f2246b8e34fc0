"""Clients that remember a time which a restore has undone: who they are, and what becomes of them."""

from __future__ import annotations

from matrix_app.protocol.tokens import parse_stream_token
from matrix_app.services import token_marks
from matrix_app.storage import db, devices, key_backups, lost_time, refresh_tokens, restored_devices
from matrix_app.storage.devices import DeviceRow


def remembers(position: int | None) -> bool:
    """Whether a client that was told everything up to `position` was told what has never been."""
    return position is not None and lost_time.has_position(position)


def remembers_token(token: str | None) -> bool:
    """The same of a token of a sync, of either kind; raises `InvalidParam` for what is none."""
    return token is not None and remembers(parse_stream_token(token).position)


def may_have_given(number: int) -> bool:
    """Whether an unknown number may have been given to a client in a lost time: those since are greater."""
    return number < lost_time.first_number()


def returned(user_nid: int, device_nid: int | None) -> None:
    """A device comes back from a lost time: it is to back up its keys again, if they are backed up at all.

    Clients note which of their keys are in the backup, and it has lost those of that time.
    """
    if device_nid is not None and key_backups.newest(user_nid) is not None:
        with db.write():
            restored_devices.needs_key_backup(device_nid)


def must_back_up_again(device_nid: int | None) -> bool:
    """Whether the device has to begin its backup anew; True once, inside a write transaction."""
    if device_nid is None or not lost_time.every():
        return False
    return restored_devices.take_key_backup(device_nid)


def is_restored(device: DeviceRow) -> bool:
    """Whether the device is older than a restore, so that what it has uploaded may be lost."""
    return any(device.created_ts <= lost.begun_ts for lost in lost_time.every())


def device_of(token: str) -> DeviceRow | None:
    """The device that a token of a lost time was made for, if it is here.

    A device of that number which was made later is another one.
    """
    mark = token_marks.read(token) if lost_time.every() else None
    if mark is None:
        return None
    lost = [time for time in lost_time.every() if time.begun_ts <= mark.made_ts <= time.ended_ts]
    device = devices.by_nid(mark.device_nid) if lost else None
    if device is None or device.created_ts > lost[-1].begun_ts:
        return None
    return device


def may_refresh(device: DeviceRow) -> bool:
    """Whether the device has had no refresh token since the last restore, and may go on with a lost one."""
    return not refresh_tokens.any_since(device.nid, lost_time.every()[-1].ended_ts)
