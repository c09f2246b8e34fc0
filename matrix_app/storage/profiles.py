"""Profiles: the fields that users show of themselves."""

from __future__ import annotations

from typing import Any

import orjson

from matrix_app.storage import db


def get_fields(user_nid: int) -> dict[str, Any]:
    """Every profile field of a user."""
    sql = "SELECT field, value FROM profile WHERE user_nid = %s"
    return {field: orjson.loads(bytes(value)) for field, value in db.rows(sql, (user_nid,))}
