"""What the setup pages write: the server's name and address, in a file that the next start reads.

It lies in the data folder, since the name belongs to the data, and is kept and moved with them.
"""

from __future__ import annotations

import os
import tomllib
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.config.checks import check
from appliance.config.current import base_config
from appliance.config.errors import ConfigError, Problem
from appliance.config.sample import toml
from appliance.config.sources import SETUP_FILE, SETUP_KEYS, read_sources
from appliance.config.stored import names_of

if TYPE_CHECKING:
    from pathlib import Path

KEYS: Final = SETUP_KEYS
_HEAD: Final = """\
# Written by the setup page. What hearth.toml, conf.d/ or the environment say wins over it.
# The name cannot be changed any more once the server has users or rooms.

[server]
"""


def setup_file() -> Path:
    """Where the file is, whether it exists or not."""
    return base_config().server.data_dir / SETUP_FILE


def fixed_names() -> set[str]:
    """Those of `KEYS` that another source says: the setup can show them, and not change them."""
    return set(KEYS) & names_of(read_sources(os.environ, [], setup=False).tables)


def faults_of(name: str, address: str) -> list[Problem]:
    """What is wrong with a name and an address for clients, among everything else that is configured."""
    server = msgspec.structs.replace(base_config().server, name=name, public_baseurl=address)
    return list(check(msgspec.structs.replace(base_config(), server=server)))


def write_names(name: str, address: str) -> None:
    """Write what no other source fixes; raises `ConfigError` for values that cannot be, `OSError`."""
    if faults := faults_of(name, address):
        raise ConfigError(faults, source=SETUP_FILE)
    fixed = fixed_names()
    values = dict(zip(KEYS, (name, address), strict=True))
    lines = [
        f"{key.partition('.')[2]} = {toml(value)}\n" for key, value in values.items() if key not in fixed
    ]
    text = _HEAD + "".join(lines)
    tomllib.loads(text)  # a fault here must not reach the file, without which nothing starts
    _replace(setup_file(), text)


def _replace(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
