"""`hearth verify-backup`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import django

from appliance.backup.errors import BackupError
from appliance.cli.backups_shown import described
from appliance.cli.named_backup import add_kit, backup_here, keys_given
from appliance.cli.options import add_json
from appliance.cli.page_settings import look_at_pages
from appliance.cli.progress import Progress
from appliance.config import get_config

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from appliance.backup.keys import Keys
    from appliance.backup.places import Placed


def add_arguments(parser: ArgumentParser) -> None:
    """Which backup."""
    parser.add_argument(
        "backup",
        nargs="?",
        metavar="BACKUP",
        help="its name, its folder, or it as one file (.tar), which joins the others (default: the latest)",
    )
    parser.add_argument(
        "--remote", action="store_true", help="read it where backups are copied to, elsewhere"
    )
    add_kit(parser)
    add_json(parser)


def run(arguments: Namespace) -> int:
    """Restores a backup into a scratch place and checks it; 1 when it is not sound."""
    django.setup()
    look_at_pages()
    progress = Progress(quiet=arguments.json)
    given = keys_given(arguments)
    placed = _elsewhere(arguments, given, progress) if arguments.remote else _here(arguments, given, progress)
    progress.end()
    faults = _faults(placed)
    if arguments.json:
        print(json.dumps(described(placed), indent=2))
    else:
        for found in faults:
            print(found)
        print(f"{placed.manifest.id} is {'NOT sound' if faults else 'sound'}")
    return int(bool(faults))


def _here(arguments: Namespace, given: Keys | None, progress: Progress) -> Placed:
    from appliance.backup.layout import stored_backups
    from appliance.backup.places import Placed
    from appliance.backup.verify import verify

    root = get_config().backup.dir
    name = arguments.backup or next((one.manifest.id for one in stored_backups(root)), None)
    if name is None:
        raise BackupError(f"There are no backups in {root}")
    stored = backup_here(name, progress)
    return Placed(stored.manifest, stored._replace(verdict=verify(stored, progress, given)), False, None)


def _elsewhere(arguments: Namespace, given: Keys | None, progress: Progress) -> Placed:
    from appliance.backup.places import Placed
    from appliance.backup.remote.place import backups_in, manifest_in, own_folder
    from appliance.backup.remote.store import open_store
    from appliance.backup.remote.verify import verify_elsewhere

    with open_store(lambda: progress("looking elsewhere", 0, None)) as store:
        if arguments.backup:
            manifest = manifest_in(store, own_folder(), arguments.backup)
        elif found := backups_in(store, own_folder()):
            manifest = found[0]
        else:
            raise BackupError(f"There are no backups at {store.title}")
    return Placed(manifest, None, True, verify_elsewhere(manifest.id, progress, given))


def _faults(placed: Placed) -> list[str]:
    verdict = placed.here.verdict if placed.here else placed.remote_verdict
    return verdict.faults if verdict else []
