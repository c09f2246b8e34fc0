"""Signing a user in: a device, and the tokens that prove to be it."""

from __future__ import annotations

import secrets
import string
from typing import Any, NamedTuple

from appliance.config import get_config
from matrix_app.protocol.errors import Forbidden
from matrix_app.protocol.ids import parse_device_id, parse_text
from matrix_app.services.access_tokens import hash_token, new_token
from matrix_app.services.public_address import public_baseurl
from matrix_app.services.token_marks import marked
from matrix_app.storage import db, devices, oauth_sessions, refresh_tokens, sessions
from matrix_app.storage.clock import now_ms

_DEVICE_ID_LETTERS = string.ascii_uppercase
LONGEST_NAME = 100


class Session(NamedTuple):
    """What a client is told when it is signed in."""

    user_id: str
    device_id: str
    device_nid: int
    access_token: str
    refresh_token: str | None
    expires_in_ms: int | None

    def body(self) -> dict[str, Any]:
        """The fields of the answer to a login."""
        answer: dict[str, Any] = {
            "user_id": self.user_id,
            "device_id": self.device_id,
            "access_token": self.access_token,
            "home_server": self.user_id.partition(":")[2],
        }
        if self.refresh_token is not None:
            answer["refresh_token"] = self.refresh_token
        if self.expires_in_ms is not None:
            answer["expires_in_ms"] = self.expires_in_ms
        return answer


class Tokens(NamedTuple):
    """An access token, and the refresh token that it can be renewed with."""

    access_token: str
    refresh_token: str | None
    expires_in_ms: int | None
    refresh_token_nid: int | None


def create_session(
    user_id: str,
    user_nid: int,
    *,
    device_id: str | None = None,
    display_name: str | None = None,
    refreshable: bool = False,
) -> Session:
    """Sign a user in on a device, a new one unless `device_id` names one of the user's.

    The tokens that a device had end. Raises `InvalidParam` for an impossible device ID, and `Forbidden` for
    one that is a cross-signing key's, or when the user has too many devices.
    """
    with db.write():
        device_id, device_nid = _device(user_nid, device_id, display_name)
        tokens = issue_tokens(user_nid, device_nid, refreshable=refreshable)
    return Session(
        user_id, device_id, device_nid, tokens.access_token, tokens.refresh_token, tokens.expires_in_ms
    )


def _device(user_nid: int, device_id: str | None, display_name: str | None) -> tuple[str, int]:
    if device_id is None:
        device_id = "".join(secrets.choice(_DEVICE_ID_LETTERS) for _ in range(10))
    parse_device_id(device_id)
    known = devices.find(user_nid, device_id)
    # One that is just being deleted takes what it has with it, and a new one begins.
    if known is not None and devices.hold(known.nid):
        # If the client sets the device_id, the tokens previously assigned to that device are invalidated.
        sessions.end_tokens_of_device(known.nid)
        oauth_sessions.end(known.nid)
        return device_id, known.nid
    _check_addition(user_nid, device_id)
    name = None if display_name is None else parse_text(display_name)[:LONGEST_NAME]
    nid = sessions.put_device(user_nid, device_id, name, now_ms())
    devices.device_list_changed(user_nid, device_id)
    return device_id, nid


def check_new_device(user_nid: int, device_id: str) -> None:
    """Raise `Forbidden` or `InvalidParam` where a user could not sign in on a device, new or not."""
    parse_device_id(device_id)
    if devices.find(user_nid, device_id) is None:
        _check_addition(user_nid, device_id)


def _check_addition(user_nid: int, device_id: str) -> None:
    if devices.is_cross_signing_key(user_nid, device_id):
        raise Forbidden("The device ID is that of a cross-signing key")
    if devices.count(user_nid) >= get_config().limits.devices_per_user:
        # The limit is the account's and not the server's, and this is where to make room.
        raise Forbidden(
            "The account is signed in on too many devices: sign out on one of them",
            errcode="M_USER_LIMIT_EXCEEDED",
            info_uri=f"{public_baseurl()}/account/?action=org.matrix.devices_list",
        )


def issue_tokens(user_nid: int, device_nid: int, *, refreshable: bool) -> Tokens:
    """Make tokens for a device, inside a transaction. Those that cannot be refreshed do not expire."""
    now = now_ms()
    access = marked(new_token("hat"), device_nid, now)
    if not refreshable:
        sessions.put_token(hash_token(access), user_nid, device_nid, None, now)
        return Tokens(access, None, None, None)
    refresh = marked(new_token("hrt"), device_nid, now)
    lifetime = get_config().registration.access_token_seconds * 1000
    refresh_nid = refresh_tokens.put(hash_token(refresh), user_nid, device_nid, None, now)
    sessions.put_token(hash_token(access), user_nid, device_nid, now + lifetime, now, refresh_nid)
    return Tokens(access, refresh, lifetime, refresh_nid)
