"""Names that become small integers once and for all: servers, users, (type, state_key) pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from matrix_app.protocol.ids import domain_of
from matrix_app.storage import db
from matrix_app.storage.cache import ByteCache
from matrix_app.storage.local_server import local_server_name

_ENTRY = 200  # bytes, about, of a name and a number in a dictionary

_servers: ByteCache[str, int] = ByteCache("servers", 1 << 20)
_users: ByteCache[str, int] = ByteCache("users", 4 << 20)
_user_ids: ByteCache[int, str] = ByteCache("user_ids", 4 << 20)
_keys: ByteCache[tuple[str, str], int] = ByteCache("state_keys", 4 << 20)
_key_names: ByteCache[int, tuple[str, str]] = ByteCache("state_key_names", 4 << 20)


def find_server(name: str) -> int | None:
    """The nid of a server that has been met before."""
    found = _servers.get(name)
    if found is not None:
        return found
    nid: int | None = db.value("SELECT nid FROM server WHERE name = %s", (name,))
    if nid is not None:
        known = nid
        db.on_commit(lambda: _servers.put(name, known, _ENTRY))
    return nid


def server_nid(name: str) -> int:
    """The nid of a server name, made when it is new."""
    found = find_server(name)
    if found is not None:
        return found
    db.execute("INSERT INTO server (name) VALUES (%s) ON CONFLICT DO NOTHING", (name,))
    nid = int(db.value("SELECT nid FROM server WHERE name = %s", (name,)))
    db.on_commit(lambda: _servers.put(name, nid, _ENTRY))
    return nid


def _remember_user(user_id: str, nid: int) -> None:
    _users.put(user_id, nid, _ENTRY)
    _user_ids.put(nid, user_id, _ENTRY)


def find_user(user_id: str) -> int | None:
    """The nid of a user that has been met before."""
    found = _users.get(user_id)
    if found is not None or "\0" in user_id:
        return found
    nid = db.value("SELECT nid FROM matrix_user WHERE user_id = %s", (user_id,))
    if nid is not None:
        db.on_commit(lambda: _remember_user(user_id, nid))
    return nid if nid is None else int(nid)


def user_nid(user_id: str) -> int:
    """The nid of a user, made when it is new."""
    found = find_user(user_id)
    if found is not None:
        return found
    domain = domain_of(user_id)
    db.execute(
        "INSERT INTO matrix_user (user_id, server_nid, is_local) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (user_id, server_nid(domain), domain == local_server_name()),
    )
    nid = int(db.value("SELECT nid FROM matrix_user WHERE user_id = %s", (user_id,)))
    db.on_commit(lambda: _remember_user(user_id, nid))
    return nid


def user_nids(user_ids: Iterable[str]) -> dict[str, int]:
    """The nids of those users that have been met before."""
    wanted = list(user_ids)
    found = _users.get_many(wanted)
    missing = [user_id for user_id in wanted if user_id not in found]
    if missing:
        sql = f"SELECT user_id, nid FROM matrix_user WHERE {db.in_any('user_id')}"
        read: dict[str, int] = dict(db.rows(sql, (db.any_of(missing),)))
        remember_users(read)
        found.update(read)
    return found


def remember_users(nids: Mapping[str, int]) -> None:
    """Keep the nids of users that have been made or read, once what is being written is committed."""

    def remember() -> None:
        _users.put_many((user_id, nid, _ENTRY) for user_id, nid in nids.items())
        _user_ids.put_many((nid, user_id, _ENTRY) for user_id, nid in nids.items())

    db.on_commit(remember)


def remember_keys(nids: Mapping[tuple[str, str], int]) -> None:
    """As `remember_users`, for pairs of type and state key."""

    def remember() -> None:
        _keys.put_many((pair, nid, _ENTRY) for pair, nid in nids.items())
        _key_names.put_many((nid, pair, _ENTRY) for pair, nid in nids.items())

    db.on_commit(remember)


def user_ids(nids: Iterable[int]) -> dict[int, str]:
    """The user IDs of nids."""
    wanted = list(nids)
    found = _user_ids.get_many(wanted)
    missing = [nid for nid in wanted if nid not in found]
    if missing:
        sql = f"SELECT nid, user_id FROM matrix_user WHERE {db.in_any('nid')}"
        for nid, user_id in db.rows(sql, (db.any_of(missing),)):
            found[nid] = user_id
            db.on_commit(lambda user_id=user_id, nid=nid: _remember_user(user_id, nid))  # type: ignore[misc]
    return found


def user_id_of(nid: int) -> str:
    """The user ID of a nid that exists."""
    return user_ids([nid])[nid]


def _remember_key(pair: tuple[str, str], nid: int) -> None:
    _keys.put(pair, nid, _ENTRY)
    _key_names.put(nid, pair, _ENTRY)


def find_key(event_type: str, state_key: str) -> int | None:
    """The nid of a (type, state_key) pair that has been used before."""
    return find_keys([(event_type, state_key)]).get((event_type, state_key))


def find_keys(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The nids of those pairs that have been used before."""
    found = {}
    for pair in pairs:
        nid = _keys.get(pair)
        if nid is None:
            if "\0" in pair[1]:
                continue
            nid = db.value("SELECT nid FROM state_key WHERE type = %s AND state_key = %s", pair)
            if nid is None:
                continue
            db.on_commit(lambda pair=pair, nid=nid: _remember_key(pair, nid))  # type: ignore[misc]
        found[pair] = nid
    return found


def remembered_keys(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The nids of those pairs that are in memory."""
    return _keys.get_many(pairs)


def key_nid(event_type: str, state_key: str) -> int:
    """The nid of a (type, state_key) pair, made when it is new."""
    pair = (event_type, state_key)
    nid = find_key(*pair)
    if nid is None:
        db.execute("INSERT INTO state_key (type, state_key) VALUES (%s, %s) ON CONFLICT DO NOTHING", pair)
        nid = int(db.value("SELECT nid FROM state_key WHERE type = %s AND state_key = %s", pair))
        db.on_commit(lambda: _remember_key(pair, nid))
    return nid


def key_names(nids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """The (type, state_key) pairs of nids."""
    wanted = list(nids)
    found = _key_names.get_many(wanted)
    missing = [nid for nid in wanted if nid not in found]
    if missing:
        sql = f"SELECT nid, type, state_key FROM state_key WHERE {db.in_any('nid')}"
        for nid, event_type, state_key in db.rows(sql, (db.any_of(missing),)):
            found[nid] = (event_type, state_key)
            db.on_commit(lambda pair=(event_type, state_key), nid=nid: _remember_key(pair, nid))  # type: ignore[misc]
    return found


def keys_of_type(event_type: str) -> dict[str, int]:
    """Every state key used with a type anywhere on this server; for types with few of them."""
    sql = "SELECT state_key, nid FROM state_key WHERE type = %s"
    return dict(db.rows(sql, (event_type,)))


def keys_of_other_types(event_type: str, nids: Iterable[int]) -> list[int]:
    """Those of the (type, state_key) pairs whose type is another."""
    sql = f"SELECT nid FROM state_key WHERE {db.in_any('nid')} AND type <> %s ORDER BY nid"
    return [found[0] for found in db.rows(sql, (db.any_of(nids), event_type))]
