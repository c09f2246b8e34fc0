"""Asking a server that is being left alone, now: when it answers, everything that waits for it leaves."""

from __future__ import annotations

from typing import Final

from matrix_app.protocol.ids import parse_server_name
from matrix_app.services import audit, remote_servers
from matrix_app.services.audit import Actor
from matrix_app.storage import db, interning, outbound_refusals

SECONDS: Final = 15.0


def let_ask(name: str) -> None:
    """Have a server that took nothing lately asked again whether it does."""
    if (server_nid := interning.find_server(name)) is not None:
        with db.write():
            outbound_refusals.end(server_nid)


def retry_server(actor: Actor, name: str) -> str:
    """The name and version of the software of a server that answers; raises what came of asking it."""
    parse_server_name(name)
    audit.record(actor, "server.retry", name)
    let_ask(name)
    answer = remote_servers.request(
        name, "GET", "/_matrix/federation/v1/version", timeout=SECONDS, even_if_failing=True
    )
    server = answer.get("server", {}) if isinstance(answer, dict) else {}
    if not isinstance(server, dict):
        return ""
    return " ".join(str(server[key])[:100] for key in ("name", "version") if key in server)
