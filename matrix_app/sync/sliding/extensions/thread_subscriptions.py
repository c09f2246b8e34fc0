"""Changes of the user's subscriptions to threads (MSC4308)."""

from __future__ import annotations

from typing import Any

from matrix_app.services.thread_subscriptions import latest_changes
from matrix_app.storage.stream import Kind
from matrix_app.sync.sliding.changes import Kinds
from matrix_app.sync.sliding.request import SlidingRequest

NAME = "io.element.msc4308.thread_subscriptions"
MOST = 100


def tell(request: SlidingRequest, user_kinds: Kinds) -> dict[str, Any]:
    """The newest changes, and a token for those there are besides."""
    wanted = request.body.extensions.thread_subscriptions
    if wanted is None or not wanted.enabled:
        return {}
    if request.since is not None and Kind.THREAD_SUBSCRIPTION not in user_kinds:
        return {}
    limit = MOST if wanted.limit is None else max(1, min(wanted.limit, MOST))
    found = latest_changes(request.user_nid, request.since or 0, request.upto, limit)
    return dict(found.shown) if found.before is None else {**found.shown, "prev_batch": str(found.before)}
