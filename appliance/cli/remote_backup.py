"""`hearth remote-backup`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import django

from appliance.backup.errors import BackupError
from appliance.cli.options import add_json
from appliance.cli.page_settings import look_at_pages
from appliance.cli.progress import Progress
from appliance.config import get_config
from appliance.database import migrate

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

_PLAIN: Final = {
    "test": "write, read and remove a small file there",
    "key": "print Hearth's public key, for authorized_keys of the account there",
    "trust": "look at the key of the machine that is reached by SSH, and confirm it",
}


class Done(NamedTuple):
    """What came of an action: a sentence for people, and the facts for programs."""

    sentence: str
    facts: dict[str, Any]


def add_arguments(parser: ArgumentParser) -> None:
    """What is to be done."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, summary in _PLAIN.items():
        actions.add_parser(name, help=summary, description=summary)
    actions.choices["trust"].add_argument(
        "--fingerprint", metavar="SHA256:...", help="confirm without asking, if this is its fingerprint"
    )
    for name, summary in (("upload", "copy a backup there"), ("fetch", "fetch a backup from there")):
        action = actions.add_parser(name, help=summary, description=summary)
        wanted = "?" if name == "upload" else None
        action.add_argument("backup", nargs=wanted, metavar="BACKUP", help="its name (upload: the latest)")
    for action in actions.choices.values():
        add_json(action)
    parser.epilog = "Where backups are copied to is in [backup]; hearth backup --list shows what is there."


def run(arguments: Namespace) -> int:
    """Does it, and says what came of it."""
    migrate()
    django.setup()
    look_at_pages()
    done = _ACTIONS[arguments.action](arguments)
    print(json.dumps(done.facts, indent=2) if arguments.json else done.sentence)
    return 0


def _test(_arguments: Namespace) -> Done:
    from appliance.backup.remote.probe import probe
    from appliance.backup.remote.store import remote_title

    count = probe()
    return Done(
        f"{remote_title()} works, and has {count} backups", {"title": remote_title(), "backups": count}
    )


def _key(_arguments: Namespace) -> Done:
    from appliance.backup.remote.ssh_key import public_key

    return Done(public_key(), {"public_key": public_key()})


def _trust(arguments: Namespace) -> Done:
    from appliance.backup.remote.host_key import fingerprint, present_host_key
    from appliance.backup.remote.probe import trust_host
    from matrix_app.services.audit import CLI

    sftp = get_config().backup.sftp
    if not sftp.host:
        raise BackupError("No machine is configured: set backup.sftp.host")
    key = present_host_key(sftp)
    shown = fingerprint(key)
    if key != sftp.host_key:
        _confirm(sftp.host, shown, arguments.fingerprint)
        trust_host(CLI, key)
    return Done(f"{sftp.host} is known by {shown}", {"host": sftp.host, "fingerprint": shown, "key": key})


def _confirm(host: str, shown: str, given: str | None) -> None:
    """Raise `BackupError` unless somebody has compared the fingerprint."""
    if given is None and sys.stdin.isatty():
        print(f"{host} shows the key {shown}", file=sys.stderr)
        print("Compare it there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub", file=sys.stderr)
        print("Is it the same? Type yes: ", end="", file=sys.stderr, flush=True)
        given = shown if sys.stdin.readline().strip().lower() == "yes" else ""
    if given != shown:
        raise BackupError(f"{host} shows the key {shown}, which was not confirmed; nothing has been changed")


def _upload(arguments: Namespace) -> Done:
    from appliance.backup.layout import stored_backups
    from appliance.backup.remote.store import remote_title
    from appliance.backup.remote.upload import upload

    root, progress = get_config().backup.dir, Progress(quiet=arguments.json)
    name = arguments.backup or next((one.manifest.id for one in stored_backups(root)), None)
    if name is None:
        raise BackupError(f"There are no backups in {root}")
    upload(name, progress)
    progress.end()
    return Done(f"{name} is at {remote_title()}", {"backup": name, "title": remote_title()})


def _fetch(arguments: Namespace) -> Done:
    from appliance.backup.remote.fetch import fetch

    progress = Progress(quiet=arguments.json)
    stored = fetch(arguments.backup, progress)
    progress.end()
    return Done(
        f"{stored.manifest.id} is in {stored.folder}",
        {"backup": stored.manifest.id, "folder": str(stored.folder)},
    )


_ACTIONS: Final[dict[str, Callable[[Namespace], Done]]] = {
    "test": _test,
    "key": _key,
    "trust": _trust,
    "upload": _upload,
    "fetch": _fetch,
}
