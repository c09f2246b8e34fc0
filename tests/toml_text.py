"""Writing `hearth.toml` for servers that tests and benchmarks start. Needs nothing but Python."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Tables = Mapping[str, Mapping[str, Any]]


def toml_text(tables: Tables) -> str:
    """The tables as TOML; a table within a table becomes an inline one."""
    return "\n".join(_table(name, entries) for name, entries in tables.items())


def _table(name: str, entries: Mapping[str, Any]) -> str:
    lines = [f"{key} = {_value(value)}" for key, value in entries.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False)  # a JSON string is a TOML string


def merged(*layers: Tables) -> dict[str, dict[str, Any]]:
    """The tables of all layers; of a key that stands in several, the last counts."""
    result: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for name, entries in layer.items():
            result.setdefault(name, {}).update(entries)
    return result
