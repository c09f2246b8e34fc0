"""Keys, secrets and configuration: the small files of a backup, in one archive.

`secrets/` is the folder of secrets, `keys/<setting>` what the configuration keeps outside of it,
`config/` the configuration.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from appliance.backup.errors import BackupError
from appliance.config import Config
from appliance.config.keys import keys_of
from appliance.config.sources import config_files
from matrix_app.protocol.said import said


def pack(config: Config, stream: IO[bytes]) -> None:
    """Write the archive into a stream."""
    with tarfile.open(fileobj=stream, mode="w|") as archive:
        for name, path in _members(config):
            archive.add(path, name, recursive=False)


def _members(config: Config) -> Iterator[tuple[str, Path]]:
    secrets = config.server.secrets_dir
    for path in sorted(secrets.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield f"secrets/{path.relative_to(secrets).as_posix()}", path
    for setting, path in outside_keys(config).items():
        if path.is_file():
            yield f"keys/{setting}", path
    for number, path in enumerate(config_files()):
        yield (f"config/conf.d/{path.name}" if number else "config/hearth.toml"), path
    if (setup := config.server.data_dir / "setup.toml").is_file():
        yield "config/setup.toml", setup


def outside_keys(config: Config) -> dict[str, Path]:
    """By setting: files of keys that are kept outside of the folder of secrets."""
    found = {
        name: path for name, path in _paths(config, "") if not _is_below(path, config.server.secrets_dir)
    }
    return dict(sorted(found.items()))


def _paths(section: Any, prefix: str) -> Iterator[tuple[str, Path]]:
    for key in keys_of(type(section)):
        value = getattr(section, key.name)
        if key.section is not None:
            yield from _paths(value, f"{prefix}{key.name}.")
        elif key.base == "secrets" and isinstance(value, Path):
            yield prefix + key.name, value


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def unpack(stream: IO[bytes], config: Config, configuration: Path) -> None:
    """Put secrets and keys where the configuration wants them; the old configuration into a folder."""
    outside = outside_keys(config)
    try:
        with tarfile.open(fileobj=stream) as archive:
            for member in archive:
                target = _target(member, config, configuration, outside)
                source = archive.extractfile(member)
                if target is not None and source is not None:
                    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                    target.touch(mode=0o600)
                    target.write_bytes(source.read())
                    target.chmod(0o640)
    except tarfile.TarError as fault:
        raise BackupError(said("The archive of keys cannot be read: {fault}", fault=fault)) from fault


def _target(
    member: tarfile.TarInfo, config: Config, configuration: Path, outside: dict[str, Path]
) -> Path | None:
    kind, _, name = member.name.partition("/")
    if not member.isfile() or not name or ".." in Path(name).parts or Path(name).is_absolute():
        raise BackupError(said("The archive of keys has an entry that cannot be: {name}", name=member.name))
    if kind == "secrets":
        return config.server.secrets_dir / name
    if kind == "keys":
        return outside.get(name, config.server.secrets_dir / name.rpartition(".")[2])
    return configuration / name
