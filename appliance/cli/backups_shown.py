"""Backups as lines for people, and as JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from appliance.backup.manifest import Manifest, Verdict
    from appliance.backup.places import Placed, Places


def show(places: Places, *, as_json: bool) -> None:
    """Print backups, and where each is."""
    if as_json:
        remote = {"title": places.title, "fault": places.fault or None} if places.title else None
        told = {"backups": [described(one) for one in places.backups], "remote": remote}
        print(json.dumps(told, indent=2))
        return
    for one in places.backups:
        where = [str(one.here.folder)] if one.here else []
        where += [places.title] if one.is_elsewhere else []
        print(f"{_about(one.manifest)}  {_verdict(one)}  {', '.join(where)}")
    if not places.backups:
        print("there are no backups")
    if places.fault:
        print(f"what is elsewhere could not be looked at: {places.fault}", file=sys.stderr)


def _about(manifest: Manifest) -> str:
    media = ", without media"
    if manifest.media:
        missing = f" ({manifest.media.missing} not in the store)" if manifest.media.missing else ""
        media = f", {manifest.media.files} files of media{missing}"
    sealed = f", encrypted to {manifest.encryption.key}" if manifest.encryption else ""
    return f"{manifest.id}  {manifest.size / 1_000_000:.1f} MB{media}{sealed}"


def _verdict(one: Placed) -> str:
    verdicts = [verdict for verdict in (one.here and one.here.verdict, one.remote_verdict) if verdict]
    faults = [fault for verdict in verdicts for fault in verdict.faults]
    if faults:
        return f"NOT SOUND: {faults[0]}"
    return "verified" if verdicts else "not verified"


def described(one: Placed) -> dict[str, Any]:
    """A backup as JSON."""
    manifest, here = one.manifest, one.here
    return {
        "id": manifest.id,
        "folder": str(here.folder) if here else None,
        "elsewhere": one.is_elsewhere,
        "reason": manifest.reason,
        "created_ts": manifest.created_ts,
        "version": manifest.hearth_version,
        "engine": manifest.engine,
        "bytes": manifest.size,
        "encrypted_to": manifest.encryption.key if manifest.encryption else None,
        "media_files": manifest.media.files if manifest.media else None,
        "media_missing": manifest.media.missing if manifest.media else None,
        **_judged("", here.verdict if here else None),
        **_judged("elsewhere_", one.remote_verdict),
    }


def _judged(where: str, verdict: Verdict | None) -> dict[str, Any]:
    return {
        f"{where}verified_ts": verdict.ts if verdict else None,
        f"{where}faults": verdict.faults if verdict else None,
    }
