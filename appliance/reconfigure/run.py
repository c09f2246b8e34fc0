"""The whole of it: compare, change, say, and start anew what must be."""

from __future__ import annotations

import grp
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from appliance import own_certificate
from appliance.config import get_config
from appliance.config.current import base_config
from appliance.config.sources import read_sources
from appliance.packaged import CONFIGURATION, is_packaged
from appliance.reconfigure import permissions, restarts
from appliance.reconfigure.change import Change
from appliance.reconfigure.files import Derived, write
from appliance.reconfigure.handover import handover

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.config import Config
    from appliance.reconfigure.as_server import FromServer
    from appliance.reconfigure.permissions import Owner

PROXY_FILE: Final = "Caddyfile"
TURN_FILE: Final = "turnserver.conf"
HANDOVER_FILE: Final = "turn-certificate.env"
_SECRET_MODE: Final = 0o640
_OPEN_MODE: Final = 0o644


class Outcome(NamedTuple):
    """What was changed, what was started anew, what is for people to know, and what could not be done."""

    changes: list[Change]
    services: list[Change]
    notes: list[str]
    faults: list[str]


def reconfigure(follow: Callable[[], FromServer], owner: Owner, *, dry_run: bool, restart: bool) -> Outcome:
    """Make everything follow from the configuration; `follow` does what only the server's user may."""
    config = get_config()
    changes = permissions.mend(config, owner, dry_run=dry_run)
    found = follow()
    changes += found.changes
    derived = _derived(config, found)
    written = {one.file.name: change for one in derived if (change := write(one, dry_run=dry_run))}
    changes += [one.change for one in written.values()]
    if is_packaged() and os.geteuid() == 0:
        is_read_by_others = any(one.is_wanted for one in derived)
        changes += permissions.mend_configuration(
            CONFIGURATION, owner.gid, is_read_by_others=is_read_by_others, dry_run=dry_run
        )
    if not restart:
        return Outcome(changes, [], found.notes, found.faults)
    done, notes, faults = restarts.start_anew(base_config(), written, dry_run=dry_run)
    return Outcome(changes, done, found.notes + notes, found.faults + faults)


def _derived(config: Config, found: FromServer) -> list[Derived]:
    """The files. Those that a package would have are removed when nothing wants them any more."""
    folder = read_sources(os.environ, []).folder
    turn = config.turn
    own = own_certificate.handed()
    handed = handover(config, own if found.certificate else None)
    group = "caddy" if config.proxy.kind == "caddy" else "root"
    files = [
        _proxy_file(config, folder, found.proxy),
        _file(folder / HANDOVER_FILE if handed else None, folder / HANDOVER_FILE, handed, "root"),
        # Before the configuration of the proxy that names them would be read.
        Derived(
            own.certificate, found.certificate, group, _OPEN_MODE, is_wanted=found.certificate is not None
        ),
        Derived(own.key, found.key, group, _SECRET_MODE, is_wanted=found.key is not None, is_secret=True),
        _file(turn.server_file, folder / TURN_FILE, found.turn, "turnserver"),
    ]
    return [_only_where_installed(one, found.faults) for one in files]


def _proxy_file(config: Config, folder: Path, text: str | None) -> Derived:
    """That of Caddy is for Caddy alone; those of other programs are open to all, as is their custom."""
    wanted, usual = config.proxy.file, folder / PROXY_FILE
    if config.proxy.kind in ("none", "caddy"):
        return _file(wanted, usual, text, "caddy")
    return _file(wanted, usual, text, "root")._replace(mode=_OPEN_MODE)


def _file(wanted: Path | None, usual: Path, text: str | None, group: str) -> Derived:
    return Derived(wanted or usual, text, group, _SECRET_MODE, is_wanted=wanted is not None)


def _only_where_installed(derived: Derived, faults: list[str]) -> Derived:
    """A file is made for a program whose group there is; only root can give it to that."""
    if not derived.is_wanted or derived.text is None or os.geteuid() != 0:
        return derived
    try:
        grp.getgrnam(derived.group)
    except KeyError:
        program = {"turnserver": "coturn"}.get(derived.group, derived.group)
        faults.append(f"{derived.file} was not made: install {program}, then run hearth reconfigure")
        return derived._replace(text=None)
    return derived
