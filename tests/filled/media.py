"""The media of a filled server. There are no files behind them: pages only tell of them."""

from __future__ import annotations

from hashlib import sha256

from appliance.config import get_config
from matrix_app.storage import models as tables
from matrix_app.storage.media_files import Outcome
from tests.filled.names import file_of
from tests.filled.people import People
from tests.filled.size import Size
from tests.filled.store import DAY, MINUTE, dice, store

AT_ONCE = 20_000


def media_id_of(number: int) -> str:
    """The ID of a file."""
    return sha256(f"media {number}".encode()).hexdigest()[:24]


def mxc_of(number: int) -> str:
    """The address of a file of this server."""
    return f"mxc://{get_config().server.name}/{media_id_of(number)}"


def fill_media(size: Size, people: People, server_nids: list[int], now: int) -> None:
    """Files of users here, half of them of the busiest, and copies of files of other servers."""
    for start in range(0, size.media, AT_ONCE):
        numbers = range(start, min(size.media, start + AT_ONCE))
        chance = dice(f"media {start}")
        files = store(_file(number, int(chance.lognormvariate(13, 1.6)), now) for number in numbers)
        known = list(zip(numbers, files, strict=True))
        store(_thumbnail(number, file, now) for number, file in known if number % 2 == 0)
        store(_media(number, file, people, server_nids, now) for number, file in known)


def _file(number: int, size: int, now: int) -> tables.MediaFile:
    return tables.MediaFile(
        sha256=sha256(f"file {number}".encode()).digest(),
        size=size,
        created_ts=now - number * 9 * MINUTE,
        location=f"{number}",
    )


def _thumbnail(number: int, file: tables.MediaFile, now: int) -> tables.MediaThumbnail:
    return tables.MediaThumbnail(
        sha256=file.sha256,
        name="800x600-scale",
        outcome=Outcome.MADE,
        content_type="image/jpeg",
        size=40_000 + number % 9000,
        created_ts=now,
        location=f"thumbnail {number}",
    )


def _media(
    number: int, file: tables.MediaFile, people: People, server_nids: list[int], now: int
) -> tables.Media:
    away = number % 4 == 3 and len(server_nids) > 1
    uploader = people.everybody[0 if number % 2 == 0 else number % len(people.everybody)]
    name, kind = file_of(number)
    row = tables.Media(
        server_nid=server_nids[1 + number % (len(server_nids) - 1)] if away else server_nids[0],
        media_id=media_id_of(number),
        user_nid=None if away else uploader.nid,
        created_ts=now - number * 9 * MINUTE,
        last_used_ts=now - (number * 7919 % 400) * DAY // 4,
        sha256=file.sha256,
        size=file.size,
        content_type=kind,
        file_name=name,
    )
    if number % 31 == 30:
        row.quarantined_ts, row.quarantined_by_nid = now - 4 * DAY, people.owner.nid
    if number % 29 == 5:
        row.protected_ts = now - 5 * DAY
    return row
