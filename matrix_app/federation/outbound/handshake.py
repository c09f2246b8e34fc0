"""How a user's membership gets into a room elsewhere: ask for a template, sign it, hand it in.

"Joining Rooms", "Knocking upon a room" and "Leaving Rooms (Rejecting Invites)" of the server-server API.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import structlog

from matrix_app.federation.growing_file import Sink
from matrix_app.federation.inbound.peers import Check, Question, peers
from matrix_app.federation.paths import federation_path
from matrix_app.protocol.errors import (
    BadGateway,
    FederationDenied,
    Forbidden,
    IncompatibleRoomVersion,
    MatrixError,
    NotFound,
    RemoteError,
    RemoteUnreachable,
)
from matrix_app.protocol.event_format import finish_event, new_event_id
from matrix_app.protocol.events import Event
from matrix_app.protocol.ids import parse_server_name
from matrix_app.protocol.room_versions import ROOM_VERSIONS, V1, V2, RoomVersion
from matrix_app.services.local_identity import local_identity
from matrix_app.services.member_content import AUTHORISER
from matrix_app.storage.clock import now_ms

MOST_SERVERS: Final = 10
TEMPLATE_TIMEOUT: Final = 15.0
# The answer to a join of a big room is big, and takes a server long to look up before it begins with it.
JOIN_TIMEOUT: Final = 1800.0
JOIN_SILENCE: Final = 300.0

_log = structlog.get_logger("matrix_app.federation.outbound")

T = TypeVar("T")


class Template(NamedTuple):
    """What a server proposes for a membership event."""

    server: str
    pdu: dict[str, Any]
    rules: RoomVersion


def first_of(servers: Sequence[str], attempt: Callable[[str], T]) -> T:
    """The result of the first server with which the attempt succeeds.

    Raises what the most telling of them had against it: a refusal before a failure. `NotFound` when there is
    none to ask.
    """
    faults: list[MatrixError] = []
    for server in list(servers)[:MOST_SERVERS]:
        try:
            return attempt(str(parse_server_name(server)))
        except IncompatibleRoomVersion:
            raise
        except MatrixError as fault:
            _log.info("a server does not help", server=server, error=fault.message)
            faults.append(fault)
    answers = [fault for fault in faults if not isinstance(fault, (RemoteUnreachable, FederationDenied))]
    if answers:
        raise min(answers, key=_vagueness)
    raise NotFound("No server that is in the room can be reached") from (faults[-1] if faults else None)


def _vagueness(fault: MatrixError) -> int:
    if isinstance(fault, RemoteError):
        return {403: 0, 400: 1, 404: 2}.get(fault.remote_status, 3)
    return 1 if isinstance(fault, Forbidden) else 4


def make(server: str, kind: str, room_id: str, user_id: str, known: RoomVersion = V1) -> Template:
    """A server's template of the membership `kind`: join, knock or leave.

    `known` is the version of the room, where it is known here. Raises `BadGateway` for one that is for
    something else, `IncompatibleRoomVersion`, and what it says.
    """
    # "The room versions the sending server has support for."
    versions = [("ver", version) for version in ROOM_VERSIONS] if kind != "leave" else None
    path = federation_path("v1", f"make_{kind}", room_id, user_id)
    answer = _template_of(server, Question("GET", path, versions, timeout=TEMPLATE_TIMEOUT))
    match answer:
        case {"event": {"content": {"membership": str(membership)}} as pdu}:
            # "If not provided, the room version is assumed to be either "1" or "2"."
            version = answer.get("room_version", known.identifier if known in (V1, V2) else "1")
        case _:
            raise BadGateway(f"{server} proposed no event")
    expected = {"type": "m.room.member", "room_id": room_id, "sender": user_id, "state_key": user_id}
    if membership != kind or any(pdu.get(name) != value for name, value in expected.items()):
        raise BadGateway(f"{server} proposed another event than it was asked for")
    rules = ROOM_VERSIONS.get(version) if isinstance(version, str) else None
    if rules is None:
        raise IncompatibleRoomVersion(f"Room version {version} is not known here", room_version=version)
    return Template(server, pdu, rules)


def _template_of(server: str, question: Question) -> Any:
    try:
        return peers().ask(server, question)
    except RemoteError as fault:
        version = fault.content.get("room_version")
        if fault.content.get("errcode") != IncompatibleRoomVersion.errcode or not isinstance(version, str):
            raise
        raise IncompatibleRoomVersion(fault.message, room_version=version) from fault


def complete(template: Template, content: dict[str, Any]) -> Event:
    """The event of a template, with the user's own content, signed; raises `BadGateway` for a bad one."""
    given = template.pdu
    authoriser = given["content"].get(AUTHORISER) if template.rules.restricted_join else None
    pdu = {
        name: given.get(name) for name in ("auth_events", "depth", "prev_events", "room_id", "sender", "type")
    }
    pdu["state_key"] = given["sender"]
    pdu["origin_server_ts"] = now_ms()
    pdu["content"] = content if authoriser is None else {**content, AUTHORISER: authoriser}
    if template.rules.event_id_format == "domain":
        pdu["event_id"] = new_event_id(given["sender"])
    identity = local_identity()
    try:
        return finish_event(
            pdu, rules=template.rules, key=identity.signing_key, server_name=identity.server_name
        )
    except MatrixError as fault:
        raise BadGateway(f"{template.server} proposed an event that cannot be: {fault.message}") from fault


def hand_in(
    server: str, kind: str, event: Event, *, timeout: float, query: dict[str, str] | None = None
) -> Any:
    """The answer of a server to the signed event, by the newest version of the endpoint that it knows."""
    version = "v1" if kind == "knock" else "v2"
    path = federation_path(version, f"send_{kind}", event.room_id, event.event_id)
    try:
        return peers().ask(server, Question("PUT", path, query, event.pdu, timeout=timeout))
    except RemoteError as fault:
        if version == "v1" or not is_unknown_endpoint(fault):
            raise
    path = federation_path("v1", f"send_{kind}", event.room_id, event.event_id)
    answer = peers().ask(server, Question("PUT", path, None, event.pdu, timeout=timeout))
    # The first versions answer with a list of a status and the object.
    return answer[1] if isinstance(answer, list) and len(answer) == 2 else answer


def hand_in_join(server: str, event: Event, answer: Sink, check: Check) -> None:
    """Hand in a signed join; the answer, which may be big, is written to a file as it arrives.

    It is an object, or with the first version of the endpoint a list of a status and the object. `check` is
    called every second or so, and may raise.
    """
    for version, query in (("v2", {"omit_members": "false"}), ("v1", None)):
        path = federation_path(version, "send_join", event.room_id, event.event_id)
        question = Question("PUT", path, query, event.pdu, timeout=JOIN_TIMEOUT, silence=JOIN_SILENCE)
        try:
            peers().download(server, question, answer, check)
        except RemoteError as fault:
            if version == "v1" or not is_unknown_endpoint(fault):
                raise fault.of_event() from fault
        else:
            return


def is_unknown_endpoint(fault: RemoteError) -> bool:
    """Whether a server says that it does not know the endpoint, as opposed to what was asked for."""
    if fault.remote_status == 400:
        return fault.content.get("errcode") == "M_UNRECOGNIZED"
    return fault.remote_status in (404, 405) and fault.content.get("errcode") in (None, "M_UNRECOGNIZED")
