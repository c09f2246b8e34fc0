"""`hearth backup`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import django

from appliance.backup.errors import BackupError
from appliance.cli.backups_shown import show
from appliance.cli.options import add_json
from appliance.cli.page_settings import look_at_pages
from appliance.cli.progress import Progress
from appliance.config import get_config

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """What is to be copied, and how it is told."""
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--list", action="store_true", help="list the backups there are, here and elsewhere, and make none"
    )
    instead.add_argument(
        "--kit", action="store_true", help="print the emergency kit of encrypted backups, and make none"
    )
    instead.add_argument(
        "--new-key", action="store_true", help="encrypt to a new key from now on, and print its kit"
    )
    parser.add_argument("--no-media", action="store_true", help="leave out pictures and files")
    parser.add_argument("--only-here", action="store_true", help="do not copy it elsewhere")
    parser.add_argument("--verify", action="store_true", help="verify the new backup by a real restore")
    add_json(parser)
    parser.epilog = "The server may run meanwhile. Where backups are and how many are kept is in [backup]."


def run(arguments: Namespace) -> int:
    """Makes a backup, or lists those there are; 1 when it could not be made or copied, or is not sound."""
    django.setup()
    look_at_pages()
    if arguments.kit or arguments.new_key:
        return _kit(new=arguments.new_key, as_json=arguments.json)
    return _list(arguments) if arguments.list else _make(arguments)


def _list(arguments: Namespace) -> int:
    from appliance.backup.places import look_everywhere

    progress = Progress(quiet=arguments.json)
    show(look_everywhere(lambda: progress("looking elsewhere", 0, None)), as_json=arguments.json)
    return 0


def _kit(*, new: bool, as_json: bool) -> int:
    from appliance.backup import keys, kit
    from matrix_app.services.audit import CLI

    if new:
        keys.renew_key()
    text = kit.print_again(CLI)
    if as_json:
        told = {"encrypts": get_config().backup.encrypt, "key": keys.name_of(keys.own_key()), "kit": text}
        print(json.dumps(told, indent=2))
        return 0
    print(text, end="")
    if not get_config().backup.encrypt:
        print("backups are not encrypted as long as backup.encrypt is false", file=sys.stderr)
    return 0


def _make(arguments: Namespace) -> int:
    from appliance.backup.make import make
    from appliance.backup.places import Placed, Places
    from appliance.backup.remote.store import is_configured, remote_title
    from appliance.backup.verify import verify

    progress = Progress(quiet=arguments.json)
    made = make("command", progress, media=False if arguments.no_media else None)
    if arguments.verify:
        made = made._replace(verdict=verify(made, progress))
    wanted = is_configured() and not arguments.only_here
    fault = _copy(made.manifest.id, progress) if wanted else ""
    progress.end()
    placed = Placed(made.manifest, made, wanted and not fault, None)
    show(Places([placed], remote_title() if wanted else ""), as_json=arguments.json)
    if fault:
        print(f"it was made, but not copied elsewhere: {fault}", file=sys.stderr)
    return int(bool(fault or (made.verdict and made.verdict.faults)))


def _copy(id: str, progress: Progress) -> str:
    """Copy a backup elsewhere; why that failed."""
    from appliance.backup.remote.upload import upload

    try:
        upload(id, progress)
    except BackupError as fault:
        return fault.message
    return ""
