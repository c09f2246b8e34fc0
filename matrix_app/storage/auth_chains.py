"""Auth chains as bitmaps of event nids: what authorises a state event, directly or through others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from pyroaring import BitMap64

from matrix_app.storage import db, events
from matrix_app.storage.cache import ByteCache

_chains: ByteCache[int, BitMap64] = ByteCache("auth_chains", 8 << 20)


def load(nids: Iterable[int]) -> dict[int, BitMap64]:
    """The chains of state events, each without the event itself; do not change what is returned."""
    found: dict[int, BitMap64] = {}
    missing = []
    for nid in nids:
        chain = _chains.get(nid)
        if chain is None:
            missing.append(nid)
        else:
            found[nid] = chain
    if missing:
        read = {nid: BitMap64.deserialize(data) for nid, data in events.auth_chains(missing).items()}
        found.update(read)
        db.on_commit(lambda: _remember(read))
    return found


def _remember(read: Mapping[int, BitMap64]) -> None:
    for nid, chain in read.items():
        _chains.put(nid, chain, 150 + 4 * len(chain))


def union(nids: Iterable[int]) -> BitMap64:
    """The chain of a set of events: the chains of all of them together."""
    return BitMap64.union(BitMap64(), *load(nids).values())


def of(auth_nids: Collection[int]) -> BitMap64:
    """The chain of a new event that names these events."""
    return union(auth_nids) | BitMap64(auth_nids)
