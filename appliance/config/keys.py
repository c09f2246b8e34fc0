"""The keys of the configuration as data: what the loader, the sample file and the documentation read."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_args, get_origin

import msgspec

from appliance.config.fields import Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Key(NamedTuple):
    """One key of a section: its name, its bare type, its sentence and, for a path, where it starts."""

    name: str
    type: Any
    default: Any
    sentence: str
    base: str | None

    @property
    def section(self) -> type[Section] | None:
        """The section that stands under this key, or None for a plain value."""
        bare = get_args(self.type)[0] if get_origin(self.type) is Annotated else self.type
        return bare if isinstance(bare, type) and issubclass(bare, Section) else None


def keys_of(section: type[Section]) -> Iterator[Key]:
    """The keys of a section, in the order in which they are declared."""
    for info in _fields(section):
        metas = get_args(info.type)[1:] if get_origin(info.type) is Annotated else ()
        sentence = next((meta.description for meta in metas if meta.description), "")
        base = next((meta.extra["base"] for meta in metas if meta.extra), None)
        yield Key(info.name, info.type, _default(info), sentence, base)


@cache
def _fields(section: type[Section]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """What a section declares: to read that takes 30 ms for all of them, and pages ask each time."""
    return msgspec.structs.fields(section)


def find_key(section: type[Section], names: Sequence[str]) -> Key | None:
    """The key of that name, each part of it one section further down; None when there is none."""
    key = next((key for key in keys_of(section) if key.name == names[0]), None)
    if key is None or len(names) == 1:
        return key
    return find_key(key.section, names[1:]) if key.section is not None else None


def _default(info: msgspec.structs.FieldInfo) -> Any:
    if info.default_factory is not msgspec.NODEFAULT:
        return info.default_factory()
    return info.default
