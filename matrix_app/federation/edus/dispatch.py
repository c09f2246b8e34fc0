"""Which module receives which kind of EDU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from matrix_app.federation.edus import device_lists, presence, receipts, to_device, typing
from matrix_app.federation.inbound.refusals import refused
from matrix_app.protocol.errors import BadJson, MatrixError
from matrix_app.services.boundary import Boundary

_RECEIVERS: Final[Mapping[str, Callable[[str, dict[str, Any]], None]]] = {
    "m.typing": typing.receive,
    "m.receipt": receipts.receive,
    "m.presence": presence.receive,
    "m.device_list_update": device_lists.receive_update,
    "m.signing_key_update": device_lists.receive_keys,
}


def receive(origin: str, origin_nid: int, edus: Sequence[Any]) -> None:
    """Receive the EDUs of a transaction; one that is wrong, or of an unknown kind, is left out."""
    for edu in edus:
        with Boundary("an EDU cannot be received", origin=origin):
            try:
                _receive(origin, origin_nid, edu)
            except MatrixError as error:
                refused("edu", origin=origin, error=error.message)


def _receive(origin: str, origin_nid: int, edu: Any) -> None:
    kind = edu.get("edu_type") if isinstance(edu, dict) else None
    content = edu.get("content") if isinstance(edu, dict) else None
    if not isinstance(kind, str) or not isinstance(content, dict):
        raise BadJson("An EDU has an edu_type and a content")
    if kind == "m.direct_to_device":
        to_device.receive(origin, origin_nid, content)
    elif kind in _RECEIVERS:
        _RECEIVERS[kind](origin, content)
