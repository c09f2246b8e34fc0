"""Sorting requests about many users by the servers that can answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from matrix_app.protocol.ids import domain_of, parse_user_id
from matrix_app.storage.local_server import local_server_name

T = TypeVar("T")


def split_by_server(by_user: Mapping[str, T]) -> tuple[dict[str, T], dict[str, dict[str, T]]]:
    """What concerns users of this server, and what concerns others, by server.

    Raises `InvalidParam` for what cannot be a user ID. Local IDs are not looked at more closely, as there may
    be hundreds: whoever has one is found, and the others are nobody.
    """
    ending = ":" + local_server_name()
    local: dict[str, T] = {}
    remote: dict[str, dict[str, T]] = {}
    for user_id, value in by_user.items():
        if user_id.endswith(ending) and "\0" not in user_id:
            local[user_id] = value
        else:
            remote.setdefault(domain_of(parse_user_id(user_id)), {})[user_id] = value
    return local, remote
