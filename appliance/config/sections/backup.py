"""Settings of backups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from appliance.config.fields import Section, doc, natural, path


class Backup(Section, frozen=True):
    """Copies of everything that must not be lost, from which the server can be restored."""

    dir: Annotated[
        Path,
        path(
            "The folder for backups, best on another disk; relative to `data_dir`. Files of media are "
            "linked, not copied, when it is on the same one.",
            "data",
        ),
    ] = Path("backups")
    every_hours: Annotated[
        int, natural("How often the server makes a backup by itself, in hours; 0 for never.")
    ] = 24
    media: Annotated[bool, doc("Whether pictures and files are part of backups.")] = True
    encrypt: Annotated[
        bool,
        doc(
            "Whether backups are encrypted. Hearth makes a key, which is needed to restore on another "
            "machine: keep its emergency kit elsewhere."
        ),
    ] = False
    recipients: Annotated[
        tuple[str, ...],
        doc("Public keys of age (age1...) whose owners can open encrypted backups besides."),
    ] = ()
    keep_daily: Annotated[int, natural("Of the last days with backups, so many keep their latest one.")] = 7
    keep_weekly: Annotated[int, natural("Of the last weeks with backups, so many keep their latest one.")] = 4
    keep_monthly: Annotated[
        int, natural("Of the last months with backups, so many keep their latest one.")
    ] = 6
    before_upgrades: Annotated[
        bool, doc("Whether the database is copied before an upgrade changes its schema.")
    ] = True
