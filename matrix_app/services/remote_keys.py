"""Keys of users of other servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matrix_app.protocol.errors import Unavailable


def query(server: str, wanted: Mapping[str, Sequence[str]], timeout_ms: int) -> dict[str, dict[str, Any]]:
    """The answer of a server to `POST /user/keys/query`; raises `Unavailable` when it gives none in time."""
    raise _unreachable(server)


def claim(server: str, wanted: Mapping[str, Mapping[str, str]], timeout_ms: int) -> dict[str, Any]:
    """The keys that a server gives for `POST /user/keys/claim`; raises `Unavailable` when it gives none."""
    raise _unreachable(server)


def _unreachable(server: str) -> Unavailable:
    return Unavailable(f"The server {server} cannot be reached")
