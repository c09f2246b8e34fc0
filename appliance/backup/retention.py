"""Which backups are kept: the latest of some days, weeks and months, and always the latest of all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from appliance.backup import layout, media_pool
from appliance.backup.manifest import Manifest
from appliance.config import get_config
from appliance.config.sections.backup import Backup

# Of copies made before upgrades so many are kept, besides.
UPGRADES: Final = 3


def keep_as_configured(root: Path) -> list[str]:
    """Remove the backups that need not be kept, with what only they had; their names."""
    stored = layout.stored_backups(root)
    kept = to_keep([one.manifest for one in stored], get_config().backup)
    gone = [one for one in stored if one.manifest.id not in kept]
    for one in gone:
        layout.remove_folder(one.folder)
    if gone:
        media_pool.prune(root)
    return [one.manifest.id for one in gone]


def to_keep(manifests: Sequence[Manifest], settings: Backup) -> set[str]:
    """The names of the backups that are kept."""
    newest_first = sorted(manifests, key=lambda one: one.created_ts, reverse=True)
    upgrades = [one for one in newest_first if one.reason == "upgrade"]
    full = [one for one in newest_first if one.reason != "upgrade"]
    kept = {one.id for one in upgrades[:UPGRADES]} | {one.id for one in full[:1]}
    for form, many in (
        ("%Y-%j", settings.keep_daily),
        ("%G-%V", settings.keep_weekly),
        ("%Y-%m", settings.keep_monthly),
    ):
        kept |= _latest_of_each(full, form, many)
    return kept


def _latest_of_each(newest_first: Iterable[Manifest], form: str, many: int) -> set[str]:
    """The latest backup of each of the last spans of time that have one."""
    latest: dict[str, str] = {}
    for one in newest_first:
        span = datetime.fromtimestamp(one.created_ts / 1000, UTC).strftime(form)
        if span not in latest and len(latest) < many:
            latest[span] = one.id
    return set(latest.values())
