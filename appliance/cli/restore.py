"""`hearth restore`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import django
from django.db import connections

from appliance.cli.named_backup import add_kit, backup_here, keys_given
from appliance.cli.options import add_json
from appliance.cli.page_settings import look_at_pages
from appliance.cli.progress import Progress
from appliance.config import get_config
from appliance.data_lock import DataInUse, claim
from appliance.restore_order import forget_order

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from appliance.config import Config

_AFTERWARDS = """
Keep the old machine from starting again: two servers of one name break each other's rooms.
What was said and changed since the backup is gone here; other servers send their part of it again when asked.
Sessions that were signed in since the backup must sign in anew; all others go on.
Passwords are those of the backup, and sessions that were signed out since are signed in again.
"""
_UNPROVEN = (
    "it was opened with another key than the server's own, and only that one shows that the server made it\n"
)


def add_arguments(parser: ArgumentParser) -> None:
    """Which backup, and what to do with what is there."""
    parser.add_argument("backup", metavar="BACKUP", help="its name, its folder, or it as one file (.tar)")
    parser.add_argument(
        "--replace", action="store_true", help="keep the present data beside, and take its place"
    )
    parser.add_argument(
        "--remote", action="store_true", help="fetch it from where backups are copied to, elsewhere"
    )
    add_kit(parser)
    add_json(parser)
    parser.epilog = "The server must not run. Its configuration must say the name and the database already."


def run(arguments: Namespace) -> int:
    """Puts a backup in place; 1 when it was refused, and then nothing has been changed."""
    django.setup()
    look_at_pages()
    connections.close_all()  # what is set aside must not be what is written to
    config = get_config()
    try:
        with claim(config.server.run_dir, ""):
            told = _restore(arguments, config)
    except DataInUse:
        print("the server runs: stop it first", file=sys.stderr)
        return 1
    print(json.dumps(told, indent=2) if arguments.json else _sentences(told))
    return 0


def _restore(arguments: Namespace, config: Config) -> dict[str, Any]:
    from appliance.backup.aside import finish
    from appliance.backup.bring_back import bring_back
    from appliance.backup.remote.fetch import fetch
    from matrix_app.services.audit import CLI

    progress = Progress(quiet=arguments.json)
    given = keys_given(arguments)
    find = fetch if arguments.remote else backup_here
    stored = find(arguments.backup, progress)
    placed, renewed = bring_back(stored, config, CLI, replace=arguments.replace, tell=progress, given=given)
    finish(config)
    forget_order(config.server.data_dir)  # what was asked for on the page of the setup has been overtaken
    progress.end()
    return {
        "id": stored.manifest.id,
        "aside": placed.aside,
        "configuration": str(placed.configuration),
        "lost_media": placed.lost_media,
        "unproven": placed.is_unproven,
        **renewed._asdict(),
    }


def _sentences(told: dict[str, Any]) -> str:
    aside = f"what was there is kept in {told['aside']}\n" if told["aside"] else ""
    lost = f"{told['lost_media']} files of media were not in the backup\n" if told["lost_media"] else ""
    unproven = _UNPROVEN if told["unproven"] else ""
    return (
        f"restored {told['id']}; {told['devices']} devices are asked for new keys, "
        f"{told['servers']} servers are told\n"
        f"{aside}{lost}{unproven}"
        f"its configuration, to compare with the present one, is in {told['configuration']}\n"
        f"{_AFTERWARDS}"
    )
