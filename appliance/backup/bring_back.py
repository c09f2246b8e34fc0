"""Restoring a whole server: its data in place, and fit to go on with; or all as it was before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from appliance import secrets
from appliance.backup import aside
from appliance.backup.restore import Restored, put_in_place
from appliance.telling import Tell
from matrix_app.services.after_restore import Renewed, after_restore

if TYPE_CHECKING:
    from appliance.backup.keys import Keys
    from appliance.backup.layout import Stored
    from appliance.config import Config
    from matrix_app.services.audit import Actor


class BroughtBack(NamedTuple):
    """What was put in place, and who is told."""

    placed: Restored
    renewed: Renewed


def bring_back(
    stored: Stored, config: Config, actor: Actor, *, replace: bool, tell: Tell, given: Keys | None = None
) -> BroughtBack:
    """Put a backup in the place of this server's data. Whatever is raised, what was there is back then.

    No server starts with what is there until `aside.finish`. The configuration is that of this process, and
    its connections to the database are closed.
    """
    try:
        placed = put_in_place(stored, config, replace=replace, tell=tell, given=given)
        return BroughtBack(placed, _made_fit(stored, config, actor, tell))
    except BaseException:
        _close()
        aside.put_back(config)
        raise
    finally:
        _close()


def _made_fit(stored: Stored, config: Config, actor: Actor, tell: Tell) -> Renewed:
    from appliance.database import migrate
    from appliance.identity import check_server_name
    from appliance.prepare import install_schedule

    tell("schema", 0, None)
    secrets.create_all()
    migrate(tell)
    check_server_name(config)
    install_schedule()
    tell("others", 0, None)
    return after_restore(actor, stored.manifest.id, stored.manifest.created_ts)


def _close() -> None:
    """What is put back or set aside must not be what somebody still writes to."""
    from django.db import connections

    connections.close_all()
