"""`docs/configuration.md`, written from the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from appliance.config.keys import Key, keys_of
from appliance.config.sample import toml
from appliance.config.schema import Config

if TYPE_CHECKING:
    from appliance.config.fields import Section

HEAD = """\
# Configuration

Hearth reads `hearth.toml` in the folder it is started from, or else `/etc/hearth/hearth.toml`, or the file
that the variable `HEARTH_CONFIG` names. Files in the folder `conf.d` beside it are read after it, in the
order of their names. The environment is read last: `HEARTH_SERVER__NAME` sets `name` in `[server]`, and
`HEARTH_RATE_LIMITS__LOGIN__BURST` sets `burst` in `[rate_limits.login]`. A list in the environment is
written with commas between, or as JSON; a table as JSON. `HEARTH_DATABASE__URL_FILE` names a file that holds
`database.url`, and so for every setting: that is how secrets come to containers.

Before them all, `setup.toml` in the data folder is read: the name and the address that were chosen on the
setup page. What another source says wins over it, and is shown locked on that page.

Everything is validated before the server starts, and all mistakes are listed at once, by key.
`./hearth config` does only that, and shows what is in effect. A change takes effect when Hearth starts again.

Secrets are not settings: keys are files in `server.secrets_dir`, made at the first start and readable by
Hearth alone. Settings that name a file with a password take a path.

This page is written from the code: `python -m appliance.config.write`.
"""


def reference() -> str:
    """The text of the page."""
    parts = [HEAD]
    for key in keys_of(Config):
        section = key.section
        assert section is not None, "the configuration's own keys are sections"
        parts += [
            f"\n## `[{key.name}]`\n",
            f"{(section.__doc__ or '').strip()}\n",
            _table(key.name, section, key.default),
        ]
    return "\n".join(parts) + "\n"


def _table(prefix: str, section: type[Section], defaults: Any) -> str:
    lines = ["| key | type | default | |", "|---|---|---|---|"]
    for key in keys_of(section):
        lines += _rows(f"{prefix}.{key.name}", key, getattr(defaults, key.name))
    return "\n".join(lines)


def _rows(name: str, key: Key, value: Any) -> list[str]:
    if key.section is None:
        return [f"| `{name}` | {_type(key.type)} | `{toml(value)}` | {key.sentence} |"]
    inner = list(keys_of(key.section))
    short = ", ".join(f"{entry.name} = {toml(getattr(value, entry.name))}" for entry in inner)
    if all(not entry.sentence for entry in inner) or key.section.__name__ == "RateLimit":
        return [f"| `{name}` | table | `{short}` | {key.sentence} |"]
    rows = [f"| `{name}` | table | | {key.sentence} |"]
    for entry in inner:
        rows += _rows(f"{name}.{entry.name}", entry, getattr(value, entry.name))
    return rows


def _type(kind: Any) -> str:
    bare = get_args(kind)[0]
    if get_origin(bare) is Literal:
        return ", ".join(f'`"{choice}"`' for choice in get_args(bare))
    names = {bool: "true or false", int: "integer", float: "number", str: "text"}
    if get_origin(bare) is tuple:
        return "list"
    if get_origin(bare) is dict:
        return "table"
    return names.get(bare, "path")
