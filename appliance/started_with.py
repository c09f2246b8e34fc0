"""What a running server was started with, so that it can be told whether it must be started anew."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from appliance.data_lock import running_parts
from appliance.version import VERSION

if TYPE_CHECKING:
    from appliance.config import Config


class StartedWith(NamedTuple):
    """The version, and what stands for the configuration by file and environment."""

    version: str
    configuration: str


def present(config: Config) -> StartedWith:
    """What a server that starts now is started with."""
    text = msgspec.json.encode(config, enc_hook=_encoded, order="deterministic")
    return StartedWith(VERSION, hashlib.sha256(text).hexdigest())


def note(run_dir: Path, part: str, config: Config) -> None:
    """Write down what a part, or with "" a whole server, is started with."""
    _file(run_dir, part).write_bytes(msgspec.json.encode(present(config)))


def is_stale(config: Config) -> bool:
    """Whether a part that runs was started with something else."""
    wanted = present(config)
    return any(_noted(config.server.run_dir, part) != wanted for part in running_parts(config.server.run_dir))


def _noted(run_dir: Path, part: str) -> StartedWith | None:
    try:
        return msgspec.json.decode(_file(run_dir, part).read_bytes(), type=StartedWith)
    except (OSError, msgspec.DecodeError):
        return None


def _file(run_dir: Path, part: str) -> Path:
    return run_dir / f"{part or 'hearth'}.started.json"


def _encoded(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(type(value))
