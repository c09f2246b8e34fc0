"""`hearth media`."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

import django

from appliance.database import migrate
from matrix_app.protocol.errors import MatrixError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

STORES: Final = ("folder", "s3")
MIB: Final = 1 << 20


def add_arguments(parser: ArgumentParser) -> None:
    """What is to be done."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("status", help="say how much there is")
    actions.add_parser("evict", help="remove now what the configuration says")
    actions.add_parser("check", help="remove files from the store that nothing refers to")
    copy = actions.add_parser("copy", help="copy all files from one store to the other")
    copy.add_argument("source", choices=STORES, help="where the files are")
    copy.add_argument("target", choices=STORES, help="where they are to be")
    for name, summary in (("remove", "remove media"), ("quarantine", "serve media to nobody any more")):
        action = actions.add_parser(name, help=summary)
        action.add_argument("uri", metavar="mxc://SERVER/ID")
    for name, summary in (
        ("block", "take and serve a file no more"),
        ("unblock", "let a file be used again"),
    ):
        action = actions.add_parser(name, help=summary)
        action.add_argument("sha256", metavar="SHA256", help="the SHA-256 of the file in hexadecimal")


def run(arguments: Namespace) -> int:
    """Does it, and says what came of it."""
    migrate()
    django.setup()
    try:
        print(_ACTIONS[arguments.action](arguments))
    except MatrixError as fault:
        print(fault.message, file=sys.stderr)
        return 1
    return 0


def _status(_arguments: Namespace) -> str:
    from matrix_app.services.list_media import overview

    local, remote, stored = overview()
    return (
        f"of this server's users: {local.media} ({local.size // MIB} MiB)\n"
        f"of other servers:       {remote.media} ({remote.size // MIB} MiB)\n"
        f"in the store, with thumbnails and each file once: {stored // MIB} MiB"
    )


def _evict(_arguments: Namespace) -> str:
    from matrix_app.services.evict_media import evict

    return f"removed {evict()} media"


def _check(_arguments: Namespace) -> str:
    from matrix_app.services.stray_media import remove_strays

    found = remove_strays()
    return f"removed {found.files} files ({found.size // MIB} MiB) that nothing referred to"


def _copy(arguments: Namespace) -> str:
    from matrix_app.media.store import store_named
    from matrix_app.services.copy_media import Copied, copy_some

    source, target = store_named(arguments.source), store_named(arguments.target)
    state: Copied | None = Copied("", 0, 0)
    last = Copied("", 0, 0)
    while state is not None:
        last, state = state, copy_some(source, target, state)
        print(f"\r{last.copied} copied", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    lost = f"; {last.lost} are not in {arguments.source}" if last.lost else ""
    return f"copied {last.copied} files{lost}"


def _remove(arguments: Namespace) -> str:
    from matrix_app.protocol.ids import parse_mxc
    from matrix_app.services.audit import CLI
    from matrix_app.services.remove_media import remove_one

    remove_one(CLI, parse_mxc(arguments.uri))
    return f"removed {arguments.uri}"


def _quarantine(arguments: Namespace) -> str:
    from matrix_app.protocol.ids import parse_mxc
    from matrix_app.services.audit import CLI
    from matrix_app.services.quarantine_media import quarantine

    return f"quarantined {quarantine(CLI, parse_mxc(arguments.uri))} media"


def _block(arguments: Namespace) -> str:
    from matrix_app.services.audit import CLI
    from matrix_app.services.quarantine_media import block_file

    block_file(CLI, _digest(arguments.sha256), remove=True)
    return "blocked"


def _unblock(arguments: Namespace) -> str:
    from matrix_app.services.audit import CLI
    from matrix_app.services.quarantine_media import unblock_file

    unblock_file(CLI, _digest(arguments.sha256))
    return "unblocked"


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
