"""The configuration as it holds now, to be looked at: every key, and no secret."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from appliance.config.keys import keys_of
from appliance.config.runtime import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.config.fields import Section
    from appliance.config.schema import Config

HIDDEN: Final = "(hidden)"
_SECRET_WORDS: Final = ("secret", "password", "token", "private_key", "access_key", "passphrase")


class Entry(NamedTuple):
    """A key by its whole name, what it says, and whether that is what it says without anybody's doing."""

    name: str
    value: str
    is_default: bool


def entries_of(config: Config) -> list[Entry]:
    """Every key, in the order of hearth.toml, with secrets hidden."""
    return list(_below(config, type(config), ""))


def _below(values: Any, section: type[Section], prefix: str) -> Iterator[Entry]:
    for key in keys_of(section):
        value = getattr(values, key.name)
        name = prefix + key.name
        if key.section is not None and isinstance(value, key.section):
            yield from _below(value, key.section, f"{name}.")
        else:
            yield Entry(name, _told(name, value), value == key.default)


def _told(name: str, value: Any) -> str:
    if value in (None, "", (), {}):
        return ""
    if isinstance(value, Path):
        return str(value)
    if name in SECRET or _names_a_secret(name, value):
        return HIDDEN
    if isinstance(value, tuple):
        return ", ".join(_without_secrets(str(one)) for one in value)
    return _without_secrets(str(value))


def _names_a_secret(name: str, value: Any) -> bool:
    if isinstance(value, bool | int | float):
        return False
    last = name.rpartition(".")[2]
    return any(word in last for word in _SECRET_WORDS)


def _without_secrets(text: str) -> str:
    """An address without what may be a secret in it: a name, a password, and all that is behind the host."""
    if "://" not in text:
        return text
    parts = urlsplit(text)
    host = parts.netloc.rpartition("@")[2]
    hides = "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment
    return f"{parts.scheme}://{host}/{HIDDEN}" if hides else text
