"""What tells this server apart from a copy of it that somebody restored elsewhere."""

from __future__ import annotations

from hashlib import sha256

from matrix_app.storage import installation
from matrix_app.storage.clock import now_ms


def public_name() -> str:
    """A name of the server's present life, which a restored copy does not share; nothing secret."""
    return sha256(installation.ensure(now_ms()).name.encode()).hexdigest()[:16]
