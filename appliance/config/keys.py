"""The keys of the configuration as data: what the loader, the sample file and the documentation read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_args, get_origin

import msgspec

from appliance.config.fields import Section

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    for info in msgspec.structs.fields(section):
        metas = get_args(info.type)[1:] if get_origin(info.type) is Annotated else ()
        sentence = next((meta.description for meta in metas if meta.description), "")
        base = next((meta.extra["base"] for meta in metas if meta.extra), None)
        yield Key(info.name, info.type, _default(info), sentence, base)


def _default(info: msgspec.structs.FieldInfo) -> Any:
    if info.default_factory is not msgspec.NODEFAULT:
        return info.default_factory()
    return info.default
