"""Bridges and backups of a filled server."""

from __future__ import annotations

from typing import Final

import msgspec
import orjson

from appliance.backup.layout import FILES, VERDICT, new_id
from appliance.backup.manifest import FILE, FORMAT, Manifest, MediaPart, Part, Verdict
from appliance.config import get_config
from appliance.version import VERSION
from matrix_app.storage import models as tables
from tests.filled.size import Size
from tests.filled.store import DAY, HOUR, MINUTE, store

BRIDGES: Final = ("signal", "telegram", "weather")


def bridge_id(number: int) -> str:
    """The ID of a bridge."""
    name = BRIDGES[number % len(BRIDGES)]
    return f"{name}{number // len(BRIDGES) or ''}"


def fill_bridges(size: Size, now: int) -> None:
    """As many bridges as there should be, every third of which does not answer."""
    store(_registration(number, now) for number in range(size.bridges))
    store(_progress(number, now) for number in range(size.bridges))


def _registration(number: int, now: int) -> tables.AppserviceRegistration:
    name = bridge_id(number)
    source = {
        "id": name,
        "url": f"http://127.0.0.1:{29_300 + number}",
        "as_token": f"as {name}",
        "hs_token": f"hs {name}",
        "sender_localpart": f"{name}bot",
        "namespaces": {
            "users": [{"regex": f"@{name}_.*", "exclusive": True}],
            "aliases": [{"regex": f"#{name}_.*", "exclusive": True}],
            "rooms": [],
        },
    }
    return tables.AppserviceRegistration(
        id=name, registration=orjson.dumps(source), created_ts=now - 200 * DAY
    )


def _progress(number: int, now: int) -> tables.AppserviceProgress:
    fails = number % 3 == 1
    return tables.AppserviceProgress(
        id=bridge_id(number),
        position=0,
        created_ts=now - 200 * DAY,
        transactions=51_300 + number,
        told_ts=now - (5 * HOUR if fails else 2 * MINUTE),
        failing_since_ts=now - 4 * HOUR if fails else None,
        failures=31 if fails else 0,
        retry_ts=now + 4 * MINUTE if fails else None,
        fault="Nobody listens at 127.0.0.1:29301" if fails else None,
    )


def backup_id(number: int, now: int) -> str:
    """The name of a backup; the newest has number 0."""
    return new_id(now - number * DAY - 5 * HOUR)


def fill_backups(size: Size, now: int) -> None:
    """What backups say of themselves; there is nothing in them."""
    for number in range(size.backups):
        folder = get_config().backup.dir / backup_id(number, now)
        folder.mkdir(parents=True)
        (folder / FILES).write_bytes(b"")
        (folder / FILE).write_bytes(msgspec.json.encode(_manifest(number, now)))
        if number != 0:
            (folder / VERDICT).write_bytes(msgspec.json.encode(Verdict(now - number * DAY, [])))


def _manifest(number: int, now: int) -> Manifest:
    began = now - number * DAY - 5 * HOUR
    return Manifest(
        format=FORMAT,
        id=backup_id(number, now),
        reason="schedule",
        hearth_version=VERSION,
        server_name=get_config().server.name,
        engine="sqlite",
        created_ts=began,
        finished_ts=began + MINUTE,
        migrations=[],
        counts={"event": 128_411 - number * 300},
        stream_position=1,
        parts={
            "database.sqlite3": Part(611_000_000 - number * 900_000, "0" * 64),
            FILES: Part(48_000, "0" * 64),
        },
        media=MediaPart(files=412 - number, size=9_400_000_000 - number * 11_000_000),
    )
