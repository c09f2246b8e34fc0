"""The other servers that a filled server knows, and one user on each."""

from __future__ import annotations

from appliance.config import get_config
from matrix_app.storage import models as tables
from tests.filled.names import person, server_name
from tests.filled.people import Someone
from tests.filled.size import Size
from tests.filled.store import HOUR, MINUTE, store


def fill_servers(size: Size, now: int) -> list[int]:
    """This server, and as many others as there should be; their nids, its own first."""
    names = [get_config().server.name, *(server_name(number) for number in range(size.servers))]
    nids = [server.nid for server in store(tables.Server(name=name) for name in names)]
    store(_destination(number, nid, now) for number, nid in enumerate(nids[1:]))
    store(
        tables.OutboundToDevice(server_nid=nid, position=1, content=b"{}", created_ts=now - HOUR)
        for nid in nids[1 : 1 + size.servers // 3]
    )
    return nids


def _destination(number: int, nid: int, now: int) -> tables.Destination:
    fails = number % 7 == 5
    return tables.Destination(
        server_nid=nid,
        failing_since_ts=now - 9 * HOUR if fails else None,
        retry_at_ts=now + 40 * MINUTE if fails else 0,
        interval_ms=HOUR if fails else 0,
        last_success_ts=now - (10 * HOUR if fails else (1 + number % 50) * MINUTE),
        is_behind=number % 7 in (2, 5),
    )


def fill_remote_users(size: Size, server_nids: list[int]) -> list[Someone]:
    """A user on each of the other servers."""
    names = [person(number) for number in range(size.servers)]
    users = store(
        tables.User(user_id=f"@{name.localpart}:{server_name(number)}", server_nid=nid, is_local=False)
        for number, (name, nid) in enumerate(zip(names, server_nids[1:], strict=True))
    )
    return [
        Someone(user.nid, user.user_id, name.display_name) for user, name in zip(users, names, strict=True)
    ]
