"""What a server needs before it starts: folders, keys, the database, and a way in for its owner."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from django.db import OperationalError

from appliance import secrets
from appliance.config.errors import ConfigError
from appliance.database import described, migrate, require_current
from appliance.folders import make_folders
from appliance.identity import check_server_name
from appliance.restoring import refuse_unfinished
from appliance.schema import SchemaRefused
from appliance.setup_code import invitation
from appliance.telling import to_nobody

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.config import Config
    from appliance.telling import Tell

# An exit code of `prepare` and `check_current`.
DATABASE_UNUSABLE = 3
# Between two looks at a database that cannot be used yet.
PAUSE_SECONDS = 2.0


class Made(NamedTuple):
    """What `make_current` has done: which database is current now, by how many migrations."""

    database: str
    migrations: int


def prepare(config: Config, tell: Tell = to_nobody, wait_seconds: float = 0.0) -> int:
    """Makes what is missing and tells each step; the exit code. Best run in a process of its own."""
    return _explained(lambda: _prepare(config, tell, wait_seconds))


def _prepare(config: Config, tell: Tell, wait_seconds: float) -> int:
    made = make_current(config, tell, wait_seconds)
    _tell("keys", str(config.server.secrets_dir))
    _tell("database", sentence(made))
    _invite(config)
    return 0


def make_current(config: Config, tell: Tell = to_nobody, wait_seconds: float = 0.0) -> Made:
    """Makes folders, keys, schema, schedule and static files that are missing.

    Raises `ConfigError`, `SchemaRefused`, `NotWritable`, and `OperationalError` for a database that could
    not be used for so many seconds.
    """
    refuse_unfinished(config.server.data_dir)
    make_folders(config)
    secrets.create_all()
    applied = _migrate_when_there(tell, time.monotonic() + wait_seconds)
    check_server_name(config)
    install_schedule()
    collect_static_files()
    return Made(described(), applied)


def _migrate_when_there(tell: Tell, deadline: float) -> int:
    told = False
    while True:
        try:
            return migrate(tell)
        except OperationalError as fault:
            if time.monotonic() >= deadline:
                raise
            if not told:
                print(f"waiting for the database: {str(fault).strip()}", file=sys.stderr, flush=True)
            told = True
            time.sleep(PAUSE_SECONDS)


def sentence(made: Made) -> str:
    """What was made current, in words."""
    return f"{made.database}{f', {made.migrations} migrations applied' if made.migrations else ''}"


def check_current(config: Config) -> int:
    """Whether `make_current` has run with this version: the exit code, and a line that says what to do."""
    return _explained(lambda: _check_database(config))


def _check_database(config: Config) -> int:
    refuse_unfinished(config.server.data_dir)
    require_current()
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


def install_schedule() -> bool:
    """Has the worker do again and again what must be; whether anything was changed."""
    from matrix_app.schedule import install

    return install()


def collect_static_files() -> bool:
    """Has the files of the pages where they are served from; whether anything was changed."""
    from appliance.static_files import collect

    return collect()


def _invite(config: Config) -> None:
    from matrix_app.services.setup import is_open

    if is_open():
        for name, value in invitation(config).items():
            _tell(name, value)


def _tell(name: str, value: str) -> None:
    print(f"{name:<10} {value}", flush=True)
