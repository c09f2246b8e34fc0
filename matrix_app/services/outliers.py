"""Events that are needed to judge others and have no place in a room's history here: outliers.

They come by the thousand, with joins and gaps: each is judged by what it names itself, auth events first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from matrix_app.protocol.event_format import encode_event
from matrix_app.protocol.events import Event
from matrix_app.services.persist import Pending, store_auth_chains
from matrix_app.services.received_checks import needed_ids, passes_own
from matrix_app.storage import bulk, db, events
from matrix_app.storage.events import NewEvent, Status
from matrix_app.storage.pace import Pace
from matrix_app.storage.rooms import RoomIdentity

# In one transaction: others write in between.
BATCH: Final = 250


def store_outliers(room: RoomIdentity, found: Iterable[Event]) -> None:
    """Store events of a room whose format, hashes and signatures have been checked.

    Those that are stored already are left as they are, and so are any whose auth events are neither here
    nor among `found`, or name each other in a circle. Each batch is a transaction: what has been stored
    stays, whatever happens to the rest.

    Invites that came before there was a room here could not be judged then, and are judged now.
    """
    given = {event.event_id: event for event in found if event.room_id == room.room_id}
    known = known_among(given)
    new = [event for event_id, event in given.items() if event_id not in known]
    for _ in store_ordered(room, _batches(ordered_by_auth(new))):
        pass


def store_ordered(room: RoomIdentity, batches: Iterable[Sequence[Event]]) -> Iterator[int]:
    """The same for events that come in order, each behind those that authorise it.

    Each batch is stored when the iteration asks for it; what it gives is how many events that were. The
    disk is not waited for: whatever is built on these events waits for it, and has them written before.
    """
    pace = Pace("event", "auth_chain", "state_key", "matrix_user", begin=db.write_unsynced)
    for batch in batches:
        _store(room, batch, pace)
        yield len(batch)


def known_among(event_ids: Iterable[str]) -> set[str]:
    """Those of the events that are stored and have been judged."""
    stored = events.nids_by_id(event_ids)
    unjudged = events.unjudged_among(stored.values())
    return {event_id for event_id, nid in stored.items() if nid not in unjudged}


def ordered_by_auth(new: Sequence[Event]) -> list[Event]:
    """The events, each behind those that authorise it; what is part of a circle is left out."""
    by_id = {event.event_id: event for event in new}
    waiting = {event.event_id: by_id.keys() & set(needed_ids(event)) for event in new}
    naming: dict[str, list[str]] = {}
    for event_id, needed in waiting.items():
        for auth_id in needed:
            naming.setdefault(auth_id, []).append(event_id)
    ready = [event_id for event_id, needed in waiting.items() if not needed]
    ordered: list[Event] = []
    for event_id in ready:
        ordered.append(by_id[event_id])
        for other in naming.get(event_id, ()):
            waiting[other].discard(event_id)
            if not waiting[other]:
                ready.append(other)
    return ordered


def _batches(new: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for start in range(0, len(new), BATCH):
        yield new[start : start + BATCH]


def _store(room: RoomIdentity, batch: Sequence[Event], pace: Pace) -> None:
    known = _authorising(batch)
    judged: list[Event] = []
    for event in batch:
        if all(auth_id in known for auth_id in needed_ids(event)):
            event.rejected = not passes_own(event, known)
            known[event.event_id] = event
            judged.append(event)
    if judged:
        with pace.write():
            _insert(room, judged)


def _authorising(batch: Sequence[Event]) -> dict[str, Event]:
    wanted = {auth_id for event in batch for auth_id in needed_ids(event)}
    nids = events.nids_by_id(wanted)
    parsed = events.events_by_nid(nids.values())
    return {found.event_id: found for found in parsed.values()}


def _insert(room: RoomIdentity, judged: Sequence[Event]) -> None:
    users = bulk.intern_users(event.sender for event in judged)
    keys = bulk.intern_keys((event.type, event.state_key) for event in judged if event.state_key is not None)
    new = [
        NewEvent(
            event=event,
            json=encode_event(event),
            room_nid=room.nid,
            key_nid=keys[event.type, event.state_key] if event.state_key is not None else None,
            sender_nid=users[event.sender],
            position=None,
            status=Status.REJECTED if event.rejected else Status.NORMAL,
            is_outlier=True,
            state_nid=None,
            thread_root_nid=None,
            unread_ordinal=0,
        )
        for event in judged
    ]
    inserted = bulk.insert_events(new)
    db.on_commit(lambda: _remember(judged, inserted))
    known = events.nids_by_id(event.event_id for event in judged if event.event_id not in inserted)
    for item in new:
        if item.event.rejected and item.event.event_id in known:
            events.promote(known[item.event.event_id], item)
    _store_chains(judged, {**inserted, **known})


def _remember(stored: Sequence[Event], nids: Mapping[str, int]) -> None:
    """Whoever wanted these events stored needs them next."""
    events.remember_many({nids[event.event_id]: event for event in stored if event.event_id in nids})


def _store_chains(judged: Sequence[Event], inserted: Mapping[str, int]) -> None:
    chained = [
        event
        for event in judged
        if event.state_key is not None and not event.rejected and event.event_id in inserted
    ]
    named = {auth_id for event in chained for auth_id in event.auth_event_ids}
    nids = {**events.nids_by_id(named - inserted.keys()), **inserted}
    store_auth_chains(
        [
            Pending(
                event,
                nid=inserted[event.event_id],
                auth_nids=[nids[auth_id] for auth_id in event.auth_event_ids],
            )
            for event in chained
        ]
    )
