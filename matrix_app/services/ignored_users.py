"""Whom users ignore ("Ignoring Users"): the account data `m.ignored_user_list`."""

from __future__ import annotations

from typing import Final

import orjson

from matrix_app.storage import account_data, interning

TYPE: Final = "m.ignored_user_list"


def ignored_by(user_nid: int) -> frozenset[str]:
    """The IDs of those whom a user ignores; never their own."""
    content = account_data.get(user_nid, account_data.GLOBAL, TYPE)
    return ignored_in(content) - {interning.user_id_of(user_nid)} if content is not None else frozenset()


def ignored_in(content: bytes) -> frozenset[str]:
    """The user IDs that the content of an `m.ignored_user_list` names."""
    users = orjson.loads(content).get("ignored_users")
    return frozenset(users) if isinstance(users, dict) else frozenset()
