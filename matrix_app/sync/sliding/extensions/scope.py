"""Which rooms an extension is about, and from where on ("Extensions" of MSC4186)."""

from __future__ import annotations

from matrix_app.sync.sliding.body import RoomExtension
from matrix_app.sync.sliding.ledger import Ledger
from matrix_app.sync.sliding.matching import Matched

_ALL = "*"
# Everything is news.
START = 0


def rooms_in(extension: RoomExtension | None, matched: Matched) -> set[int]:
    """The rooms that an extension is about: of its lists and of those that the client subscribes to."""
    if extension is None or not extension.enabled:
        return set()
    names = matched.lists if extension.lists is None or _ALL in extension.lists else extension.lists
    nids = {nid for name in names for nid in matched.lists.get(name, ())}
    subscribed = matched.subscribed
    if extension.rooms is None or _ALL in extension.rooms:
        nids.update(subscribed.values())
    else:
        nids.update(subscribed[room_id] for room_id in extension.rooms if room_id in subscribed)
    return nids


def starts(nids: set[int], ledger: Ledger, since: int | None, flag: int, whole: set[int]) -> dict[int, int]:
    """From where on there is news of each of some rooms, for the extension with a flag.

    Of rooms in `whole` the client knows nothing.
    """
    found = {}
    for nid in nids:
        sent = ledger.before(nid)
        if since is None or sent is None or nid in whole or sent.flags & flag != flag:
            found[nid] = START
        else:
            found[nid] = sent.since or since
    return found
