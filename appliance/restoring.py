"""Marks in data folders that say that no server may start with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.schema import SchemaRefused

if TYPE_CHECKING:
    from pathlib import Path

# A restore has begun here and has not come to its end.
UNFINISHED: Final = "restore-unfinished"
# Another copy of this server has taken its place.
RETIRED: Final = "RETIRED"


def refuse_unfinished(data_dir: Path) -> None:
    """Raise `SchemaRefused` when the data is half restored, or its server lives elsewhere."""
    if (data_dir / UNFINISHED).exists():
        raise SchemaRefused(
            f"a restore into {data_dir} was begun and not finished: run hearth restore --replace again"
        )
    if (data_dir / RETIRED).exists():
        raise SchemaRefused(
            "this data was replaced by a restored copy, and two servers of one name break each other's "
            f"rooms: see {data_dir / RETIRED}"
        )
