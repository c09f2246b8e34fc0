"""What sliding sync tells besides rooms, one extension a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matrix_app.storage.stream import Kind
from matrix_app.sync.sliding.changes import Changes
from matrix_app.sync.sliding.extensions import account_data, e2ee, receipts, scope, to_device, typing
from matrix_app.sync.sliding.ledger import ACCOUNT_DATA, RECEIPTS, Ledger
from matrix_app.sync.sliding.matching import Matched
from matrix_app.sync.sliding.request import SlidingRequest
from matrix_app.sync.v2.timeline import Timeline


def tell(
    request: SlidingRequest,
    ledger: Ledger,
    matched: Matched,
    changes: Changes,
    timelines: Mapping[int, Timeline],
    whole: set[int],
) -> tuple[dict[str, Any], bool]:
    """The `extensions` of an answer, and whether they have news. What they tell of rooms is noted."""
    found = _of_rooms(request, ledger, matched, changes, timelines, whole)
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


def _of_rooms(
    request: SlidingRequest,
    ledger: Ledger,
    matched: Matched,
    changes: Changes,
    timelines: Mapping[int, Timeline],
    whole: set[int],
) -> dict[str, Any]:
    wanted, since = request.body.extensions, request.since
    found: dict[str, Any] = {}
    flags: dict[int, int] = {}
    if wanted.account_data is not None and wanted.account_data.enabled:
        nids = scope.rooms_in(wanted.account_data, matched)
        starts = scope.starts(nids, ledger, since, ACCOUNT_DATA, whole)
        found["account_data"] = account_data.tell(request, starts, changes.user)
        _flag(flags, nids, ACCOUNT_DATA)
    if wanted.receipts is not None and wanted.receipts.enabled:
        nids = scope.rooms_in(wanted.receipts, matched)
        starts = scope.starts(nids, ledger, since, RECEIPTS, whole)
        found["receipts"] = receipts.tell(request, _with_receipts(starts, since, changes), timelines)
        _flag(flags, nids, RECEIPTS)
    if wanted.typing is not None and wanted.typing.enabled:
        nids = scope.rooms_in(wanted.typing, matched)
        starts = scope.starts(nids, ledger, since, 0, whole)
        changed = [nid for nid in nids if Kind.TYPING in changes.of_room(nid)]
        found["typing"] = typing.tell(request, starts, changed)
    ledger.settle(matched.configs, flags)
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
