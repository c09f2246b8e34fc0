"""What a membership event says beside the membership."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from matrix_app.protocol.ids import domain_of
from matrix_app.storage import interning, profiles
from matrix_app.storage.local_server import local_server_name

PROFILE_FIELDS: Final = ("displayname", "avatar_url")
AUTHORISER: Final = "join_authorised_via_users_server"
_WITH_PROFILE: Final = ("join", "invite", "knock")


def profile_of(user_id: str) -> dict[str, str]:
    """The name and the picture of a local user, as far as they are set; nothing of other servers' users."""
    nid = interning.find_user(user_id) if domain_of(user_id) == local_server_name() else None
    if nid is None:
        return {}
    fields = profiles.get_fields(nid)
    return {name: fields[name] for name in PROFILE_FIELDS if fields.get(name)}


def member_content(
    target: str, membership: str, extra: Mapping[str, Any], reason: str | None
) -> dict[str, Any]:
    """The content of a membership event of `target`; `extra` stands above the profile."""
    content: dict[str, Any] = dict(profile_of(target)) if membership in _WITH_PROFILE else {}
    content |= extra
    content["membership"] = membership
    if reason is not None:
        content["reason"] = reason
    return content
