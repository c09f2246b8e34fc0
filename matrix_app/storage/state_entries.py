"""Single entries of many snapshots, without building any of them whole.

A chain's links never change and are shared by the snapshots of a room, so they are what is kept: to
find a key, a snapshot's links are asked from the newest to the full one at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db
from matrix_app.storage.cache import ByteCache
from matrix_app.storage.state import unpack


class _Link(NamedTuple):
    base_nid: int | None
    entries: dict[int, int]


_ENTRY_BYTES = 110  # of a dictionary of ints

_links: ByteCache[int, _Link] = ByteCache("state_links", 16 << 20)

_CHAINS = """
WITH RECURSIVE chain(nid, base_nid) AS (
    SELECT nid, base_nid FROM state_snapshot WHERE {chosen}
    UNION
    SELECT s.nid, s.base_nid FROM chain c JOIN state_snapshot s ON s.nid = c.base_nid
)
SELECT nid FROM chain
"""


def find(wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """The event nids of (snapshot nid, key nid) pairs; a pair that the snapshot lacks is left out.

    Takes two statements at most, however many pairs there are.
    """
    pairs = set(wanted)
    links = _chains({snapshot for snapshot, _ in pairs})
    found = {}
    for snapshot, key in pairs:
        event = _entry(links, snapshot, key)
        if event:
            found[snapshot, key] = event
    return found


def _entry(links: dict[int, _Link], snapshot: int, key: int) -> int:
    nid: int | None = snapshot
    while nid is not None:
        link = links.get(nid)
        if link is None:
            return 0
        event = link.entries.get(key)
        if event is not None:
            return event
        nid = link.base_nid
    return 0


def _chains(snapshots: set[int]) -> dict[int, _Link]:
    links: dict[int, _Link] = {}
    missing = [nid for snapshot in snapshots if (nid := _collect(links, snapshot)) is not None]
    if missing:
        sql = _CHAINS.replace("{chosen}", db.in_any("nid"))
        nids = [found[0] for found in db.rows(sql, (db.any_of(missing),))]
        unknown = [nid for nid in nids if not _known(links, nid)]
        if unknown:
            _read(links, unknown)
    return links


def _collect(links: dict[int, _Link], snapshot: int) -> int | None:
    """Gather the links of a snapshot that are at hand; the nid of the first that is not."""
    nid: int | None = snapshot
    while nid is not None and nid not in links:
        if not _known(links, nid):
            return nid
        nid = links[nid].base_nid
    return None


def _known(links: dict[int, _Link], nid: int) -> bool:
    if nid not in links:
        link = _links.get(nid)
        if link is None:
            return False
        links[nid] = link
    return True


def _read(links: dict[int, _Link], nids: list[int]) -> None:
    sql = f"SELECT nid, base_nid, entries FROM state_snapshot WHERE {db.in_any('nid')}"
    new = {nid: _Link(base, unpack(entries)) for nid, base, entries in db.rows(sql, (db.any_of(nids),))}
    links.update(new)
    db.on_commit(lambda: _remember(new))


def _remember(new: dict[int, _Link]) -> None:
    for nid, link in new.items():
        _links.put(nid, link, 200 + _ENTRY_BYTES * len(link.entries))
