"""Learning the keys of a server that is not known here yet, before its request gets a thread.

A view has one of few threads: it must not wait for other servers. So the keys that a request is signed with
are fetched while it waits on the web server's event loop, and the view finds them in this process's memory.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from matrix_app.federation import loop
from matrix_app.federation.key_ring import KeyRing, Need, recall
from matrix_app.federation.keys import key_ring
from matrix_app.federation.policy import is_allowed
from matrix_app.protocol.errors import LimitExceeded, Unauthorized
from matrix_app.protocol.ids import is_server_name
from matrix_app.protocol.x_matrix import parse_x_matrix
from matrix_app.storage.clock import now_ms

MOST_CREDENTIALS: Final = 4
# How long a stranger's request waits for its keys, and how many may do so at a time.
SECONDS: Final = 15.0
MOST_WAITING: Final = 64
RETRY_MS: Final = 5_000


class _Waiting:
    """How many requests of this process wait for keys; counted on the web server's event loop alone."""

    count = 0


async def introduce(scope: dict[str, Any], ring: KeyRing | None = None) -> None:
    """See to it that the keys of whoever signed the request are known, if they can be.

    Raises `LimitExceeded` when too many wait already. What is wrong with the request is for the view to say.
    """
    needs = _needs(scope)
    if not recall(needs)[1]:
        return
    if _Waiting.count >= MOST_WAITING:
        raise LimitExceeded(RETRY_MS, "Too many servers are new here at the moment")
    _Waiting.count += 1
    try:
        future = loop.submit((ring or key_ring()).find(needs, urgent=True))
        async with asyncio.timeout(SECONDS):
            await asyncio.wrap_future(future)
    except TimeoutError:
        return
    finally:
        _Waiting.count -= 1


def _needs(scope: dict[str, Any]) -> set[Need]:
    headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
    try:
        credentials = parse_x_matrix(",".join(headers))[:MOST_CREDENTIALS]
    except Unauthorized:
        return set()
    return {
        Need(item.origin, item.key_id, now_ms())
        for item in credentials
        if is_server_name(item.origin) and is_allowed(item.origin)
    }
