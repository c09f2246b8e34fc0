"""Asking other servers about rooms that this one is not in."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import orjson

from matrix_app.http.requester import Requester
from matrix_app.services.remote_servers import RemoteQuestion, request_all
from matrix_app.services.told_rooms import ToldRoom, ToldTree, read_tree_answer
from matrix_app.storage import members, rooms
from matrix_app.storage.cache import ByteCache
from matrix_app.storage.members import Membership

# "Responses to this endpoint should be cached for a period of time."
GOOD_SECONDS: Final = 300.0
NOTHING_SECONDS: Final = 60.0
MOST_BYTES: Final = 2 << 20
# Servers that are asked about one room, one after the other, and how long somebody waits for all of it.
MOST_SERVERS: Final = 3
TIMEOUT: Final = 8.0
PATIENCE: Final = 20.0

Key = tuple[str, str, bool]
# What a server answered, as JSON, and until when that is good.
_answers: ByteCache[Key, tuple[bytes, float]] = ByteCache("room_hierarchies", 8 << 20)


class TreeAsker:
    """Asks for one reader, whose patience it keeps in mind."""

    def __init__(self, *, suggested_only: bool = False, patience: float = PATIENCE) -> None:
        self._suggested_only = suggested_only
        self._deadline = time.monotonic() + patience

    def ask(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, ToldTree]:
        """What the servers that are named with each room say of it; where they say nothing it is left out."""
        found: dict[str, ToldTree] = {}
        for turn in range(MOST_SERVERS):
            keys = [
                (servers[turn], room_id, self._suggested_only)
                for room_id, servers in wanted.items()
                if room_id not in found and turn < len(servers)
            ]
            found.update(self._turn(keys))
        return found

    def _turn(self, keys: Sequence[Key]) -> dict[str, ToldTree]:
        answers = {key: known for key in keys if (known := _known(key)) is not None}
        missing = [key for key in keys if key not in answers]
        seconds = min(TIMEOUT, self._deadline - time.monotonic())
        if missing and seconds > 0:
            told = request_all([_question(key) for key in missing], timeout=seconds)
            answers.update({key: _keep(key, answer) for key, answer in zip(missing, told, strict=True)})
        trees = {
            key[1]: read_tree_answer(answer, key[1], suggested_only=key[2]) for key, answer in answers.items()
        }
        return {room_id: tree for room_id, tree in trees.items() if tree is not None}


def _question(key: Key) -> RemoteQuestion:
    server, room_id, suggested_only = key
    path = f"/_matrix/federation/v1/hierarchy/{quote(room_id, safe='')}"
    query = {"suggested_only": "true" if suggested_only else "false"}
    return RemoteQuestion(server, "GET", path, {"query": query, "max_bytes": MOST_BYTES})


def _known(key: Key) -> Any:
    kept = _answers.get(key)
    return orjson.loads(kept[0]) if kept is not None and kept[1] > time.monotonic() else None


def _keep(key: Key, answer: Any) -> Any:
    """Remember an answer, if it makes sense; that a server gave none is remembered for a shorter time."""
    is_told = isinstance(answer, dict)
    told = answer if is_told else {}
    data = orjson.dumps(told)
    until = time.monotonic() + (GOOD_SECONDS if is_told else NOTHING_SECONDS)
    _answers.put(key, (data, until), len(data) + 200)
    return told


def accessible(told: Iterable[ToldRoom], reader: Requester) -> set[str]:
    """The IDs of those rooms that the reader may know of: open ones, and such as they may come into."""
    rooms_told = list(told)
    open_ids = {room.room_id for room in rooms_told if room.is_open}
    closed = [room for room in rooms_told if not room.is_open]
    pending = _of_reader([room.room_id for room in closed], reader, (Membership.JOIN, Membership.INVITE))
    joined = _of_reader([room_id for room in closed for room_id in room.allowed], reader, (Membership.JOIN,))
    allowed = {room.room_id for room in closed if not joined.isdisjoint(room.allowed)}
    return open_ids | pending | allowed


def _of_reader(room_ids: Sequence[str], reader: Requester, wanted: Sequence[Membership]) -> set[str]:
    known = {room.nid: room.room_id for room in rooms.find_many(room_ids).values()}
    found = members.in_rooms(reader.user_nid, known) if known else {}
    return {known[nid] for nid, row in found.items() if row.membership in wanted}
