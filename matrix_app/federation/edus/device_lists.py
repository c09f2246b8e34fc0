"""`m.device_list_update` and `m.signing_key_update`: other devices or keys of a user."""

from __future__ import annotations

from typing import Any

from matrix_app.federation.edus.reading import own_user, text
from matrix_app.protocol.remote_keys import read_device_update, read_signing_keys
from matrix_app.services.remote_devices import receive_device_update, receive_signing_keys


def receive_update(origin: str, content: dict[str, Any]) -> None:
    """A device of a user is new, another or gone."""
    user_id = own_user(origin, text(content, "user_id"))
    receive_device_update(user_id, read_device_update(content, user_id))


def receive_keys(origin: str, content: dict[str, Any]) -> None:
    """A user has other cross-signing keys."""
    user_id = own_user(origin, text(content, "user_id"))
    receive_signing_keys(user_id, *read_signing_keys(content, user_id))
