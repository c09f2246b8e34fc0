"""`hearth.toml` as it is shipped, written from the schema: every key, its sentence and its default."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.config.keys import Key, keys_of
from appliance.config.schema import Config

if TYPE_CHECKING:
    from appliance.config.fields import Section

WIDTH = 100
HEAD = """\
# The configuration of Hearth.
#
# Every setting is shown with its default, so this file changes nothing as it is: remove the # before a
# key to change it, and the # before its [section] if that has one. After a change, start Hearth again.
#
# Files in conf.d/ beside this one are read after it, in the order of their names. The environment is
# read last: HEARTH_SERVER__NAME sets name in [server], with two underscores between the parts, and
# HEARTH_DATABASE__URL_FILE names a file that holds url of [database]. What the setup page wrote, in
# setup.toml in the data folder, is read first: whatever is set here wins.
#
# Mistakes are all listed, by key, when Hearth starts; `./hearth config` looks for them without starting.
"""


def sample() -> str:
    """The text of the file."""
    parts = [HEAD]
    for key in keys_of(Config):
        parts.append(_section(key.name, key))
    return "\n".join(parts)


def _section(name: str, key: Key) -> str:
    section = key.section
    assert section is not None, "the configuration's own keys are sections"
    lines = [
        f"\n# {line}" if not number else f"# {line}" for number, line in enumerate(_wrap(_about(section)))
    ]
    lines.append(f"[{name}]")
    nested: list[str] = []
    for inner in keys_of(section):
        value = getattr(key.default, inner.name)
        if inner.section is None:
            lines += ["", *(f"# {line}" for line in _wrap(inner.sentence)), f"# {inner.name} = {toml(value)}"]
        else:
            nested += _nested(f"{name}.{inner.name}", inner, value)
    return "\n".join([*lines, *nested]) + "\n"


def _nested(name: str, key: Key, value: Section) -> list[str]:
    lines = ["", *(f"# {line}" for line in _wrap(key.sentence)), f"# [{name}]"]
    return lines + [f"# {inner.name} = {toml(getattr(value, inner.name))}" for inner in keys_of(type(value))]


def _about(section: type[Section]) -> str:
    return (section.__doc__ or "").strip()


def _wrap(sentence: str) -> list[str]:
    from textwrap import wrap

    return wrap(sentence, WIDTH)


def toml(value: Any) -> str:
    """A default as TOML writes it. A path that is not set is shown as an empty text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:_}" if isinstance(value, int) and value >= 100_000 else str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(toml(entry) for entry in value)}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{toml(name)} = {toml(entry)}" for name, entry in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return _text("" if value is None else str(value) if isinstance(value, Path) else value)


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
