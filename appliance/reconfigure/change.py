"""What was changed, or would be."""

from __future__ import annotations

from typing import NamedTuple


class Change(NamedTuple):
    """Something that is otherwise than before: a file, a folder, a service, something in the database.

    `did` is what was done with it; `detail` tells more in lines.
    """

    what: str
    did: str
    detail: str = ""
