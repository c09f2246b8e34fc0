"""The place in a sorted list that an address names: the sort value and the nid of the row before."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def place_of(value: Any, nid: int) -> str:
    """A place as text."""
    return json.dumps([value, nid])


def read_place(text: str, kind: type) -> tuple[Any, int] | None:
    """The place that a text names, its value of a kind; nonsense means the beginning, None."""
    try:
        value, nid = json.loads(text)
    except (ValueError, TypeError):
        return None
    return (value, nid) if isinstance(value, kind) and isinstance(nid, int) else None


def read_number(text: str) -> int | None:
    """A whole number that fits into the database, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def read_numbers(texts: Iterable[str]) -> list[int]:
    """The numbers among some texts that fit into the database."""
    return [number for text in texts if (number := read_number(text)) is not None]
