"""Subscriptions of users to threads (MSC4306)."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db


class SubscriptionRow(NamedTuple):
    """A subscription, or its end; see the model."""

    user_nid: int
    root_nid: int
    room_nid: int
    subscribed: bool
    automatic: bool
    position: int
    ended_at: int | None


_COLUMNS = ", ".join(SubscriptionRow._fields)


def get(user_nid: int, root_nid: int) -> SubscriptionRow | None:
    """What a user has said of a thread last."""
    sql = f"SELECT {_COLUMNS} FROM thread_subscription WHERE user_nid = %s AND root_nid = %s"
    found = db.row(sql, (user_nid, root_nid))
    return SubscriptionRow(*found) if found else None


def put(row: SubscriptionRow) -> None:
    """Store a subscription in place of what was there."""
    sql = (
        f"INSERT INTO thread_subscription ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (user_nid, root_nid) DO UPDATE SET subscribed = excluded.subscribed,"
        " automatic = excluded.automatic, position = excluded.position, ended_at = excluded.ended_at"
    )
    db.execute(sql, row)


def subscribers(root_id: str) -> set[str]:
    """The users who are subscribed to a thread, by the event ID of its root."""
    sql = (
        "SELECT u.user_id FROM event e JOIN thread_subscription t ON t.root_nid = e.nid"
        " JOIN matrix_user u ON u.nid = t.user_nid WHERE e.event_id = %s AND t.subscribed"
    )
    return {found[0] for found in db.rows(sql, (root_id,))}


def latest(user_nid: int, after: int, upto: int, limit: int) -> list[SubscriptionRow]:
    """The newest changes of a user's subscriptions with after < position <= upto, newest first."""
    sql = (
        f"SELECT {_COLUMNS} FROM thread_subscription WHERE user_nid = %s AND position > %s AND position <= %s"
        " ORDER BY position DESC LIMIT %s"
    )
    return [SubscriptionRow(*found) for found in db.rows(sql, (user_nid, after, upto, limit))]
