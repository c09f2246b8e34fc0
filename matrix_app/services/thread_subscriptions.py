"""Subscribing to threads (MSC4306), and what has changed of it (MSC4308)."""

from __future__ import annotations

from typing import Any, NamedTuple

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import ConflictingUnsubscription, NotFound, NotInThread
from matrix_app.protocol.push_rules import has_thread_rules, with_thread_rules
from matrix_app.protocol.tokens import StreamToken
from matrix_app.services.push_rules import change_rules, custom_of
from matrix_app.services.single_event import visible_event
from matrix_app.storage import db, events, rooms, thread_subscriptions
from matrix_app.storage.events import EventRow
from matrix_app.storage.stream import Kind, append_one
from matrix_app.storage.thread_subscriptions import SubscriptionRow
from matrix_app.storage.user_lock import lock_user


def subscription(requester: Requester, room_id: str, root_id: str) -> bool:
    """Whether the requester's subscription to a thread is an automatic one.

    Raises `NotFound` without a subscription, as without a thread that they may see.
    """
    root = visible_event(root_id, requester, room_id=room_id)
    found = thread_subscriptions.get(requester.user_nid, root.nid)
    if found is None or not found.subscribed:
        raise NotFound("You are not subscribed to this thread")
    return found.automatic


def subscribe(requester: Requester, room_id: str, root_id: str, cause_id: str | None) -> None:
    """Subscribe the requester to a thread: by their own wish, or because of an event, `cause_id`.

    An automatic subscription never replaces a wish. Raises `NotFound` for what the requester may not see,
    `NotInThread` for a cause outside of the thread, and `ConflictingUnsubscription` when the requester has
    unsubscribed after the cause.
    """
    root = visible_event(root_id, requester, room_id=room_id)
    cause = _cause(requester, room_id, root, cause_id) if cause_id is not None else None
    with db.write():
        lock_user(requester.user_nid)
        before = thread_subscriptions.get(requester.user_nid, root.nid)
        if before is not None and before.subscribed and (cause is not None or not before.automatic):
            return
        if before is not None and cause is not None and not _is_later(cause, before.ended_at):
            raise ConflictingUnsubscription("You have unsubscribed since")
        _store(requester.user_nid, root, subscribed=True, automatic=cause is not None)
        _mind_subscriptions(requester.user_nid)


def _mind_subscriptions(user_nid: int) -> None:
    """From a user's first subscription on, threads notify them by subscription, and clients see the rules."""
    if not has_thread_rules(custom_of(user_nid)):
        change_rules(user_nid, with_thread_rules)


def unsubscribe(requester: Requester, room_id: str, root_id: str) -> None:
    """End the requester's subscription to a thread; nothing happens without one.

    Raises `NotFound` for a thread that they may not see.
    """
    root = visible_event(root_id, requester, room_id=room_id)
    with db.write():
        lock_user(requester.user_nid)
        before = thread_subscriptions.get(requester.user_nid, root.nid)
        if before is not None and before.subscribed:
            _store(requester.user_nid, root, subscribed=False, automatic=False)


def _cause(requester: Requester, room_id: str, root: EventRow, cause_id: str) -> EventRow:
    cause = visible_event(cause_id, requester, room_id=room_id)
    if cause.thread_root_nid != root.nid:
        raise NotInThread("The event is not in the thread")
    return cause


def _is_later(cause: EventRow, ended_at: int | None) -> bool:
    # History that was fetched later has no position; it is older than anything that was unsubscribed from.
    return ended_at is None or (cause.position is not None and cause.position > ended_at)


def _store(user_nid: int, root: EventRow, *, subscribed: bool, automatic: bool) -> None:
    position = append_one(Kind.THREAD_SUBSCRIPTION, user=user_nid)
    ended_at = None if subscribed else rooms.positions([root.room_nid])[root.room_nid]
    thread_subscriptions.put(
        SubscriptionRow(user_nid, root.nid, root.room_nid, subscribed, automatic, position, ended_at)
    )


class Changes(NamedTuple):
    """The newest changes of subscriptions, as clients get them, and where the older ones end."""

    shown: dict[str, dict[str, dict[str, Any]]]
    before: StreamToken | None


def latest_changes(user_nid: int, after: int, upto: int, limit: int) -> Changes:
    """The `limit` newest changes with after < position <= upto; of each thread only the last."""
    rows = thread_subscriptions.latest(user_nid, after, upto, limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    names = events.ids_by_nid(row.root_nid for row in rows)
    shown: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        section = shown.setdefault("subscribed" if row.subscribed else "unsubscribed", {})
        entry: dict[str, Any] = {"bump_stamp": row.position}
        if row.subscribed:
            entry["automatic"] = row.automatic
        if row.root_nid in names:
            section.setdefault(rooms.by_nid(row.room_nid).room_id, {})[names[row.root_nid]] = entry
    return Changes(shown, StreamToken(rows[-1].position - 1) if more else None)
