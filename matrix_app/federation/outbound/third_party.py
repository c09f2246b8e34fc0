"""Having a third-party invite of another server turned into an invite ("Third-party invites")."""

from __future__ import annotations

from typing import Any, Final

from matrix_app.federation.inbound.peers import Question, peers
from matrix_app.federation.paths import federation_path
from matrix_app.protocol.ids import domain_of, parse_user_id

TIMEOUT: Final = 30.0


def exchange_third_party_invite(room_id: str, sender: str, target: str, signed: dict[str, Any]) -> None:
    """Ask the server of the third-party invite's sender to invite the user; raises what it objects."""
    invite = {"display_name": target, "signed": signed}
    content = {
        "type": "m.room.member",
        "room_id": room_id,
        "sender": sender,
        "state_key": target,
        "content": {"membership": "invite", "third_party_invite": invite},
    }
    path = federation_path("v1", "exchange_third_party_invite", room_id)
    server = str(domain_of(parse_user_id(sender)))
    peers().ask(server, Question("PUT", path, None, content, timeout=TIMEOUT))
