"""Backups: how old the last one is, whether it was found whole, and whether a copy runs elsewhere."""

from __future__ import annotations

from appliance.config import get_config
from appliance.diagnostics.checks.asking import on_no_answer
from appliance.diagnostics.outside import outside
from appliance.diagnostics.own_names import nameless, own_names
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, info, ok, unknown, warn
from matrix_app.protocol.said import said

DAY_MS = 86_400_000
_REMOTE_FIX = said(
    "See the page Backups, or run hearth remote-backup test; the backups here are not touched by it."
)
# A backup of every day may be late by one.
WARN_DAYS = 2
ERROR_DAYS = 7


@check("backup.age", "Age of the last backup")
def age() -> Result:
    """The last whole backup is a week old at most."""
    from appliance.backup.layout import stored_backups
    from matrix_app.storage.clock import now_ms

    settings = get_config().backup
    stored = stored_backups(settings.dir)
    if not stored:
        return warn(
            said("There is no backup in {folder}", folder=settings.dir),
            fix="Make one: hearth backup. The server makes them by itself with backup.every_hours.",
        )
    days = (now_ms() - stored[0].manifest.finished_ts) / DAY_MS
    text = said("The last backup is {days:.1f} days old", days=days)
    fix = said("See the page Tasks for why none is made; hearth backup makes one.")
    if days > ERROR_DAYS:
        return error(text, fix=fix, days=days)
    return warn(text, fix=fix, days=days) if days > WARN_DAYS else ok(text, days=days)


@check("backup.verify", "The last backup is whole")
def verify() -> Result:
    """What the last verification of the newest backup found."""
    from appliance.backup.layout import stored_backups

    stored = stored_backups(get_config().backup.dir)
    verdict = stored[0].verdict if stored else None
    if verdict is None:
        return ok("Nothing is known against it")
    if verdict.faults:
        return error(
            said("{count} faults were found in {id}", count=len(verdict.faults), id=stored[0].manifest.id),
            detail=said("{faults:lines}", faults=verdict.faults[:5]),
            fix="Make a new backup at once: hearth backup",
        )
    return ok("It was verified and is whole")


@check("backup.place", "Place of the backups")
def place() -> Result:
    """Backups on the disk of the data are lost with it."""
    from appliance.backup.remote.store import remote_title

    config = get_config()
    if title := remote_title():
        return ok(said("{folder}, and {title}", folder=config.backup.dir, title=title))
    folders = [path for path in (config.backup.dir, config.server.data_dir) if path.exists()]
    if len({path.stat().st_dev for path in folders}) == 1 and len(folders) == 2:
        return info(
            "They are on the disk of the data, and lost with it",
            fix="Name a folder on another disk in backup.dir, or copy the folder elsewhere every day.",
        )
    return ok(str(config.backup.dir))


@check("backup.remote", "Copy of the backups elsewhere")
def elsewhere() -> Result:
    """The newest backup is elsewhere too, or was a day ago."""
    from appliance.backup.layout import stored_backups
    from appliance.backup.remote.state import read_state
    from appliance.backup.remote.store import remote_title
    from matrix_app.storage.clock import now_ms

    title = remote_title()
    if not title:
        return ok("No place elsewhere is configured")
    state = read_state(title)
    stored = [one for one in stored_backups(get_config().backup.dir) if one.manifest.reason != "upgrade"]
    if state.fault:
        return error(state.fault, fix=_REMOTE_FIX)
    broken = next((copy for copy in state.copies if copy.verdict and copy.verdict.faults), None)
    if broken is not None and broken.verdict is not None:
        detail = said("{faults:lines}", faults=broken.verdict.faults[:5])
        return error(
            said("The copy {id} at {title} is not sound", id=broken.id, title=title),
            detail=detail,
            fix=_REMOTE_FIX,
        )
    if stored and not state.has(stored[0].manifest.id):
        first = stored[-1].manifest.finished_ts
        days = (now_ms() - max((copy.created_ts for copy in state.copies), default=first)) / DAY_MS
        if days > WARN_DAYS:
            return warn(
                said("For {days:.1f} days no backup has arrived at {title}", days=days, title=title),
                fix=_REMOTE_FIX,
                days=days,
            )
    return ok(said("{count} backups are at {title}", count=len(state.copies), title=title))


@check("backup.kit", "Emergency kit of the backups")
def emergency_kit() -> Result:
    """Somebody has what opens encrypted backups when this machine is gone."""
    from appliance.backup import kit

    if not get_config().backup.encrypt:
        return ok("Backups are not encrypted, so no kit is needed")
    if kit.handed_out_ts() is None:
        return warn(
            "Nobody has fetched the emergency kit: if this machine is lost, the backups cannot be opened",
            fix="Fetch it from the page Backups, or by hearth backup --kit, and keep it elsewhere.",
        )
    return ok("It has been handed out")


@check("backup.twin", "No second copy of this server", needs=["client.versions"], timeout=20)
@on_no_answer
def twin() -> Result:
    """Whoever answers at the public address is this server, and not a copy that was restored elsewhere."""
    from matrix_app.services.instance import public_name

    names = own_names()
    if names is None:
        return nameless()
    page = outside().page(f"{names.base}/_hearth/instance")
    found = page.json().get("instance")
    if page.status != 200 or not isinstance(found, str):
        return unknown(
            said(
                "{base}/_hearth/instance answers {status}, and not as Hearth does",
                base=names.base,
                status=page.status,
            ),
            fix="Lead everything below /_hearth/ to Hearth in the proxy.",
        )
    if found != public_name():
        return error(
            said("Another copy of this server answers at {base}", base=names.base),
            fix="Two servers of one name break each other's rooms: stop one of them for good, at once.",
        )
    return ok("Who answers at the public address is this server")
