"""Cutting events down to the properties that a filter's `event_fields` names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from matrix_app.protocol.property_paths import split_path

# What to keep below a property: everything (None), or the named properties.
_Tree = dict[str, "_Tree | None"]


class Projection:
    """The properties to keep, made ready to be applied to any number of events."""

    __slots__ = ("_tree",)

    def __init__(self, event_fields: Iterable[str]) -> None:
        self._tree: _Tree = {}
        for path in event_fields:
            _add(self._tree, split_path(path))

    def apply(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """`event` with the named properties alone; what it lacks is left out."""
        return _kept(event, self._tree)


@lru_cache(maxsize=256)
def projection_of(event_fields: tuple[str, ...] | None) -> Projection | None:
    """The projection of a filter's `event_fields`; None when all fields are to be sent."""
    return None if event_fields is None else Projection(event_fields)


def _add(tree: _Tree, names: tuple[str, ...]) -> None:
    *parents, last = names
    for name in parents:
        below = tree.setdefault(name, {})
        if below is None:
            # A wider path has been named already.
            return
        tree = below
    tree[last] = None


def _kept(value: Mapping[str, Any], tree: _Tree) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, below in tree.items():
        if name not in value:
            continue
        inner = value[name]
        if below is None:
            kept[name] = inner
        elif isinstance(inner, Mapping) and (part := _kept(inner, below)):
            kept[name] = part
    return kept
