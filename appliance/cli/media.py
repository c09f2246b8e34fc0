"""`hearth media`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import django

from appliance.cli.options import add_json
from appliance.cli.progress import Progress
from appliance.database import migrate

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

STORES: Final = ("folder", "s3")
MIB: Final = 1 << 20
PLAIN: Final = {
    "status": "say how much there is",
    "evict": "remove now what the configuration says",
    "check": "remove files from the store that nothing refers to",
    "copy": "copy all files from one store to the other",
}


class Done(NamedTuple):
    """What came of an action: a sentence for people, and the facts for programs."""

    sentence: str
    facts: dict[str, Any]


def add_arguments(parser: ArgumentParser) -> None:
    """What is to be done."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, summary in PLAIN.items():
        actions.add_parser(name, help=summary, description=summary)
    copy = actions.choices["copy"]
    copy.add_argument("source", choices=STORES, help="where the files are")
    copy.add_argument("target", choices=STORES, help="where they are to be")
    for name, summary in (("remove", "remove media"), ("quarantine", "serve media to nobody any more")):
        action = actions.add_parser(name, help=summary, description=summary)
        action.add_argument("uri", metavar="mxc://SERVER/ID")
    for name, summary in (
        ("block", "take and serve a file no more"),
        ("unblock", "let a file be used again"),
    ):
        action = actions.add_parser(name, help=summary, description=summary)
        action.add_argument("sha256", metavar="SHA256", help="the SHA-256 of the file in hexadecimal")
    for action in actions.choices.values():
        add_json(action)


def run(arguments: Namespace) -> int:
    """Does it, and says what came of it."""
    migrate()
    django.setup()
    done = _ACTIONS[arguments.action](arguments)
    print(json.dumps(done.facts, indent=2) if arguments.json else done.sentence)
    return 0


def _status(_arguments: Namespace) -> Done:
    from matrix_app.services.list_media import overview

    local, remote, stored = overview()
    return Done(
        f"of this server's users: {local.media} ({local.size // MIB} MiB)\n"
        f"of other servers:       {remote.media} ({remote.size // MIB} MiB)\n"
        f"in the store, with thumbnails and each file once: {stored // MIB} MiB",
        {"local": local._asdict(), "remote": remote._asdict(), "stored_bytes": stored},
    )


def _evict(_arguments: Namespace) -> Done:
    from matrix_app.services.evict_media import evict

    removed = evict()
    return Done(f"removed {removed} media", {"removed": removed})


def _check(_arguments: Namespace) -> Done:
    from matrix_app.services.stray_media import remove_strays

    found = remove_strays()
    return Done(
        f"removed {found.files} files ({found.size // MIB} MiB) that nothing referred to", found._asdict()
    )


def _copy(arguments: Namespace) -> Done:
    from matrix_app.media.store import store_named
    from matrix_app.services.copy_media import PIECE, Copied, copy_some
    from matrix_app.storage import media_files

    source, target = store_named(arguments.source), store_named(arguments.target)
    total, progress = media_files.how_many_located(), Progress(quiet=arguments.json)
    state: Copied | None = Copied("", 0, 0)
    last, looked_at = Copied("", 0, 0), 0
    while state is not None:
        progress("files", looked_at, total)
        last, state = state, copy_some(source, target, state)
        looked_at = min(total, looked_at + PIECE)
    progress.end()
    lost = f"; {last.lost} are not in {arguments.source}" if last.lost else ""
    return Done(f"copied {last.copied} files{lost}", {"copied": last.copied, "lost": last.lost})


def _remove(arguments: Namespace) -> Done:
    from matrix_app.protocol.ids import parse_mxc
    from matrix_app.services.audit import CLI
    from matrix_app.services.remove_media import remove_one

    remove_one(CLI, parse_mxc(arguments.uri))
    return Done(f"removed {arguments.uri}", {"removed": 1})


def _quarantine(arguments: Namespace) -> Done:
    from matrix_app.protocol.ids import parse_mxc
    from matrix_app.services.audit import CLI
    from matrix_app.services.quarantine_media import quarantine

    count = quarantine(CLI, parse_mxc(arguments.uri))
    return Done(f"quarantined {count} media", {"quarantined": count})


def _block(arguments: Namespace) -> Done:
    from matrix_app.services.audit import CLI
    from matrix_app.services.quarantine_media import block_file

    block_file(CLI, _digest(arguments.sha256), remove=True)
    return Done("blocked", {"blocked": arguments.sha256.lower()})


def _unblock(arguments: Namespace) -> Done:
    from matrix_app.services.audit import CLI
    from matrix_app.services.quarantine_media import unblock_file

    unblock_file(CLI, _digest(arguments.sha256))
    return Done("unblocked", {"unblocked": arguments.sha256.lower()})


def _digest(text: str) -> bytes:
    from matrix_app.protocol.errors import InvalidParam

    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise InvalidParam("A SHA-256 has 64 hexadecimal digits")
    return bytes.fromhex(text)


_ACTIONS: Final = {
    "status": _status,
    "evict": _evict,
    "check": _check,
    "copy": _copy,
    "remove": _remove,
    "quarantine": _quarantine,
    "block": _block,
    "unblock": _unblock,
}
