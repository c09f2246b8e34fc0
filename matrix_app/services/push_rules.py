"""Push rules of users, as clients see them."""

from __future__ import annotations

from typing import Any, Final

import orjson

from matrix_app.protocol.push_rules import full_ruleset
from matrix_app.storage import interning, unread

PUSH_RULES: Final = "m.push_rules"


def ruleset_of(user_nid: int) -> dict[str, Any]:
    """The content of a user's `m.push_rules`: the predefined rules with the user's changes."""
    custom = unread.custom_rules([user_nid]).get(user_nid)
    stored = orjson.loads(custom) if custom else {}
    return full_ruleset(stored, interning.user_id_of(user_nid))
