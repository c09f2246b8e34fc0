"""`hearth support-bundle`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from appliance.cli.options import add_json
from appliance.cli.progress import Progress
from appliance.config import get_config

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from appliance.support.bundle import Entry
    from appliance.support.mask import Masker


def add_arguments(parser: ArgumentParser) -> None:
    """Where it is written, and how much it tells."""
    parser.add_argument(
        "--output", metavar="FILE", help="where it is written, or - for the standard output (default: here)"
    )
    parser.add_argument(
        "--names", action="store_true", help="leave users, rooms and aliases their real names"
    )
    parser.add_argument(
        "--last-checks", action="store_true", help="tell what the checks found last, and run none now"
    )
    add_json(parser)
    parser.epilog = (
        "One .tar.gz with versions, settings without their texts, what the checks find, figures of the "
        "database, sizes, the latest log lines, packages and services. Never in it: messages, passwords, "
        "keys, tokens, mail addresses. Look through it before you send it to anybody."
    )


def run(arguments: Namespace) -> int:
    """Writes the bundle, and says where it is and what is in it."""
    import django

    django.setup()
    _with_settings_of_pages()
    if arguments.output == "-":
        _write(sys.stdout.buffer, arguments)
        return 0
    path = _place(arguments.output)
    from appliance.support.bundle import create

    with create(path) as stream:
        entries = _write(stream, arguments)
    _tell(path, entries, as_json=arguments.json)
    return 0


def _place(wanted: str | None) -> Path:
    """Here, or where the server's user may write when root has started it elsewhere."""
    from appliance.support.bundle import file_name

    if wanted:
        return Path(wanted).absolute()
    here = Path.cwd()
    folder = here if os.access(here, os.W_OK, effective_ids=True) else get_config().server.data_dir
    return folder / file_name()


def _write(stream: IO[bytes], arguments: Namespace) -> list[Entry]:
    from appliance.support.bundle import write
    from appliance.support.checks import found_last, found_now

    def checks(masker: Masker) -> list[dict[str, Any]]:
        from appliance.diagnostics.registry import run_checks

        return found_last() if arguments.last_checks else found_now(run_checks(), masker)

    progress = Progress(quiet=arguments.json)
    entries = write(stream, checks, names=arguments.names, tell=progress)
    progress.end()
    _note(names=arguments.names)
    return entries


def _with_settings_of_pages() -> None:
    """Also of a server whose database does not work something can be told."""
    from django.db import DatabaseError

    from appliance.config.stored import refresh

    try:
        refresh(now=True)
    except DatabaseError as fault:
        print(f"without what is in the database: {str(fault).strip()}", file=sys.stderr)


def _note(*, names: bool) -> None:
    from django.db import DatabaseError

    from matrix_app.services import audit

    try:
        audit.record(audit.CLI, "support.bundle", names=names)
    except DatabaseError as fault:
        print(f"not noted in the audit log: {str(fault).strip()}", file=sys.stderr)


def _tell(path: Path, entries: list[Entry], *, as_json: bool) -> None:
    if as_json:
        contents = [one._asdict() for one in entries]
        print(json.dumps({"file": str(path), "bytes": path.stat().st_size, "contents": contents}, indent=2))
        return
    for one in entries:
        print(f"{one.name:<20} {one.bytes:>9} bytes  {one.about}")
    print(f"{path}: look through it before you send it to anybody")
