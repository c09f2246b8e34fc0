"""`hearth backup`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import django

from appliance.backup.errors import BackupError
from appliance.cli.page_settings import look_at_pages
from appliance.cli.progress import Progress
from appliance.config import get_config

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from appliance.backup.layout import Stored


def add_arguments(parser: ArgumentParser) -> None:
    """What is to be copied, and how it is told."""
    parser.add_argument("--list", action="store_true", help="list the backups there are, and make none")
    parser.add_argument(
        "--kit", action="store_true", help="print the emergency kit of encrypted backups, and make none"
    )
    parser.add_argument(
        "--new-key", action="store_true", help="encrypt to a new key from now on, and print its kit"
    )
    parser.add_argument("--no-media", action="store_true", help="leave out pictures and files")
    parser.add_argument("--verify", action="store_true", help="verify the new backup by a real restore")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of sentences")
    parser.epilog = "The server may run meanwhile. Where backups are and how many are kept is in [backup]."


def run(arguments: Namespace) -> int:
    """Makes a backup, or lists those there are; 1 when it could not be made or is not sound."""
    django.setup()
    look_at_pages()
    from appliance.backup.layout import stored_backups

    try:
        if arguments.kit or arguments.new_key:
            return _kit(new=arguments.new_key)
        if arguments.list:
            found = stored_backups(get_config().backup.dir)
            _print(found, as_json=arguments.json)
            return 0
        return _make(arguments)
    except BackupError as fault:
        print(fault.message, file=sys.stderr)
        return 1


def _kit(*, new: bool) -> int:
    from appliance.backup import keys, kit
    from matrix_app.services.audit import CLI

    if new:
        keys.renew_key()
    print(kit.print_again(CLI), end="")
    if not get_config().backup.encrypt:
        print("backups are not encrypted as long as backup.encrypt is false", file=sys.stderr)
    return 0


def _make(arguments: Namespace) -> int:
    from appliance.backup.make import make
    from appliance.backup.verify import verify

    progress = Progress(quiet=arguments.json)
    made = make("command", progress, media=False if arguments.no_media else None)
    if arguments.verify:
        made = made._replace(verdict=verify(made, progress))
    progress.end()
    _print([made], as_json=arguments.json)
    return int(bool(made.verdict and made.verdict.faults))


def _print(found: list[Stored], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"backups": [described(one) for one in found]}, indent=2))
        return
    for one in found:
        manifest = one.manifest
        media = f", {manifest.media.files} files of media" if manifest.media else ", without media"
        lost = (
            f" ({manifest.media.missing} not in the store)"
            if manifest.media and manifest.media.missing
            else ""
        )
        sealed = f", encrypted to {manifest.encryption.key}" if manifest.encryption else ""
        size = f"{manifest.size / 1_000_000:.1f} MB"
        print(f"{manifest.id}  {size}{media}{lost}{sealed}  {_verdict(one)}  {one.folder}")
    if not found:
        print("there are no backups")


def _verdict(one: Stored) -> str:
    if one.verdict is None:
        return "not verified"
    return f"NOT SOUND: {one.verdict.faults[0]}" if one.verdict.faults else "verified"


def described(one: Stored) -> dict[str, Any]:
    """A backup as JSON."""
    manifest = one.manifest
    return {
        "id": manifest.id,
        "folder": str(one.folder),
        "reason": manifest.reason,
        "created_ts": manifest.created_ts,
        "version": manifest.hearth_version,
        "engine": manifest.engine,
        "bytes": manifest.size,
        "encrypted_to": manifest.encryption.key if manifest.encryption else None,
        "media_files": manifest.media.files if manifest.media else None,
        "media_missing": manifest.media.missing if manifest.media else None,
        "verified_ts": one.verdict.ts if one.verdict else None,
        "faults": one.verdict.faults if one.verdict else None,
    }
