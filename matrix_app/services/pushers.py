"""Pushers: where clients want notifications to be pushed ("Push Notifications")."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import orjson

from appliance.config import get_config
from matrix_app.http.requester import Requester
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import Forbidden, InvalidParam, MissingParam
from matrix_app.services.hold_device import hold_device
from matrix_app.storage import db, pushers, stream, threepids
from matrix_app.storage.clock import now_ms
from matrix_app.storage.pushers import PusherRow

MAX_APP_ID: Final = 64
MAX_PUSHKEY_BYTES: Final = 512
MAX_DATA_BYTES: Final = 16_000
# Each message is a request for each of them, to wherever they say.
MOST_PUSHERS: Final = 200
NOTIFY_PATH: Final = "/_matrix/push/v1/notify"
_KINDS: Final = ("http", "email")


class PusherSpec(msgspec.Struct):
    """A pusher as a client describes it; `kind` None deletes it."""

    app_id: str
    pushkey: str
    kind: str | None
    app_display_name: str | None = None
    device_display_name: str | None = None
    lang: str | None = None
    profile_tag: str | None = None
    data: dict[str, Any] | None = None
    append: bool = False


def pushers_of(user_nid: int) -> list[dict[str, Any]]:
    """A user's pushers as clients see them."""
    return [
        {"app_id": row.app_id, "pushkey": row.pushkey, "kind": row.kind, **orjson.loads(row.data)}
        for row in pushers.of_user(user_nid)
    ]


def set_pusher(requester: Requester, spec: PusherSpec) -> None:
    """Make, change or delete a pusher of the requester; it goes when its device does.

    Raises `InvalidParam` or `MissingParam` for one that could not work, `Forbidden` for one too many, and as
    `hold_device` does where the device has been signed out meanwhile: nobody would end its notifications.
    """
    if len(spec.app_id) > MAX_APP_ID or len(spec.pushkey.encode()) > MAX_PUSHKEY_BYTES:
        raise InvalidParam("The app_id or the pushkey is too long")
    if "\0" in spec.app_id + spec.pushkey:
        raise InvalidParam("The app_id or the pushkey contains a NUL byte")
    if spec.kind is None:
        with db.write():
            pushers.delete(requester.user_nid, spec.app_id, spec.pushkey)
        return
    row = _row(requester, spec, spec.kind)
    with db.write():
        hold_device(requester)
        # "Otherwise, the homeserver must remove any other pushers with the same App ID and pushkey for
        # different users."
        if not spec.append:
            pushers.delete_of_others(requester.user_nid, spec.app_id, spec.pushkey)
        pushers.put(row)
        if len(pushers.of_user(requester.user_nid)) > MOST_PUSHERS:
            raise Forbidden("You have too many pushers: delete those that you do not use")


def _row(requester: Requester, spec: PusherSpec, kind: str) -> PusherRow:
    described = {
        "app_display_name": spec.app_display_name,
        "device_display_name": spec.device_display_name,
        "lang": spec.lang,
        "data": spec.data,
    }
    for name, value in described.items():
        if value is None:
            raise MissingParam(f"Missing {name}")
    _check_kind(requester, spec, kind)
    if spec.profile_tag is not None:
        described["profile_tag"] = spec.profile_tag
    data = encode_canonical(described, lenient=True)
    if len(data) > MAX_DATA_BYTES:
        raise InvalidParam("The pusher's data is too large")
    return PusherRow(
        nid=0,
        user_nid=requester.user_nid,
        app_id=spec.app_id,
        pushkey=spec.pushkey,
        kind=kind,
        device_nid=requester.device_nid,
        data=data,
        created_ts=now_ms(),
        position=stream.current_position(),
        failing_since_ts=None,
    )


def _check_kind(requester: Requester, spec: PusherSpec, kind: str) -> None:
    if kind not in _KINDS:
        raise InvalidParam("The kind of a pusher is http or email")
    if kind == "http":
        _check_url((spec.data or {}).get("url"))
        return
    if not get_config().mail.host:
        raise InvalidParam("This server sends no mail")
    # A mail pusher is for an address that the user has proved to be theirs.
    owner = threepids.owner_of("email", spec.pushkey)
    if spec.app_id != "m.email" or owner != requester.user_nid:
        raise InvalidParam("The pushkey must be a confirmed mail address of yours, the app_id m.email")


def _check_url(url: Any) -> None:
    # "MUST be an HTTPS URL with a path of `/_matrix/push/v1/notify`."
    if not isinstance(url, str):
        raise MissingParam("data must have a url")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InvalidParam("data.url is not a URL") from None
    host = parts.hostname or ""
    if parts.scheme != "https" or not host or " " in host or parts.path != NOTIFY_PATH:
        raise InvalidParam(f"data.url must be an https URL with the path {NOTIFY_PATH}")
