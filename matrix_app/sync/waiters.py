"""Requests that wait for news, on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


class Waiters:
    """Waiting requests by user and by room. Used on one event loop only."""

    def __init__(self) -> None:
        self._by_user: dict[int, set[asyncio.Future[None]]] = {}
        self._by_room: dict[int, set[asyncio.Future[None]]] = {}

    def __len__(self) -> int:
        return sum(len(futures) for futures in self._by_user.values())

    def add(self, user_nid: int, room_nids: Iterable[int]) -> asyncio.Future[None]:
        """A future that ends when something changes for the user or in one of the rooms."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._by_user.setdefault(user_nid, set()).add(future)
        for room in room_nids:
            self._by_room.setdefault(room, set()).add(future)
        return future

    def remove(self, future: asyncio.Future[None], user_nid: int, room_nids: Iterable[int]) -> None:
        """Stop waiting."""
        _discard(self._by_user, user_nid, future)
        for room in room_nids:
            _discard(self._by_room, room, future)

    def wake(self, room_nids: Iterable[int], user_nids: Iterable[int]) -> None:
        """Wake all who wait for one of the rooms or users."""
        for index, keys in ((self._by_room, room_nids), (self._by_user, user_nids)):
            for key in keys:
                for future in index.get(key, ()):
                    if not future.done():
                        future.set_result(None)

    def wake_all(self) -> None:
        """Wake all who wait: this process is to stop."""
        self.wake(list(self._by_room), list(self._by_user))


def _discard(index: dict[int, set[asyncio.Future[None]]], key: int, future: asyncio.Future[None]) -> None:
    futures = index.get(key)
    if futures is not None:
        futures.discard(future)
        if not futures:
            del index[key]
