"""Filters that clients upload ("Filtering")."""

from __future__ import annotations

import re
from typing import Any, Final

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import NotFound, TooLarge
from matrix_app.protocol.filters import parse_filter
from matrix_app.storage import db, filters
from matrix_app.storage.user_lock import lock_user

MAX_BYTES: Final = 64_000
_ID: Final = re.compile(r"[0-9]{1,9}")


def define_filter(user_nid: int, definition: dict[str, Any]) -> str:
    """Keep a filter; its ID. The same definition has the same ID. Raises `BadJson` for what is none."""
    parse_filter(definition)
    encoded = encode_canonical(definition, lenient=True)
    if len(encoded) > MAX_BYTES:
        raise TooLarge("The filter is too large")
    with db.write():
        lock_user(user_nid)
        return str(filters.put(user_nid, encoded))


def number_of(filter_id: str) -> int | None:
    """The number that a filter's ID is; None for what this server never gave."""
    return int(filter_id) if _ID.fullmatch(filter_id) else None


def filter_of(user_nid: int, filter_id: str) -> bytes:
    """The definition of a filter as JSON; raises `NotFound`."""
    number = number_of(filter_id)
    found = None if number is None else filters.get(user_nid, number)
    if found is None:
        raise NotFound("There is no such filter")
    return found
