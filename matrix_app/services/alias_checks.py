"""Whether the aliases that a room is to advertise lead to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matrix_app.protocol.errors import BadAlias, InvalidParam, NotFound
from matrix_app.protocol.ids import parse_room_alias
from matrix_app.services.canonical_alias import TYPE
from matrix_app.services.room_aliases import resolve
from matrix_app.services.room_writer import RoomWriter


def check_aliases(room: RoomWriter, content: Mapping[str, Any]) -> None:
    """Check the aliases that are new in a room's canonical alias.

    "Servers SHOULD ensure that any new aliases being listed in the event are valid per their grammar/syntax
    and that they point to the room ID": raises `InvalidParam` or `BadAlias`.
    """
    before = _advertised(room.state_content(TYPE))
    for alias in _aliases_in(content):
        if not isinstance(alias, str):
            raise InvalidParam("A room alias must be a string")
        if alias not in before:
            _check_alias(room.room.room_id, alias)


def _advertised(content: Mapping[str, Any]) -> set[str]:
    """The aliases of the present event, which anybody may have sent."""
    others = content.get("alt_aliases")
    every = [content.get("alias"), *(others if isinstance(others, list) else ())]
    return {alias for alias in every if isinstance(alias, str)}


def _aliases_in(content: Mapping[str, Any]) -> list[Any]:
    alias, others = content.get("alias"), content.get("alt_aliases", [])
    if not isinstance(others, list):
        raise InvalidParam("alt_aliases must be a list")
    return [*others] if alias in (None, "") else [alias, *others]


def _check_alias(room_id: str, alias: str) -> None:
    parse_room_alias(alias)
    try:
        found = resolve(alias)
    except NotFound as error:
        raise BadAlias(f"The room alias {alias} is not known") from error
    if found.room_id != room_id:
        raise BadAlias(f"The room alias {alias} does not point to this room")
