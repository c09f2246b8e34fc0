"""A server that is restored in the midst of a test."""

from __future__ import annotations

from matrix_app.protocol.tokens import StreamToken
from matrix_app.services.after_restore import after_restore
from matrix_app.services.audit import CLI
from matrix_app.storage import stream
from matrix_app.storage.clock import now_ms


def restored_server() -> str:
    """Everything is as of now, and a time after it is lost: the token of a sync from that time."""
    lost = str(StreamToken(stream.current_position() + 3))
    after_restore(CLI, "backup", now_ms())
    return lost
