"""What a server is told of devices and keys, as they are when the transaction departs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from appliance.config import get_config
from matrix_app.services.query_keys import query_known_keys
from matrix_app.storage import devices, interning, outbound_devices
from matrix_app.storage.outbound_devices import OwedDevice, OwedList

# What is asked for where only cross-signing keys are wanted: no device is called this.
_NO_DEVICE: Final = ""

Edu = dict[str, Any]


def device_edus(owed: Sequence[OwedDevice | OwedList]) -> list[Edu]:
    """The EDUs that tell of changes, in order; however many, the database is asked a few questions."""
    changes = _changes(owed)
    return _Teller(changes).edus if changes else []


def _changes(owed: Sequence[OwedDevice | OwedList]) -> list[OwedDevice]:
    lists = {item.user_nid for item in owed if isinstance(item, OwedList)}
    # The latest change, which does not follow on anything that the server knows, has it ask for the list.
    latest = outbound_devices.latest_changes(lists) if lists else {}
    found = [latest.get(item.user_nid) if isinstance(item, OwedList) else item for item in owed]
    return [change for change in found if change is not None]


class _Teller:
    def __init__(self, changes: Sequence[OwedDevice]) -> None:
        self._user_ids = interning.user_ids({change.user_nid for change in changes})
        self._names = devices.names_of(self._user_ids)
        wanted: dict[str, list[str]] = {}
        for change in changes:
            wanted.setdefault(self._user_ids[change.user_nid], []).append(change.device_id or _NO_DEVICE)
        # Keys are pieces of JSON that were never parsed.
        self._found = orjson.loads(orjson.dumps(query_known_keys(wanted, names=False)._asdict()))
        told = [
            self._update(change) if change.device_id else self._signing_keys(change) for change in changes
        ]
        self.edus = [edu for edu in told if edu is not None]

    def _update(self, change: OwedDevice) -> Edu:
        user_id, device_id = self._user_ids[change.user_nid], str(change.device_id)
        content: Edu = {
            "user_id": user_id,
            "device_id": device_id,
            "stream_id": change.position,
            "prev_id": [] if change.previous is None else [change.previous],
        }
        if (change.user_nid, device_id) not in self._names:
            content["deleted"] = True
        else:
            content.update(self._described(change.user_nid, user_id, device_id))
        return {"edu_type": "m.device_list_update", "content": content}

    def _described(self, user_nid: int, user_id: str, device_id: str) -> Mapping[str, Any]:
        keys = self._found["device_keys"].get(user_id, {}).get(device_id)
        name = self._names[user_nid, device_id] if get_config().federation.tell_device_names else None
        described = {"keys": keys, "device_display_name": name}
        return {key: value for key, value in described.items() if value is not None}

    def _signing_keys(self, change: OwedDevice) -> Edu | None:
        user_id = self._user_ids[change.user_nid]
        keys = {
            "master_key": self._found["master_keys"].get(user_id),
            "self_signing_key": self._found["self_signing_keys"].get(user_id),
        }
        known = {name: key for name, key in keys.items() if key is not None}
        content = {"user_id": user_id, **known}
        return {"edu_type": "m.signing_key_update", "content": content} if known else None
