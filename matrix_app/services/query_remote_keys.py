"""The keys of users of other servers: what is kept here while it is current, else what their servers tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from matrix_app.protocol.errors import MatrixError, RemoteUnreachable, Unavailable
from matrix_app.protocol.remote_keys import RemoteKeys, read_device_list, read_queried_keys
from matrix_app.services.remote_devices import FreshList, store
from matrix_app.services.remote_keys import MOST_SERVERS, Asked, Told, key_servers
from matrix_app.storage import db, interning, remote_devices
from matrix_app.storage.clock import now_ms
from matrix_app.storage.remote_devices import RemoteList

# Of so many users of one server the device lists are asked for one by one: these tell which changes follow.
FEW: Final = 4
# A list that this request is about to ask for is not asked for in the background meanwhile.
MEANWHILE_MS: Final = 60_000

# User ID to the device IDs that are wanted; none means all.
Wanted = Mapping[str, Sequence[str]]


class RemoteQuery:
    """What is to be asked of whom. `cached` are the users whose keys are here and current."""

    def __init__(self, remote: Mapping[str, Wanted]) -> None:
        self.cached: dict[str, Sequence[str]] = {}
        self.failures: dict[str, MatrixError] = {}
        self._wanted = {user_id: ids for users in remote.values() for user_id, ids in users.items()}
        self._kept: dict[str, RemoteList] = {}
        self._asked: dict[str, Asked] = {}
        self._prepare(remote)

    def _prepare(self, remote: Mapping[str, Wanted]) -> None:
        nids = interning.user_nids(self._wanted)
        known = remote_devices.of_users(nids.values()) if nids else {}
        self.cached = {
            user_id: self._wanted[user_id]
            for user_id, nid in nids.items()
            if nid in known and known[nid].is_current
        }
        missing = {user_id: nid for user_id, nid in nids.items() if user_id not in self.cached}
        self._kept = _lists_to_keep(missing, known) if missing else {}
        for server, users in remote.items():
            unknown = [user_id for user_id in users if user_id not in self.cached]
            if unknown and len(self._asked) == MOST_SERVERS:
                self.failures[server] = Unavailable("Too many servers are asked at once")
            elif unknown:
                self._asked[server] = self._question(unknown)

    def _question(self, user_ids: Sequence[str]) -> Asked:
        kept = [user_id for user_id in user_ids if user_id in self._kept]
        lists = kept if len(kept) <= FEW else []
        # Of a list that is to be kept all devices are asked for.
        keys = {name: [] if name in self._kept else list(self._wanted[name]) for name in user_ids}
        return Asked(lists, {name: ids for name, ids in keys.items() if name not in lists})

    def ask(self, seconds: float) -> dict[str, RemoteKeys]:
        """What the servers tell that have to be asked, by user; what is to be kept is stored.

        `failures` then has the servers that told nothing.
        """
        if not self._asked:
            return {}
        try:
            return self._take(key_servers().query(self._asked, seconds))
        except Unavailable as error:
            self.failures.update(dict.fromkeys(self._asked, error))
            return {}

    def _take(self, told: Mapping[str, Told]) -> dict[str, RemoteKeys]:
        found: dict[str, RemoteKeys] = {}
        for server, asked in self._asked.items():
            answer = told.get(server) or Told({}, None, RemoteUnreachable(f"{server} gave no answer"))
            for user_id in [*asked.lists, *asked.keys]:
                try:
                    keys = _keys_of(user_id, answer)
                except MatrixError as error:
                    self.failures[server] = error
                    continue
                if keys is not None:
                    found[user_id] = keys
                elif answer.error is not None:
                    self.failures[server] = answer.error
        fresh = [
            FreshList(kept.user_nid, kept.epoch, found[user_id])
            for user_id, kept in self._kept.items()
            if user_id in found
        ]
        if fresh:
            store(fresh, tell=False)
        return found


def _lists_to_keep(missing: Mapping[str, int], known: Mapping[int, RemoteList]) -> dict[str, RemoteList]:
    """The lists of those who share a room with somebody here, begun where there was none."""
    sharing = remote_devices.sharing(missing.values())
    new = sharing - known.keys()
    if new:
        with db.write():
            remote_devices.track(new, now_ms(), now_ms() + MEANWHILE_MS)
        known = {**known, **remote_devices.of_users(new)}
    return {user_id: known[nid] for user_id, nid in missing.items() if nid in sharing and nid in known}


def _keys_of(user_id: str, answer: Told) -> RemoteKeys | None:
    if user_id in answer.lists:
        return read_device_list(answer.lists[user_id], user_id)
    return read_queried_keys(answer.keys, user_id)
