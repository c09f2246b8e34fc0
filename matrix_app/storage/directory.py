"""The public room directory, and the lists that application services keep for their networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matrix_app.storage import db
from matrix_app.storage.summaries import SummaryRow


class Place(NamedTuple):
    """A place in the directory, which is ordered by members and then by age, most and newest first."""

    joined_members: int
    room_nid: int


class Query(NamedTuple):
    """What is looked for. `network` is that of an application service; None is the server's own list."""

    search: str | None = None
    room_types: Sequence[str | None] | None = None
    network: tuple[str, str] | None = None
    all_networks: bool = False
    federated_only: bool = False


_COLUMNS = ", ".join(f"s.{field}" for field in SummaryRow._fields)
_IN_NETWORK = "EXISTS (SELECT 1 FROM appservice_room a WHERE a.room_nid = r.nid"


def is_published(room_nid: int) -> bool:
    """Whether a room is listed in the directory."""
    return bool(db.value("SELECT is_published FROM room WHERE nid = %s", (room_nid,)))


def set_published(room_nid: int, published: bool) -> None:
    """List a room in the directory, or no longer."""
    db.execute("UPDATE room SET is_published = %s WHERE nid = %s", (published, room_nid))


def set_in_network(appservice_id: str, network_id: str, room_nid: int, listed: bool) -> None:
    """List a room in a network of an application service, or no longer."""
    where = (appservice_id, network_id, room_nid)
    if listed:
        sql = (
            "INSERT INTO appservice_room (appservice_id, network_id, room_nid) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING"
        )
    else:
        sql = "DELETE FROM appservice_room WHERE appservice_id = %s AND network_id = %s AND room_nid = %s"
    db.execute(sql, where)


def page(query: Query, *, start: Place | None, backwards: bool, limit: int) -> list[tuple[str, SummaryRow]]:
    """At most `limit` rooms behind (or, `backwards`, before) a place: room IDs and summaries.

    They come in the order of the walk: backwards, the one next to `start` is first.
    """
    condition, params = _condition(query)
    if start is not None:
        condition += f" AND (s.joined_members, s.room_nid) {'>' if backwards else '<'} (%s, %s)"
        params += start
    order = "ASC" if backwards else "DESC"
    sql = (
        f"SELECT r.room_id, {_COLUMNS} FROM room r JOIN room_summary s ON s.room_nid = r.nid"
        f" WHERE {condition} ORDER BY s.joined_members {order}, s.room_nid {order} LIMIT %s"
    )
    return [(found[0], SummaryRow(*found[1:])) for found in db.rows(sql, (*params, limit))]


def count(query: Query) -> int:
    """How many rooms a query finds."""
    condition, params = _condition(query)
    sql = f"SELECT count(*) FROM room r JOIN room_summary s ON s.room_nid = r.nid WHERE {condition}"
    return int(db.value(sql, params))


def _condition(query: Query) -> tuple[str, list[object]]:
    condition, params = _listed(query)
    condition += " AND s.joined_members > 0"
    if query.federated_only:
        condition += " AND s.federate"
    if query.room_types is not None:
        types = [kind for kind in query.room_types if kind is not None]
        condition += f" AND ({db.in_any('s.room_type')}"
        condition += " OR s.room_type IS NULL)" if None in query.room_types else ")"
        params.append(db.any_of(types))
    if query.search:
        matches, patterns = _matches(query.search)
        condition += f" AND ({matches})"
        params += patterns
    return condition, params


def _listed(query: Query) -> tuple[str, list[object]]:
    if query.all_networks:
        return f"(r.is_published OR {_IN_NETWORK}))", []
    if query.network is not None:
        return f"{_IN_NETWORK} AND a.appservice_id = %s AND a.network_id = %s)", [*query.network]
    return "r.is_published", []


def _matches(search: str) -> tuple[str, list[str]]:
    # Some databases fold the case of ASCII only, so other letters are looked for in each of the usual cases.
    variants = list(dict.fromkeys((search.lower(), search, search.upper(), search.title())))
    if search.isascii():
        variants = variants[:1]
    columns = ("s.name", "s.topic", "s.canonical_alias")
    tests = [f"LOWER({column}) LIKE %s ESCAPE '!'" for column in columns for _ in variants]
    patterns = [f"%{_escaped(variant)}%" for _ in columns for variant in variants]
    return " OR ".join(tests), patterns


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
