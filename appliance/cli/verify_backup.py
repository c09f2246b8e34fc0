"""`hearth verify-backup`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import django

from appliance.backup.errors import BackupError
from appliance.cli.backup import described
from appliance.cli.page_settings import look_at_pages
from appliance.cli.progress import Progress
from appliance.config import get_config

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Which backup."""
    parser.add_argument(
        "backup", nargs="?", metavar="BACKUP", help="its name or folder (default: the latest)"
    )
    parser.add_argument(
        "--kit", type=Path, metavar="FILE", help="the emergency kit that opens it, when it is encrypted"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of sentences")


def run(arguments: Namespace) -> int:
    """Restores a backup into a scratch place and checks it; 1 when it is not sound."""
    django.setup()
    look_at_pages()
    from appliance.backup.keys import read_keys
    from appliance.backup.layout import find_backup, stored_backups
    from appliance.backup.verify import verify

    root, progress = get_config().backup.dir, Progress(quiet=arguments.json)
    try:
        name = arguments.backup or next((one.manifest.id for one in stored_backups(root)), None)
        if name is None:
            raise BackupError(f"There are no backups in {root}")
        stored = find_backup(root, name)
        verdict = verify(stored, progress, read_keys(arguments.kit) if arguments.kit else None)
    except BackupError as fault:
        print(fault.message, file=sys.stderr)
        return 1
    progress.end()
    if arguments.json:
        print(json.dumps(described(stored._replace(verdict=verdict)), indent=2))
    else:
        for found in verdict.faults:
            print(found)
        print(f"{stored.manifest.id} is {'NOT sound' if verdict.faults else 'sound'}")
    return int(bool(verdict.faults))
