"""Relationships between events ("Forming relationships between events" and the modules of each kind)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matrix_app.protocol.errors import BadRequest, DuplicateAnnotation
from matrix_app.protocol.events import Event

REPLACE: Final = "m.replace"
ANNOTATION: Final = "m.annotation"
THREAD: Final = "m.thread"
REFERENCE: Final = "m.reference"
MAIN_TIMELINE: Final = "main"

# "A maximum of 3 hops is recommended to cover indirect relationships."
_MAX_THREAD_HOPS: Final = 3


@dataclass(frozen=True, slots=True)
class Relation:
    """What an event's `m.relates_to` says: the kind, the parent, and the key of an annotation."""

    rel_type: str
    event_id: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class ThreadSummary:
    """What a thread's root is bundled with; `latest_event` is as clients see it, with its own bundle.

    Neither it nor `count` takes events of users whom the reader ignores into account.
    """

    latest_event: Any
    count: int
    current_user_participated: bool


def relation_of(content: Mapping[str, Any]) -> Relation | None:
    """The relationship that `content` declares; None when there is none or it breaks the schema.

    A rich reply alone is none: it has no `rel_type`. See `replied_to`.
    """
    match content.get("m.relates_to"):
        case {"rel_type": str(rel_type), "event_id": str(event_id), **others} if _may_be_id(event_id):
            key = others.get("key")
            # Texts with NUL are such as no database keeps, and no client means.
            if "\0" not in rel_type:
                return Relation(rel_type, event_id, key if isinstance(key, str) and "\0" not in key else None)
    return None


def _may_be_id(event_id: str) -> bool:
    return event_id.startswith("$") and "\0" not in event_id


def replied_to(content: Mapping[str, Any]) -> str | None:
    """The ID of the event that `content` replies to; in a thread it may be a mere fallback."""
    match content.get("m.relates_to"):
        case {"m.in_reply_to": {"event_id": str(event_id)}} if _may_be_id(event_id):
            return event_id
    return None


def thread_root_of(content: Mapping[str, Any]) -> str | None:
    """The root of the thread that `content` puts its event into by itself."""
    relation = relation_of(content)
    return relation.event_id if relation and relation.rel_type == THREAD else None


def thread_of(content: Mapping[str, Any], content_of: Callable[[str], Mapping[str, Any] | None]) -> str:
    """The thread that an event belongs to, by itself or by what it relates to, or `MAIN_TIMELINE`.

    `content_of` gives the content of another event of the room, None if it is not known.
    """
    relation = relation_of(content)
    for _ in range(_MAX_THREAD_HOPS):
        if relation is None or relation.rel_type == THREAD:
            break
        parent = content_of(relation.event_id)
        relation = relation_of(parent) if parent is not None else None
    return relation.event_id if relation and relation.rel_type == THREAD else MAIN_TIMELINE


def relation_holds(child: Event, parent: Event) -> bool:
    """Whether the relationship that `child` declares to `parent` is a valid one; others are ignored."""
    relation = relation_of(child.content)
    if relation is None or relation.event_id != parent.event_id or child.room_id != parent.room_id:
        return False
    if relation.rel_type == REPLACE:
        return _replaces(child, parent)
    return may_relate(relation, parent.content)


def may_relate(relation: Relation, parent_content: Mapping[str, Any]) -> bool:
    """Whether the parent's own relationship leaves room for `relation`; edits have further rules."""
    parent_type = _rel_type_of(parent_content)
    match relation.rel_type:
        case "m.thread":
            # Any event without a `rel_type` can become a thread root.
            return parent_type is None
        case "m.annotation":
            # Neither a replacement nor an annotation can be annotated.
            return relation.key is not None and parent_type not in (ANNOTATION, REPLACE)
        case "m.replace":
            return parent_type != REPLACE
    return True


def check_new_relation(
    content: Mapping[str, Any], parent_content: Mapping[str, Any] | None, *, annotated_already: bool = False
) -> None:
    """Refuse what a client of this server may not relate to.

    `parent_content` is None when the parent is not known here; `annotated_already` says that the user has
    an annotation of the same type and key on it. Raises `BadRequest` or `DuplicateAnnotation`.
    """
    relation = relation_of(content)
    if relation is None:
        return
    if relation.rel_type == ANNOTATION and annotated_already:
        raise DuplicateAnnotation("The event has been annotated so already")
    if (
        relation.rel_type == THREAD
        and parent_content is not None
        and not may_relate(relation, parent_content)
    ):
        raise BadRequest("Cannot start a thread from an event with a relation")


def latest_replacement(original: Event, candidates: Iterable[Event]) -> Event | None:
    """The most recent valid edit of `original` among `candidates`.

    That is the one with the greatest `origin_server_ts` and, of several, the greatest event ID.
    """
    valid = (candidate for candidate in candidates if relation_holds(candidate, original))
    edits = (edit for edit in valid if _rel_type_of(edit.content) == REPLACE)
    return max(edits, key=lambda edit: (edit.origin_server_ts, edit.event_id), default=None)


def participated(user_id: str, root_sender: str, thread_senders: Iterable[str]) -> bool:
    """Whether the user sent the thread's root or any event in the thread."""
    return user_id == root_sender or user_id in thread_senders


def bundled_aggregations(
    *,
    redacted: bool = False,
    replacement: Any = None,
    thread: ThreadSummary | None = None,
    references: Sequence[str] = (),
) -> dict[str, Any]:
    """The `m.relations` of an event that is not a state event; empty when there is nothing to bundle.

    `replacement` is the latest edit as clients see it, `references` are the IDs of referring events. A
    redacted event is not bundled with its edit.
    """
    relations: dict[str, Any] = {}
    if replacement is not None and not redacted:
        relations[REPLACE] = replacement
    if thread is not None and thread.count > 0:
        relations[THREAD] = {
            "latest_event": thread.latest_event,
            "count": thread.count,
            "current_user_participated": thread.current_user_participated,
        }
    if references:
        relations[REFERENCE] = {"chunk": [{"event_id": event_id} for event_id in references]}
    return relations


def _rel_type_of(content: Mapping[str, Any]) -> str | None:
    relation = relation_of(content)
    return relation.rel_type if relation else None


def _replaces(edit: Event, original: Event) -> bool:
    return (
        edit.sender == original.sender
        and edit.type == original.type
        and not edit.is_state
        and not original.is_state
        and _rel_type_of(original.content) != REPLACE
        and _has_new_content(edit)
    )


def _has_new_content(edit: Event) -> bool:
    # The new content of an encrypted edit is inside its ciphertext.
    return edit.type == "m.room.encrypted" or isinstance(edit.content.get("m.new_content"), dict)
