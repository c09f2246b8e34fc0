"""What a server needs before it starts: folders, keys, the database, and a way in for its owner."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from django.db import OperationalError

from appliance import secrets
from appliance.config.errors import ConfigError
from appliance.database import count_missing, described, migrate
from appliance.identity import check_server_name
from appliance.restoring import refuse_unfinished
from appliance.schema import SchemaRefused
from appliance.setup_code import invitation

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.config import Config

# An exit code of `make_current`.
DATABASE_UNUSABLE = 3


def prepare(config: Config) -> int:
    """Makes what is missing and tells each step; the exit code. Best run in a process of its own."""
    code = make_current(config)
    if not code:
        _invite(config)
    return code


def make_current(config: Config) -> int:
    """As `prepare`, without inviting the owner of a new server."""
    try:
        refuse_unfinished(config.server.data_dir)
    except SchemaRefused as fault:
        print(fault, file=sys.stderr)
        return 2
    for folder in (config.server.data_dir, config.server.run_dir, config.media.dir):
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    secrets.create_all()
    _tell("keys", str(config.server.secrets_dir))
    return _explained(lambda: _make_database_current(config))


def check_current(config: Config) -> int:
    """Whether `make_current` has run with this version: the exit code, and a line that says what to do."""
    return _explained(lambda: _check_database(config))


def _make_database_current(config: Config) -> int:
    applied = migrate()
    check_server_name(config)
    install_schedule()
    collect_static_files()
    _tell("database", f"{described()}{f', {applied} migrations applied' if applied else ''}")
    return 0


def _check_database(config: Config) -> int:
    refuse_unfinished(config.server.data_dir)
    if missing := count_missing():
        print(f"the database lacks {missing} migrations of this version: run hearth migrate", file=sys.stderr)
        return 1
    check_server_name(config)
    return 0


def _explained(work: Callable[[], int]) -> int:
    """The exit code of `work`, or that of a fault that is told in a sentence."""
    try:
        return work()
    except OperationalError as fault:
        print(f"the database cannot be used: {str(fault).strip()}", file=sys.stderr)
        return DATABASE_UNUSABLE
    except (ConfigError, SchemaRefused) as fault:
        print(fault, file=sys.stderr)
        return 2


def install_schedule() -> None:
    """Has the worker do again and again what must be."""
    from matrix_app.schedule import install

    install()


def collect_static_files() -> None:
    """Has the files of the pages where they are served from."""
    from appliance.static_files import collect

    collect()


def _invite(config: Config) -> None:
    from matrix_app.services.setup import is_open

    if is_open():
        for name, value in invitation(config).items():
            _tell(name, value)


def _tell(name: str, value: str) -> None:
    print(f"{name:<10} {value}", flush=True)
