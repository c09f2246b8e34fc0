"""Fills a server, and says what there is to look at."""

from __future__ import annotations

import msgspec

from appliance.config import get_config
from matrix_app.services.access_tokens import hash_token
from matrix_app.services.setup import STEPS
from matrix_app.services.system_user import system_account
from matrix_app.services.web_sign_in import ACCOUNT, ADMIN
from matrix_app.storage import db, setup_state
from tests.filled.administration import fill_administration, invitation_of
from tests.filled.apps import fill_apps
from tests.filled.keeping import backup_id, bridge_id, fill_backups, fill_bridges
from tests.filled.media import fill_media, media_id_of
from tests.filled.names import server_name
from tests.filled.people import Someone, device_id_of, fill_import, fill_people, sign_in
from tests.filled.policies import fill_policies
from tests.filled.rooms import Rooms, fill_rooms
from tests.filled.servers import fill_remote_users, fill_servers
from tests.filled.size import Size
from tests.filled.watch import fill_watch

SETUP_TOKEN = "token of the setup"
# What stands in an address for something that is not there.
NOTHING = "nothing-here"
NOBODY = 1 << 40


class Filled(msgspec.Struct, frozen=True):
    """A filled server: the owner's sessions, by area, and what the addresses of its pages may name.

    Where there is nothing of a kind, its example is none that exists.
    """

    owner: str
    tokens: dict[str, str]
    device: str
    passkey: int
    user: int
    user_import: int
    policy: int
    room: int
    report: int
    task: int
    invitation: str
    server: str
    media_server: str
    media: str
    bridge: str
    backup: str
    app: str
    user_code: str


def fill(size: Size, now: int, *, in_setup: bool = False) -> Filled:
    """Fill an empty server as of a time in milliseconds; `in_setup`: its setup has come to its last step."""
    with db.write():
        if not db.is_sqlite():
            db.execute("SET LOCAL statement_timeout = 0")
        server_nids = fill_servers(size, now)
        people = fill_people(size, server_nids[0], now)
        imported = fill_import(size)
        remote = fill_remote_users(size, server_nids)
        fill_media(size, people, server_nids, now)
        rooms = fill_rooms(size, people, remote, now)
        fill_administration(size, people, rooms, now)
        fill_bridges(size, now)
        if size.policies:
            system = system_account()
            fill_policies(size, people, Someone(system.user_nid, system.user_id, ""), now)
        fill_watch(size, now)
        app, user_code = fill_apps(now) if size.devices else (NOTHING, NOTHING)
        _setup(people.owner.nid, now, finished=not in_setup)
        tokens = {area: sign_in(people.owner, area, now) for area in (ADMIN, ACCOUNT)}
    fill_backups(size, now)
    if not db.is_sqlite():  # PostgreSQL does so by itself, later
        db.execute("ANALYZE")
    return msgspec.structs.replace(
        _examples(size, rooms, now),
        owner=people.owner.user_id,
        tokens={**tokens, "setup": SETUP_TOKEN},
        device=device_id_of(people.owner, 0) if size.devices else NOTHING,
        user=people.busiest.nid,
        user_import=imported or NOBODY,
        app=app,
        user_code=user_code,
    )


def _setup(owner_nid: int, now: int, *, finished: bool) -> None:
    setup_state.unlock(STEPS[-1], hash_token(SETUP_TOKEN), now)
    setup_state.put(STEPS[-1], {"owner_nid": owner_nid})
    if finished:
        setup_state.finish(now)


def of_nothing() -> Filled:
    """What there is to look at where nothing is."""
    return Filled(
        owner="",
        tokens={},
        device=NOTHING,
        passkey=NOBODY,
        user=NOBODY,
        user_import=NOBODY,
        policy=NOBODY,
        room=NOBODY,
        report=NOBODY,
        task=NOBODY,
        invitation=NOTHING,
        server=NOTHING,
        media_server=NOTHING,
        media=NOTHING,
        bridge=NOTHING,
        backup=NOTHING,
        app=NOTHING,
        user_code=NOTHING,
    )


def _examples(size: Size, rooms: Rooms, now: int) -> Filled:
    return msgspec.structs.replace(
        of_nothing(),
        passkey=max(_newest("passkey"), default=NOBODY),
        policy=min(_oldest("policy_list"), default=NOBODY),
        room=rooms.places[0].nid if rooms.places else NOBODY,
        report=max(_newest("event_report"), default=NOBODY),
        task=max(_newest("long_task"), default=NOBODY),
        invitation=invitation_of(0) if size.rows else NOTHING,
        server=server_name(0) if size.servers else NOTHING,
        media_server=get_config().server.name,
        media=media_id_of(0) if size.media else NOTHING,
        bridge=bridge_id(0) if size.bridges else NOTHING,
        backup=backup_id(0, now) if size.backups else NOTHING,
    )


def _oldest(table: str) -> list[int]:
    return [found[0] for found in db.rows(f"SELECT nid FROM {table} ORDER BY nid LIMIT 1")]


def _newest(table: str) -> list[int]:
    return [found[0] for found in db.rows(f"SELECT nid FROM {table} ORDER BY nid DESC LIMIT 1")]
