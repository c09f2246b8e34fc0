"""To-device messages (MSC3885): with a token of their own, by which the client acknowledges them."""

from __future__ import annotations

from typing import Any

from orjson import Fragment

from matrix_app.protocol.tokens import StreamToken, parse_stream_token
from matrix_app.storage import db, device_messages
from matrix_app.sync import memo
from matrix_app.sync.sliding.body import ToDevice
from matrix_app.sync.sliding.request import SlidingRequest

MOST: int = 100


def acknowledge(device_nid: int | None, wanted: ToDevice | None) -> None:
    """The messages up to the client's token have arrived; raises `InvalidParam` for what is no token."""
    if device_nid is None or wanted is None or not wanted.enabled or wanted.since is None:
        return
    since = parse_stream_token(wanted.since).position
    oldest = memo.oldest_message(device_nid)
    if oldest is None or oldest > since:
        return
    with db.write():
        device_messages.acknowledge(device_nid, since)
    memo.forget_messages(device_nid)


def is_waiting(device_nid: int | None, wanted: ToDevice | None) -> bool:
    """Whether messages wait for the device."""
    return (
        wanted is not None
        and bool(wanted.enabled)
        and device_nid is not None
        and memo.oldest_message(device_nid) is not None
    )


def tell(request: SlidingRequest) -> dict[str, Any] | None:
    """The messages after the client's token, and the next token; None without either."""
    wanted, device_nid = request.body.extensions.to_device, request.requester.device_nid
    if wanted is None or not wanted.enabled or device_nid is None:
        return None
    since = parse_stream_token(wanted.since).position if wanted.since is not None else 0
    limit = min(wanted.limit or MOST, MOST)
    found = (
        device_messages.after(device_nid, since, request.upto, limit)
        if is_waiting(device_nid, wanted)
        else []
    )
    upto = found[-1].position if len(found) == limit else max(request.upto, since)
    section: dict[str, Any] = {"next_batch": str(StreamToken(upto))}
    if found:
        section["events"] = [Fragment(message.content) for message in found]
    return section
