"""The settings in effect: numbers and choices as they are, and of texts only whether they are set."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from appliance.config.current import get_config
from appliance.config.keys import keys_of
from appliance.config.sample import toml
from appliance.config.schema import Config
from appliance.config.shown import settings_in_effect, values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.config.fields import Section

# What is shorter stands in other words too.
_SHORTEST: Final = 4
# Texts that everybody on the network can see, or that only say how.
OPEN: Final = frozenset(
    {
        "server.name",
        "server.public_baseurl",
        "server.listen",
        "server.default_room_version",
        "server.trusted_proxies",
        "turn.relay_ports",
    }
)


def text() -> str:
    """A line for each setting, with who says it where that is not the default."""
    harmless = set(_choices(Config, "")) | OPEN
    present = dict(values(get_config()))
    lines = []
    for one in settings_in_effect():
        value = toml(present[one.name]) if one.name in harmless else _whether_set(present[one.name])
        lines.append(f"{one.name} = {value}{'' if one.source == 'default' else f'  # {one.source}'}\n")
    return "".join(lines)


def hidden_texts() -> dict[str, str]:
    """The texts of settings, which others may quote, and the names of the settings in their place."""
    harmless, defaults = set(_choices(Config, "")) | OPEN, dict(values(Config()))
    found: dict[str, str] = {}
    for name, value in values(get_config()):
        if name not in harmless and value != defaults[name]:
            found |= {one: f"({name})" for one in _texts(value) if len(one) >= _SHORTEST}
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | dict):
        for one in value:
            yield from _texts(one)


def _choices(section: type[Section], prefix: str) -> Iterator[str]:
    """The settings that cannot hold a text of somebody's: numbers, yes or no, one of a few words."""
    for key in keys_of(section):
        if key.section is not None:
            yield from _choices(key.section, f"{prefix}{key.name}.")
        elif _is_choice(get_args(key.type)[0]):
            yield prefix + key.name


def _is_choice(kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return True
    if get_origin(kind) is tuple:
        return all(_is_choice(part) for part in get_args(kind) if part is not Ellipsis)
    return isinstance(kind, type) and issubclass(kind, bool | int | float | Enum)


def _whether_set(value: Any) -> str:
    if isinstance(value, tuple | dict):
        return f"({len(value)} set)"
    return "(set)" if value else "(not set)"
