"""Keys of users of other servers, as services ask for them of the federation layer above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from matrix_app.protocol.errors import MatrixError
from matrix_app.protocol.remote_keys import Claims

# What a client may have its request wait; and how many servers one request can ask.
LONGEST_SECONDS: Final = 60.0
MOST_SERVERS: Final = 500


class Asked(NamedTuple):
    """What a server is asked: device lists one by one, and the keys of users all at once.

    `keys` has the device IDs that are wanted of each user; none means all.
    """

    lists: Sequence[str]
    keys: Mapping[str, Sequence[str]]


class Told(NamedTuple):
    """What it answered, as it came: lists by user ID, and the answer about the others.

    `error` says why something is missing.
    """

    lists: Mapping[str, Any]
    keys: Any
    error: MatrixError | None


class KeyServers(Protocol):
    """Other servers. All are asked at once, and none is waited for longer than the given time.

    Both raise `Unavailable` when too many requests wait for other servers already.
    """

    def query(self, asked: Mapping[str, Asked], seconds: float) -> dict[str, Told]:
        """The answers by server."""
        ...

    def claim(self, claims: Mapping[str, Claims], seconds: float) -> dict[str, dict[str, Any] | MatrixError]:
        """The answers to `POST /user/keys/claim` by server, or why there is none."""
        ...


def key_servers() -> KeyServers:
    """The federation layer."""
    found: KeyServers = import_string(settings.REMOTE_KEYS)
    return found


def seconds_of(timeout_ms: int) -> float:
    """How long a client wants to wait, within bounds."""
    return min(max(timeout_ms, 0) / 1000, LONGEST_SECONDS)
