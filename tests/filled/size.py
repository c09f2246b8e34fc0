"""How much is on a server."""

from __future__ import annotations

from typing import Final, NamedTuple

from matrix_app.services.user_import.table import MOST_ROWS


class Size(NamedTuple):
    """How many there are of everything that a page lists; beside the owner, who is always there.

    `devices`, `sessions` and `pushers` are those of the owner and of the busiest user, `state` and
    `messages` those of the busiest room, `rows` the reports, invitations, tasks and entries of the audit
    log, `imports` the rows of an uploaded table of users.
    """

    users: int = 0
    rooms: int = 0
    media: int = 0
    servers: int = 0
    rows: int = 0
    devices: int = 0
    pushers: int = 0
    sessions: int = 0
    addresses: int = 0
    state: int = 0
    messages: int = 0
    bridges: int = 0
    policies: int = 0
    imports: int = 0
    backups: int = 0
    log_lines: int = 0
    samples: bool = False
    checks: bool = False


def everything(count: int) -> Size:
    """As many of everything that has no limit; of what an owner sets up by hand, a hundred at most."""
    few = min(count, 100)
    return Size(
        users=count,
        rooms=count,
        media=count,
        servers=count,
        rows=count,
        devices=count,
        pushers=count,
        sessions=count,
        addresses=few,
        state=count,
        messages=count,
        bridges=few,
        policies=few,
        imports=min(count, MOST_ROWS),
        backups=few,
        log_lines=min(count, 20_000),
        samples=count > 0,
        checks=count > 0,
    )


EMPTY: Final = Size()
ONE: Final = everything(1)
# More than a page of every list.
PAGES: Final = everything(60)
MANY: Final = everything(10_000)
# What docs/performance.md promises for.
BENCH: Final = everything(10_000)._replace(rooms=5000, media=100_000, messages=50_000)
# A family and its friends, for pictures.
HOUSE: Final = Size(
    users=23,
    rooms=27,
    media=412,
    servers=19,
    rows=14,
    devices=4,
    pushers=2,
    sessions=2,
    addresses=1,
    state=9,
    messages=900,
    bridges=2,
    policies=2,
    imports=6,
    backups=9,
    log_lines=40,
    samples=True,
    checks=True,
)
SIZES: Final = {"empty": EMPTY, "one": ONE, "pages": PAGES, "many": MANY, "bench": BENCH, "house": HOUSE}
