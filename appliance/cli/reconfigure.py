"""`hearth reconfigure`."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from appliance.cli.as_owner import as_owner
from appliance.cli.log import set_up_logging_of_verbs
from appliance.cli.options import add_json
from appliance.cli.permission import refusal
from appliance.config import get_config

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from appliance.config import Config
    from appliance.reconfigure.permissions import Owner
    from appliance.reconfigure.run import Outcome


def add_arguments(parser: ArgumentParser) -> None:
    """Whether to change anything."""
    parser.add_argument("--dry-run", action="store_true", help="say what would be changed, and leave it")
    parser.add_argument("--no-restart", action="store_true", help="start nothing anew")
    add_json(parser)
    parser.epilog = (
        "Checks the whole configuration, and makes what follows from it follow: the files of proxy and TURN "
        "(proxy.file, turn.server_file), folders, owners and permissions, keys that are missing, static "
        "files and the schedule. Starts anew only what must be. It may be run at any time, again and again."
    )


def run(arguments: Namespace) -> int:
    """Makes everything follow from the configuration, and tells; 1 when something could not be done."""
    from appliance.reconfigure.as_server import FromServer, follow
    from appliance.reconfigure.run import reconfigure

    config = get_config()
    set_up_logging_of_verbs(config.logging)
    if os.geteuid() != 0 and (why := refusal(config, sys.argv[1:])):
        print(why, file=sys.stderr)
        return 1
    owner = _owner(config)
    outcome = reconfigure(
        lambda: as_owner(owner.uid, FromServer, lambda: follow(dry_run=arguments.dry_run)),
        owner,
        dry_run=arguments.dry_run,
        restart=not arguments.no_restart,
    )
    _tell(outcome, as_json=arguments.json, dry_run=arguments.dry_run)
    return int(bool(outcome.faults))


def _owner(config: Config) -> Owner:
    """The user of the package; else whom the data belong to."""
    import pwd

    from appliance.packaged import is_packaged
    from appliance.reconfigure.permissions import Owner

    if is_packaged() and os.geteuid() == 0:
        account = pwd.getpwnam("hearth")
        return Owner(account.pw_uid, account.pw_gid)
    if config.server.data_dir.exists():
        status = config.server.data_dir.stat()
        return Owner(status.st_uid, status.st_gid)
    return Owner(os.geteuid(), os.getegid())


def _tell(outcome: Outcome, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        told = {
            "dry_run": dry_run,
            "changes": [one._asdict() for one in outcome.changes],
            "services": [one._asdict() for one in outcome.services],
            "notes": outcome.notes,
            "faults": outcome.faults,
        }
        print(json.dumps(told, indent=2))
        return
    would = "would be " if dry_run else ""
    for one in (*outcome.changes, *outcome.services):
        print(f"{one.what}: {would}{one.did}")
        for line in one.detail.splitlines():
            print(f"    {line}")
    if not outcome.changes and not outcome.services:
        print("everything follows from the configuration already")
    for note in (*outcome.notes, *outcome.faults):
        print(note, file=sys.stderr)
