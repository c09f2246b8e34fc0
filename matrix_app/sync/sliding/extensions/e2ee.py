"""Devices of others that changed, and how many keys of the own one are left (MSC3884)."""

from __future__ import annotations

from typing import Any

from matrix_app.storage.stream import Kind
from matrix_app.sync.hub import hub
from matrix_app.sync.sliding.request import SlidingRequest
from matrix_app.sync.v2 import user_sections
from matrix_app.sync.v2.movements import find_movements
from matrix_app.sync.v2.scope import Scope, find_scope


def tell(request: SlidingRequest) -> dict[str, Any] | None:
    """The whole of the extension."""
    wanted = request.body.extensions.e2ee
    if wanted is None or not wanted.enabled:
        return None
    section = counts(request)
    if request.since is not None:
        sync = request.as_sync()
        scope: Scope = find_scope(sync)
        lists = user_sections.device_lists(sync, scope, find_movements(sync, scope))
        if lists:
            section["device_lists"] = {"changed": [], "left": [], **lists}
    return section


def counts(request: SlidingRequest) -> dict[str, Any]:
    """The device's unclaimed keys, which every answer tells."""
    found = user_sections.key_counts(request.as_sync())
    found.pop("org.matrix.msc2732.device_unused_fallback_key_types", None)
    return found


def counts_changed(request: SlidingRequest) -> bool:
    """Whether there may be more or fewer unclaimed keys than the client was told last."""
    known = hub()
    if request.since is None or not known.knows(request.since):
        return True
    return Kind.ONE_TIME_KEYS in known.device_kinds(request.requester.device_nid, request.since)
