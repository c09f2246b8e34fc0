"""What an application service needs to encrypt for its users (MSC3202, MSC4203).

Messages to their devices, whose keys changed, and how many one-time keys are left.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from matrix_app.appservices.interest import Interest
from matrix_app.protocol.appservice_registration import Appservice
from matrix_app.storage import appservice_queue, device_messages, interning, members
from matrix_app.storage.appservice_queue import OwnDevice
from matrix_app.storage.members import Membership
from matrix_app.storage.stream import Kind, LogEntry

# In one transaction: of one device, and of all of them.
MOST_MESSAGES: Final = 50
MOST_OF_ALL: Final = 500
_PREFIX: Final = "org.matrix.msc3202"
_NEWEST: Final = (1 << 63) - 1


def add_encryption(
    body: dict[str, Any],
    service: Appservice,
    interest: Interest,
    entries: list[LogEntry],
    backlog: set[int],
) -> dict[int, int]:
    """Put it into the body; the devices whose messages are there, and up to which position.

    Devices for which there is more are put into `backlog`, the others taken out.
    """
    mailed = _devices(service, entries, Kind.TO_DEVICE, backlog)
    taken = _add_messages(body, mailed, backlog)
    counted = {device.nid: device for device in _devices(service, entries, Kind.ONE_TIME_KEYS, set())}
    counted |= {device.nid: device for device in mailed if device.nid in taken}
    _add_counts(body, list(counted.values()))
    _add_lists(body, interest, entries)
    return taken


def _devices(service: Appservice, entries: list[LogEntry], kind: Kind, more: set[int]) -> list[OwnDevice]:
    changed = set(more)
    for entry in entries:
        if entry.kind == kind:
            changed.update(device_nid for _, device_nid in entry.devices)
            if entry.device_nid is not None:
                changed.add(entry.device_nid)
    return appservice_queue.own_devices(service.id, changed) if changed else []


def _add_messages(body: dict[str, Any], devices: list[OwnDevice], backlog: set[int]) -> dict[int, int]:
    shown: list[dict[str, Any]] = []
    taken = {}
    for device in devices:
        if len(shown) >= MOST_OF_ALL:
            backlog.add(device.nid)
            continue
        messages = device_messages.after(device.nid, 0, _NEWEST, MOST_MESSAGES)
        (backlog.add if len(messages) == MOST_MESSAGES else backlog.discard)(device.nid)
        for message in messages:
            addressed = {"to_user_id": device.user_id, "to_device_id": device.device_id}
            shown.append(orjson.loads(message.content) | addressed)
            taken[device.nid] = message.position
    # Devices that are gone have no messages any more.
    backlog.intersection_update(device.nid for device in devices)
    if shown:
        body["de.sorunome.msc2409.to_device"] = shown
    return taken


def _add_counts(body: dict[str, Any], devices: list[OwnDevice]) -> None:
    counts: dict[str, dict[str, Any]] = {}
    fallbacks: dict[str, dict[str, Any]] = {}
    for device in devices:
        found = {"signed_curve25519": 0} | device_messages.key_counts(device.nid)
        counts.setdefault(device.user_id, {})[device.device_id] = found
        unused = device_messages.unused_fallbacks(device.nid)
        fallbacks.setdefault(device.user_id, {})[device.device_id] = unused
    if devices:
        body[f"{_PREFIX}.device_one_time_keys_count"] = counts
        # An earlier draft's name, which some bridges read.
        body[f"{_PREFIX}.device_one_time_key_counts"] = counts
        body[f"{_PREFIX}.device_unused_fallback_key_types"] = fallbacks


def _add_lists(body: dict[str, Any], interest: Interest, entries: list[LogEntry]) -> None:
    changed: set[int] = set()
    left: set[int] = set()
    for entry in entries:
        if entry.user_nid is None:
            continue
        if entry.kind == Kind.DEVICE_LIST and interest.wants_user(entry.user_nid, entry.position):
            changed.add(entry.user_nid)
        elif entry.kind == Kind.MEMBERSHIP and interest.wants_room(entry.room_nid or 0, entry.position):
            _note_member(entry, interest, changed, left)
    if changed or left:
        names = interning.user_ids(changed | left)
        body[f"{_PREFIX}.device_lists"] = {
            "changed": sorted(names[nid] for nid in changed - left),
            "left": sorted(names[nid] for nid in left),
        }


def _note_member(entry: LogEntry, interest: Interest, changed: set[int], left: set[int]) -> None:
    user_nid = entry.user_nid or 0
    member = members.get(entry.room_nid or 0, user_nid)
    if member is not None and member.membership == Membership.JOIN:
        changed.add(user_nid)
        left.discard(user_nid)
    elif member is not None and not interest.wants_user(user_nid, entry.position):
        left.add(user_nid)
