"""Denying a single server, and allowing it again: an entry of `federation.deny_servers`."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.config import get_config
from appliance.config.stored import refresh
from matrix_app.protocol.errors import InvalidParam
from matrix_app.protocol.globs import glob
from matrix_app.protocol.ids import parse_server_name
from matrix_app.protocol.said import said
from matrix_app.services.audit import Actor
from matrix_app.services.change_settings import change_settings
from matrix_app.services.retry_server import let_ask
from matrix_app.storage import db
from matrix_app.storage.local_server import local_server_name

SETTING = "federation.deny_servers"


def denied_by(name: str) -> str:
    """The entry of `federation.deny_servers` that means a server, its name or a pattern; or nothing."""
    found = _meaning(name, get_config().federation.deny_servers)
    return next((entry for entry in found if entry.lower() == name.lower()), found[0] if found else "")


def _meaning(name: str, entries: Iterable[str]) -> list[str]:
    return [entry for entry in entries if glob(entry.lower()).matches(name.lower())]


def deny_server(actor: Actor, name: str) -> None:
    """Speak with a server no more; raises `InvalidParam` for what is none, `Forbidden` when fixed."""
    parse_server_name(name)
    if name.lower() == local_server_name().lower():
        raise InvalidParam("This server cannot be denied by itself")
    with db.write():
        refresh(now=True)
        if not denied_by(name):
            present = get_config().federation.deny_servers
            change_settings(actor, {SETTING: (*present, name)})


def allow_server(actor: Actor, name: str) -> None:
    """Speak with a server again; raises `InvalidParam` where a pattern denies it with others."""
    with db.write():
        refresh(now=True)
        present = get_config().federation.deny_servers
        kept = tuple(entry for entry in present if entry.lower() != name.lower())
        if patterns := _meaning(name, kept):
            raise InvalidParam(
                said(
                    "The pattern {pattern} denies it with others: change it in the settings",
                    pattern=patterns[0],
                )
            )
        if kept != present:
            change_settings(actor, {SETTING: kept})
        let_ask(name)
