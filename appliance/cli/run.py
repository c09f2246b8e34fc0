"""`hearth run`: prepares what a first start needs, then starts everything under one supervisor."""

from __future__ import annotations

import fcntl
import sys
from typing import IO, TYPE_CHECKING

from appliance.config import get_config
from appliance.launch import Launch
from appliance.logging import set_up_logging
from appliance.version import VERSION
from appliance.web.listeners import CannotListen, open_listeners

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from appliance.config import Config


def add_arguments(parser: ArgumentParser) -> None:
    """Takes none: everything is said in the configuration."""
    parser.epilog = "The configuration is hearth.toml, or the file that HEARTH_CONFIG names."


def run(_arguments: Namespace) -> int:
    """Runs the server until it is told to stop."""
    config = get_config()
    set_up_logging(config.logging, recent=config.server.data_dir / "logs")
    print(f"Hearth {VERSION} for {config.server.name}", flush=True)
    lock = _lock(config)
    if lock is None:
        print(f"a server runs already with the data in {config.server.data_dir}", file=sys.stderr)
        return 1
    try:
        listeners = open_listeners(config.server.listen)
    except CannotListen as fault:
        print(fault, file=sys.stderr)
        return 1
    with lock:
        return Launch(config, listeners).run()


def _lock(config: Config) -> IO[str] | None:
    """Held by the one server that may use this data; the kernel frees it whatever happens."""
    config.server.run_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
    file = (config.server.run_dir / "hearth.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
