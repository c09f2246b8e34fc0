"""What sliding sync tells besides rooms, one extension a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matrix_app.storage.stream import Kind
from matrix_app.sync.sliding.changes import Changes
from matrix_app.sync.sliding.extensions import (
    account_data,
    e2ee,
    receipts,
    scope,
    thread_subscriptions,
    to_device,
    typing,
)
from matrix_app.sync.sliding.ledger import ACCOUNT_DATA, RECEIPTS, Ledger
from matrix_app.sync.sliding.matching import Matched
from matrix_app.sync.sliding.request import SlidingRequest
from matrix_app.sync.v2.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Context:
    """What extensions look at: the request, and what is told of rooms."""

    request: SlidingRequest
    ledger: Ledger
    matched: Matched
    changes: Changes
    timelines: Mapping[int, Timeline]
    # Rooms of which the client knows nothing yet, and those of which it gets older events now.
    whole: set[int]
    expanded: set[int]

    def starts(self, nids: set[int], flag: int, whole: set[int]) -> dict[int, int]:
        """From where on there is news of rooms for an extension."""
        return scope.starts(nids, self.ledger, self.request.since, flag, whole)


def tell(context: Context) -> tuple[dict[str, Any], bool]:
    """The `extensions` of an answer, and whether they have news. What they tell of rooms is noted."""
    request = context.request
    found = _of_rooms(context)
    subscriptions = thread_subscriptions.tell(request, context.changes.user)
    if subscriptions:
        found[thread_subscriptions.NAME] = subscriptions
    has_news = bool(found)
    messages = to_device.tell(request)
    if messages is not None:
        found["to_device"] = messages
        has_news = has_news or "events" in messages
    keys = e2ee.tell(request)
    if keys is not None:
        found["e2ee"] = keys
        has_news = has_news or "device_lists" in keys or e2ee.counts_changed(request)
    return found, has_news


def always(request: SlidingRequest) -> dict[str, Any]:
    """What is told although nothing is new; no message waits for the device."""
    wanted = request.body.extensions
    found: dict[str, Any] = {}
    if wanted.e2ee is not None and wanted.e2ee.enabled:
        found["e2ee"] = e2ee.counts(request)
    messages = to_device.tell(request)
    return found if messages is None else {**found, "to_device": messages}


def _of_rooms(context: Context) -> dict[str, Any]:
    request, matched, changes = context.request, context.matched, context.changes
    wanted = request.body.extensions
    found: dict[str, Any] = {}
    flags: dict[int, int] = {}
    if wanted.account_data is not None and wanted.account_data.enabled:
        nids = scope.rooms_in(wanted.account_data, matched)
        starts = context.starts(nids, ACCOUNT_DATA, context.whole)
        found["account_data"] = account_data.tell(request, starts, changes.user)
        _flag(flags, nids, ACCOUNT_DATA)
    if wanted.receipts is not None and wanted.receipts.enabled:
        nids = scope.rooms_in(wanted.receipts, matched)
        whole = context.whole | context.expanded
        starts = _with_receipts(context.starts(nids, RECEIPTS, whole), request.since, changes)
        shown = {nid: context.timelines[nid].rows for nid in whole if nid in context.timelines}
        found["receipts"] = receipts.tell(request, starts, shown)
        _flag(flags, nids, RECEIPTS)
    if wanted.typing is not None and wanted.typing.enabled:
        nids = scope.rooms_in(wanted.typing, matched)
        changed = [nid for nid in nids if Kind.TYPING in changes.of_room(nid)]
        found["typing"] = typing.tell(request, context.starts(nids, 0, context.whole), changed)
    context.ledger.settle(matched.configs, flags)
    return {name: section for name, section in found.items() if section}


def _flag(flags: dict[int, int], nids: set[int], flag: int) -> None:
    for nid in nids:
        flags[nid] = flags.get(nid, 0) | flag


def _with_receipts(starts: dict[int, int], since: int | None, changes: Changes) -> dict[int, int]:
    """Without the rooms where nobody has read anything since."""
    own = Kind.RECEIPT in changes.user
    return {
        nid: start
        for nid, start in starts.items()
        if own or start != since or Kind.RECEIPT in changes.of_room(nid)
    }
