"""Whether a user has verified a device of theirs, which the server can only tell by the signatures on it."""

from __future__ import annotations

import orjson

from matrix_app.protocol.encryption_keys import SELF_SIGNING
from matrix_app.services.cross_signing import stored_keys
from matrix_app.storage import device_keys, key_signatures
from matrix_app.storage.devices import DeviceRow


def is_verified(user_id: str, device: DeviceRow) -> bool | None:
    """Whether a local user's self-signing key has signed the device's keys; None where it has no keys."""
    stored = device_keys.get(device.user_nid, device.device_id)
    if stored is None:
        return None
    own = stored_keys(device.user_nid).get(SELF_SIGNING)
    if own is None:
        return False
    within = orjson.loads(stored).get("signatures", {}).get(user_id, {})
    later = key_signatures.visible([device.user_nid], device.user_nid)
    return own.key_id in within or any(
        row.target_key == device.device_id and row.key_id == own.key_id for row in later
    )
