"""Invites by other servers that a policy list bans."""

from __future__ import annotations

import pytest

from matrix_app.services.audit import CLI
from matrix_app.services.policy_lists import own_list
from tests.factories.client import Client
from tests.factories.visiting_server import VisitingServer
from tests.federation.server.test_invites import RemoteRoom, invites_of


@pytest.mark.parametrize(
    ("kind", "entity"),
    [
        ("server", "remote.*"),
        ("user", "@owner:remote.example"),
        ("room", "!theirs:*"),
        ("room", "#nothing:remote.example"),
    ],
)
def test_a_banned_invite_is_refused_and_shown_to_nobody(
    remote: VisitingServer, alice: Client, kind: str, entity: str
) -> None:
    own_list.make_own(CLI, is_public=False)
    own_list.add_rule(CLI, kind, entity, "spam")
    room = RemoteRoom(remote)
    answer = room.send(room.invite(alice.user_id))
    is_banned = not entity.startswith("#")
    assert answer.status == (403 if is_banned else 200)
    assert (room.room_id in invites_of(alice)) == (not is_banned)
