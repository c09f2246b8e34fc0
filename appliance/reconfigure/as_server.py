"""What only the server's user may do: what follows in its data, and the texts that its secrets are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from django.db import OperationalError
from msgspec.structs import replace

from appliance import own_certificate, secrets
from appliance.config import get_config
from appliance.proxy.render import render
from appliance.proxy.site import NoSite, certificates_of, site_of
from appliance.reconfigure.change import Change
from appliance.restoring import refuse_unfinished
from appliance.schema import SchemaRefused
from appliance.turn_server import NoSecret, configuration, relay_of

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.config import Config


# Stands in a dry run for a secret that would be made.
_NOT_YET = "(new)"


class FromServer(msgspec.Struct):
    """The texts of files, where there is something to write; what was changed, is not due, cannot be."""

    proxy: str | None = None
    turn: str | None = None
    # What was uploaded for the proxy, with its key.
    certificate: str | None = None
    key: str | None = None
    changes: list[Change] = []
    notes: list[str] = []
    faults: list[str] = []


def follow(*, dry_run: bool) -> FromServer:
    """Make what is in the data follow from the configuration, and make the texts of other files.

    Raises `SchemaRefused` for data that were restored in part.
    """
    config = get_config()
    refuse_unfinished(config.server.data_dir)
    found = FromServer()
    if why := _not_ready(config):
        found.notes.append(why)
    else:
        found.changes += _in_data(dry_run=dry_run)
    config = get_config()  # with what was changed on pages
    found.proxy = _proxy(config, found.faults)
    own = own_certificate.read(config) if own_certificate.is_handed_on(config) else None
    if own is not None:
        found.certificate, found.key = map(own_certificate.handed_text, own)
    found.turn = _turn(config, found, dry_run=dry_run)
    return found


def _not_ready(config: Config) -> str:
    """Why the data cannot follow now; empty when they can, and then with what was changed on pages."""
    if not config.server.secrets_dir.exists():
        return "the server has not run yet: its first start makes keys, database and schedule"
    import django

    django.setup()
    from appliance.config.stored import refresh
    from appliance.database import require_current

    try:
        require_current()
        refresh(now=True)
    except OperationalError as fault:
        return f"the database cannot be used: {str(fault).strip()}"
    except SchemaRefused as fault:
        return str(fault)
    return ""


def _in_data(*, dry_run: bool) -> list[Change]:
    from appliance.static_files import are_collected, collect
    from matrix_app.schedule import install, is_installed

    missing = secrets.missing()
    changes = [Change(str(file), "made") for file in missing]
    if not is_installed():
        changes.append(Change("schedule", "brought up to date"))
    if not are_collected():
        changes.append(Change("static files", "collected"))
    if not dry_run:
        secrets.create_all()
        install()
        collect()
    return changes


def _proxy(config: Config, faults: list[str]) -> str | None:
    kind = config.proxy.kind
    if kind == "none":
        return None
    try:
        site = site_of(config)
        return render(kind, site, certificates_of(config, kind, site))
    except NoSite as fault:
        faults.append(f"no configuration for {kind}: {fault}")
        return None


def _turn(config: Config, found: FromServer, *, dry_run: bool) -> str | None:
    file: Path | None = config.turn.secret_file
    if config.turn.server_file is None:
        return None
    if file is not None and not file.exists():
        found.changes.append(Change(str(file), "made"))
        if dry_run:
            config = replace(config, turn=replace(config.turn, secret_file=None, secret=_NOT_YET))
    try:
        return configuration(config, relay_of(config))
    except NoSecret as fault:
        found.faults.append(f"no configuration for coturn: {fault}")
        return None
