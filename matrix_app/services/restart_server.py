"""Starting the whole server anew, when an administrator asks for it."""

from __future__ import annotations

from appliance.restart import request_restart
from matrix_app.protocol.errors import Conflict
from matrix_app.services import audit
from matrix_app.services.audit import Actor


def restart_server(actor: Actor) -> None:
    """Have all processes end in order and start anew; raises `Conflict` where nobody can do it."""
    audit.record(actor, "server.restart")
    if not request_restart():
        raise Conflict("The server cannot start itself anew here: restart the service")
