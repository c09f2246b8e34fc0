"""Whose accounts have been erased."""

from __future__ import annotations

from collections.abc import Iterable

from matrix_app.storage import db


def erased_among(user_nids: Iterable[int]) -> frozenset[int]:
    """Those of the users who asked for their account to be erased."""
    sql = f"SELECT user_nid FROM account WHERE erased AND {db.in_any('user_nid')}"
    return frozenset(found[0] for found in db.rows(sql, (db.any_of(user_nids),)))
